"""Tokens that are none: each is refused on every route that asks for a login."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.platform.gateway.conftest import Gateway
from tests.platform.gateway.issuer import CLIENT_ID, CLIENT_SECRET, Issuer, Key, by_secret, unsigned

ALL = ("data-science", "ml-engineers", "platform-admins")


def claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return issuer.claims(*ALL, **changes)


FORGED: dict[str, Callable[[Issuer], str]] = {
    "expired": lambda issuer: issuer.token(*ALL, exp=int(time.time()) - 1),
    "endless": lambda issuer: issuer.token(*ALL, exp=None),
    "other-key": lambda issuer: Key(issuer.key.name).sign(claims(issuer)),
    "unknown-key": lambda issuer: Key("unknown").sign(claims(issuer)),
    "no-algorithm": lambda issuer: unsigned(claims(issuer), issuer.key.name),
    "public-key-as-secret": lambda issuer: by_secret(
        claims(issuer), issuer.key.name, issuer.key.public_pem()
    ),
    "client-secret": lambda issuer: by_secret(
        claims(issuer), issuer.key.name, CLIENT_SECRET.encode()
    ),
    "changed": lambda issuer: _changed(issuer),
    "other-audience": lambda issuer: issuer.token(*ALL, aud="grafana"),
    "audience-that-looks-so": lambda issuer: issuer.token(
        *ALL, aud=["cumulo-other", "xcumulo", "cumulo ", "cum ulo", "cumulo\n"]
    ),
    "no-audience": lambda issuer: issuer.token(*ALL, aud=None),
    "login-s-own-token": lambda issuer: issuer.token(*ALL, aud=CLIENT_ID, typ="ID"),
    "other-issuer": lambda issuer: issuer.token(*ALL, iss="https://elsewhere.test/realms/test"),
    "issuer-that-looks-so": lambda issuer: issuer.token(*ALL, iss=f"{issuer.url}2"),
    "issuer-with-a-space": lambda issuer: issuer.token(*ALL, iss=f"{issuer.url} "),
    "no-issuer": lambda issuer: issuer.token(*ALL, iss=None),
    "nobody": lambda issuer: issuer.token(*ALL, preferred_username=None),
    "no-token": lambda issuer: "not-a-token",
    "empty": lambda issuer: "",
}


def _changed(issuer: Issuer) -> str:
    header, _, signature = issuer.token("data-science").split(".")
    _, payload, _ = issuer.token(*ALL).split(".")
    return f"{header}.{payload}.{signature}"


@pytest.mark.parametrize("kind", FORGED)
def test_a_token_that_is_none_is_refused_everywhere(gateway: Gateway, kind: str) -> None:
    token = FORGED[kind](gateway.issuer)
    gateway.echo.seen.clear()
    asked = {
        (name, method): gateway.client.ask(
            method, f"{route.path}x", token, subdomain=route.subdomain
        )
        for name, route in gateway.rules.routes.items()
        if route.login != "none"
        for method in route.methods
    }

    assert {at: answer.status for at, answer in asked.items()} == dict.fromkeys(asked, 401)
    assert gateway.echo.seen == []


def test_it_is_told_why(gateway: Gateway) -> None:
    answer = gateway.client.ask("GET", "/models/x", FORGED["other-audience"](gateway.issuer))
    assert answer.json() == {
        "status": 401,
        "error": "login needed",
        "detail": "The access token is not valid, or not for this platform.",
    }
    assert answer.header("WWW-Authenticate") == 'Bearer realm="cumulo", error="invalid_token"'
    assert answer.header("Content-Type") == "application/json"

    answer = gateway.client.ask("GET", "/models/x")
    assert answer.json()["detail"].startswith("Send an access token")
    assert answer.header("WWW-Authenticate") == 'Bearer realm="cumulo"'

    answer = gateway.client.ask("GET", "/models/x", gateway.issuer.token())
    assert answer.status == 403
    assert answer.json()["error"] == "not allowed"


@pytest.mark.parametrize("where", ["query", "form", "cookie", "basic"])
def test_a_token_counts_in_its_header_alone(gateway: Gateway, where: str) -> None:
    token = gateway.issuer.token(*ALL)
    asked: dict[str, Any] = {
        "query": {"method": "GET", "path": f"/api/x?access_token={token}"},
        "form": {
            "method": "POST",
            "path": "/api/x",
            "headers": [("Content-Type", "application/x-www-form-urlencoded")],
            "body": f"access_token={token}".encode(),
        },
        "cookie": {
            "method": "GET",
            "path": "/api/x",
            "headers": [("Cookie", f"PA.global={token}")],
        },
        "basic": {"method": "GET", "path": "/api/x", "headers": [("Authorization", "Basic eDp5")]},
    }

    assert gateway.client.ask(**asked[where]).status == 401


def test_new_keys_of_the_provider_are_found(gateway: Gateway) -> None:
    old = gateway.issuer.key
    assert gateway.client.ask("GET", "/api/x", gateway.issuer.token(*ALL)).status == 200
    gateway.issuer.key = Key("second")
    try:
        assert gateway.client.ask("GET", "/api/x", gateway.issuer.token(*ALL)).status == 200
    finally:
        gateway.issuer.key = old


def test_a_role_s_name_is_no_part_of_another_one(gateway: Gateway) -> None:
    almost = ["platform-admins2", "a,platform-admins", "PLATFORM-ADMINS", "/platform-admins"]
    almost += [" platform-admins", "platform-admins ", "platform- admins", "platform-admin"]
    token = gateway.issuer.token(*almost, "ml-engineers")
    assert gateway.client.ask("GET", "/models/admin/x", token).status == 403
    told = gateway.client.ask("GET", "/models/x", token).told("X-Forwarded-Groups")
    assert told == ["ml-engineers"]

    # With the character that httpd has between roles, one would be told as two.
    token = gateway.issuer.token("x\x1fplatform-admins", "ml-engineers")
    assert gateway.client.ask("GET", "/models/x", token).status == 403


@pytest.mark.parametrize("groups", [None, [], "platform-admins-not", {"platform-admins": True}, 7])
def test_a_claim_of_another_shape_gives_no_role(gateway: Gateway, groups: Any) -> None:
    token = gateway.issuer.token(groups=groups)
    assert gateway.client.ask("GET", "/models/admin/x", token).status == 403
    answer = gateway.client.ask("GET", "/x", token)
    assert answer.status == 200
    assert answer.told("X-Forwarded-Groups") == []
