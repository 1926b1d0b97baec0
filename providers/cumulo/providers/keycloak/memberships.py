"""Who is in a group, and what every new user of a realm gets."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import STRING, Field, SetOf
from cumulo.providers.core.values import UNKNOWN, Properties, plain
from cumulo.providers.keycloak import groups, roles, users
from cumulo.providers.keycloak.identity import parts
from cumulo.providers.keycloak.server import JSON, Server, in_realm, segment

_NAME: Final = Field(required=True, replace=True)
_NAMES: Final = Field(SetOf(STRING), required=True)


class GroupMemberships(Resource[Server]):
    """`keycloak.GroupMemberships`: all members of a group, by name."""

    token = "keycloak:index/groupMemberships:GroupMemberships"
    fields = {
        "groupId": Field(replace=True),
        "members": _NAMES,
        "realmId": _NAME,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        failures = []
        if inputs.get("groupId") in (None, ""):
            failures.append(Failure("groupId", "is required"))
        members = plain(inputs["members"])
        if members is not UNKNOWN:
            failures += [
                Failure(f"members[{index}]", wrong)
                for index, name in enumerate(members)
                if name is not UNKNOWN and (wrong := users.lower_case(name))
            ]
        return failures

    def identify(self, observed: Observed) -> str:
        return f"{observed['realmId']}/group-memberships/{observed['groupId']}"

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        # Whoever is there already stays until the program changes, as in the official provider.
        return self._settle(call, inputs, remove=False)

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        if state:
            realm, group = state["realmId"], state["groupId"]
        else:
            realm, _, group = parts(identity, "REALM/group-memberships/GROUP_ID")
        if call.cloud.find(groups.path(realm, group)) is None:
            return None
        return _memberships(realm, group, list(_members(call.cloud, realm, group)))

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        return dict(observed)

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        return self._settle(call, new, remove=True)

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        realm, group = state["realmId"], state["groupId"]
        if call.cloud.find(groups.path(realm, group)) is None:
            return
        present = _members(call.cloud, realm, group)
        for name in state.get("members") or []:
            if name in present:
                call.cloud.delete(_membership(realm, present[name], group))

    def _settle(self, call: Call[Server], inputs: Properties, *, remove: bool) -> Observed:
        realm, group, wanted = inputs["realmId"], inputs["groupId"], inputs["members"]
        present = _members(call.cloud, realm, group)
        missing = {}
        for name in wanted:
            if name not in present:
                user = users.by_name(call.cloud, realm, name)
                if user is None:
                    raise ProviderError(
                        f"realm '{realm}' has no user '{name}', whom 'members' names"
                    )
                missing[name] = user["id"]
        for identity in missing.values():
            call.check("the members of a group")
            call.cloud.put(_membership(realm, identity, group))
        for name, identity in present.items():
            if remove and name not in wanted:
                call.cloud.delete(_membership(realm, identity, group))
        others = [] if remove else [name for name in present if name not in wanted]
        return _memberships(realm, group, [*wanted, *others])


class DefaultGroups(Resource[Server]):
    """`keycloak.DefaultGroups`: the groups that new users of a realm are in."""

    token = "keycloak:index/defaultGroups:DefaultGroups"
    fields = {"groupIds": _NAMES, "realmId": _NAME}

    def identify(self, observed: Observed) -> str:
        return f"{observed['realmId']}/default-groups"

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        return self.update(call, "", {}, inputs, [])

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId") or identity.removesuffix("/default-groups")
        if call.cloud.find(in_realm(realm)) is None:
            return None
        return {"groupIds": _default_groups(call.cloud, realm), "realmId": realm}

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        return dict(observed)

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        realm, wanted = new["realmId"], new["groupIds"]
        present = _default_groups(call.cloud, realm)
        for group in wanted:
            if group not in present:
                call.cloud.put(_default_group(realm, group))
        for group in present:
            if group not in wanted:
                call.cloud.delete(_default_group(realm, group))
        return {"groupIds": wanted, "realmId": realm}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        for group in state.get("groupIds") or []:
            call.cloud.delete(_default_group(state["realmId"], group))


class DefaultRoles(Resource[Server]):
    """`keycloak.DefaultRoles`: the roles of new users; its id is that of the role they are in.

    A client's role is named with its client: `account/view-profile`.
    """

    token = "keycloak:index/defaultRoles:DefaultRoles"
    fields = {"defaultRoles": _NAMES, "realmId": _NAME}

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        return self.update(call, "", {}, inputs, [])

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId")
        if not state:
            realm, _ = parts(identity, "REALM/DEFAULT_ROLE_ID")
        found = call.cloud.find(in_realm(str(realm)))
        if found is None:
            return None
        role = found["defaultRole"]["id"]
        present = _default_roles(call.cloud, str(realm), role)
        return {"id": role, "realmId": realm, "defaultRoles": list(present)}

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        return {key: observed[key] for key in self.fields}

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        realm, wanted = new["realmId"], new["defaultRoles"]
        role = call.cloud.get(in_realm(realm))["defaultRole"]["id"]
        present = _default_roles(call.cloud, realm, role)
        missing = [_named(call.cloud, realm, name) for name in wanted if name not in present]
        surplus = [each for name, each in present.items() if name not in wanted]
        path = f"{in_realm(realm)}/roles-by-id/{role}/composites"
        if missing:
            call.cloud.ask(path, missing)
        if surplus:
            call.cloud.delete(path, surplus)
        return {"id": role, "realmId": realm, "defaultRoles": wanted}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        realm = state["realmId"]
        path = f"{in_realm(realm)}/roles-by-id/{identity}"
        if call.cloud.find(path) is None:
            return
        present = list(_default_roles(call.cloud, realm, identity).values())
        if present:
            call.cloud.delete(f"{path}/composites", present)


def _memberships(realm: str, group: str, members: list[str]) -> Observed:
    return {"groupId": group, "members": members, "realmId": realm}


def _members(server: Server, realm: str, group: str) -> dict[str, str]:
    found = server.pages(f"{groups.path(realm, group)}/members")
    return {user["username"]: user["id"] for user in found}


def _membership(realm: str, user: str, group: str) -> str:
    return f"{users.path(realm, user)}/groups/{group}"


def _default_groups(server: Server, realm: str) -> list[str]:
    return [group["id"] for group in server.items(f"{in_realm(realm)}/default-groups")]


def _default_group(realm: str, group: str) -> str:
    return f"{in_realm(realm)}/default-groups/{group}"


def _default_roles(server: Server, realm: str, role: str) -> dict[str, JSON]:
    """The default roles by name, a client's with the client's name before it."""
    clients: dict[str, str] = {}
    result = {}
    for each in server.items(f"{in_realm(realm)}/roles-by-id/{role}/composites"):
        name = each["name"]
        if each.get("clientRole"):
            client = each["containerId"]
            if client not in clients:
                clients[client] = server.get(f"{in_realm(realm)}/clients/{client}")["clientId"]
            name = f"{clients[client]}/{name}"
        result[name] = each
    return result


def _named(server: Server, realm: str, name: str) -> JSON:
    client, slash, role = name.rpartition("/")
    owner = None
    if slash:
        found = server.items(f"{in_realm(realm)}/clients", clientId=client)
        if not found:
            raise ProviderError(f"realm '{realm}' has no client '{client}', as '{name}' says")
        owner = segment(found[0]["id"])
    made = roles.by_name(server, realm, owner, role)
    if made is None:
        raise ProviderError(f"there is no role '{name}', which 'defaultRoles' names")
    return made
