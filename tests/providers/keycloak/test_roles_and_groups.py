"""Roles, groups, and who has which."""

from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import RefusedError, Stack
from tests.providers.keycloak.conftest import REALM, refresh_is_quiet, unique
from tests.providers.keycloak.running import RunningKeycloak

CLIENT = "keycloak:openid/client:Client"
DEFAULT_GROUPS = "keycloak:index/defaultGroups:DefaultGroups"
DEFAULT_ROLES = "keycloak:index/defaultRoles:DefaultRoles"
GROUP = "keycloak:index/group:Group"
GROUP_ROLES = "keycloak:index/groupRoles:GroupRoles"
MEMBERSHIPS = "keycloak:index/groupMemberships:GroupMemberships"
ROLE = "keycloak:index/role:Role"
USER = "keycloak:index/user:User"
USER_ROLES = "keycloak:index/userRoles:UserRoles"


def test_a_role_is_made_changed_read_imported_and_deleted(stack: Stack, shared_realm: str) -> None:
    part = stack.create(ROLE, "part", realmId=shared_realm)
    other = stack.create(ROLE, "other", realmId=shared_realm)
    inputs: dict[str, Any] = {
        "realmId": shared_realm,
        "name": "whole",
        "description": "d",
        "attributes": {"k": "1##2"},
        "compositeRoles": [part.id],
    }
    role = stack.create(ROLE, "whole", **inputs)
    assert (role["compositeRoles"], role["attributes"]) == ([part.id], {"k": "1##2"})
    assert part["name"].startswith("part-")
    assert stack.changes(role, **inputs) == {}
    assert stack.changes(role, **{**inputs, "attributes": {"k": "2##1"}}) == {}
    assert refresh_is_quiet(stack, role)

    new = {**inputs, "name": "renamed", "description": "", "compositeRoles": [other.id]}
    del new["attributes"]
    assert stack.update(role, **new) == {"name", "description", "compositeRoles"}
    # What is left out and may be Keycloak's, stays.
    assert role["attributes"] == {"k": "1##2"}
    assert stack.changes(role, **new) == {}
    assert refresh_is_quiet(stack, role)

    imported = stack.imported(ROLE, f"{shared_realm}/{role.id}")
    assert (imported.id, imported["name"]) == (role.id, "renamed")
    assert stack.changes(role, **{**new, "realmId": "x"}) == {"realmId": True}
    assert stack.diff(role, **{**new, "realmId": "x"}).delete_first
    assert stack.changes(part, realmId=shared_realm, clientId="x") == {"clientId": True}
    stack.delete(role)
    stack.delete(role)
    assert not stack.refresh(role)


def test_a_client_s_role_is_found_by_its_client(stack: Stack, shared_realm: str) -> None:
    client = stack.create(CLIENT, "owner", realmId=shared_realm, accessType="CONFIDENTIAL")
    inputs = {"realmId": shared_realm, "clientId": client.id, "name": "reader"}
    lost = stack.lose(ROLE, "reader", **inputs)
    role = stack.create(ROLE, "reader", **inputs, description="d")
    assert (role.id, role["clientId"], role["description"]) == (lost.id, client.id, "d")
    with pytest.raises(ProviderError, match=r"already exists.*pulumi import keycloak:index/role"):
        stack.create(ROLE, "second", **inputs)
    # Its client takes it along.
    stack.rerun()
    stack.delete(client)
    assert not stack.refresh(role)
    stack.delete(role)


def test_what_every_realm_has_is_nobody_s(stack: Stack, shared_realm: str) -> None:
    with pytest.raises(ProviderError, match="already exists"):
        stack.create(ROLE, "built-in", realmId=shared_realm, name="offline_access")
    taken = stack.create(
        ROLE, "built-in", **{"realmId": shared_realm, "name": "offline_access", "import": True}
    )
    stack.delete(taken)
    assert stack.refresh(taken)
    with pytest.raises(ProviderError, match="no role 'none' to import"):
        stack.create(ROLE, "x", **{"realmId": shared_realm, "name": "none", "import": True})


def test_nothing_is_taken_over_in_a_realm_of_others(
    login: RunningKeycloak, shared_realm: str, own: Stack
) -> None:
    """The realm is another stack's, so that a name may be anybody's."""
    for token, name in ((ROLE, "someone-s"), (GROUP, "someone-s")):
        entry = own.lose(token, "x", realmId=shared_realm, name=name)
        with pytest.raises(ProviderError, match="is not this resource's: choose another name"):
            own.create(token, "x", realmId=shared_realm, name=name)
        own.delete(entry)


def test_a_group_is_made_changed_read_imported_and_deleted(stack: Stack, shared_realm: str) -> None:
    top = stack.create(GROUP, "top", realmId=shared_realm, name="top")
    inputs = {
        "realmId": shared_realm,
        "name": "inner",
        "parentId": top.id,
        "attributes": {"k": "1##2"},
        "description": "d",
    }
    lost = stack.lose(GROUP, "inner", **inputs)
    group = stack.create(GROUP, "inner", **inputs)
    assert (group.id, group["path"], group["parentId"]) == (lost.id, "/top/inner", top.id)
    assert stack.changes(group, **inputs) == {}
    assert stack.changes(group, **{**inputs, "attributes": {"k": "2##1"}}) == {}
    assert refresh_is_quiet(stack, group)

    new = {**inputs, "name": "renamed", "attributes": {}}
    assert stack.update(group, **new) == {"name", "attributes"}
    assert (group["path"], group["attributes"]) == ("/top/renamed", {})
    assert stack.changes(group, **new) == {}
    assert stack.changes(group, **{**new, "parentId": "x"}) == {"parentId": True}
    imported = stack.imported(GROUP, f"{shared_realm}/{group.id}")
    assert (imported.inputs["name"], imported.inputs["parentId"]) == ("renamed", top.id)
    with pytest.raises(ProviderError, match="the id to import must be REALM/ID"):
        stack.imported(GROUP, "nothing")
    # A group takes its children along.
    stack.rerun()
    stack.delete(top)
    stack.delete(group)
    assert not stack.refresh(group)


def test_a_path_is_unknown_while_a_name_changes(stack: Stack, shared_realm: str) -> None:
    group = stack.create(GROUP, "g", realmId=shared_realm, name="before")
    inputs = stack.check(GROUP, "g", {"realmId": shared_realm, "name": "after"}, group.inputs)
    planned = stack.provider.update(group.urn, group.id, group.outputs, inputs, preview=True)
    assert (planned["name"], repr(planned["path"])) == ("after", "UNKNOWN")


def test_members_are_who_is_named(stack: Stack, shared_realm: str, login: RunningKeycloak) -> None:
    group = stack.create(GROUP, "team", realmId=shared_realm)
    users = {
        name: stack.create(USER, name, realmId=shared_realm, username=name)
        for name in ("anna", "berta", "clara")
    }
    inputs: dict[str, Any] = {
        "realmId": shared_realm,
        "groupId": group.id,
        "members": ["anna", "berta"],
    }
    members = stack.create(MEMBERSHIPS, "m", **inputs)
    assert members.id == f"{shared_realm}/group-memberships/{group.id}"
    assert stack.changes(members, **{**inputs, "members": ["berta", "anna"]}) == {}
    assert refresh_is_quiet(stack, members)
    assert stack.update(members, **{**inputs, "members": ["clara"]}) == {"members"}
    path = f"/realms/{shared_realm}/groups/{group.id}/members"
    assert [user["username"] for user in login.ask("GET", path)] == ["clara"]
    # Who is put in by hand is seen.
    at = f"/realms/{shared_realm}/users/{users['anna'].id}/groups/{group.id}"
    login.ask("PUT", at)
    assert stack.refresh(members)
    assert sorted(members["members"]) == ["anna", "clara"]

    with pytest.raises(ProviderError, match=r"no user 'dora', whom 'members' names"):
        stack.create(MEMBERSHIPS, "n", **{**inputs, "members": ["dora"]})
    with pytest.raises(RefusedError, match=r"members\[0\] must be in lower case: anna"):
        stack.check(MEMBERSHIPS, "n", {**inputs, "members": ["Anna"]})
    with pytest.raises(RefusedError, match="groupId is required"):
        stack.check(MEMBERSHIPS, "n", {"realmId": shared_realm, "members": []})
    stack.delete(members)
    assert login.ask("GET", path) == []
    stack.delete(members)
    stack.delete(group)
    assert not stack.refresh(members)


@pytest.mark.parametrize("token", [GROUP_ROLES, USER_ROLES])
def test_roles_of_a_holder(stack: Stack, shared_realm: str, token: str) -> None:
    client = stack.create(CLIENT, "owner", realmId=shared_realm, accessType="CONFIDENTIAL")
    one, two, three = (
        stack.create(ROLE, "one", realmId=shared_realm),
        stack.create(ROLE, "two", realmId=shared_realm, clientId=client.id),
        stack.create(ROLE, "three", realmId=shared_realm),
    )
    if token == GROUP_ROLES:
        holder, key = stack.create(GROUP, "h", realmId=shared_realm), "groupId"
    else:
        holder, key = stack.create(USER, "h", realmId=shared_realm, username="holder"), "userId"
    inputs: dict[str, Any] = {"realmId": shared_realm, key: holder.id, "roleIds": [one.id, two.id]}
    roles = stack.create(token, "r", **inputs)
    assert roles.id == f"{shared_realm}/{holder.id}"
    # Exhaustive: a user's default role is gone.
    assert refresh_is_quiet(stack, roles)
    assert sorted(roles["roleIds"]) == sorted([one.id, two.id])
    assert stack.update(roles, **{**inputs, "roleIds": [three.id, two.id]}) == {"roleIds"}
    assert refresh_is_quiet(stack, roles)
    imported = stack.imported(token, roles.id)
    assert sorted(imported["roleIds"]) == sorted([three.id, two.id])

    # Beside others: one adds its own, and takes its own.
    beside = {**inputs, "roleIds": [one.id], "exhaustive": False}
    more = stack.create(token, "more", **beside)
    assert refresh_is_quiet(stack, more)
    assert more["roleIds"] == [one.id]
    assert stack.refresh(roles)
    assert len(roles["roleIds"]) == 3
    stack.update(more, **{**beside, "roleIds": []})
    assert stack.refresh(roles)
    assert sorted(roles["roleIds"]) == sorted([three.id, two.id])

    with pytest.raises(ProviderError, match="has no role with the id nobody"):
        stack.create(token, "bad", **{**inputs, "roleIds": ["nobody"]})
    assert stack.changes(roles, **{**inputs, key: "x"})[key]
    stack.delete(roles)
    stack.delete(roles)
    stack.delete(holder)
    assert not stack.refresh(roles)


def test_what_new_users_get(own: Stack) -> None:
    realm = own.create(REALM, "defaults", realm=unique("defaults"))
    group = own.create(GROUP, "g", realmId=realm.id)
    other = own.create(GROUP, "o", realmId=realm.id)
    groups = own.create(DEFAULT_GROUPS, "d", realmId=realm.id, groupIds=[group.id])
    assert groups.id == f"{realm.id}/default-groups"
    assert refresh_is_quiet(own, groups)
    assert own.update(groups, realmId=realm.id, groupIds=[other.id]) == {"groupIds"}
    assert own.imported(DEFAULT_GROUPS, realm.id)["groupIds"] == [other.id]

    names = ["offline_access", "account/view-profile"]
    roles = own.create(DEFAULT_ROLES, "r", realmId=realm.id, defaultRoles=names)
    assert refresh_is_quiet(own, roles)
    assert own.changes(roles, realmId=realm.id, defaultRoles=names[::-1]) == {}
    assert own.update(roles, realmId=realm.id, defaultRoles=names[:1]) == {"defaultRoles"}
    imported = own.imported(DEFAULT_ROLES, f"{realm.id}/{roles.id}")
    assert imported["defaultRoles"] == ["offline_access"]
    with pytest.raises(ProviderError, match="no client 'none', as 'none/x' says"):
        own.create(DEFAULT_ROLES, "x", realmId=realm.id, defaultRoles=["none/x"])
    with pytest.raises(ProviderError, match="no role 'x', which 'defaultRoles' names"):
        own.create(DEFAULT_ROLES, "x", realmId=realm.id, defaultRoles=["x"])

    user = own.create(USER, "u", realmId=realm.id, username="new")
    found = own.provider.cloud.items(f"/realms/{realm.id}/users/{user.id}/groups")
    assert [each["id"] for each in found] == [other.id]
    own.delete(roles)
    assert own.refresh(roles)
    assert roles["defaultRoles"] == []
    own.delete(groups)
    assert own.refresh(groups)
    assert groups["groupIds"] == []
