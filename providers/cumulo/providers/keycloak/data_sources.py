"""Data sources: what is in Keycloak already."""

from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Function
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import Properties, Secret
from cumulo.providers.keycloak import clients, groups, roles, shape, users
from cumulo.providers.keycloak.client_settings import ATTRIBUTES
from cumulo.providers.keycloak.groups import GROUP
from cumulo.providers.keycloak.realms import Realm
from cumulo.providers.keycloak.roles import ROLE
from cumulo.providers.keycloak.server import JSON, Server, in_realm, segment
from cumulo.providers.keycloak.users import USER

_REQUIRED = Field(required=True)
_ANY = Field()


class GetRealm(Function[Server]):
    """`keycloak.get_realm`."""

    token = "keycloak:index/getRealm:getRealm"
    fields = {"realm": _REQUIRED}

    def invoke(self, call: Call[Server], arguments: Properties) -> Properties:
        found = call.cloud.find(in_realm(arguments["realm"]))
        if found is None:
            raise ProviderError(f"there is no realm '{arguments['realm']}'")
        result = Realm().observe(call, found, {"securityDefenses": {"headers": {}}})
        result["internationalizations"] = _several(result.pop("internationalization"))
        result["securityDefenses"] = _several(_defenses(result["securityDefenses"]))
        result["smtpServers"] = _several(_mail(result.pop("smtpServer")))
        result.pop("terraformDeletionProtection")
        return {**result, "id": found["realm"]}


class GetRole(Function[Server]):
    """`keycloak.get_role`."""

    token = "keycloak:index/getRole:getRole"
    fields = {"clientId": _ANY, "name": _REQUIRED, "realmId": _REQUIRED}

    def invoke(self, call: Call[Server], arguments: Properties) -> Properties:
        realm, client, name = arguments["realmId"], arguments.get("clientId"), arguments["name"]
        found = roles.by_name(call.cloud, realm, client, name)
        if found is None:
            where = f"client {client}" if client else f"realm '{realm}'"
            raise ProviderError(f"{where} has no role '{name}'")
        result = shape.read(ROLE, roles.whole(call.cloud, realm, found), {})
        result.pop("import")
        return {**result, "id": found["id"], "realmId": realm, "clientId": client}


class GetGroup(Function[Server]):
    """`keycloak.get_group`, by a name or by a path."""

    token = "keycloak:index/getGroup:getGroup"
    fields = {
        "groupPath": Field(excludes=("name",)),
        "name": Field(excludes=("groupPath",)),
        "realmId": _REQUIRED,
    }

    def invoke(self, call: Call[Server], arguments: Properties) -> Properties:
        realm, name, at = arguments["realmId"], arguments.get("name"), arguments.get("groupPath")
        if at:
            steps = "/".join(segment(step) for step in at.strip("/").split("/"))
            found = call.cloud.find(f"{in_realm(realm)}/group-by-path/{steps}")
        elif name:
            found = _anywhere(call.cloud, realm, name)
        else:
            raise ProviderError("'name' or 'groupPath' is required")
        if found is None:
            raise ProviderError(f"realm '{realm}' has no group '{at or name}'")
        found = call.cloud.get(groups.path(realm, found["id"]))
        result = shape.read(GROUP, found, {})
        return {
            **result,
            "organizationId": "",
            "groupPath": at,
            "id": found["id"],
            "parentId": found.get("parentId") or "",
            "realmId": realm,
        }


class GetClient(Function[Server]):
    """`keycloak.openid.get_client`."""

    token = "keycloak:openid/getClient:getClient"
    fields = {
        "clientId": _REQUIRED,
        "realmId": _REQUIRED,
    }

    def invoke(self, call: Call[Server], arguments: Properties) -> Properties:
        realm, name = arguments["realmId"], arguments["clientId"]
        found = clients.by_name(call.cloud, realm, name)
        if found is None:
            raise ProviderError(f"realm '{realm}' has no client '{name}'")
        found = clients.whole(call.cloud, realm, call.cloud.get(clients.path(realm, found["id"])))
        attributes = found.get("attributes") or {}
        others = {key: item for key, item in attributes.items() if key not in ATTRIBUTES}
        result = clients.properties(found, {"extraConfig": others})
        for key in ("clientSecretRegenerateWhenChanged", "clientSecretWo", "import"):
            result.pop(key)
        result.pop("clientSecretWoVersion")
        flows = "authenticationFlowBindingOverrides"
        result[flows] = _several(result[flows])
        result["authorizations"] = _several(result.pop("authorization"))
        result["clientSecret"] = Secret(result["clientSecret"])
        return {**result, "id": found["id"]}


class GetClientServiceAccountUser(Function[Server]):
    """`keycloak.openid.get_client_service_account_user`."""

    token = "keycloak:openid/getClientServiceAccountUser:getClientServiceAccountUser"
    fields = {"clientId": _REQUIRED, "realmId": _REQUIRED}

    def invoke(self, call: Call[Server], arguments: Properties) -> Properties:
        realm, client = arguments["realmId"], arguments["clientId"]
        at = clients.path(realm, client)
        if call.cloud.find(at) is None:
            raise ProviderError(
                f"realm '{realm}' has no client with the id '{client}', as 'clientId' says"
            )
        found = call.cloud.get(f"{at}/service-account-user")
        found = call.cloud.get(users.path(realm, found["id"]))
        result = shape.read(USER, found, {})
        for key in ("import", "initialPassword"):
            result.pop(key)
        return {
            **result,
            "clientId": client,
            "federatedIdentities": [],
            "id": found["id"],
            "realmId": realm,
        }


def _defenses(found: Any) -> Any:
    """The block, in which the data source has no strategy, and lists of one."""
    brute_force = found.pop("bruteForceDetection")
    if brute_force is not None:
        brute_force.pop("bruteForceStrategy")
    return {
        "bruteForceDetections": _several(brute_force),
        "headers": _several(found["headers"]),
    }


def _mail(found: Any) -> Any:
    """The block, in which the data source has lists of one."""
    if found is None:
        return None
    found.pop("allowUtf8")
    for one in ("auth", "tokenAuth"):
        found[f"{one}s"] = _several(found.pop(one))
    return found


def _several(value: Any) -> list[Any]:
    return [] if value is None else [value]


def _anywhere(server: Server, realm: str, name: str) -> JSON | None:
    """The first group of a name, wherever it is in the tree."""
    level = server.pages(f"{in_realm(realm)}/groups", search=name, exact="true")
    while level:
        for group in level:
            if group["name"] == name:
                return group
        level = [child for group in level for child in group.get("subGroups") or []]
    return None
