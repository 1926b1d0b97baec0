"""Protocol mappers."""

from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import RefusedError, Stack
from tests.providers.keycloak.conftest import refresh_is_quiet

CLIENT = "keycloak:openid/client:Client"
SCOPE = "keycloak:openid/clientScope:ClientScope"


def mapper(name: str) -> str:
    return f"keycloak:openid/{name}ProtocolMapper:{name[0].upper()}{name[1:]}ProtocolMapper"


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "groupMembership": ({"claimName": "groups", "fullPath": False}, {"claimName": "teams"}),
    "audience": ({"includedCustomAudience": "https://api"}, {"includedClientAudience": "account"}),
    "userRealmRole": (
        {"claimName": "roles", "multivalued": True, "realmRolePrefix": "r-"},
        {"claimName": "roles", "addToUserinfo": False},
    ),
    "userClientRole": (
        {"claimName": "roles", "clientIdForRoleMappings": "account"},
        {"claimName": "roles", "clientRolePrefix": "c-"},
    ),
    "userAttribute": (
        {"claimName": "team", "userAttribute": "team"},
        {"claimName": "team", "userAttribute": "squad", "aggregateAttributes": True},
    ),
    "hardcodedClaim": (
        {"claimName": "where", "claimValue": "here"},
        {"claimName": "where", "claimValue": "7", "claimValueType": "int"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mapper_is_made_changed_read_imported_and_deleted(
    stack: Stack, shared_realm: str, name: str
) -> None:
    token = mapper(name)
    scope = stack.create(SCOPE, "s", realmId=shared_realm)
    base = {"realmId": shared_realm, "clientScopeId": scope.id, "name": "mapper"}
    first, second = CASES[name]
    lost = stack.lose(token, "m", **base, **first)
    made = stack.create(token, "m", **base, **first)
    assert made.id == lost.id
    assert {key: made[key] for key in first} == first
    assert made["addToAccessToken"] is True
    assert stack.changes(made, **base, **first) == {}
    assert refresh_is_quiet(stack, made)

    wanted = {
        key
        for key in first.keys() | second.keys()
        if second.get(key, stack.provider.resources[token].fields[key].default) != first.get(key)
    }
    assert stack.update(made, **base, **second) >= wanted & second.keys()
    assert {key: made[key] for key in second} == second
    assert stack.changes(made, **base, **second) == {}
    assert refresh_is_quiet(stack, made)

    imported = stack.imported(token, f"{shared_realm}/client-scope/{scope.id}/{made.id}")
    assert imported.outputs == made.outputs
    renamed = stack.changes(made, **{**base, "name": "other"}, **second)
    assert renamed == {"name": name == "groupMembership"}
    stack.rerun()
    stack.delete(made)
    stack.delete(made)
    assert not stack.refresh(made)


def test_a_mapper_of_a_client_itself(stack: Stack, shared_realm: str) -> None:
    token = mapper("audience")
    client = stack.create(CLIENT, "c", realmId=shared_realm, accessType="CONFIDENTIAL")
    base = {"realmId": shared_realm, "clientId": client.id, "includedCustomAudience": "x"}
    made = stack.create(token, "m", **base)
    assert made["name"].startswith("m-")
    imported = stack.imported(token, f"{shared_realm}/client/{client.id}/{made.id}")
    assert imported["clientId"] == client.id
    other = mapper("hardcodedClaim")
    with pytest.raises(ProviderError, match="is of the kind oidc-audience-mapper"):
        stack.imported(other, f"{shared_realm}/client/{client.id}/{made.id}")
    with pytest.raises(ProviderError, match="the id to import must be REALM/client/CLIENT_ID"):
        stack.imported(token, made.id)
    with pytest.raises(ProviderError, match="is not this resource's"):
        stack.create(token, "n", **base, name=made["name"])


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"claimName": "c"}, "clientId or 'clientScopeId' is required"),
        (
            {"claimName": "c", "clientId": "a", "clientScopeId": "b"},
            "clientId cannot be set beside 'clientScopeId'",
        ),
        ({"clientId": "a"}, "claimName is required"),
    ],
)
def test_bad_input_is_named(own: Stack, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        own.check(mapper("groupMembership"), "bad", {"realmId": "r", **inputs})


def test_one_audience_is_enough(own: Stack) -> None:
    inputs = {
        "realmId": "r",
        "clientId": "c",
        "includedClientAudience": "a",
        "includedCustomAudience": "b",
    }
    with pytest.raises(RefusedError, match="cannot be set beside"):
        own.check(mapper("audience"), "bad", inputs)
