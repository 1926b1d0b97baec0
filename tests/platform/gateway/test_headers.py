"""What a service is told, and what nobody but the gateway can tell it."""

import itertools

import pytest

from tests.platform.gateway.client import Browser
from tests.platform.gateway.conftest import Gateway

IDENTITY = ("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups")


def spelled(name: str) -> list[str]:
    parts = name.split("-")
    spellings = [
        parts[0]
        + "".join(separator + part for separator, part in zip(separators, parts[1:], strict=True))
        for separators in itertools.product("-_.", repeat=len(parts) - 1)
    ]
    return [variant for one in spellings for variant in (one, one.upper(), one.lower())]


def test_a_service_is_told_who_asks(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers", "data-science", "elsewhere")
    answer = gateway.client.ask("GET", "/models/x", token)

    assert answer.told("X-Forwarded-User") == ["ada"]
    assert answer.told("X-Forwarded-Email") == ["ada@example.org"]
    # Of their roles, those that the rules know.
    assert answer.told("X-Forwarded-Groups") == ["data-science, ml-engineers"]
    assert answer.told("X-Forwarded-Proto") == ["https"]
    assert answer.told("X-Forwarded-Prefix") == ["/models"]
    assert answer.told("X-Forwarded-For") == ["127.0.0.1"]
    assert answer.told("X-Forwarded-Host") == [gateway.site.authority_of("")]
    assert answer.told("X-Request-Id") == [answer.header("X-Request-Id")]


def test_it_is_the_same_for_a_browser(gateway: Gateway) -> None:
    gateway.issuer.person = gateway.issuer.claims("ml-engineers")
    answer = Browser(gateway.client).log_in("/models/x")

    assert answer.told("X-Forwarded-User") == ["ada"]
    assert answer.told("X-Forwarded-Email") == ["ada@example.org"]
    assert answer.told("X-Forwarded-Groups") == ["ml-engineers"]


@pytest.mark.parametrize("name", [*IDENTITY, "X-Remote-User", "Remote-User", "X-Webauth-User"])
def test_nobody_else_says_who_asks(gateway: Gateway, name: str) -> None:
    injected = [(spelling, "root") for spelling in spelled(name)]
    injected.append((name, "admin"))
    token = gateway.issuer.token("ml-engineers", email=None)
    honest = {"X-Forwarded-User": ["ada"], "X-Forwarded-Groups": ["ml-engineers"]}

    for path, credential in (("/models/x", token), ("/realms/x", None)):
        expected = honest.get(name, []) if credential else []
        answer = gateway.client.ask("GET", path, credential, headers=injected)
        assert answer.status == 200
        assert answer.told(name) == expected


@pytest.mark.parametrize(
    "name",
    ["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Real-IP"],
)
def test_nor_where_the_request_comes_from(gateway: Gateway, name: str) -> None:
    token = gateway.issuer.token("ml-engineers")
    honest = gateway.client.ask("GET", "/models/x", token).told(name)
    injected = [(spelling, "evil.test") for spelling in spelled(name)]
    assert gateway.client.ask("GET", "/models/x", token, headers=injected).told(name) == honest


@pytest.mark.parametrize(
    "value", ["X-Forwarded-User", "close, x-forwarded-groups", "keep-alive,X-Forwarded-Prefix , te"]
)
def test_no_header_of_the_gateway_is_taken_away(gateway: Gateway, value: str) -> None:
    token = gateway.issuer.token("ml-engineers")
    gateway.echo.seen.clear()
    answer = gateway.client.ask("GET", "/models/x", token, headers=[("Connection", value)])
    assert answer.status == 400
    assert gateway.echo.seen == []


def test_tokens_and_sessions_stay_at_the_gateway(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    cookies = (
        "a=b; __Host-cumulo=x; __Host-cumulo_chunks=2; __Host-cumulo-state-y=z; c=__Host-cumulo"
    )
    answer = gateway.client.ask("GET", "/models/x", token, headers=[("Cookie", cookies)])
    assert answer.told("Authorization") == []
    assert answer.told("Cookie") == ["a=b; c=__Host-cumulo"]

    only = gateway.client.ask("GET", "/models/x", token, headers=[("Cookie", "__Host-cumulo=x")])
    assert only.told("Cookie") == []

    gateway.issuer.person = gateway.issuer.claims("ml-engineers")
    browser = Browser(gateway.client)
    browser.log_in("/models/x")
    assert browser.get("/models/x").told("Cookie") == []
    assert "OIDC" not in browser.get("/models/x").body


def test_a_service_with_logins_of_its_own_gets_them(gateway: Gateway) -> None:
    answer = gateway.client.ask("GET", "/realms/x", "its-own")
    assert answer.told("Authorization") == ["Bearer its-own"]


def test_answers_of_services_are_passed_as_they_are(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    for status in ("403", "404", "401", "500"):
        answer = gateway.client.ask("GET", "/models/x", token, headers=[("X-Answer", status)])
        assert answer.status == int(status)
        assert answer.header("Content-Type") == "application/vnd.echo+json"
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Strict-Transport-Security")
        assert answer.header("WWW-Authenticate") == ""


def test_bodies_and_paths_arrive_as_they_were(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    answer = gateway.client.ask("POST", "/models/a%20b?c=%2F&d=e", token, body=b"hello")
    assert answer.json()["path"] == "/models/a%20b?c=%2F&d=e"
    assert answer.json()["body"] == "hello"
    assert gateway.client.ask("GET", "/api/x?y=z", token).json()["path"] == "/x?y=z"


def test_a_body_that_is_too_large_is_refused(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    most = 1024 * 1024
    assert gateway.client.ask("POST", "/api/x", token, body=b"x" * most).status == 200
    assert gateway.client.ask("POST", "/api/x", token, body=b"x" * (most + 1)).status == 413
    chunked = [("Transfer-Encoding", "chunked")]
    answer = gateway.client.ask("DELETE", "/api/x", token, headers=chunked, body=b"0\r\n\r\n")
    assert answer.status == 411
