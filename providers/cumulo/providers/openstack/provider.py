"""The provider: which types there are."""

import importlib
from collections.abc import Iterable

from cumulo.providers.core.provider import Provider, installed
from cumulo.providers.core.resource import Function, Resource
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack.application_credential import ApplicationCredential
from cumulo.providers.openstack.cloud import CONFIG, OTHER_CONFIG, Cloud
from cumulo.providers.openstack.containers import Container
from cumulo.providers.openstack.data_sources import (
    GetAuthScope,
    GetAvailabilityZones,
    GetFlavor,
    GetNetwork,
    GetSubnet,
)
from cumulo.providers.openstack.ec2_credential import Ec2CredentialV3
from cumulo.providers.openstack.flavor import Flavor
from cumulo.providers.openstack.floating import FloatingIp, FloatingIpAssociate
from cumulo.providers.openstack.identity_sources import GetProject, GetRole, GetUser
from cumulo.providers.openstack.images import GetImage, Image
from cumulo.providers.openstack.instances import Instance
from cumulo.providers.openstack.keypair import Keypair
from cumulo.providers.openstack.loadbalancer import Listener, LoadBalancer, Monitor, Pool
from cumulo.providers.openstack.members import Member, Members
from cumulo.providers.openstack.networks import Network, Subnet
from cumulo.providers.openstack.ports import Port
from cumulo.providers.openstack.projects import Project
from cumulo.providers.openstack.quotas import QuotaSetV2, QuotaV2
from cumulo.providers.openstack.role_assignment import RoleAssignment
from cumulo.providers.openstack.routers import Router, RouterInterface
from cumulo.providers.openstack.security import SecGroup, SecGroupRule
from cumulo.providers.openstack.server_group import ServerGroup
from cumulo.providers.openstack.users import User

_VERSION = "5.5.3"

RESOURCES: tuple[type[Resource[Cloud]], ...] = (
    ApplicationCredential,
    Container,
    Ec2CredentialV3,
    Flavor,
    FloatingIp,
    FloatingIpAssociate,
    Image,
    Instance,
    Keypair,
    Listener,
    LoadBalancer,
    Member,
    Members,
    Monitor,
    Network,
    Pool,
    Port,
    Project,
    QuotaSetV2,
    QuotaV2,
    RoleAssignment,
    Router,
    RouterInterface,
    SecGroup,
    SecGroupRule,
    ServerGroup,
    Subnet,
    User,
)

FUNCTIONS: tuple[type[Function[Cloud]], ...] = (
    GetAuthScope,
    GetAvailabilityZones,
    GetFlavor,
    GetImage,
    GetNetwork,
    GetProject,
    GetRole,
    GetSubnet,
    GetUser,
)


class OpenStack(Provider[Cloud]):
    """Stands in for the official `openstack` provider."""

    def __init__(self) -> None:
        super().__init__(
            "openstack",
            installed("pulumi-openstack", _VERSION),
            _by_token(RESOURCES),
            {kind.token: kind() for kind in FUNCTIONS},
            frozenset(CONFIG) | OTHER_CONFIG,
        )

    def elsewhere(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        # Other credentials reach the same objects; another region does not have them.
        return [key for key in changed if key == "region"]

    def connect(self, options: Properties) -> Cloud:
        return Cloud(options)

    def warm(self) -> None:
        """Imports what the first call needs, while the engine is still busy."""
        for module in ("keystoneauth1.session", "keystoneauth1.adapter", "openstack.config"):
            importlib.import_module(module)


def _by_token(kinds: Iterable[type[Resource[Cloud]]]) -> dict[str, Resource[Cloud]]:
    return {kind.token: kind() for kind in kinds}
