"""Networks, servers, clusters, registries and buckets on OpenStack, as typed Pulumi components.

Each component takes one typed dictionary of arguments and has a `handle`: the small typed value
that the next component takes as input. Everything public is listed in `__all__`.
"""

from cumulo.infra.arguments import ArgumentError
from cumulo.infra.gpu_server import Gpu, GpuServer, GpuServerArgs, gpu_flavor
from cumulo.infra.kubernetes.addons.component import ClusterAddons, ClusterAddonsArgs
from cumulo.infra.kubernetes.addons.openstack import OpenStackArgs
from cumulo.infra.kubernetes.arguments import (
    ControlPlane,
    KubernetesClusterArgs,
    KubernetesHandle,
    NodePool,
)
from cumulo.infra.kubernetes.cluster import KubernetesCluster
from cumulo.infra.kubernetes.image import node_image
from cumulo.infra.load_balancer import (
    Listener,
    LoadBalancer,
    LoadBalancerArgs,
    LoadBalancerHandle,
    Monitor,
)
from cumulo.infra.network import Network, NetworkArgs, NetworkHandle
from cumulo.infra.object_store import ObjectStore, ObjectStoreArgs, ObjectStoreHandle
from cumulo.infra.registry.arguments import RegistryArgs, RegistryHandle
from cumulo.infra.registry.component import Registry
from cumulo.infra.registry.image import registry_image
from cumulo.infra.security_group import (
    MEMBERS,
    WORLD,
    Rule,
    SecurityGroup,
    SecurityGroupArgs,
    SecurityGroupHandle,
)
from cumulo.infra.server import InstanceArgs, Server, ServerArgs, ServerHandle
from cumulo.infra.server_pool import ServerPool, ServerPoolArgs, ServerPoolHandle

__all__ = [
    "MEMBERS",
    "WORLD",
    "ArgumentError",
    "ClusterAddons",
    "ClusterAddonsArgs",
    "ControlPlane",
    "Gpu",
    "GpuServer",
    "GpuServerArgs",
    "InstanceArgs",
    "KubernetesCluster",
    "KubernetesClusterArgs",
    "KubernetesHandle",
    "Listener",
    "LoadBalancer",
    "LoadBalancerArgs",
    "LoadBalancerHandle",
    "Monitor",
    "Network",
    "NetworkArgs",
    "NetworkHandle",
    "NodePool",
    "ObjectStore",
    "ObjectStoreArgs",
    "ObjectStoreHandle",
    "OpenStackArgs",
    "Registry",
    "RegistryArgs",
    "RegistryHandle",
    "Rule",
    "SecurityGroup",
    "SecurityGroupArgs",
    "SecurityGroupHandle",
    "Server",
    "ServerArgs",
    "ServerHandle",
    "ServerPool",
    "ServerPoolArgs",
    "ServerPoolHandle",
    "gpu_flavor",
    "node_image",
    "registry_image",
]
