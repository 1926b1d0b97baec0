"""Realms."""

from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Secret, plain

from tests.providers.driver import RefusedError, Stack
from tests.providers.keycloak.conftest import REALM, refresh_is_quiet, unique
from tests.providers.keycloak.running import RunningKeycloak

FULL: dict[str, Any] = {
    "displayName": "Full",
    "accessTokenLifespan": "10m",
    "attributes": {"frontendUrl": "http://127.0.0.1:1"},
    "internationalization": {"defaultLocale": "en", "supportedLocales": ["en", "de"]},
    "loginWithEmailAllowed": True,
    "loginTheme": "keycloak",
    "otpPolicy": {"digits": 8},
    "passwordPolicy": "length(8)",
    "securityDefenses": {
        "bruteForceDetection": {"maxLoginFailures": 5},
        "headers": {"xFrameOptions": "DENY"},
    },
    "smtpServer": {
        "host": "localhost",
        "from": "a@example.org",
        "auth": {"username": "u", "password": Secret("mail")},
        "starttls": True,
    },
    "webAuthnPolicy": {"relyingPartyEntityName": "here"},
    "defaultSignatureAlgorithm": "RS256",
    "defaultDefaultClientScopes": ["profile", "email"],
}


def test_a_realm_is_made_changed_read_imported_and_deleted(
    own: Stack, login: RunningKeycloak
) -> None:
    name = unique("full")
    given = {**FULL, "realm": name}
    realm = own.create(REALM, "full", **given)
    assert (realm.id, realm["internalId"]) == (name, name)
    assert realm["accessTokenLifespan"] == "10m0s"
    # What the program does not say is what the official provider makes of it.
    assert realm["ssoSessionIdleTimeout"] == "30m0s"
    assert realm["registrationAllowed"] is False
    assert realm["browserFlow"] == "browser"
    assert realm["otpPolicy"]["digits"] == 8
    assert realm["smtpServer"]["auth"]["password"] == "mail"
    assert isinstance(realm.outputs["smtpServer"]["auth"]["password"], Secret)
    assert own.changes(realm, **given) == {}
    assert own.changes(realm, **{**given, "accessTokenLifespan": "600s"}) == {}
    assert refresh_is_quiet(own, realm)
    assert own.changes(realm, **given) == {}

    new = {
        **given,
        "displayName": "",
        "accessTokenLifespan": "5m",
        "attributes": {"other": "x"},
        "rememberMe": True,
        "passwordPolicy": "length(9) and notUsername",
        "defaultDefaultClientScopes": ["profile", "roles"],
        "defaultOptionalClientScopes": ["address"],
    }
    del new["internationalization"], new["securityDefenses"], new["smtpServer"], new["loginTheme"]
    changed = {
        *("displayName", "accessTokenLifespan", "attributes", "rememberMe", "passwordPolicy"),
        *("internationalization", "securityDefenses", "smtpServer", "loginTheme"),
        *("defaultDefaultClientScopes", "defaultOptionalClientScopes"),
    }
    assert own.update(realm, **new) == changed
    assert own.changes(realm, **new) == {}
    assert refresh_is_quiet(own, realm)
    found = login.ask("GET", f"/realms/{name}")
    assert found["rememberMe"] is True
    assert found["bruteForceProtected"] is False
    assert found["browserSecurityHeaders"]["xFrameOptions"] == "SAMEORIGIN"
    assert found["smtpServer"] == {}
    assert found["internationalizationEnabled"] is False
    assert found.get("loginTheme", "") == ""
    assert found["attributes"]["other"] == "x"
    assert "frontendUrl" not in found["attributes"]
    scopes = login.ask("GET", f"/realms/{name}/default-default-client-scopes")
    assert {scope["name"] for scope in scopes} == {"profile", "roles"}

    imported = own.imported(REALM, name)
    assert imported.inputs["passwordPolicy"] == "length(9) and notUsername"
    assert plain(imported.outputs)["accessTokenLifespan"] == "5m0s"

    # Somebody's change is seen, and undone.
    login.ask("PUT", f"/realms/{name}", {"passwordPolicy": "length(1)"})
    assert own.refresh(realm)
    assert own.update(realm, **new) == {"passwordPolicy"}

    assert own.changes(realm, **{**new, "realm": "other"}) == {"realm": True}
    assert own.diff(realm, **{**new, "realm": "other"}).delete_first
    own.rerun()
    own.delete(realm)
    own.delete(realm)
    assert not own.refresh(realm)


def test_an_interrupted_create_is_found_again(own: Stack, login: RunningKeycloak) -> None:
    name = unique("lost")
    lost = own.lose(REALM, "lost", realm=name)
    again = own.create(REALM, "lost", realm=name, displayName="again")
    assert again["internalId"] == lost["internalId"]
    assert login.ask("GET", f"/realms/{name}")["displayName"] == "again"
    # Nobody sees how.
    assert again["attributes"] == {}
    # To another resource it is somebody's, even to one of the same name in another stack.
    with pytest.raises(ProviderError, match=r"already exists.*pulumi import"):
        own.create(REALM, "other", realm=name)
    other = Stack(make=own.make)
    with pytest.raises(ProviderError, match="409"):
        other.create(REALM, "lost", realm=name)
    # The mark outlives an update.
    own.entries.remove(again)
    own.rerun()
    assert own.create(REALM, "lost", realm=name).id == name


def test_a_realm_that_is_protected_stays(own: Stack) -> None:
    realm = own.create(REALM, "kept", terraformDeletionProtection=True)
    assert realm["realm"].startswith("kept-")
    with pytest.raises(ProviderError, match="terraformDeletionProtection"):
        own.delete(realm)
    own.update(realm, terraformDeletionProtection=False)


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"sslRequired": "some"}, "sslRequired"),
        ({"accessTokenLifespan": "5"}, "accessTokenLifespan"),
        ({"otpPolicy": {"algorithm": "MD5"}}, "otpPolicy.algorithm"),
        ({"smtpServer": {"host": "h"}}, "smtpServer.from"),
        (
            {"internationalization": {"defaultLocale": "fr", "supportedLocales": ["en"]}},
            "internationalization.defaultLocale",
        ),
        ({"duplicateEmailsAllowed": True, "loginWithEmailAllowed": True}, "duplicateEmailsAllowed"),
        ({"displayname": "x"}, "displayname"),
    ],
)
def test_bad_input_is_named(own: Stack, inputs: dict[str, Any], path: str) -> None:
    with pytest.raises(RefusedError) as error:
        own.check(REALM, "bad", inputs)
    assert [failure.path for failure in error.value.failures] == [path]


def test_keycloak_s_own_reason_is_told(own: Stack, login: RunningKeycloak) -> None:
    with pytest.raises(ProviderError, match="Password policy not found"):
        own.create(REALM, "bad", realm="bad", passwordPolicy="bogus(1)")
    assert own.provider.cloud.find("/realms/bad") is None
