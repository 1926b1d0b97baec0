"""The provider: which types there are."""

import importlib
from typing import Any, Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.provider import Provider, installed
from cumulo.providers.core.resource import Function, Resource
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import settings
from cumulo.providers.keycloak.client_scopes import (
    ClientDefaultScopes,
    ClientOptionalScopes,
    ClientScope,
)
from cumulo.providers.keycloak.clients import Client
from cumulo.providers.keycloak.data_sources import (
    GetClient,
    GetClientServiceAccountUser,
    GetGroup,
    GetRealm,
    GetRole,
)
from cumulo.providers.keycloak.groups import Group
from cumulo.providers.keycloak.mappers import (
    AudienceProtocolMapper,
    GroupMembershipProtocolMapper,
    HardcodedClaimProtocolMapper,
    UserAttributeProtocolMapper,
    UserClientRoleProtocolMapper,
    UserRealmRoleProtocolMapper,
)
from cumulo.providers.keycloak.memberships import DefaultGroups, DefaultRoles, GroupMemberships
from cumulo.providers.keycloak.realms import Realm
from cumulo.providers.keycloak.role_mappings import (
    ClientServiceAccountRealmRole,
    ClientServiceAccountRole,
    GroupRoles,
    UserRoles,
)
from cumulo.providers.keycloak.roles import Role
from cumulo.providers.keycloak.server import Server
from cumulo.providers.keycloak.users import User

_VERSION: Final = "6.14.1"

RESOURCES: tuple[type[Resource[Server]], ...] = (
    AudienceProtocolMapper,
    Client,
    ClientDefaultScopes,
    ClientOptionalScopes,
    ClientScope,
    ClientServiceAccountRealmRole,
    ClientServiceAccountRole,
    DefaultGroups,
    DefaultRoles,
    Group,
    GroupMembershipProtocolMapper,
    GroupMemberships,
    GroupRoles,
    HardcodedClaimProtocolMapper,
    Realm,
    Role,
    User,
    UserAttributeProtocolMapper,
    UserClientRoleProtocolMapper,
    UserRealmRoleProtocolMapper,
    UserRoles,
)

FUNCTIONS: tuple[type[Function[Server]], ...] = (
    GetClient,
    GetClientServiceAccountUser,
    GetGroup,
    GetRealm,
    GetRole,
)


class Keycloak(Provider[Server]):
    """Stands in for the official `keycloak` provider."""

    def __init__(self) -> None:
        super().__init__(
            "keycloak",
            installed("pulumi-keycloak", _VERSION),
            {kind.token: kind() for kind in RESOURCES},
            {kind.token: kind() for kind in FUNCTIONS},
            settings.CONFIG,
        )

    def check_config(self, options: Properties) -> list[Failure]:
        return super().check_config(options) + settings.check(options)

    def connect(self, options: Properties) -> Server:
        return Server(options)

    def warm(self) -> None:
        """Imports what the first call needs, while the engine is still busy."""
        modules: tuple[Any, ...] = ("urllib3", "ssl", "json")
        for module in modules:
            importlib.import_module(module)
