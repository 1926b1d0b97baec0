"""Who may do what on which route: declared once, checked at construction.

The gateway's configuration, its network policies, the tests' matrix and docs/access.md are all
made from these values.
"""

import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from cumulo.infra.arguments import ArgumentError, check_at_least, check_choice
from cumulo.platform.service import ServiceHandle

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
Login = Literal["browser", "bearer", "both", "none"]
Effect = Literal["allow", "deny"]

METHODS: Final[tuple[Method, ...]] = get_args(Method)
"""What a rule may allow. OPTIONS is not among them: mod_auth_openidc lets it pass unasked."""

SIGNED_IN: Final = "signed-in"
"""Whom a rule is for: all who have logged in, whatever their roles."""

WORLD: Final = "world"
"""Whom a rule is for: everyone, without a login. Said aloud, never a default."""

OWN_PATHS: Final = ("/-/", "/healthz/")
"""Paths that are the gateway's own on every host."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_PATH = re.compile(r"/(?:[A-Za-z0-9_~.-]+/)*")
_EVERYBODY = (SIGNED_IN, WORLD)


@dataclass(frozen=True)
class Rule:
    """One line of a route's rules; `allow` and `deny` make them.

    Attributes:
        effect: What it does.
        role: Whom it is for.
        methods: The methods that it is about. GET is HEAD as well.
    """

    effect: Effect
    role: str
    methods: tuple[Method, ...]

    @property
    def covered(self) -> frozenset[str]:
        """The methods that it is about, HEAD among them where GET is."""
        return frozenset(self.methods) | ({"HEAD"} if "GET" in self.methods else set())

    def matches(self, method: str, roles: frozenset[str]) -> bool:
        """Whether it is about this request of somebody with these roles."""
        return method in self.covered and (self.role in roles or self.role in _EVERYBODY)


def allow(role: str, *, methods: Sequence[Method] = METHODS) -> Rule:
    """Lets a role use methods of a route.

    Args:
        role: A role of the rule set, `SIGNED_IN` or `WORLD`.
        methods: The methods. Default: all.
    """
    return Rule("allow", role, tuple(methods))


def deny(role: str, *, methods: Sequence[Method] = METHODS) -> Rule:
    """Keeps a role from methods of a route that another role of the same person allows.

    Args:
        role: A role of the rule set.
        methods: The methods. Default: all.
    """
    return Rule("deny", role, tuple(methods))


@dataclass(frozen=True, kw_only=True)
class Route:
    """Requests that go to one service, and who may make them.

    Attributes:
        backend: The service that answers them.
        rules: Who may do what; what no rule allows, nobody may.
        path: The path that they begin with, from `/` to `/`.
        subdomain: The host below the gateway's own that they are for. Default: the gateway's own.
        login: How clients say who they are: `browser` by a login there, `bearer` by an access
            token, `both` by either, `none` not at all.
        websocket: Whether connections may become websockets.
        within: The route whose path this one lies in. The rules of this one hold here, alone.
        strip_path: Whether the service is asked without `path`. It is told of it either way, by
            `X-Forwarded-Prefix`.
        timeout: Seconds that the service may be silent.
        max_body_mib: What a request may bring, in MiB; it then has to say its length. Default:
            whatever the service takes.
    """

    backend: ServiceHandle
    rules: Sequence[Rule]
    path: str = "/"
    subdomain: str = ""
    login: Login = "both"
    websocket: bool = False
    within: str | None = None
    strip_path: bool = False
    timeout: int = 60
    max_body_mib: int | None = None

    @property
    def methods(self) -> tuple[Method, ...]:
        """The methods that anybody may use."""
        allowed = {
            method for rule in self.rules if rule.effect == "allow" for method in rule.covered
        }
        return in_order(allowed)


@dataclass(frozen=True, kw_only=True)
class AccessRules:
    """The routes of a gateway and the roles that their rules may name.

    Attributes:
        roles: The roles, and what each is for. In tokens they have the same names.
        routes: The routes, by names that messages, logs and docs/access.md have.

    Raises:
        ArgumentError: A route or a rule cannot be meant; the error names both.
    """

    roles: Mapping[str, str]
    routes: Mapping[str, Route]

    def __post_init__(self) -> None:
        for role in self.roles:
            if role in _EVERYBODY:
                raise _error(f"roles.{role}", "is no role: it means more than one")
            _check_name(f"roles.{role}", role)
        if not self.routes:
            raise _error("routes", "empty: a gateway without routes answers nobody")
        for name, route in self.routes.items():
            _check_name(f"routes.{name}", name)
            _check_place(f"routes.{name}", route)
            _check_rules(f"routes.{name}.rules", route, tuple(self.roles))
        _check_overlaps(self.routes)

    def status(self, route: str, method: str, roles: frozenset[str] | None) -> int:
        """What the gateway answers: 200 where it lets a request through.

        Args:
            route: The route's name.
            method: The request's method.
            roles: The roles of whoever asks; None for somebody who is not logged in.
        """
        asked = self.routes[route]
        if method not in asked.methods:
            return 405
        if asked.login == "none":
            return 200
        if roles is None:
            return 401
        matching = [rule for rule in asked.rules if rule.matches(method, roles)]
        denied = any(rule.effect == "deny" for rule in matching)
        return 200 if matching and not denied else 403

    def outermost_first(self) -> list[tuple[str, Route]]:
        """The routes in an order in which each comes before those within it."""
        return sorted(
            self.routes.items(), key=lambda item: (item[1].subdomain, len(item[1].path), item[0])
        )


def _error(field: str, problem: str) -> ArgumentError:
    return ArgumentError("AccessRules", field, problem)


def _check_name(field: str, name: str) -> None:
    if not _NAME.fullmatch(name):
        raise _error(field, "not a name of a-z, 0-9 and '-', such as data-science")


def _check_place(at: str, route: Route) -> None:
    check_choice("AccessRules", f"{at}.login", route.login, get_args(Login))
    check_at_least("AccessRules", f"{at}.timeout", route.timeout, 1)
    if route.max_body_mib is not None:
        check_at_least("AccessRules", f"{at}.max_body_mib", route.max_body_mib, 1)
    if route.subdomain:
        _check_name(f"{at}.subdomain", route.subdomain)
    if not _PATH.fullmatch(route.path) or {".", ".."} & set(route.path.split("/")):
        raise _error(
            f"{at}.path", f"{route.path!r} is not a path from '/' to '/', such as /models/"
        )
    for own in OWN_PATHS:
        if route.path.startswith(own):
            raise _error(f"{at}.path", f"{own} is the gateway's own")


def _check_rules(at: str, route: Route, roles: tuple[str, ...]) -> None:
    if not route.rules:
        raise _error(at, f"empty: nobody could use it; allow a role, {SIGNED_IN!r} or {WORLD!r}")
    for number, rule in enumerate(route.rules):
        _check_rule(f"{at}[{number}]", rule, route, roles)
    for number, rule in enumerate(route.rules):
        _check_contradictions(f"{at}[{number}]", number, rule, route.rules)
    for number, rule in enumerate(route.rules):
        _check_effect(f"{at}[{number}]", number, rule, route.rules)
    if route.websocket and "GET" not in route.methods:
        raise _error(at, "websockets begin with GET, which no rule allows")


def _check_rule(at: str, rule: Rule, route: Route, roles: tuple[str, ...]) -> None:
    check_choice("AccessRules", f"{at}.effect", rule.effect, get_args(Effect))
    if rule.role not in (*roles, *_EVERYBODY):
        close = difflib.get_close_matches(rule.role, roles, 1)
        meant = f"; did you mean {close[0]!r}?" if close else ""
        known = ", ".join(roles) or "none"
        raise _error(f"{at}.role", f"unknown role {rule.role!r}; known: {known}{meant}")
    if rule.effect == "deny" and rule.role in _EVERYBODY:
        raise _error(at, f"{rule.role!r} would deny everybody; allow fewer instead")
    if (rule.role == WORLD) != (route.login == "none"):
        raise _error(
            f"{at}.role",
            f"{WORLD!r} and login 'none' need each other: "
            f"the login is {route.login!r} and the rule is for {rule.role!r}",
        )
    if not rule.methods:
        raise _error(f"{at}.methods", "empty: the rule is about nothing")
    for method in rule.methods:
        if method not in METHODS:
            raise _error(f"{at}.methods", f"unknown method {method!r}; known: {', '.join(METHODS)}")
        if rule.methods.count(method) > 1:
            raise _error(f"{at}.methods", f"{method} is there twice")
    if "HEAD" in rule.methods and "GET" not in rule.methods:
        raise _error(f"{at}.methods", "HEAD without GET: httpd takes them for the same")


def _check_contradictions(at: str, number: int, rule: Rule, rules: Sequence[Rule]) -> None:
    for earlier in range(number):
        other = rules[earlier]
        both = rule.covered & other.covered
        if rule.effect != other.effect and rule.role == other.role and both:
            raise _error(
                at,
                f"contradicts rules[{earlier}]: {rule.role!r} is both allowed and denied "
                f"{', '.join(in_order(both))}",
            )


def _check_effect(at: str, number: int, rule: Rule, rules: Sequence[Rule]) -> None:
    """Refuses a rule without which all would be the same."""
    others = [(index, other) for index, other in enumerate(rules) if index != number]
    if rule.effect == "deny":
        allowed = {method for other in rules if other.effect == "allow" for method in other.covered}
        if not allowed & rule.covered:
            raise _error(at, "has no effect: nobody is allowed what it denies")
    same = [
        (index, other)
        for index, other in others
        if other.effect == rule.effect and other.role in (rule.role, *_EVERYBODY)
    ]
    left = set(rule.covered)
    for _, other in same:
        left -= other.covered
    if not left:
        by = " and ".join(
            f"rules[{index}]" for index, other in same if other.covered & rule.covered
        )
        raise _error(at, f"has no effect: {by} already covers {rule.role!r} for these methods")


def _check_overlaps(routes: Mapping[str, Route]) -> None:
    for name, route in routes.items():
        around = []
        for other_name, other in routes.items():
            if other_name == name or other.subdomain != route.subdomain:
                continue
            if other.path == route.path:
                raise _error(
                    f"routes.{name}.path", f"{route.path} is that of routes.{other_name} already"
                )
            if route.path.startswith(other.path):
                around.append((len(other.path), other_name))
        nearest = max(around)[1] if around else None
        if route.within == nearest:
            continue
        if nearest is None:
            raise _error(
                f"routes.{name}.within", f"{route.path} does not lie in routes.{route.within}"
            )
        raise _error(
            f"routes.{name}.within",
            f"{route.path} lies in {routes[nearest].path} of routes.{nearest}; say "
            f"within={nearest!r} if the rules of {name!r} alone are to hold there",
        )


def in_order(methods: Collection[str]) -> tuple[Method, ...]:
    """Methods in the order in which they are always named."""
    return tuple(method for method in METHODS if method in methods)
