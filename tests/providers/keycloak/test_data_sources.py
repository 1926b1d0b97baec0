"""Data sources."""

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Secret

from tests.providers.driver import RefusedError, Stack

CLIENT = "keycloak:openid/client:Client"
GROUP = "keycloak:index/group:Group"
ROLE = "keycloak:index/role:Role"


def test_a_realm(stack: Stack, shared_realm: str) -> None:
    found = stack.invoke("keycloak:index/getRealm:getRealm", realm=shared_realm)
    assert (found["id"], found["internalId"], found["sslRequired"]) == (
        shared_realm,
        shared_realm,
        "external",
    )
    assert found["securityDefenses"][0]["headers"][0]["xFrameOptions"] == "SAMEORIGIN"
    assert found["otpPolicy"]["type"] == "totp"
    with pytest.raises(ProviderError, match="there is no realm 'nowhere'"):
        stack.invoke("keycloak:index/getRealm:getRealm", realm="nowhere")


def test_a_role(stack: Stack, shared_realm: str) -> None:
    token = "keycloak:index/getRole:getRole"
    role = stack.create(ROLE, "r", realmId=shared_realm, attributes={"a": "b"})
    whole = stack.create(ROLE, "w", realmId=shared_realm, compositeRoles=[role.id])
    found = stack.invoke(token, realmId=shared_realm, name=role["name"])
    assert (found["id"], found["attributes"]) == (role.id, {"a": "b"})
    found = stack.invoke(token, realmId=shared_realm, name=whole["name"])
    assert found["compositeRoles"] == [role.id]
    with pytest.raises(ProviderError, match="has no role 'none'"):
        stack.invoke(token, realmId=shared_realm, name="none")


def test_a_group_by_name_and_by_path(stack: Stack, shared_realm: str) -> None:
    token = "keycloak:index/getGroup:getGroup"
    top = stack.create(GROUP, "t", realmId=shared_realm, name="company")
    inner = stack.create(GROUP, "i", realmId=shared_realm, name="a team", parentId=top.id)
    for arguments in ({"name": "a team"}, {"groupPath": "/company/a team"}):
        found = stack.invoke(token, realmId=shared_realm, **arguments)
        assert (found["id"], found["parentId"], found["path"]) == (
            inner.id,
            top.id,
            "/company/a team",
        )
    with pytest.raises(ProviderError, match="has no group 'none'"):
        stack.invoke(token, realmId=shared_realm, name="none")
    with pytest.raises(ProviderError, match="'name' or 'groupPath' is required"):
        stack.invoke(token, realmId=shared_realm)
    with pytest.raises(RefusedError, match="cannot be set beside"):
        stack.invoke(token, realmId=shared_realm, name="x", groupPath="/x")


def test_a_client_and_its_service_account(stack: Stack, shared_realm: str) -> None:
    client = stack.create(
        CLIENT,
        "c",
        realmId=shared_realm,
        accessType="CONFIDENTIAL",
        serviceAccountsEnabled=True,
        clientSecret=Secret("s"),
    )
    token = "keycloak:openid/getClient:getClient"
    found = stack.invoke(token, realmId=shared_realm, clientId=client["clientId"])
    assert (found["id"], found["clientSecret"]) == (client.id, Secret("s"))
    assert found["serviceAccountUserId"] == client["serviceAccountUserId"]
    with pytest.raises(ProviderError, match="has no client 'none'"):
        stack.invoke(token, realmId=shared_realm, clientId="none")

    token = "keycloak:openid/getClientServiceAccountUser:getClientServiceAccountUser"
    user = stack.invoke(token, realmId=shared_realm, clientId=client.id)
    assert user["id"] == client["serviceAccountUserId"]
    assert user["username"] == f"service-account-{client['clientId']}"
    with pytest.raises(ProviderError, match="no client with the id 'none'"):
        stack.invoke(token, realmId=shared_realm, clientId="none")


def test_a_secret_of_a_client_without_one_is_empty(stack: Stack, shared_realm: str) -> None:
    found = stack.invoke(
        "keycloak:openid/getClient:getClient", realmId=shared_realm, clientId="account-console"
    )
    assert (found["accessType"], found["clientSecret"]) == ("PUBLIC", Secret(""))
