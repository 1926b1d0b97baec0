"""Projects, users, their roles and their access keys, against a real cloud."""

import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Secret

from tests.providers.driver import Entry, RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.identity.v3._proxy import Proxy

PROJECT = "openstack:identity/project:Project"
USER = "openstack:identity/user:User"
ASSIGNMENT = "openstack:identity/roleAssignment:RoleAssignment"
ACCESS_KEY = "openstack:identity/ec2CredentialV3:Ec2CredentialV3"
GET_ROLE = "openstack:identity/getRole:getRole"
GET_PROJECT = "openstack:identity/getProject:getProject"
GET_USER = "openstack:identity/getUser:getUser"

cloudy = pytest.mark.cloud


@pytest.fixture
def keystone(cloud: "Connection") -> "Proxy":
    """Keystone's API; its version 3 is the only one that has what is tested here."""
    return cast("Proxy", cloud.identity)


@pytest.fixture
def foreign(keystone: "Proxy") -> Iterator[str]:
    """The name of a project and of a user that somebody else has made."""
    name = f"ten-foreign-{secrets.token_hex(3)}"
    project = keystone.create_project(name=name, domain_id="default")
    user = keystone.create_user(name=name, password="theirs", domain_id="default")
    yield name
    keystone.delete_user(user)
    keystone.delete_project(project)


@pytest.fixture
def tenant(stack: Stack) -> tuple[Entry, Entry]:
    """A project and a user."""
    return stack.create(PROJECT, "ten"), stack.create(USER, "ten")


def logs_in(cloud: "Connection", user: str, password: str) -> bool:
    import openstack
    from keystoneauth1.exceptions import Unauthorized

    auth = {
        "auth_url": cloud.config.get_auth_args()["auth_url"],
        "user_id": user,
        "password": password,
        "unscoped": True,
    }
    try:
        openstack.connect(
            load_yaml_config=False, load_envvars=False, auth_type="v3password", auth=auth
        ).session.get_token()
    except Unauthorized:
        return False
    return True


@cloudy
def test_project(stack: Stack, keystone: "Proxy") -> None:
    wanted: dict[str, Any] = {"name": "ten-all", "description": "of a test", "tags": ["b", "a"]}
    entry = stack.create(PROJECT, "ten-all", **wanted)
    assert (entry["enabled"], entry["isDomain"]) == (True, False)
    assert (entry["domainId"], entry["parentId"]) == ("default", "default")
    assert "cumulo" not in str(entry.outputs)
    assert_settled(stack, entry, **wanted)

    changed = {"name": "ten-renamed", "enabled": False}
    assert stack.update(entry, **changed) == {"name", "description", "tags", "enabled"}
    assert_settled(stack, entry, **changed)
    found = keystone.get_project(entry.id)
    assert (found.name, found.is_enabled, found.tags) == ("ten-renamed", False, [])
    for key, value in {"domainId": "other", "parentId": "other", "isDomain": True}.items():
        assert stack.changes(entry, **{**changed, key: value}) == {key: True}

    imported = stack.imported(PROJECT, entry.id)
    assert imported.inputs["name"] == "ten-renamed"
    assert imported.inputs["enabled"] is False

    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)


@cloudy
def test_a_domain_is_disabled_before_it_goes(stack: Stack) -> None:
    entry = stack.create(PROJECT, "ten-domain", isDomain=True)
    assert entry["isDomain"] is True
    assert_settled(stack, entry, isDomain=True)
    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)


@cloudy
def test_project_of_an_interrupted_create(stack: Stack) -> None:
    for resource, wanted in (("ten-lost", {}), ("ten-own", {"name": "ten-own"})):
        lost = stack.lose(PROJECT, resource, **wanted, description="before")
        found = stack.create(PROJECT, resource, **wanted, description="after")
        assert found.id == lost.id
        assert found["description"] == "after"


@cloudy
def test_user(stack: Stack, cloud: "Connection", keystone: "Proxy") -> None:
    project = stack.create(PROJECT, "ten-home")
    wanted: dict[str, Any] = {
        "name": "ten-all",
        "description": "of a test",
        "defaultProjectId": project.id,
        "password": "open sesame",
        "extra": {"email": "a@example.org", "desk": "4"},
        "ignorePasswordExpiry": True,
        "multiFactorAuthRules": [{"rules": ["password", "totp"]}],
    }
    entry = stack.create(USER, "ten-all", **wanted)
    assert isinstance(entry.outputs["password"], Secret)
    assert isinstance(entry.inputs["password"], Secret)
    assert (entry["enabled"], entry["domainId"]) == (True, "default")
    assert entry["extra"] == {"email": "a@example.org", "desk": "4"}
    assert_settled(stack, entry, **wanted)

    changed = {
        "name": "ten-renamed",
        "password": "another",
        "defaultProjectId": project.id,
        "extra": {"email": "b@example.org"},
    }
    assert stack.update(entry, **changed) == {
        *("name", "description", "password", "extra", "ignorePasswordExpiry"),
        "multiFactorAuthRules",
    }
    assert_settled(stack, entry, **changed)
    assert logs_in(cloud, entry.id, "another")
    found = keystone.get_user(entry.id)
    assert (found.name, found.email, found.description) == ("ten-renamed", "b@example.org", "")

    assert stack.update(entry, **changed, enabled=False) == {"enabled"}
    assert not logs_in(cloud, entry.id, "another")
    assert stack.changes(entry, **changed, domainId="other") == {"domainId": True, "enabled": False}

    imported = stack.imported(USER, entry.id)
    assert (imported.inputs["name"], imported["password"]) == ("ten-renamed", None)

    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)


@cloudy
def test_user_of_an_interrupted_create(stack: Stack, cloud: "Connection") -> None:
    lost = stack.lose(USER, "ten-lost", password="one")
    found = stack.create(USER, "ten-lost", password="two")
    assert (found.id, found["name"]) == (lost.id, lost["name"])
    assert logs_in(cloud, found.id, "two")

    lost = stack.lose(USER, "ten-own", name="ten-own", password="open sesame")
    found = stack.create(
        USER, "ten-own", name="ten-own", password="open sesame", description="after"
    )
    assert (found.id, found["description"]) == (lost.id, "after")


@cloudy
def test_what_somebody_else_has_made_is_left_alone(stack: Stack, foreign: str) -> None:
    for kind, noun in ((PROJECT, "project"), (USER, "user")):
        with pytest.raises(ProviderError, match=f"has a {noun} '{foreign}' already.*pulumi import"):
            stack.create(kind, "ten-foreign", name=foreign)
    with pytest.raises(ProviderError, match="has a user"):
        stack.create(USER, "ten-foreign", name=foreign, password="guessed")


@cloudy
def test_role_assignment(stack: Stack, tenant: tuple[Entry, Entry], keystone: "Proxy") -> None:
    project, user = tenant
    role = stack.invoke(GET_ROLE, name="member")["id"]
    wanted = {"projectId": project.id, "userId": user.id, "roleId": role}
    lost = stack.lose(ASSIGNMENT, "ten", **wanted)
    entry = stack.create(ASSIGNMENT, "ten", **wanted)
    assert entry.id == lost.id == f"/{project.id}//{user.id}/{role}"
    assert_settled(stack, entry, **wanted)
    held = keystone.role_assignments(user_id=user.id, scope_project_id=project.id)
    assert [one.role["id"] for one in held] == [role]
    for key in wanted:
        assert stack.changes(entry, **{**wanted, key: "other"}) == {key: True}
    assert stack.imported(ASSIGNMENT, entry.id).inputs["userId"] == user.id

    in_domain = {"domainId": "default", "userId": user.id, "roleId": role}
    other = stack.create(ASSIGNMENT, "ten-domain", **in_domain)
    assert_settled(stack, other, **in_domain)
    assert stack.refresh(entry)

    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)
    with pytest.raises(ProviderError, match="'member' is not domainId/projectId"):
        stack.imported(ASSIGNMENT, "member")


@cloudy
def test_access_key(stack: Stack, tenant: tuple[Entry, Entry], keystone: "Proxy") -> None:
    project, user = tenant
    wanted = {"projectId": project.id, "userId": user.id}
    entry = stack.create(ACCESS_KEY, "ten", **wanted)
    assert entry.id == entry["access"]
    assert isinstance(entry.outputs["secret"], Secret)
    assert len(entry["secret"]) >= 32
    assert_settled(stack, entry, **wanted)
    # The official provider asks for it here.
    told = keystone.get(f"/users/{user.id}/credentials/OS-EC2/{entry.id}").json()["credential"]
    assert (told["secret"], told["tenant_id"]) == (entry["secret"], project.id)

    assert stack.changes(entry, **{**wanted, "userId": "other"}) == {"userId": True}
    imported = stack.imported(ACCESS_KEY, entry.id)
    assert (imported["secret"], imported.inputs["userId"]) == (entry["secret"], user.id)

    stack.rerun()
    second = stack.create(ACCESS_KEY, "ten", **wanted)
    assert second.id != entry.id
    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)
    assert stack.refresh(second)


@cloudy
def test_access_key_of_an_interrupted_create(stack: Stack, cloud: "Connection") -> None:
    lost = stack.lose(ACCESS_KEY, "ten-lost")
    assert (lost["userId"], lost["projectId"]) == (
        cloud.current_user_id,
        cloud.current_project_id,
    )
    found = stack.create(ACCESS_KEY, "ten-lost")
    assert (found.id, found["secret"]) == (lost.id, lost["secret"])


@cloudy
def test_what_only_keystone_can_refuse(stack: Stack, tenant: tuple[Entry, Entry]) -> None:
    _, user = tenant
    with pytest.raises(ProviderError, match="nobody"):
        stack.create(ACCESS_KEY, "ten-refused", projectId="nobody", userId=user.id)
    with pytest.raises(ProviderError, match="nobody"):
        stack.create(ASSIGNMENT, "ten-refused", projectId="nobody", userId=user.id, roleId="r")


@cloudy
def test_data_sources(stack: Stack, tenant: tuple[Entry, Entry]) -> None:
    project, user = tenant
    found = stack.invoke(GET_PROJECT, name=project["name"])
    assert (found["id"], found["projectId"], found["domainId"]) == (
        *(project.id, project.id),
        "default",
    )
    assert stack.invoke(GET_PROJECT, projectId=project.id)["name"] == project["name"]
    assert stack.invoke(GET_USER, name=user["name"])["id"] == user.id
    assert stack.invoke(GET_ROLE, name="member")["domainId"] == ""
    for token, noun, there in (
        (GET_PROJECT, "project", project["name"]),
        (GET_USER, "user", user["name"]),
        (GET_ROLE, "role", "member"),
    ):
        with pytest.raises(ProviderError, match=f"no {noun} with .*name='none'.* has: .*{there}"):
            stack.invoke(token, name="none")
    with pytest.raises(RefusedError, match="name cannot be set beside 'projectId'"):
        stack.invoke(GET_PROJECT, projectId=project.id, name="x")


@pytest.mark.parametrize(
    ("token", "wanted", "problem"),
    [
        (PROJECT, {"tags": "a"}, "tags must be a list"),
        (PROJECT, {"domain": "default"}, "domain is not a property"),
        (USER, {"passwd": "x"}, "is 'password' meant"),
        (USER, {"multiFactorAuthRules": [{}]}, r"multiFactorAuthRules\[0\].rules is required"),
        (ASSIGNMENT, {"projectId": "p", "userId": "u"}, "roleId is required"),
        (ASSIGNMENT, {"projectId": "p", "roleId": "r"}, "userId or groupId is required"),
        (ASSIGNMENT, {"userId": "u", "roleId": "r"}, "projectId or domainId is required"),
        (
            ASSIGNMENT,
            {"userId": "u", "groupId": "g", "projectId": "p", "roleId": "r"},
            "userId cannot be set beside 'groupId'",
        ),
        (ACCESS_KEY, {"secret": "mine"}, "secret is not a property"),
    ],
)
def test_bad_input_is_refused_by_name(token: str, wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        Stack().check(token, "refused", wanted)
