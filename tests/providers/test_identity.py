"""Application credentials, and what a login is good for, against a real cloud."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.driver import Entry, RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from keystoneauth1.identity.base import BaseIdentityPlugin
    from openstack.connection import Connection
    from openstack.identity.v3._proxy import Proxy

CREDENTIAL = "openstack:identity/applicationCredential:ApplicationCredential"
SCOPE = "openstack:identity/getAuthScope:getAuthScope"

cloudy = pytest.mark.cloud


@pytest.fixture
def keystone(cloud: "Connection") -> "Proxy":
    """Keystone's API; its version 3 is the only one that has what is tested here."""
    return cast("Proxy", cloud.identity)


@pytest.fixture
def user(cloud: "Connection") -> str:
    """The id of whoever runs the tests."""
    return str(cloud.current_user_id)


@pytest.fixture
def named(keystone: "Proxy", user: str) -> Iterator[str]:
    """A name; the credential of somebody else that a test gives it is removed."""
    yield "idp-foreign"
    for one in keystone.application_credentials(user, name="idp-foreign"):
        keystone.delete_application_credential(user, one)


def login(cloud: "Connection", entry: Entry) -> "Connection":
    import openstack

    return openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        region_name=cloud.config.region_name,
        auth_type="v3applicationcredential",
        auth={
            "auth_url": cloud.config.get_auth_args()["auth_url"],
            "application_credential_id": entry.id,
            "application_credential_secret": entry["secret"],
        },
    )


@cloudy
def test_a_credential_logs_in_with_its_roles_alone(stack: Stack, cloud: "Connection") -> None:
    wanted = {"description": "of a test", "roles": ["member"]}
    entry = stack.create(CREDENTIAL, "idp", **wanted)
    assert isinstance(entry.outputs["secret"], Secret)
    assert len(entry["secret"]) > 40
    assert entry["roles"] == ["member"]
    assert (entry["unrestricted"], entry["accessRules"], entry["expiresAt"]) == (False, [], "")
    assert entry["projectId"] == cloud.current_project_id
    with login(cloud, entry) as member:
        login_of = cast("BaseIdentityPlugin", member.session.auth)
        # A member is a reader, by Keystone's own implication.
        assert set(login_of.get_access(member.session).role_names or ()) <= {"member", "reader"}
        assert list(member.network.networks())
    assert_settled(stack, entry, **wanted)

    for key, value in {
        "name": "idp-other",
        "description": "another",
        "roles": ["reader"],
        "unrestricted": True,
        "secret": "s",
        "expiresAt": "2040-01-01T00:00:00Z",
        "accessRules": [{"service": "compute", "method": "GET", "path": "/v2.1/servers"}],
    }.items():
        assert stack.changes(entry, **{**wanted, key: value}) == {key: True}

    imported = stack.imported(CREDENTIAL, entry.id)
    assert imported.inputs["roles"] == ["member", "reader"]
    assert imported["secret"] == ""

    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)


@cloudy
def test_a_credential_with_everything(stack: Stack, keystone: "Proxy", user: str) -> None:
    wanted: dict[str, Any] = {
        "name": "idp-all",
        "unrestricted": True,
        "secret": "open sesame",
        "expiresAt": "2040-01-01T02:00:00.5+02:00",
        "accessRules": [
            {"service": "compute", "method": "GET", "path": "/v2.1/servers"},
            {"service": "network", "method": "GET", "path": "/v2.0/networks"},
        ],
    }
    entry = stack.create(CREDENTIAL, "idp-all", **wanted)
    assert entry["secret"] == "open sesame"
    assert entry["expiresAt"] == "2040-01-01T00:00:00Z"
    assert {rule["path"] for rule in entry["accessRules"]} == {"/v2.1/servers", "/v2.0/networks"}
    assert "admin" in entry["roles"]
    assert_settled(stack, entry, **wanted)
    other = [{**wanted["accessRules"][0], "method": "POST"}, wanted["accessRules"][1]]
    assert stack.changes(entry, **{**wanted, "accessRules": other}) == {"accessRules": True}
    stack.delete(entry)
    rules = {rule.path for rule in keystone.access_rules(user)}
    assert not rules & {"/v2.1/servers", "/v2.0/networks"}


@cloudy
def test_what_an_interrupted_create_left_is_made_anew(
    stack: Stack, cloud: "Connection", keystone: "Proxy", user: str
) -> None:
    lost = stack.lose(CREDENTIAL, "idp-lost", roles=["member"])
    found = stack.create(CREDENTIAL, "idp-lost", roles=["reader"])
    assert found["name"] == lost["name"]
    assert found.id != lost.id
    assert found["secret"] != lost["secret"]
    with login(cloud, found) as reader:
        reader.authorize()
    left = keystone.application_credentials(user, name=found["name"])
    assert [one.id for one in left] == [found.id]


@cloudy
def test_what_the_program_s_own_secret_opens_is_taken_over(stack: Stack) -> None:
    wanted = {"name": "idp-own", "secret": "open sesame"}
    lost = stack.lose(CREDENTIAL, "idp-own", **wanted)
    assert stack.create(CREDENTIAL, "idp-own", **wanted).id == lost.id


@cloudy
def test_a_replacement_has_another_name(stack: Stack) -> None:
    entry = stack.create(CREDENTIAL, "idp-next", roles=["member"])
    stack.rerun()
    assert stack.changes(entry, roles=["reader"]) == {"roles": True}
    second = stack.create(CREDENTIAL, "idp-next", roles=["reader"])
    assert second["name"] != entry["name"]
    assert stack.refresh(entry)


@cloudy
def test_a_credential_of_somebody_else_is_left_alone(
    stack: Stack, keystone: "Proxy", user: str, named: str
) -> None:
    theirs = keystone.create_application_credential(user, name=named)
    for secret in ({}, {"secret": "guessed"}):
        with pytest.raises(ProviderError, match=r"application credential delete idp-foreign"):
            stack.create(CREDENTIAL, "idp-foreign", name=named, **secret)
    assert keystone.get_application_credential(user, theirs.id)


@cloudy
@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        ({"roles": ["nobody"]}, "nobody|role"),
        ({"expiresAt": "2001-01-01T00:00:00Z"}, "expir"),
    ],
)
def test_what_only_keystone_can_refuse(stack: Stack, wanted: dict[str, Any], reason: str) -> None:
    with pytest.raises(ProviderError, match=reason):
        stack.create(CREDENTIAL, "idp-refused", **wanted)


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"roles": "member"}, "roles must be a list"),
        ({"role": ["member"]}, "is 'roles' meant"),
        ({"expiresAt": "tomorrow"}, "expiresAt must be a time with its zone"),
        ({"expiresAt": "2040-01-01T00:00:00"}, "expiresAt must be a time with its zone"),
        ({"name": ""}, "name must not be empty"),
        ({"secret": ""}, "secret must not be empty"),
        ({"unrestricted": "perhaps"}, "unrestricted must be true or false"),
        (
            {"accessRules": [{"method": "GET", "path": "/"}]},
            r"accessRules\[0\].service is required",
        ),
        (
            {"accessRules": [{"service": "compute", "method": "get", "path": "/"}]},
            r"accessRules\[0\].method must be one of DELETE",
        ),
        (
            {"accessRules": [{"service": "compute", "method": "GET", "path": "servers"}]},
            r"accessRules\[0\].path must begin with a slash",
        ),
    ],
)
def test_bad_input_is_refused_by_name(wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        Stack("nowhere").check(CREDENTIAL, "idp-bad", wanted)


def test_a_preview_needs_no_cloud_and_knows_no_secret() -> None:
    stack = Stack("nowhere")
    inputs = stack.check(CREDENTIAL, "idp-preview", {"description": UNKNOWN})
    _, outputs = stack.provider.create(stack.urn(CREDENTIAL, "idp-preview"), inputs, preview=True)
    assert outputs["secret"] == Secret(UNKNOWN)
    assert outputs["name"] == inputs["name"]


@cloudy
def test_what_a_login_is_good_for(stack: Stack, cloud: "Connection") -> None:
    scope = stack.invoke(SCOPE, name="mine")
    assert (scope["id"], scope["name"]) == ("mine", "mine")
    assert scope["userId"] == cloud.current_user_id
    assert scope["projectId"] == cloud.current_project_id
    assert scope["region"] == cloud.config.region_name
    assert "admin" in {role["roleName"] for role in scope["roles"]}
    (keystone,) = (one for one in scope["serviceCatalogs"] if one["type"] == "identity")
    (public,) = (at for at in keystone["endpoints"] if at["interface"] == "public")
    assert public["url"].startswith(cloud.config.get_auth_args()["auth_url"].removesuffix("/v3"))
    assert scope["tokenId"] == Secret("")
    assert stack.invoke(SCOPE, name="mine", setTokenId=True)["tokenId"].value
    with pytest.raises(RefusedError, match="name is required"):
        stack.invoke(SCOPE)
