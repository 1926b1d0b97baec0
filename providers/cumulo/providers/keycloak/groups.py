"""Groups."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import STRING, Field, MapOf
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.identity import parts, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm
from cumulo.providers.keycloak.shape import MULTIPLE, Setting, same_values, setting

GROUP: Final = {
    "attributes": setting(Field(MapOf(STRING), same=same_values), "attributes", form=MULTIPLE),
    "description": setting(Field(computed=True), "description"),
    "name": setting(Field(required=True), "name"),
    "organizationId": Setting(Field(replace=True)),
    "parentId": Setting(Field(replace=True)),
    "path": setting(Field(output=True), "path"),
    "realmId": Setting(Field(required=True, replace=True)),
}


class Group(Resource[Server]):
    """`keycloak.Group`: its id is Keycloak's."""

    token = "keycloak:index/group:Group"
    fields = shape.fields(GROUP)

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        return frozenset({"path"} if "name" in changed else ())

    def check(self, inputs: Properties) -> list[Failure]:
        if inputs.get("organizationId") is None:
            return []
        return [Failure("organizationId", "is not supported by cumulo's keycloak provider")]

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        if not call.ours(inputs.get("parentId") or inputs["realmId"]):
            return None
        found = by_name(call.cloud, inputs["realmId"], inputs["name"], inputs.get("parentId") or "")
        if found is None or call.taken(found["id"]):
            return None
        return _get(call.cloud, inputs["realmId"], found["id"])

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        realm, parent = inputs["realmId"], inputs.get("parentId")
        try:
            identity = call.cloud.post(_children(realm, parent), shape.write(GROUP, inputs))
        except KeycloakError as error:
            name = f"group '{inputs['name']}'"
            raise taken(error, name, self.token, f"{realm}/ID") from error
        return {**call.cloud.get(path(realm, identity)), "realm": realm}

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId")
        if not state:
            realm, identity = parts(identity, "REALM/ID")
        return _get(call.cloud, str(realm), identity)

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(GROUP, observed, known)
        result["organizationId"] = ""
        result["parentId"] = observed.get("parentId") or ""
        result["realmId"] = observed["realm"]
        return result

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        realm = new["realmId"]
        body = call.cloud.get(path(realm, identity))
        call.cloud.put(path(realm, identity), shape.write(GROUP, new, body))
        return {**call.cloud.get(path(realm, identity)), "realm": realm}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        call.cloud.delete(path(state["realmId"], identity))


def path(realm: str, identity: str) -> str:
    """The path of a group."""
    return f"{in_realm(realm)}/groups/{identity}"


def by_name(server: Server, realm: str, name: str, parent: str = "") -> JSON | None:
    """The group of a name below a parent, or at the top; `None` if there is none."""
    found = server.pages(_children(realm, parent), search=name, exact="true")
    return next((group for group in found if group["name"] == name), None)


def _children(realm: str, parent: str | None) -> str:
    return f"{path(realm, parent)}/children" if parent else f"{in_realm(realm)}/groups"


def _get(server: Server, realm: str, identity: str) -> JSON | None:
    found = server.find(path(realm, identity))
    return None if found is None else {**found, "realm": realm}
