"""Every answer that the rules promise, asked of the real httpd."""

from collections.abc import Callable

import pytest
from cumulo.platform.access.matrix import Case, matrix
from cumulo.platform.access.rules import Login

from tests.platform.gateway.client import Answer, Browser
from tests.platform.gateway.conftest import Gateway

PATH = "some/thing"


def execute(gateway: Gateway, logins: set[Login], ask: Callable[[Case], Answer]) -> None:
    cases = [
        case for case in matrix(gateway.rules) if gateway.rules.routes[case.route].login in logins
    ]
    gateway.echo.seen.clear()
    answers = [(case, ask(case).status) for case in cases]

    wrong = [(case, status) for case, status in answers if status != case.status]
    assert not wrong, f"{len(wrong)} of {len(cases)} differ: {wrong[:10]}"
    # What was refused has not reached the service.
    assert len(gateway.echo.seen) == sum(case.status == 200 for case in cases)


def test_with_access_tokens(gateway: Gateway) -> None:
    tokens: dict[frozenset[str], str] = {}

    def ask(case: Case) -> Answer:
        route = gateway.rules.routes[case.route]
        token = None
        if case.roles is not None:
            if case.roles not in tokens:
                tokens[case.roles] = gateway.issuer.token(*case.roles)
            token = tokens[case.roles]
        return gateway.client.ask(
            case.method, f"{route.path}{PATH}", token, subdomain=route.subdomain
        )

    execute(gateway, {"bearer", "both", "none"}, ask)


def test_with_logins_of_a_browser(gateway: Gateway) -> None:
    browsers: dict[tuple[frozenset[str], str], Browser] = {}

    def browser(roles: frozenset[str] | None, subdomain: str) -> Browser:
        if roles is None:
            return Browser(gateway.client)
        if (roles, subdomain) not in browsers:
            gateway.issuer.person = gateway.issuer.claims(*roles)
            browsers[roles, subdomain] = made = Browser(gateway.client)
            made.log_in("/", subdomain)
            gateway.echo.seen.pop()
        return browsers[roles, subdomain]

    def ask(case: Case) -> Answer:
        route = gateway.rules.routes[case.route]
        return browser(case.roles, route.subdomain).ask(
            case.method, f"{route.path}{PATH}", route.subdomain
        )

    execute(gateway, {"browser", "both"}, ask)


@pytest.mark.parametrize("roles", [(), ("ml-engineers",), ("platform-admins",)])
def test_a_login_is_nothing_where_only_tokens_count_and_the_other_way_round(
    gateway: Gateway, roles: tuple[str, ...]
) -> None:
    gateway.issuer.person = gateway.issuer.claims(*roles)
    browser = Browser(gateway.client)
    browser.log_in("/")
    token = gateway.issuer.token(*roles)

    assert browser.ask("GET", "/api/x").status == 401
    assert gateway.client.ask("GET", "/console/x", token).status == 401
