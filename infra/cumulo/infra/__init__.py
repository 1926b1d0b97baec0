"""Networks, servers and load balancers on OpenStack, as typed Pulumi components.

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
    "OpenStackArgs",
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
]
