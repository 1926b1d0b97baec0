"""Which roles a group, a user or a service account has."""

from collections.abc import Iterable
from typing import Any, ClassVar, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, Fields, SetOf
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import groups, roles, users
from cumulo.providers.keycloak.identity import parts
from cumulo.providers.keycloak.server import JSON, Server

_NAME: Final = Field(required=True, replace=True)


class _Roles(Resource[Server]):
    """The roles of one holder: what is there is made what is wanted, however often."""

    holder: ClassVar[str]
    """The property with the holder's id."""
    word: ClassVar[str]

    def identify(self, observed: Observed) -> str:
        return f"{observed['realmId']}/{observed[self.holder]}"

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        return self._settle(call, inputs, [])

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        if state:
            realm, holder = state["realmId"], state[self.holder]
        else:
            realm, holder = parts(identity, f"REALM/{self.word}")
            state = {"exhaustive": True}
        if call.cloud.find(self._path(realm, holder)) is None:
            return None
        present = _mapped(call.cloud, self._path(realm, holder))
        wanted = state.get("roleIds") or []
        exhaustive = state.get("exhaustive")
        ids = list(present) if exhaustive else [role for role in wanted if role in present]
        return self._observed(realm, holder, ids, exhaustive=exhaustive)

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
        return self._settle(call, new, old.get("roleIds") or [])

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        path = self._path(state["realmId"], state[self.holder])
        if call.cloud.find(path) is not None:
            present = _mapped(call.cloud, path)
            _change(
                call.cloud,
                path,
                remove=[present[role] for role in state.get("roleIds") or [] if role in present],
            )

    def _path(self, realm: str, holder: str) -> str:
        raise NotImplementedError

    def _settle(self, call: Call[Server], inputs: Properties, before: list[str]) -> Observed:
        realm, holder, wanted = inputs["realmId"], inputs[self.holder], inputs["roleIds"]
        path = self._path(realm, holder)
        exhaustive = inputs.get("exhaustive")
        with call.cloud.lock(path):
            present = _mapped(call.cloud, path)
            surplus = [
                role
                for at, role in present.items()
                if at not in wanted and (exhaustive or at in before)
            ]
            missing = [at for at in wanted if at not in present]
            new = [roles.by_id(call.cloud, realm, at) for at in missing]
            _change(call.cloud, path, add=new, remove=surplus)
        return self._observed(realm, holder, wanted, exhaustive=exhaustive)

    def _observed(self, realm: str, holder: str, ids: list[str], *, exhaustive: Any) -> Observed:
        return {
            "exhaustive": bool(exhaustive),
            "realmId": realm,
            "roleIds": ids,
            self.holder: holder,
        }


def _fields(holder: str) -> Fields:
    return {
        "exhaustive": Field(BOOLEAN, default=True, local=True),
        "realmId": _NAME,
        "roleIds": Field(SetOf(STRING), required=True),
        holder: _NAME,
    }


class GroupRoles(_Roles):
    """`keycloak.GroupRoles`: its id is the realm and the group."""

    token = "keycloak:index/groupRoles:GroupRoles"
    holder = "groupId"
    word = "GROUP_ID"
    fields = _fields("groupId")

    def _path(self, realm: str, holder: str) -> str:
        return groups.path(realm, holder)


class UserRoles(_Roles):
    """`keycloak.UserRoles`: its id is the realm and the user."""

    token = "keycloak:index/userRoles:UserRoles"
    holder = "userId"
    word = "USER_ID"
    fields = _fields("userId")

    def _path(self, realm: str, holder: str) -> str:
        return users.path(realm, holder)


class ClientServiceAccountRealmRole(Resource[Server]):
    """`keycloak.openid.ClientServiceAccountRealmRole`: its id is the user and the role."""

    token = "keycloak:openid/clientServiceAccountRealmRole:ClientServiceAccountRealmRole"
    fields: ClassVar[Fields] = {
        "realmId": _NAME,
        "role": _NAME,
        "serviceAccountUserId": _NAME,
    }
    form: ClassVar[str] = "REALM/SERVICE_ACCOUNT_USER_ID/ROLE_ID"

    def identify(self, observed: Observed) -> str:
        return f"{observed['serviceAccountUserId']}/{observed['roleId']}"

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        realm, client, name = inputs["realmId"], inputs.get("clientId"), inputs["role"]
        role = roles.by_name(call.cloud, realm, client, name)
        if role is None:
            where = f"client {client}" if client else f"realm '{realm}'"
            raise ProviderError(f"{where} has no role '{name}', which 'role' names")
        _change(call.cloud, users.path(realm, inputs["serviceAccountUserId"]), add=[role])
        return {**inputs, "roleId": role["id"]}

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        given = dict(state) if state else self._imported(call, identity)
        realm, name = given["realmId"], given["role"]
        role = roles.by_name(call.cloud, realm, given.get("clientId"), name)
        path = users.path(realm, given["serviceAccountUserId"])
        if role is None or call.cloud.find(path) is None:
            return None
        if role["id"] not in _mapped(call.cloud, path):
            return None
        return {**given, "roleId": role["id"]}

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        return {key: observed[key] for key in self.fields}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        path = users.path(state["realmId"], state["serviceAccountUserId"])
        role = identity.rsplit("/", 1)[-1]
        if call.cloud.find(path) is not None:
            present = _mapped(call.cloud, path)
            _change(call.cloud, path, remove=[present[role]] if role in present else [])

    def _imported(self, call: Call[Server], identity: str) -> JSON:
        realm, *_, role = found = parts(identity, self.form)
        given = {
            "realmId": realm,
            "role": roles.by_id(call.cloud, realm, role)["name"],
            "serviceAccountUserId": found[1],
        }
        return given | ({"clientId": found[2]} if "clientId" in self.fields else {})


class ClientServiceAccountRole(ClientServiceAccountRealmRole):
    """`keycloak.openid.ClientServiceAccountRole`: the role is another client's."""

    token = "keycloak:openid/clientServiceAccountRole:ClientServiceAccountRole"
    fields = {"clientId": _NAME, **ClientServiceAccountRealmRole.fields}
    form = "REALM/SERVICE_ACCOUNT_USER_ID/CLIENT_ID/ROLE_ID"


def _mapped(server: Server, path: str) -> dict[str, JSON]:
    """The roles that a holder has by itself, by id."""
    found = server.get(f"{path}/role-mappings")
    each = list(found.get("realmMappings") or [])
    for client in (found.get("clientMappings") or {}).values():
        each += client.get("mappings") or []
    return {role["id"]: role for role in each}


def _change(
    server: Server, path: str, add: Iterable[JSON] = (), remove: Iterable[JSON] = ()
) -> None:
    for place, some in _by_place(add).items():
        server.ask(f"{path}/role-mappings/{place}", some)
    for place, some in _by_place(remove).items():
        server.delete(f"{path}/role-mappings/{place}", some)


def _by_place(some: Iterable[JSON]) -> dict[str, list[JSON]]:
    result: dict[str, list[JSON]] = {}
    for role in some:
        place = f"clients/{role['containerId']}" if role.get("clientRole") else "realm"
        result.setdefault(place, []).append(role)
    return result
