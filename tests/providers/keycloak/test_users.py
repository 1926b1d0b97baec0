"""Users."""

from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.plugin import PartlyMade
from cumulo.providers.core.values import Secret, plain

from tests.providers.driver import RefusedError, Stack
from tests.providers.keycloak.conftest import refresh_is_quiet
from tests.providers.keycloak.running import RunningKeycloak

USER = "keycloak:index/user:User"


def test_a_user_is_made_changed_read_imported_and_deleted(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    inputs: dict[str, Any] = {
        "realmId": shared_realm,
        "username": "ada",
        "email": "ada@example.org",
        "emailVerified": True,
        "firstName": "Ada",
        "lastName": "L",
        "initialPassword": {"value": Secret("first")},
        "requiredActions": ["UPDATE_PROFILE"],
    }
    lost = stack.lose(USER, "ada", **inputs)
    user = stack.create(USER, "ada", **inputs)
    assert (user.id, user["email"], user["enabled"]) == (lost.id, "ada@example.org", True)
    assert isinstance(user.outputs["initialPassword"]["value"], Secret)
    assert stack.changes(user, **inputs) == {}
    assert refresh_is_quiet(stack, user)

    new = {
        **inputs,
        "firstName": "Augusta",
        "enabled": False,
        "email": None,
        "emailVerified": False,
    }
    del new["requiredActions"]
    changed = {"firstName", "enabled", "email", "emailVerified", "requiredActions"}
    assert stack.update(user, **new) == changed
    found = login.ask("GET", f"/realms/{shared_realm}/users/{user.id}")
    assert (found["firstName"], found["enabled"], found["requiredActions"]) == (
        "Augusta",
        False,
        [],
    )
    assert not found.get("email")
    assert stack.changes(user, **new) == {}
    assert refresh_is_quiet(stack, user)
    # A password is the user's once there is one.
    assert stack.changes(user, **{**new, "initialPassword": {"value": "second"}}) == {}
    assert stack.changes(user, **{**new, "initialPassword": None}) == {}

    for identity in (user.id, "ada"):
        imported = stack.imported(USER, f"{shared_realm}/{identity}")
        assert (imported.id, imported.inputs["username"]) == (user.id, "ada")
        assert stack.changes(imported, **new) == {}
    assert stack.changes(user, **{**new, "username": "other"}) == {"username": True}
    stack.rerun()
    stack.delete(user)
    stack.delete(user)
    assert not stack.refresh(user)


def test_a_user_can_log_in_from_the_first_moment(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    client = stack.create(
        "keycloak:openid/client:Client",
        "web",
        realmId=shared_realm,
        accessType="PUBLIC",
        directAccessGrantsEnabled=True,
    )
    person = {"realmId": shared_realm, "email": "e@example.org", "firstName": "E", "lastName": "F"}
    stack.create(USER, "eve", **person, username="eve", initialPassword={"value": "a good one"})
    token = login.token(shared_realm, client["clientId"], username="eve", password="a good one")
    assert token["access_token"]
    refused = login.token(shared_realm, client["clientId"], username="eve", password="another")
    assert refused["error"] == "invalid_grant"


def test_a_user_who_exists_is_somebody_s_unless_it_is_imported(
    stack: Stack, shared_realm: str, login: RunningKeycloak
) -> None:
    user = stack.create(USER, "one", realmId=shared_realm, username="twice")
    with pytest.raises(ProviderError, match=r"User exists with same username.*pulumi import"):
        stack.create(USER, "two", realmId=shared_realm, username="twice")
    taken = stack.create(
        USER, "two", **{"realmId": shared_realm, "username": "twice", "import": True}, lastName="N"
    )
    assert (taken.id, taken["lastName"]) == (user.id, "N")
    stack.entries.remove(taken)
    stack.rerun()
    stack.provider.delete(taken.urn, taken.id, taken.outputs)
    assert login.ask("GET", f"/realms/{shared_realm}/users/{user.id}")["username"] == "twice"
    with pytest.raises(ProviderError, match="no user 'nobody' to import"):
        stack.create(USER, "x", **{"realmId": shared_realm, "username": "nobody", "import": True})


def test_an_attribute_that_keycloak_drops_is_named(stack: Stack, shared_realm: str) -> None:
    with pytest.raises(PartlyMade, match=r"user profile of realm.*team") as error:
        stack.create(USER, "fay", realmId=shared_realm, username="fay", attributes={"team": "blue"})
    assert plain(error.value.properties)["username"] == "fay"
    stack.provider.cloud.delete(f"/realms/{shared_realm}/users/{error.value.identity}")


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"username": "Ada"}, "username must be in lower case: ada"),
        ({}, "username is required"),
        ({"username": "a", "initialPassword": {}}, "initialPassword.value is required"),
        (
            {
                "username": "a",
                "federatedIdentities": [{"identityProvider": "i", "userId": "u", "userName": "n"}],
            },
            "federatedIdentities is not supported",
        ),
    ],
)
def test_bad_input_is_named(own: Stack, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        own.check(USER, "bad", {"realmId": "r", **inputs})


def test_keycloak_s_reason_names_the_field(stack: Stack, shared_realm: str) -> None:
    with pytest.raises(ProviderError, match=r"username: error-invalid-length \(3, 255\)"):
        stack.create(USER, "x", realmId=shared_realm, username="x")
