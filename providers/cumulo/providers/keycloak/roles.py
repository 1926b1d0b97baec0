"""Roles, of a realm or of a client."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, MapOf, SetOf
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.identity import parts, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm, segment
from cumulo.providers.keycloak.shape import MULTIPLE, Setting, same_values_or_none, setting

_BUILT_IN: Final = ("default-roles-", "offline_access", "uma_authorization")
"""How roles begin that each realm has, whoever made it."""

ROLE: Final = {
    "attributes": setting(
        Field(MapOf(STRING), computed=True, same=same_values_or_none),
        "attributes",
        form=MULTIPLE,
    ),
    "clientId": Setting(Field(replace=True)),
    "compositeRoles": setting(Field(SetOf(STRING), computed=True), "composites"),
    "description": setting(Field(computed=True), "description"),
    "import": Setting(Field(BOOLEAN, default=False, replace=True, local=True)),
    "name": setting(Field(required=True), "name"),
    "realmId": Setting(Field(required=True, replace=True)),
}


class Role(Resource[Server]):
    """`keycloak.Role`: its id is Keycloak's."""

    token = "keycloak:index/role:Role"
    fields = shape.fields(ROLE)

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        name = inputs["name"]
        owner = inputs.get("clientId") or inputs["realmId"]
        if inputs.get("import") or name.startswith(_BUILT_IN) or not call.ours(owner):
            return None
        found = by_name(call.cloud, inputs["realmId"], inputs.get("clientId"), name)
        if found is None or call.taken(found["id"]):
            return None
        return whole(call.cloud, inputs["realmId"], found)

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        server, realm, client = call.cloud, inputs["realmId"], inputs.get("clientId")
        if inputs.get("import"):
            found = by_name(server, realm, client, inputs["name"])
            if found is None:
                raise ProviderError(f"there is no role '{inputs['name']}' to import")
            return self.update(call, found["id"], {}, inputs, [])
        body = _body(inputs, None)
        try:
            server.post(_roles(realm, client), body)
        except KeycloakError as error:
            name = f"role '{inputs['name']}'"
            raise taken(error, name, self.token, f"{realm}/ID") from error
        made = by_name(server, realm, client, inputs["name"])
        if made is None:
            raise ProviderError(f"role '{inputs['name']}' was deleted while it was made")
        _set_composites(server, realm, made["id"], inputs.get("compositeRoles"))
        return whole(server, realm, server.get(_by_id(realm, made["id"])))

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId")
        if not state:
            realm, identity = parts(identity, "REALM/ID")
        found = call.cloud.find(_by_id(str(realm), identity))
        return None if found is None else whole(call.cloud, str(realm), found)

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(ROLE, observed, known)
        result["realmId"] = observed["realm"]
        result["clientId"] = observed["containerId"] if observed.get("clientRole") else ""
        return result

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        server, realm = call.cloud, new["realmId"]
        body = server.get(_by_id(realm, identity))
        server.put(_by_id(realm, identity), _body(new, body))
        _set_composites(server, realm, identity, new.get("compositeRoles"))
        return whole(server, realm, server.get(_by_id(realm, identity)))

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        if not state.get("import"):
            call.cloud.delete(_by_id(state["realmId"], identity))


def by_name(server: Server, realm: str, client: str | None, name: str) -> JSON | None:
    """A realm's role, or a client's; `None` if there is none."""
    return server.find(f"{_roles(realm, client)}/{segment(name)}")


def by_id(server: Server, realm: str, identity: str) -> JSON:
    """A role.

    Raises:
        ProviderError: There is none.
    """
    found = server.find(_by_id(realm, identity))
    if found is None:
        raise ProviderError(f"realm '{realm}' has no role with the id {identity}")
    return found


def whole(server: Server, realm: str, found: JSON) -> JSON:
    """A role with its realm, and with the ids of the roles that it is composed of."""
    composites: list[str] = []
    if found.get("composite"):
        path = f"{_by_id(realm, found['id'])}/composites"
        composites = [role["id"] for role in server.items(path)]
    return {**found, "realm": realm, "composites": composites}


def _body(inputs: Properties, present: JSON | None) -> JSON:
    body = shape.write(ROLE, inputs, present)
    # Keycloak knows them by names here; they are set by their ids.
    body.pop("composites", None)
    return body


def _set_composites(server: Server, realm: str, identity: str, wanted: list[str] | None) -> None:
    if wanted is None:
        return
    path = f"{_by_id(realm, identity)}/composites"
    present = {role["id"]: role for role in server.items(path)}
    gone = [role for at, role in present.items() if at not in wanted]
    if gone:
        server.delete(path, gone)
    new = [by_id(server, realm, at) for at in wanted if at not in present]
    if new:
        server.ask(path, new)


def _roles(realm: str, client: str | None) -> str:
    return f"{in_realm(realm)}/clients/{client}/roles" if client else f"{in_realm(realm)}/roles"


def _by_id(realm: str, identity: str) -> str:
    return f"{in_realm(realm)}/roles-by-id/{identity}"
