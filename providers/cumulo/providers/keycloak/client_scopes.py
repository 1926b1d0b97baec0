"""Client scopes, and which of them a client has."""

from typing import ClassVar, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, INTEGER, STRING, Field, Fields, MapOf, SetOf
from cumulo.providers.core.values import Properties, plain
from cumulo.providers.keycloak import clients, shape
from cumulo.providers.keycloak.identity import marked, parts, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm
from cumulo.providers.keycloak.shape import NUMERAL, QUOTED, Setting, setting

SCOPE: Final = {
    "consentScreenText": setting(Field(), "attributes", "consent.screen.text"),
    "description": setting(Field(computed=True), "description"),
    "extraConfig": Setting(Field(MapOf(STRING))),
    "guiOrder": setting(Field(INTEGER), "attributes", "gui.order", form=NUMERAL),
    "includeInOpenidProviderMetadata": setting(
        Field(BOOLEAN, default=True),
        "attributes",
        "include.in.openid.provider.metadata",
        form=QUOTED,
    ),
    "includeInTokenScope": setting(
        Field(BOOLEAN, default=True), "attributes", "include.in.token.scope", form=QUOTED
    ),
    "name": setting(Field(required=True), "name"),
    "realmId": Setting(Field(required=True, replace=True)),
}
_SHOWN: Final = "display.on.consent.screen"
_ATTRIBUTES: Final = frozenset(
    {_SHOWN, *(each.path[1] for each in SCOPE.values() if each.path[:1] == ("attributes",))}
)


class ClientScope(Resource[Server]):
    """`keycloak.openid.ClientScope`: its id is Keycloak's."""

    token = "keycloak:openid/clientScope:ClientScope"
    fields = shape.fields(SCOPE)

    def check(self, inputs: Properties) -> list[Failure]:
        extra = plain(inputs.get("extraConfig"))
        if not isinstance(extra, dict):
            return []
        return [
            Failure(f"extraConfig.{key}", "has a property of its own, which is to be used")
            for key in sorted(extra.keys() & _ATTRIBUTES)
        ]

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        return _get(call.cloud, inputs["realmId"], marked(call)["id"])

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        realm = inputs["realmId"]
        body = {**shape.write(SCOPE, inputs), **marked(call), "protocol": "openid-connect"}
        _complete(body, inputs, {})
        try:
            identity = call.cloud.post(f"{in_realm(realm)}/client-scopes", body)
        except KeycloakError as error:
            name = f"client scope '{inputs['name']}'"
            raise taken(error, name, self.token, f"{realm}/ID") from error
        return {**call.cloud.get(_path(realm, identity)), "realm": realm}

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId")
        if not state:
            realm, identity = parts(identity, "REALM/ID")
        return _get(call.cloud, str(realm), identity)

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(SCOPE, observed, known)
        attributes = observed.get("attributes") or {}
        result["realmId"] = observed["realm"]
        result["extraConfig"] = {
            key: attributes[key] for key in known.get("extraConfig") or {} if attributes.get(key)
        }
        if attributes.get(_SHOWN) == "false":
            result["consentScreenText"] = ""
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
        body = call.cloud.get(_path(realm, identity))
        # They are objects of their own.
        body.pop("protocolMappers", None)
        shape.write(SCOPE, new, body)
        _complete(body, new, old.get("extraConfig") or {})
        call.cloud.put(_path(realm, identity), body)
        return {**call.cloud.get(_path(realm, identity)), "realm": realm}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        call.cloud.delete(_path(state["realmId"], identity))


class ClientDefaultScopes(Resource[Server]):
    """`keycloak.openid.ClientDefaultScopes`: its id is the realm and the client."""

    token = "keycloak:openid/clientDefaultScopes:ClientDefaultScopes"
    key: ClassVar[str] = "defaultScopes"
    kind: ClassVar[str] = "default"
    other: ClassVar[str] = "optional"
    fields: ClassVar[Fields] = {
        "clientId": Field(required=True, replace=True),
        "defaultScopes": Field(SetOf(STRING), required=True),
        "realmId": Field(required=True, replace=True),
    }

    def identify(self, observed: Observed) -> str:
        return f"{observed['realmId']}/{observed['clientId']}"

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        return self.update(call, "", {}, inputs, [])

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        if state:
            realm, client = state["realmId"], state["clientId"]
        else:
            realm, client = parts(identity, "REALM/CLIENT_ID")
        if call.cloud.find(clients.path(realm, client)) is None:
            return None
        return self._observed(realm, client, list(_of(call.cloud, realm, client, self.kind)))

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
        server, realm, client, wanted = call.cloud, new["realmId"], new["clientId"], new[self.key]
        at = clients.path(realm, client)
        if server.get(at).get("bearerOnly"):
            raise ProviderError(
                f"'clientId' {client} is a client of accessType BEARER-ONLY, which has no scopes"
            )
        present = _of(server, realm, client, self.kind)
        missing = [name for name in wanted if name not in present]
        known = _ids(server.items(f"{in_realm(realm)}/client-scopes")) if missing else {}
        others = _of(server, realm, client, self.other) if missing else {}
        for name in missing:
            if name not in known:
                raise ProviderError(
                    f"realm '{realm}' has no client scope '{name}', which '{self.key}' names"
                )
            if name in others:
                # Keycloak would say nothing, and change nothing.
                raise ProviderError(
                    f"'{name}', which '{self.key}' names, is one of the client's {self.other} "
                    f"scopes: have them set without it first (depends_on)"
                )
        for name in present.keys() - set(wanted):
            server.delete(f"{at}/{self.kind}-client-scopes/{present[name]}")
        for name in missing:
            server.put(f"{at}/{self.kind}-client-scopes/{known[name]}")
        return self._observed(realm, client, wanted)

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        realm, client = state["realmId"], state["clientId"]
        if call.cloud.find(clients.path(realm, client)) is None:
            return
        present = _of(call.cloud, realm, client, self.kind)
        for name in state.get(self.key) or []:
            if name in present:
                call.cloud.delete(
                    f"{clients.path(realm, client)}/{self.kind}-client-scopes/{present[name]}"
                )

    def _observed(self, realm: str, client: str, names: list[str]) -> Observed:
        return {"clientId": client, "realmId": realm, self.key: names}


class ClientOptionalScopes(ClientDefaultScopes):
    """`keycloak.openid.ClientOptionalScopes`: its id is the realm and the client."""

    token = "keycloak:openid/clientOptionalScopes:ClientOptionalScopes"
    key = "optionalScopes"
    kind = "optional"
    other = "default"
    fields = {
        "clientId": Field(required=True, replace=True),
        "optionalScopes": Field(SetOf(STRING), required=True),
        "realmId": Field(required=True, replace=True),
    }


def _complete(body: JSON, inputs: Properties, extra_before: Properties) -> None:
    attributes = body.setdefault("attributes", {})
    attributes[_SHOWN] = "true" if inputs.get("consentScreenText") else "false"
    extra = inputs.get("extraConfig") or {}
    attributes |= dict.fromkeys(extra_before.keys() - extra.keys(), "") | extra


def _get(server: Server, realm: str, identity: str) -> JSON | None:
    found = server.find(_path(realm, identity))
    return None if found is None else {**found, "realm": realm}


def _path(realm: str, identity: str) -> str:
    return f"{in_realm(realm)}/client-scopes/{identity}"


def _of(server: Server, realm: str, client: str, kind: str) -> dict[str, str]:
    return _ids(server.items(f"{clients.path(realm, client)}/{kind}-client-scopes"))


def _ids(scopes: list[JSON]) -> dict[str, str]:
    return {scope["name"]: scope["id"] for scope in scopes}
