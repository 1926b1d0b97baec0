"""Clients, their scopes and their service accounts."""

from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret, plain

from tests.providers.driver import Entry, RefusedError, Stack
from tests.providers.keycloak.conftest import refresh_is_quiet
from tests.providers.keycloak.running import RunningKeycloak

CLIENT = "keycloak:openid/client:Client"
DEFAULTS = "keycloak:openid/clientDefaultScopes:ClientDefaultScopes"
OPTIONALS = "keycloak:openid/clientOptionalScopes:ClientOptionalScopes"
ROLE = "keycloak:index/role:Role"
SCOPE = "keycloak:openid/clientScope:ClientScope"
ACCOUNT_REALM_ROLE = "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole"
ACCOUNT_ROLE = "keycloak:openid/clientServiceAccountRole:ClientServiceAccountRole"


def secret_of(login: RunningKeycloak, realm: str, client: Entry) -> str:
    found = login.ask("GET", f"/realms/{realm}/clients/{client.id}/client-secret")
    return str(found["value"])


def test_a_client_is_made_changed_read_imported_and_deleted(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    inputs: dict[str, Any] = {
        "realmId": shared_realm,
        "clientId": "web",
        "accessType": "CONFIDENTIAL",
        "standardFlowEnabled": True,
        "validRedirectUris": ["http://localhost/*"],
        "validPostLogoutRedirectUris": ["+", "http://localhost/bye"],
        "webOrigins": ["+"],
        "pkceCodeChallengeMethod": "S256",
        "accessTokenLifespan": "300",
        "description": "d",
        "extraConfig": {"my.own": "1", "my.other": "2"},
    }
    lost = stack.lose(CLIENT, "web", **inputs)
    client = stack.create(CLIENT, "web", **inputs)
    assert (client.id, client["clientSecret"]) == (lost.id, lost["clientSecret"])
    assert isinstance(client.outputs["clientSecret"], Secret)
    assert client["clientSecret"] == secret_of(login, shared_realm, client)
    # What the program does not say is off, whatever Keycloak's own default is.
    assert client["directAccessGrantsEnabled"] is False
    assert client["name"].startswith("web-")
    assert stack.changes(client, **inputs) == {}
    assert refresh_is_quiet(stack, client)
    assert sorted(client["validPostLogoutRedirectUris"]) == ["+", "http://localhost/bye"]

    new = {
        **inputs,
        "clientId": "renamed",
        "validRedirectUris": ["http://localhost/a", "http://localhost/b"],
        "description": "",
        "extraConfig": {"my.other": "3"},
        "serviceAccountsEnabled": True,
        "useRefreshTokens": False,
    }
    del new["pkceCodeChallengeMethod"], new["accessTokenLifespan"]
    changed = {
        *("clientId", "validRedirectUris", "description", "extraConfig"),
        *("serviceAccountsEnabled", "useRefreshTokens", "pkceCodeChallengeMethod"),
    }
    assert stack.update(client, **new) == changed
    assert client["serviceAccountUserId"]
    # Nobody asked for another secret, and what Keycloak may choose is left as it is.
    assert client["clientSecret"] == lost["clientSecret"]
    assert client["accessTokenLifespan"] == "300"
    attributes = login.ask("GET", f"/realms/{shared_realm}/clients/{client.id}")["attributes"]
    assert attributes["my.other"] == "3"
    assert not attributes.get("my.own")
    assert not attributes.get("pkce.code.challenge.method")
    assert stack.changes(client, **new) == {}
    assert refresh_is_quiet(stack, client)

    imported = stack.imported(CLIENT, f"{shared_realm}/{client.id}")
    assert imported.inputs["clientId"] == "renamed"
    assert plain(imported.inputs["clientSecret"]) == lost["clientSecret"]
    assert stack.changes(client, **{**new, "realmId": "x"}) == {"realmId": True}
    stack.rerun()
    stack.delete(client)
    stack.delete(client)
    assert not stack.refresh(client)


def test_a_secret_is_given_changed_and_made_anew(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    base = {"realmId": shared_realm, "accessType": "CONFIDENTIAL"}
    given = stack.create(CLIENT, "given", **base, clientSecret=Secret("one"))
    assert stack.update(given, **base, clientSecret=Secret("two")) == {"clientSecret"}
    assert secret_of(login, shared_realm, given) == "two"

    when = stack.create(CLIENT, "when", **base, clientSecretRegenerateWhenChanged={"at": "1"})
    before = when["clientSecret"]
    later = {**base, "clientSecretRegenerateWhenChanged": {"at": "2"}}
    planned = stack.provider.update(
        when.urn,
        when.id,
        when.outputs,
        stack.check(CLIENT, "when", later, when.inputs),
        preview=True,
    )
    assert planned["clientSecret"] == Secret(UNKNOWN)
    assert stack.update(when, **later) == {"clientSecretRegenerateWhenChanged"}
    assert when["clientSecret"] not in (before, "")
    assert when["clientSecret"] == secret_of(login, shared_realm, when)
    assert stack.changes(when, **later) == {}

    unseen = {**base, "clientSecretWo": Secret("unseen"), "clientSecretWoVersion": "1"}
    written = stack.create(CLIENT, "written", **unseen)
    assert secret_of(login, shared_realm, written) == "unseen"
    assert "unseen" not in repr(plain(written.outputs))
    # Only another version is another secret.
    assert stack.changes(written, **{**unseen, "clientSecretWo": Secret("changed")}) == {}
    again = {**unseen, "clientSecretWo": Secret("changed"), "clientSecretWoVersion": "2"}
    stack.update(written, **{**again, "clientSecretWoVersion": "1"}, description="d")
    assert secret_of(login, shared_realm, written) == "unseen"
    assert "clientSecretWoVersion" in stack.update(written, **again)
    assert secret_of(login, shared_realm, written) == "changed"


def test_a_built_in_client_is_taken_over_only_by_an_import(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    inputs = {"realmId": shared_realm, "clientId": "account-console", "accessType": "PUBLIC"}
    with pytest.raises(ProviderError, match="Client account-console already exists"):
        stack.create(CLIENT, "console", **inputs)
    flows = {"standardFlowEnabled": True, "validRedirectUris": ["/realms/shared/account/*"]}
    taken = stack.create(CLIENT, "console", **{**inputs, **flows, "import": True}, description="x")
    stack.delete(taken)
    found = login.ask("GET", f"/realms/{shared_realm}/clients/{taken.id}")
    assert found["description"] == "x"


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({}, "accessType"),
        ({"accessType": "SECRET"}, "accessType"),
        ({"accessType": "PUBLIC", "serviceAccountsEnabled": True}, "serviceAccountsEnabled"),
        ({"accessType": "BEARER-ONLY", "standardFlowEnabled": True}, "standardFlowEnabled"),
        ({"accessType": "PUBLIC", "standardFlowEnabled": True}, "validRedirectUris"),
        ({"accessType": "PUBLIC", "validRedirectUris": ["*"]}, "validRedirectUris"),
        ({"accessType": "PUBLIC", "webOrigins": ["*"]}, "webOrigins"),
        ({"accessType": "PUBLIC", "pkceCodeChallengeMethod": "S1"}, "pkceCodeChallengeMethod"),
        (
            {"accessType": "PUBLIC", "extraConfig": {"login_theme": "x"}},
            "extraConfig.login_theme",
        ),
        ({"accessType": "CONFIDENTIAL", "clientSecretWo": "x"}, "clientSecretWoVersion"),
        (
            {"accessType": "CONFIDENTIAL", "authorization": {"policyEnforcementMode": "ENFORCING"}},
            "authorization",
        ),
    ],
)
def test_bad_input_is_named(own: Stack, inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(RefusedError) as error:
        own.check(CLIENT, "bad", {"realmId": "r", **inputs})
    assert path in {failure.path for failure in error.value.failures}


def test_what_is_not_known_yet_is_not_refused(own: Stack) -> None:
    flows = {"accessType": "PUBLIC", "standardFlowEnabled": True}
    own.check(CLIENT, "a", {"realmId": UNKNOWN, **flows, "validRedirectUris": UNKNOWN})
    own.check(CLIENT, "b", {"realmId": "r", "accessType": UNKNOWN, "serviceAccountsEnabled": True})


def test_a_scope_is_made_changed_read_imported_and_deleted(stack: Stack, shared_realm: str) -> None:
    inputs = {
        "realmId": shared_realm,
        "name": "teams",
        "description": "d",
        "consentScreenText": "Teams?",
        "guiOrder": 3,
        "extraConfig": {"my.own": "1"},
    }
    lost = stack.lose(SCOPE, "teams", **inputs)
    scope = stack.create(SCOPE, "teams", **inputs)
    assert (scope.id, scope["guiOrder"], scope["includeInTokenScope"]) == (lost.id, 3, True)
    assert stack.changes(scope, **inputs) == {}
    assert refresh_is_quiet(stack, scope)
    new = {"realmId": shared_realm, "name": "renamed", "includeInTokenScope": False}
    changed = {"name", "consentScreenText", "guiOrder", "extraConfig", "includeInTokenScope"}
    assert stack.update(scope, **new) == changed
    assert (scope["description"], scope["consentScreenText"], scope["guiOrder"]) == ("d", "", 0)
    assert stack.changes(scope, **new) == {}
    assert refresh_is_quiet(stack, scope)
    imported = stack.imported(SCOPE, f"{shared_realm}/{scope.id}")
    assert imported.inputs["name"] == "renamed"
    with pytest.raises(ProviderError, match=r"409.*pulumi import keycloak:openid/clientScope"):
        stack.create(SCOPE, "other", **new)
    stack.rerun()
    stack.delete(scope)
    stack.delete(scope)
    assert not stack.refresh(scope)


def test_which_scopes_a_client_has(stack: Stack, shared_realm: str) -> None:
    client = stack.create(CLIENT, "web", realmId=shared_realm, accessType="CONFIDENTIAL")
    scope = stack.create(SCOPE, "s", realmId=shared_realm)
    base = {"realmId": shared_realm, "clientId": client.id}
    optionals = stack.create(OPTIONALS, "o", **base, optionalScopes=["address"])
    assert optionals.id == f"{shared_realm}/{client.id}"
    names = ["profile", scope["name"]]
    defaults = stack.create(DEFAULTS, "d", **base, defaultScopes=names)
    assert stack.changes(defaults, **base, defaultScopes=names[::-1]) == {}
    for entry in (defaults, optionals):
        assert refresh_is_quiet(stack, entry)
    assert stack.update(defaults, **base, defaultScopes=names[:1]) == {"defaultScopes"}
    assert stack.update(optionals, **base, optionalScopes=names[1:]) == {"optionalScopes"}
    for entry in (defaults, optionals):
        assert refresh_is_quiet(stack, entry)
    with pytest.raises(ProviderError, match=r"'profile'.*is one of the client's default scopes"):
        stack.update(optionals, **base, optionalScopes=["profile"])
    with pytest.raises(ProviderError, match="no client scope 'none', which 'defaultScopes' names"):
        stack.update(defaults, **base, defaultScopes=["none"])
    stack.delete(defaults)
    assert stack.refresh(defaults)
    assert defaults["defaultScopes"] == []
    stack.delete(client)
    stack.delete(defaults)
    assert not stack.refresh(defaults)


def test_the_roles_of_a_service_account(stack: Stack, shared_realm: str) -> None:
    worker = stack.create(
        CLIENT,
        "worker",
        realmId=shared_realm,
        accessType="CONFIDENTIAL",
        serviceAccountsEnabled=True,
    )
    api = stack.create(CLIENT, "api", realmId=shared_realm, accessType="CONFIDENTIAL")
    realm_role = stack.create(ROLE, "rr", realmId=shared_realm)
    client_role = stack.create(ROLE, "cr", realmId=shared_realm, clientId=api.id)
    base = {"realmId": shared_realm, "serviceAccountUserId": worker["serviceAccountUserId"]}
    one = stack.create(ACCOUNT_REALM_ROLE, "one", **base, role=realm_role["name"])
    two = stack.create(ACCOUNT_ROLE, "two", **base, clientId=api.id, role=client_role["name"])
    account = worker["serviceAccountUserId"]
    assert (one.id, two.id) == (f"{account}/{realm_role.id}", f"{account}/{client_role.id}")
    for entry in (one, two):
        assert refresh_is_quiet(stack, entry)
    imported = stack.imported(ACCOUNT_REALM_ROLE, f"{shared_realm}/{one.id}")
    assert (imported.id, imported["role"]) == (one.id, realm_role["name"])
    imported = stack.imported(ACCOUNT_ROLE, f"{shared_realm}/{account}/{api.id}/{client_role.id}")
    assert (imported.id, imported["clientId"]) == (two.id, api.id)
    assert stack.changes(one, **base, role="x") == {"role": True}
    with pytest.raises(ProviderError, match="has no role 'x', which 'role' names"):
        stack.create(ACCOUNT_ROLE, "x", **base, clientId=api.id, role="x")
    stack.delete(one)
    stack.delete(one)
    assert not stack.refresh(one)
    stack.delete(worker)
    assert not stack.refresh(two)
    stack.delete(two)
