"""A realm for the tests' gateway, in a real Keycloak."""

import itertools
from typing import Any

from tests.platform.gateway.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET
from tests.platform.gateway.rules import RULES

REALM = "gateway"
PASSWORD = "password of everybody"
SDK_SECRET = "secret of the sdk"

PEOPLE = {
    "-".join(("user", *roles)): frozenset(roles)
    for count in (0, 1, 2)
    for roles in itertools.combinations(RULES.roles, count)
}
"""Everybody whom the matrix asks about: their roles, by their names."""


def representation(*origins: str) -> dict[str, Any]:
    """The realm, as Keycloak imports it.

    Args:
        origins: The hosts of the gateway, as browsers reach them.
    """
    machine = {"serviceAccountsEnabled": True, "secret": SDK_SECRET, "standardFlowEnabled": False}
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "none",
        # Of passwords that are no secret, for tests that are in a hurry.
        "passwordPolicy": "hashAlgorithm(pbkdf2-sha256) and hashIterations(1)",
        "groups": [{"name": role} for role in (*RULES.roles, "elsewhere")],
        "users": [
            *(_person(name, roles) for name, roles in PEOPLE.items()),
            {
                "username": "service-account-sdk",
                "enabled": True,
                "serviceAccountClientId": "sdk",
                "groups": ["/data-science"],
            },
        ],
        "clients": [
            {
                "clientId": CLIENT_ID,
                "secret": CLIENT_SECRET,
                "redirectUris": [f"{origin}/-/callback" for origin in origins],
                "attributes": {
                    "post.logout.redirect.uris": "##".join(f"{origin}/" for origin in origins),
                    "pkce.code.challenge.method": "S256",
                },
                "protocolMappers": [_GROUPS],
            },
            {
                **machine,
                "clientId": "sdk",
                "directAccessGrantsEnabled": True,
                "protocolMappers": [_GROUPS, _AUDIENCE],
            },
            {
                **machine,
                "clientId": "brief",
                "directAccessGrantsEnabled": True,
                "attributes": {"access.token.lifespan": "1"},
                "protocolMappers": [_GROUPS, _AUDIENCE],
            },
            {
                **machine,
                "clientId": "other",
                "directAccessGrantsEnabled": True,
                "protocolMappers": [_GROUPS],
            },
        ],
    }


def _person(name: str, roles: frozenset[str]) -> dict[str, Any]:
    return {
        "username": name,
        "enabled": True,
        "email": f"{name}@example.org",
        "emailVerified": True,
        "firstName": "A",
        "lastName": "B",
        "credentials": [{"type": "password", "value": PASSWORD}],
        "groups": [f"/{role}" for role in sorted(roles)] + ["/elsewhere"],
    }


_GROUPS = {
    "name": "groups",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-group-membership-mapper",
    "config": {
        "claim.name": "groups",
        "full.path": "false",
        "id.token.claim": "true",
        "access.token.claim": "true",
    },
}
_AUDIENCE = {
    "name": "audience",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {
        "included.custom.audience": AUDIENCE,
        "access.token.claim": "true",
        "id.token.claim": "false",
    },
}
