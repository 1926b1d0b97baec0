"""One environment: a network, servers with and without GPUs, and a web service in front."""

from typing import cast

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra import (
    ClusterAddons,
    ClusterAddonsArgs,
    GpuServer,
    InstanceArgs,
    KubernetesCluster,
    LoadBalancer,
    Network,
    NodePool,
    RegistryHandle,
    Rule,
    SecurityGroup,
    ServerHandle,
    ServerPool,
    node_image,
)
from pulumi_openstack import compute
from registry import make_registry
from service import user_data
from settings import NodePoolSettings, Settings, stack_config

SERVICE_PORT = 8080

settings = Settings.parse(stack_config(), pulumi.get_project(), pulumi.get_stack())
access = settings.access

network = Network(
    "cumulo",
    {
        "cidr": str(settings.network.cidr),
        "external_network": settings.network.external_network,
        "dns_nameservers": settings.network.dns_nameservers,
    },
)

login_rules: dict[str, Rule] = {}
if access.ssh_from is not None:
    login_rules = {
        "ssh": {"protocol": "tcp", "port": 22, "remote": access.ssh_from},
        "ping": {"protocol": "icmp", "remote": access.ssh_from},
    }
login = SecurityGroup("login", {"rules": login_rules})
web = SecurityGroup(
    "web",
    {
        "rules": {
            "clients": {
                "protocol": "tcp",
                "port": SERVICE_PORT,
                "remote": settings.service.clients,
            },
            # The load balancer's monitor asks from an address in the network.
            "monitor": {
                "protocol": "tcp",
                "port": SERVICE_PORT,
                "remote": str(settings.network.cidr),
            },
        }
    },
)

key_pair: dict[str, pulumi.Output[str]] = {}
if access.ssh_public_key is not None:
    login_key = compute.Keypair(
        "login", name=f"cumulo-{pulumi.get_stack()}", public_key=access.ssh_public_key
    )
    key_pair = {"key_pair": login_key.name}
common: InstanceArgs = {
    "image": settings.image,
    "network": network.handle,
    "security_groups": [login.handle],
    "floating_ip": settings.servers.floating_ips,
    **key_pair,  # type: ignore[typeddict-item]
}

pool = ServerPool(
    "web",
    {
        **common,
        "count": settings.servers.cpu_count,
        "at_once": settings.servers.at_once,
        "policy": "soft-anti-affinity",
        "flavor": settings.servers.cpu_flavor,
        "security_groups": [login.handle, web.handle],
        "user_data": user_data(SERVICE_PORT),
    },
)
servers = list(pool.handle.servers)
if settings.gpu_server is not None:
    gpu_server = GpuServer(
        "gpu",
        {
            **common,
            "gpu": {
                "model": settings.gpu_server.model,
                "count": settings.gpu_server.count,
                "flavors": settings.gpu_server.flavors,
            },
        },
    )
    servers.append(gpu_server.handle)
    pulumi.export("gpu_flavor", gpu_server.flavor)

balancer = LoadBalancer(
    "web",
    {
        "network": network.handle,
        "listeners": {
            "http": {
                "port": settings.service.port,
                "member_port": SERVICE_PORT,
                "members": pool.handle.servers,
            }
        },
        "floating_ip": True,
    },
)

mirror: dict[str, RegistryHandle] = {}
if settings.registry is not None:
    registry = make_registry(settings.registry, network.handle)
    mirror = {"registry_mirror": registry}
    pulumi.export("registry", registry.outputs())

cluster_endpoints: dict[str, pulumi.Output[str]] = {}
if settings.kubernetes is not None:

    def node_pool(wanted: NodePoolSettings) -> NodePool:
        """A pool, as the component takes it: what is not set is left out."""
        return cast("NodePool", wanted.model_dump(exclude_none=True))

    # Only to say more where a node does not join.
    entry = pulumi.Config("openstack").get("cloud")
    console_cloud = {} if entry is None else {"console_cloud": entry}
    cluster = KubernetesCluster(
        "kubernetes",
        {
            "network": network.handle,
            "image": node_image(settings.kubernetes.version),
            "version": settings.kubernetes.version,
            "control_plane": {
                "count": settings.kubernetes.control_plane.count,
                "flavor": settings.kubernetes.control_plane.flavor,
                "replaceable": settings.kubernetes.control_plane.replaceable,
            },
            "pools": {name: node_pool(pool) for name, pool in settings.kubernetes.pools.items()},
            "api_clients": settings.kubernetes.api_clients,
            "node_port_clients": settings.kubernetes.service_clients,
            "cloud_provider": True,
            **console_cloud,  # type: ignore[typeddict-item]
            **mirror,
            **key_pair,
        },
    )
    api = k8s.Provider("kubernetes", kubeconfig=cluster.handle.kubeconfig)
    addons: ClusterAddonsArgs = {
        "cluster": cluster.handle,
        "openstack": {"network": network.handle},
        "storage": settings.kubernetes.storage,
    }
    if settings.kubernetes.gpus is not None:
        addons["gpus"] = settings.kubernetes.gpus
    ClusterAddons("kubernetes", addons, pulumi.ResourceOptions(provider=api))
    cluster_endpoints["kubernetes"] = cluster.handle.endpoint.apply(
        lambda endpoint: f"{endpoint}/readyz"
    )
    pulumi.export("kubeconfig", cluster.handle.kubeconfig)


def login_url(server: ServerHandle) -> pulumi.Output[str | None]:
    """Where to log in to a server from outside, if that is possible."""
    open_to_some = access.ssh_from is not None
    return server.floating_address.apply(
        lambda address: f"ssh://{address}:22" if address and open_to_some else None
    )


service_url = balancer.handle.endpoints["http"].apply(lambda endpoint: f"http://{endpoint}/")
pulumi.export("service_url", service_url)
pulumi.export(
    "servers",
    {
        server.name: {
            "address": server.address,
            "floating_address": server.floating_address,
        }
        for server in servers
    },
)
# What `check.py` waits for.
pulumi.export(
    "endpoints",
    {
        "service": service_url,
        **{server.name: login_url(server) for server in servers},
        **cluster_endpoints,
    },
)
