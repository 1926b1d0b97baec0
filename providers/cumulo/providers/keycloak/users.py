"""Users."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, ListOf, MapOf, Object, One, SetOf
from cumulo.providers.core.values import UNKNOWN, Properties
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.identity import parts, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm
from cumulo.providers.keycloak.shape import MULTIPLE, Setting, same_values, setting


def lower_case(value: str) -> str | None:
    """What is wrong with a user's name."""
    return None if value == value.lower() else f"must be in lower case: {value.lower()}"


USER: Final = {
    "attributes": setting(Field(MapOf(STRING), same=same_values), "attributes", form=MULTIPLE),
    "email": setting(Field(), "email"),
    "emailVerified": setting(Field(BOOLEAN, default=False), "emailVerified"),
    "enabled": setting(Field(BOOLEAN, default=True), "enabled"),
    "federatedIdentities": Setting(
        Field(
            ListOf(
                Object(
                    {
                        "identityProvider": Field(required=True),
                        "userId": Field(required=True),
                        "userName": Field(required=True),
                    }
                )
            )
        )
    ),
    "firstName": setting(Field(), "firstName"),
    "import": Setting(Field(BOOLEAN, default=False, replace=True, local=True)),
    "initialPassword": Setting(
        Field(
            One(
                Object(
                    {
                        "temporary": Field(BOOLEAN, default=False),
                        "value": Field(required=True, secret=True),
                    }
                )
            ),
            local=True,
            once=True,
        )
    ),
    "lastName": setting(Field(), "lastName"),
    "realmId": Setting(Field(required=True, replace=True)),
    "requiredActions": setting(Field(SetOf(STRING)), "requiredActions"),
    "username": setting(Field(required=True, replace=True, check=lower_case), "username"),
}


class User(Resource[Server]):
    """`keycloak.User`: its id is Keycloak's."""

    token = "keycloak:index/user:User"
    fields = shape.fields(USER)

    def check(self, inputs: Properties) -> list[Failure]:
        given = inputs.get("federatedIdentities")
        if given is UNKNOWN or given:
            return [
                Failure("federatedIdentities", "is not supported by cumulo's keycloak provider")
            ]
        return []

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        if inputs.get("import") or not call.ours(inputs["realmId"]):
            return None
        found = by_name(call.cloud, inputs["realmId"], inputs["username"])
        if found is None or call.taken(found["id"]):
            return None
        return _get(call.cloud, inputs["realmId"], found["id"])

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        realm, name = inputs["realmId"], inputs["username"]
        if inputs.get("import"):
            found = by_name(call.cloud, realm, name)
            if found is None:
                raise ProviderError(f"there is no user '{name}' to import")
            return self.update(call, found["id"], {}, inputs, [])
        body = shape.write(USER, inputs)
        password = inputs.get("initialPassword")
        if password:
            # In the same request, so that there is never a user without.
            body["credentials"] = [
                {
                    "type": "password",
                    "value": password["value"],
                    "temporary": password.get("temporary") or False,
                }
            ]
        try:
            identity = call.cloud.post(f"{in_realm(realm)}/users", body)
        except KeycloakError as error:
            raise taken(error, f"user '{name}'", self.token, f"{realm}/ID") from error
        return _kept({**call.cloud.get(path(realm, identity)), "realm": realm}, inputs)

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        if state:
            return _get(call.cloud, state["realmId"], identity)
        realm, name = parts(identity, "REALM/USER")
        found = _get(call.cloud, realm, name)
        if found is None:
            named = by_name(call.cloud, realm, name)
            found = None if named is None else _get(call.cloud, realm, named["id"])
        return found

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(USER, observed, known)
        result["realmId"] = observed["realm"]
        result["federatedIdentities"] = []
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
        call.cloud.put(path(realm, identity), shape.write(USER, new, body))
        return _kept({**call.cloud.get(path(realm, identity)), "realm": realm}, new)

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        if not state.get("import"):
            call.cloud.delete(path(state["realmId"], identity))


def path(realm: str, identity: str) -> str:
    """The path of a user."""
    return f"{in_realm(realm)}/users/{identity}"


def by_name(server: Server, realm: str, name: str) -> JSON | None:
    """The user of a name, or `None` if there is none."""
    found = server.items(f"{in_realm(realm)}/users", username=name, exact="true")
    return next((user for user in found if user["username"] == name), None)


def _get(server: Server, realm: str, identity: str) -> JSON | None:
    found = server.find(path(realm, identity))
    return None if found is None else {**found, "realm": realm}


def _kept(found: JSON, inputs: Properties) -> JSON:
    """The user, whose attributes Keycloak may have dropped without a word."""
    dropped = (inputs.get("attributes") or {}).keys() - (found.get("attributes") or {}).keys()
    if dropped:
        names = ", ".join(sorted(dropped))
        raise NotReady(
            f"'attributes' has what the user profile of realm '{found['realm']}' does not, so that "
            f"Keycloak drops it: {names}; declare it in the realm's user profile, or leave it out",
            found,
        )
    return found
