from typing import Any

import pytest
from cumulo.infra import ArgumentError
from cumulo.platform.access.matrix import matrix
from cumulo.platform.access.rules import (
    METHODS,
    SIGNED_IN,
    WORLD,
    AccessRules,
    Route,
    Rule,
    allow,
    deny,
)
from cumulo.platform.service import ServiceHandle

ROLES = {"data-science": "makes models", "ml-engineers": "runs them"}
BACKEND = ServiceHandle(
    name="mlflow", namespace="models", service="mlflow", port=80, pod_port=5000, labels={"a": "b"}
)


def rules(*lines: Rule, **route: Any) -> AccessRules:
    return AccessRules(roles=ROLES, routes={"models": Route(backend=BACKEND, rules=lines, **route)})


def refusal(**routes: Route) -> ArgumentError:
    with pytest.raises(ArgumentError) as refused:
        AccessRules(roles=ROLES, routes={name.replace("_", "-"): r for name, r in routes.items()})
    return refused.value


def route(*lines: Rule, **changes: Any) -> Route:
    return Route(backend=BACKEND, rules=lines or [allow("data-science")], **changes)


def test_the_answer_to_everyone() -> None:
    declared = rules(
        allow("data-science", methods=("GET",)), allow("ml-engineers", methods=("GET", "POST"))
    )
    scientist, engineer = frozenset({"data-science"}), frozenset({"ml-engineers"})

    assert declared.status("models", "GET", scientist) == 200
    assert declared.status("models", "HEAD", scientist) == 200
    assert declared.status("models", "POST", scientist) == 403
    assert declared.status("models", "POST", engineer) == 200
    assert declared.status("models", "POST", scientist | engineer) == 200
    assert declared.status("models", "GET", frozenset()) == 403
    assert declared.status("models", "GET", None) == 401
    # What nobody may do, nobody is asked to log in for.
    assert declared.status("models", "DELETE", engineer) == 405
    assert declared.status("models", "OPTIONS", None) == 405


def test_what_is_denied_is_denied_whatever_else_is_allowed() -> None:
    declared = rules(allow(SIGNED_IN), deny("data-science", methods=("DELETE",)))

    assert declared.status("models", "DELETE", frozenset()) == 200
    assert declared.status("models", "DELETE", frozenset({"data-science", "ml-engineers"})) == 403
    assert declared.status("models", "GET", frozenset({"data-science"})) == 200


def test_everyone_may_without_a_login_where_that_is_said() -> None:
    declared = rules(allow(WORLD, methods=("GET",)), login="none")
    assert declared.status("models", "GET", None) == 200
    assert declared.status("models", "POST", None) == 405


def test_the_matrix_asks_everybody_about_everything() -> None:
    cases = list(matrix(rules(allow("data-science"))))
    people = {None, frozenset(), *map(frozenset, ({"data-science"}, {"ml-engineers"}, set(ROLES)))}
    assert {case.roles for case in cases} == people
    assert {case.method for case in cases} >= {*METHODS, "OPTIONS", "TRACE"}
    assert len(cases) == len(set(cases))
    assert {case.status for case in cases} == {200, 401, 403, 405}


@pytest.mark.parametrize(
    ("lines", "changes", "field", "words"),
    [
        ((allow("data-sience"),), {}, "rules[0].role", "did you mean 'data-science'?"),
        ((allow("nobody"),), {}, "rules[0].role", "known: data-science, ml-engineers"),
        ((allow("data-science", methods=()),), {}, "rules[0].methods", "about nothing"),
        ((allow("data-science", methods=("FETCH",)),), {}, "rules[0].methods", "unknown method"),  # type: ignore[arg-type]
        ((allow("data-science", methods=("OPTIONS",)),), {}, "rules[0].methods", "unknown"),  # type: ignore[arg-type]
        ((allow("data-science", methods=("GET", "GET")),), {}, "rules[0].methods", "twice"),
        ((allow("data-science", methods=("HEAD",)),), {}, "rules[0].methods", "HEAD without GET"),
        (
            (allow("ml-engineers"), allow("data-science"), deny("data-science")),
            {},
            "rules[2]",
            "contradicts rules[1]: 'data-science' is both allowed and denied GET, HEAD, POST",
        ),
        (
            (deny("data-science", methods=("GET",)), allow("data-science"), allow("ml-engineers")),
            {},
            "rules[1]",
            "contradicts rules[0]: 'data-science' is both allowed and denied GET, HEAD",
        ),
        (
            (allow("data-science", methods=("GET",)), allow("data-science")),
            {},
            "rules[0]",
            "no effect: rules[1] already covers 'data-science'",
        ),
        (
            (allow(SIGNED_IN), allow("data-science", methods=("GET",))),
            {},
            "rules[1]",
            "no effect: rules[0]",
        ),
        (
            (
                allow("data-science", methods=("GET", "POST")),
                allow("data-science", methods=("POST", "PUT")),
                allow("data-science", methods=("PUT", "GET")),
            ),
            {},
            "rules[0]",
            "no effect: rules[1] and rules[2]",
        ),
        (
            (allow("ml-engineers", methods=("GET",)), deny("data-science", methods=("PUT",))),
            {},
            "rules[1]",
            "nobody is allowed what it denies",
        ),
        ((allow("data-science"), deny(SIGNED_IN)), {}, "rules[1]", "would deny everybody"),
        ((allow(WORLD),), {}, "rules[0].role", "need each other: the login is 'both'"),
        ((allow("data-science"),), {"login": "none"}, "rules[0].role", "need each other"),
        ((allow("data-science"),), {"login": "basic"}, "login", "not one of browser, bearer"),
        ((allow("data-science", methods=("POST",)),), {"websocket": True}, "rules", "with GET"),
        ((allow("data-science"),), {"path": "models/"}, "path", "not a path from '/' to '/'"),
        ((allow("data-science"),), {"path": "/models"}, "path", "not a path"),
        ((allow("data-science"),), {"path": "/a/../b/"}, "path", "not a path"),
        ((allow("data-science"),), {"path": "/a//b/"}, "path", "not a path"),
        ((allow("data-science"),), {"path": '/a"/'}, "path", "not a path"),
        ((allow("data-science"),), {"path": "/-/x/"}, "path", "is the gateway's own"),
        ((allow("data-science"),), {"path": "/healthz/"}, "path", "is the gateway's own"),
        ((allow("data-science"),), {"subdomain": "a.b"}, "subdomain", "not a name"),
        ((allow("data-science"),), {"timeout": 0}, "timeout", "not a whole number from 1"),
        ((allow("data-science"),), {"max_body_mib": 0}, "max_body_mib", "not a whole number"),
        ((allow("data-science"),), {"within": "other"}, "within", "does not lie in"),
    ],
)
def test_refuses_what_cannot_be_meant(
    lines: tuple[Rule, ...], changes: dict[str, Any], field: str, words: str
) -> None:
    refused = refusal(models=route(*lines, **changes))
    assert refused.field == f"routes.models.{field}"
    assert words in refused.problem


def test_refuses_a_route_that_nobody_may_use() -> None:
    refused = refusal(models=Route(backend=BACKEND, rules=[]))
    assert refused.field == "routes.models.rules"
    assert "nobody could use it" in refused.problem


def test_refuses_two_routes_for_the_same_place() -> None:
    refused = refusal(one=route(path="/x/"), two=route(path="/x/"))
    assert refused.field == "routes.one.path"
    assert "that of routes.two already" in refused.problem
    AccessRules(roles=ROLES, routes={"one": route(), "two": route(subdomain="two")})


def test_a_route_within_another_says_so() -> None:
    refused = refusal(outer=route(path="/x/"), inner=route(path="/x/y/"))
    assert refused.field == "routes.inner.within"
    assert "lies in /x/ of routes.outer; say within='outer'" in refused.problem
    outer, inner = route(path="/x/"), route(path="/x/y/", within="outer")
    nested = AccessRules(roles=ROLES, routes={"inner": inner, "outer": outer})
    assert [name for name, _ in nested.outermost_first()] == ["outer", "inner"]
    # The nearest one around it is meant.
    deepest = route(path="/x/y/z/", within="outer")
    assert "within='inner'" in refusal(outer=outer, inner=inner, deepest=deepest).problem


@pytest.mark.parametrize("role", ["signed-in", "world"])
def test_refuses_roles_that_mean_more_than_one(role: str) -> None:
    with pytest.raises(ArgumentError, match="is no role"):
        AccessRules(roles={role: ""}, routes={"models": route()})


@pytest.mark.parametrize("name", ["Data", "data science", "a~b", "a:b", '"', "", "-a", "a\n"])
def test_refuses_names_that_configurations_could_misread(name: str) -> None:
    with pytest.raises(ArgumentError, match="not a name"):
        AccessRules(roles={name: ""}, routes={"models": route(allow(SIGNED_IN))})
    with pytest.raises(ArgumentError, match="not a name"):
        AccessRules(roles=ROLES, routes={name: route()})


def test_refuses_a_gateway_without_routes() -> None:
    with pytest.raises(ArgumentError, match="answers nobody"):
        AccessRules(roles=ROLES, routes={})
