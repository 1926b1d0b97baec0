"""OpenID Connect clients."""

from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.client_settings import ATTRIBUTES, CLIENT, FLOWS
from cumulo.providers.keycloak.identity import marked, parts, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm

_FLOWS = "authenticationFlowBindingOverrides"


class Client(Resource[Server]):
    """`keycloak.openid.Client`: its id is Keycloak's, its `clientId` the name it logs in by."""

    token = "keycloak:openid/client:Client"
    named = ("clientId", "name")
    fields = shape.fields(CLIENT)
    schema_version = 1

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        secret = {"clientSecretRegenerateWhenChanged", "accessType"} & changed
        account = {"serviceAccountsEnabled"} & changed
        return frozenset(
            (["clientSecret"] if secret else []) + (["serviceAccountUserId"] if account else [])
        )

    def check(self, inputs: Properties) -> list[Failure]:
        return _check(plain(inputs))

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        if inputs.get("import"):
            return None
        return _get(call.cloud, inputs["realmId"], marked(call)["id"])

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        server, realm, name = call.cloud, inputs["realmId"], inputs["clientId"]
        if inputs.get("import"):
            found = by_name(server, realm, name)
            if found is None:
                raise ProviderError(f"realm '{realm}' has no client '{name}' to import")
            return self.update(call, found["id"], {}, inputs, [])
        body = {**shape.write(CLIENT, inputs), **marked(call), "protocol": "openid-connect"}
        _complete(body, inputs, {})
        secret = inputs.get("clientSecretWo") or inputs.get("clientSecret")
        if secret:
            body["secret"] = secret
        try:
            identity = server.post(f"{in_realm(realm)}/clients", body)
        except KeycloakError as error:
            raise taken(error, f"client '{name}'", self.token, f"{realm}/ID") from error
        return whole(server, realm, server.get(path(realm, identity)))

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        realm = state.get("realmId")
        if not state:
            realm, identity = parts(identity, "REALM/ID")
        return _get(call.cloud, str(realm), identity)

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        return properties(observed, known)

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        server, realm = call.cloud, new["realmId"]
        at = path(realm, identity)
        changed = {change.key for change in changes}
        body = server.get(at)
        shape.write(CLIENT, new, body)
        _complete(body, new, old.get("extraConfig") or {})
        # What Keycloak tells of it in the object is not to be written back.
        body.pop("secret", None)
        if new.get("clientSecret"):
            body["secret"] = new["clientSecret"]
        elif new.get("clientSecretWo") and (not old or "clientSecretWoVersion" in changed):
            body["secret"] = new["clientSecretWo"]
        server.put(at, body)
        if old and "clientSecretRegenerateWhenChanged" in changed:
            server.ask(f"{at}/client-secret")
        return whole(server, realm, server.get(at))

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        if not state.get("import"):
            call.cloud.delete(path(state["realmId"], identity))


def path(realm: str, identity: str) -> str:
    """The path of a client."""
    return f"{in_realm(realm)}/clients/{identity}"


def by_name(server: Server, realm: str, name: str) -> JSON | None:
    """The client with a `clientId`, or `None` if there is none."""
    found = server.items(f"{in_realm(realm)}/clients", clientId=name)
    return found[0] if found else None


def whole(server: Server, realm: str, found: JSON) -> JSON:
    """A client with its realm, its secret, and its service account."""
    at = path(realm, found["id"])
    secret, account = found.get("secret"), ""
    if not found.get("publicClient") and not found.get("bearerOnly"):
        secret = server.get(f"{at}/client-secret").get("value")
    if found.get("serviceAccountsEnabled"):
        account = server.get(f"{at}/service-account-user")["id"]
    return {**found, "realm": realm, "secret": secret or "", "account": account}


def properties(found: JSON, known: Properties) -> Properties:
    """The properties of what `whole` gives."""
    result = shape.read(CLIENT, found, known)
    access = "PUBLIC" if found.get("publicClient") else "CONFIDENTIAL"
    flows = found.get(_FLOWS) or {}
    attributes = found.get("attributes") or {}
    result |= {
        "accessType": "BEARER-ONLY" if found.get("bearerOnly") else access,
        _FLOWS: shape.read(FLOWS, found, {}) if any(flows.values()) else None,
        "authorization": None,
        "clientSecret": None if known.get("clientSecretWoVersion") else found["secret"],
        "extraConfig": {
            key: attributes[key] for key in known.get("extraConfig") or {} if attributes.get(key)
        },
        "realmId": found["realm"],
        "resourceServerId": "",
        "serviceAccountUserId": found["account"],
    }
    return result


def _get(server: Server, realm: str, identity: str) -> JSON | None:
    found = server.find(path(realm, identity))
    return None if found is None else whole(server, realm, found)


def _complete(body: JSON, inputs: Properties, extra_before: Properties) -> None:
    access = inputs["accessType"]
    body |= {"publicClient": access == "PUBLIC", "bearerOnly": access == "BEARER-ONLY"}
    flows = inputs.get(_FLOWS)
    if flows is not None or body.get(_FLOWS):
        shape.write(FLOWS, flows or {}, body)
    extra = inputs.get("extraConfig") or {}
    # An attribute goes when it is empty, and only then.
    gone = dict.fromkeys(extra_before.keys() - extra.keys(), "")
    body["attributes"] = {**(body.get("attributes") or {}), **gone, **extra}


def _check(given: Properties) -> list[Failure]:
    failures = []
    if given.get("authorization") is not None:
        failures.append(Failure("authorization", "is not supported by cumulo's keycloak provider"))
    extra = given.get("extraConfig")
    if isinstance(extra, dict):
        failures += [
            Failure(f"extraConfig.{key}", "has a property of its own, which is to be used")
            for key in sorted(extra.keys() & ATTRIBUTES)
        ]
    for key, other in (
        ("clientSecretWo", "clientSecretWoVersion"),
        ("clientSecretWoVersion", "clientSecretWo"),
    ):
        if given.get(key) is not None and given.get(other) is None:
            failures.append(Failure(other, f"is required beside '{key}'"))
    return failures + _check_flows(given)


def _check_flows(given: Properties) -> list[Failure]:
    flows = ("standardFlowEnabled", "implicitFlowEnabled", "directAccessGrantsEnabled")
    keys = (*flows, "accessType", "serviceAccountsEnabled", "standardTokenExchangeEnabled")
    if any(given.get(key) is UNKNOWN for key in keys):
        return []
    on = [key for key in (*flows, "serviceAccountsEnabled") if given.get(key) is True]
    access = given["accessType"]
    if access == "BEARER-ONLY":
        return [
            Failure(key, "cannot be true for accessType BEARER-ONLY, which gets no tokens")
            for key in on
        ]
    failures = []
    if access == "PUBLIC":
        failures += [
            Failure(key, "cannot be true for accessType PUBLIC, which has no secret")
            for key in ("serviceAccountsEnabled", "standardTokenExchangeEnabled")
            if given.get(key) is True
        ]
    redirects = bool({"standardFlowEnabled", "implicitFlowEnabled"} & set(on))
    if redirects and _empty(given.get("validRedirectUris")):
        failures.append(
            Failure("validRedirectUris", "is required for the standard and the implicit flow")
        )
    if not redirects and _some(given.get("validRedirectUris")):
        failures.append(
            Failure("validRedirectUris", "needs standardFlowEnabled or implicitFlowEnabled")
        )
    if not redirects and flows[2] not in on and _some(given.get("webOrigins")):
        failures.append(Failure("webOrigins", "needs a flow that a browser can use"))
    return failures


def _empty(value: Any) -> bool:
    return value is None or value == []


def _some(value: Any) -> bool:
    return not has_unknown(value) and bool(value)
