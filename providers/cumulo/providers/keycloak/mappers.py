"""Protocol mappers: what gets into a client's tokens, by itself or through a client scope."""

from collections.abc import Mapping
from typing import ClassVar, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, Field
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.identity import marked, taken
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm
from cumulo.providers.keycloak.shape import QUOTED, Setting, setting

_OWNERS: Final[Mapping[str, str]] = {"clientId": "clients", "clientScopeId": "client-scopes"}
_IMPORTED: Final[Mapping[str, str]] = {"client": "clientId", "client-scope": "clientScopeId"}


def _config(name: str, field: Field | None = None) -> Setting:
    return setting(field or Field(), "config", name)


def _switch(name: str, *, default: bool = True) -> Setting:
    return setting(Field(BOOLEAN, default=default), "config", name, form=QUOTED)


_CLAIM: Final = _config("claim.name", Field(required=True))
_CLAIM_TYPE: Final = _config(
    "jsonType.label", Field(default="String", choices=("JSON", "String", "long", "int", "boolean"))
)
_TOKENS: Final = {
    "addToAccessToken": _switch("access.token.claim"),
    "addToIdToken": _switch("id.token.claim"),
}
_USERINFO: Final = {"addToUserinfo": _switch("userinfo.token.claim")}
_MULTIVALUED: Final = _switch("multivalued", default=False)


def _introspection(*, default: bool) -> dict[str, Setting]:
    return {"addToTokenIntrospection": _switch("introspection.token.claim", default=default)}


def _settings(config: Mapping[str, Setting], *, rename: bool = True) -> dict[str, Setting]:
    owner = Setting(Field(replace=True))
    return {
        **config,
        "clientId": owner,
        "clientScopeId": owner,
        "name": setting(Field(required=True, replace=not rename), "name"),
        "realmId": Setting(Field(required=True, replace=True)),
    }


class _Mapper(Resource[Server]):
    """A mapper: its id is Keycloak's."""

    settings: ClassVar[Mapping[str, Setting]]
    mapper: ClassVar[str]
    """Keycloak's word for what it does."""

    def check(self, inputs: Properties) -> list[Failure]:
        given = [key for key in _OWNERS if inputs.get(key) not in (None, "")]
        if len(given) == 1:
            return []
        wrong = (
            "cannot be set beside 'clientScopeId'" if given else "or 'clientScopeId' is required"
        )
        return [Failure("clientId", wrong)]

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        return self._get(call.cloud, inputs, marked(call)["id"])

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        body = {
            **shape.write(self.settings, inputs),
            **marked(call),
            "protocol": "openid-connect",
            "protocolMapper": self.mapper,
        }
        try:
            identity = call.cloud.post(_models(inputs), body)
        except KeycloakError as error:
            owner = "client" if inputs.get("clientId") else "client-scope"
            form = f"{inputs['realmId']}/{owner}/{_owner(inputs)}/ID"
            name = f"mapper '{inputs['name']}'"
            raise taken(error, name, self.token, form) from error
        return {**call.cloud.get(f"{_models(inputs)}/{identity}"), "owner": inputs}

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        if state:
            return self._get(call.cloud, state, identity)
        form = "REALM/client/CLIENT_ID/MAPPER_ID or REALM/client-scope/CLIENT_SCOPE_ID/MAPPER_ID"
        found = identity.split("/")
        if len(found) != 4 or not all(found) or found[1] not in _IMPORTED:
            raise ProviderError(f"the id to import must be {form}, unlike {identity!r}")
        owner = {"realmId": found[0], _IMPORTED[found[1]]: found[2]}
        return self._get(call.cloud, owner, found[3])

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(self.settings, observed, known)
        owner = observed["owner"]
        for key in (*_OWNERS, "realmId"):
            result[key] = owner.get(key) or None
        return result

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        at = f"{_models(new)}/{identity}"
        call.cloud.put(at, shape.write(self.settings, new, call.cloud.get(at)))
        return {**call.cloud.get(at), "owner": new}

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        call.cloud.delete(f"{_models(state)}/{identity}")

    def _get(self, server: Server, owner: Properties, identity: str) -> JSON | None:
        found = server.find(f"{_models(owner)}/{identity}")
        if found is None:
            return None
        if found["protocolMapper"] != self.mapper:
            raise ProviderError(
                f"mapper {identity} is of the kind {found['protocolMapper']}, where {self.token} "
                f"is {self.mapper}"
            )
        return {**found, "owner": owner}


class GroupMembershipProtocolMapper(_Mapper):
    """`keycloak.openid.GroupMembershipProtocolMapper`."""

    token = "keycloak:openid/groupMembershipProtocolMapper:GroupMembershipProtocolMapper"
    mapper = "oidc-group-membership-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_USERINFO,
            **_introspection(default=False),
            "claimName": _CLAIM,
            "fullPath": _switch("full.path"),
        },
        rename=False,
    )
    fields = shape.fields(settings)


class AudienceProtocolMapper(_Mapper):
    """`keycloak.openid.AudienceProtocolMapper`."""

    token = "keycloak:openid/audienceProtocolMapper:AudienceProtocolMapper"
    mapper = "oidc-audience-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_introspection(default=True),
            "includedClientAudience": _config(
                "included.client.audience", Field(excludes=("includedCustomAudience",))
            ),
            "includedCustomAudience": _config(
                "included.custom.audience", Field(excludes=("includedClientAudience",))
            ),
        }
    )
    fields = shape.fields(settings)


class UserRealmRoleProtocolMapper(_Mapper):
    """`keycloak.openid.UserRealmRoleProtocolMapper`."""

    token = "keycloak:openid/userRealmRoleProtocolMapper:UserRealmRoleProtocolMapper"
    mapper = "oidc-usermodel-realm-role-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_USERINFO,
            **_introspection(default=True),
            "claimName": _CLAIM,
            "claimValueType": _CLAIM_TYPE,
            "multivalued": _MULTIVALUED,
            "realmRolePrefix": _config("usermodel.realmRoleMapping.rolePrefix"),
        }
    )
    fields = shape.fields(settings)


class UserClientRoleProtocolMapper(_Mapper):
    """`keycloak.openid.UserClientRoleProtocolMapper`."""

    token = "keycloak:openid/userClientRoleProtocolMapper:UserClientRoleProtocolMapper"
    mapper = "oidc-usermodel-client-role-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_USERINFO,
            "claimName": _CLAIM,
            "claimValueType": _CLAIM_TYPE,
            "clientIdForRoleMappings": _config("usermodel.clientRoleMapping.clientId"),
            "clientRolePrefix": _config("usermodel.clientRoleMapping.rolePrefix"),
            "multivalued": _MULTIVALUED,
        }
    )
    fields = shape.fields(settings)


class UserAttributeProtocolMapper(_Mapper):
    """`keycloak.openid.UserAttributeProtocolMapper`."""

    token = "keycloak:openid/userAttributeProtocolMapper:UserAttributeProtocolMapper"
    mapper = "oidc-usermodel-attribute-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_USERINFO,
            **_introspection(default=True),
            "aggregateAttributes": _switch("aggregate.attrs", default=False),
            "claimName": _CLAIM,
            "claimValueType": _CLAIM_TYPE,
            "multivalued": _MULTIVALUED,
            "userAttribute": _config("user.attribute", Field(required=True)),
        }
    )
    fields = shape.fields(settings)


class HardcodedClaimProtocolMapper(_Mapper):
    """`keycloak.openid.HardcodedClaimProtocolMapper`."""

    token = "keycloak:openid/hardcodedClaimProtocolMapper:HardcodedClaimProtocolMapper"
    mapper = "oidc-hardcoded-claim-mapper"
    settings = _settings(
        {
            **_TOKENS,
            **_USERINFO,
            "claimName": _CLAIM,
            "claimValue": _config("claim.value", Field(required=True)),
            "claimValueType": _CLAIM_TYPE,
        }
    )
    fields = shape.fields(settings)


def _models(owner: Properties) -> str:
    kind = "clientId" if owner.get("clientId") else "clientScopeId"
    at = f"{in_realm(owner['realmId'])}/{_OWNERS[kind]}/{owner[kind]}"
    return f"{at}/protocol-mappers/models"


def _owner(inputs: Properties) -> str:
    return str(inputs.get("clientId") or inputs.get("clientScopeId"))
