"""A Kubernetes cluster that comes up by itself: servers, their user data, and a load balancer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Literal, NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
    title,
)
from cumulo.infra.gpu_server import Gpu, gpu_flavor
from cumulo.infra.handle import Handle
from cumulo.infra.kubernetes import user_data
from cumulo.infra.kubernetes.pki import Pki
from cumulo.infra.kubernetes.user_data import API_PORT, Cluster, Secrets
from cumulo.infra.load_balancer import LoadBalancer
from cumulo.infra.network import NetworkHandle
from cumulo.infra.security_group import MEMBERS, Rule, SecurityGroup, check_remote
from cumulo.infra.server import Server, ServerHandle
from cumulo.infra.versions import KUBERNETES
from pulumi_openstack import compute

PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"
NODE_PORTS = (30000, 32767)


@dataclass(frozen=True, kw_only=True)
class KubernetesHandle(Handle):
    """A cluster that workloads can be put on.

    Attributes:
        kubeconfig: The administrator's, a secret: the content, not a path.
        endpoint: The API's URL, as clients reach it.
        nodes: Each node's name and private address.
        pod_range: The range of pods' addresses.
        service_range: The range of services' addresses.
        cloud_provider: Whether nodes wait for a cloud controller manager.
    """

    kubeconfig: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    nodes: pulumi.Output[Mapping[str, str]]
    pod_range: pulumi.Input[str]
    service_range: pulumi.Input[str]
    cloud_provider: pulumi.Input[bool]


class ControlPlane(TypedDict):
    """The servers that run the cluster itself, and its etcd."""

    count: int
    """1, or 3 to survive the loss of any one."""
    flavor: pulumi.Input[str]
    """Their flavor, by name."""


class NodePool(TypedDict):
    """Nodes that are all alike."""

    count: int
    """How many nodes."""
    flavor: NotRequired[pulumi.Input[str]]
    """Their flavor, by name; or `gpu`."""
    gpu: NotRequired[Gpu]
    """The GPUs that each has; the flavor is found by them. Such nodes get the taint
    `nvidia.com/gpu=present:NoSchedule`, and labels with model and count."""
    labels: NotRequired[Mapping[str, str]]
    """Their labels."""
    taints: NotRequired[Sequence[str]]
    """Their taints, as `key=value:NoSchedule`."""
    image: NotRequired[pulumi.Input[str]]
    """Their image, by name, if not the cluster's."""


class KubernetesClusterArgs(TypedDict):
    """Arguments of `KubernetesCluster`."""

    network: NetworkHandle
    """The network that its servers are on."""
    image: pulumi.Input[str]
    """The node image, by name."""
    version: NotRequired[str]
    """The version of Kubernetes that the image has. Default: `versions.KUBERNETES`."""
    control_plane: ControlPlane
    """The servers that run the cluster itself."""
    pools: Mapping[str, NodePool]
    """The nodes that run workloads, by the name of their pool."""
    api_clients: Sequence[str]
    """Who may reach the API, through its load balancer: ranges, or `world`. The cluster's own
    network always may."""
    floating_ip: NotRequired[bool]
    """Whether the API has an address in the external network. Default: yes."""
    pod_range: NotRequired[str]
    """Pods' addresses. Default: 10.244.0.0/16."""
    service_range: NotRequired[str]
    """Services' addresses. Default: 10.96.0.0/16."""
    api_server_arguments: NotRequired[Mapping[str, str]]
    """Further arguments of the API server, such as `oidc-issuer-url`."""
    cloud_provider: NotRequired[bool]
    """Whether nodes wait to be told by a cloud controller manager which servers they are; until
    then they take no workloads. `ClusterAddons` brings it up, and wants `openstack` for it.
    Default: no."""
    node_port_clients: NotRequired[Sequence[str]]
    """Who may reach services on the nodes' own ports, 30000 to 32767: ranges, or `world`. Behind
    an OVN load balancer these are the clients themselves. The cluster's own network always may."""
    key_pair: NotRequired[pulumi.Input[str]]
    """The name of the key pair whose owner may log in to the servers."""


class KubernetesCluster(pulumi.ComponentResource):
    """A Kubernetes cluster of OpenStack servers, made by cloud-init alone.

    Keys and certificates are made beforehand, so the kubeconfig is an output and no server has to
    be logged in to. A node carries an identity of its own, signed by the cluster's authority; no
    secret lets others join. The API is reached through a load balancer, and nodes have no
    addresses outside.

    With a control plane of 1, its server is the cluster's only memory: a change that replaces it
    loses the cluster, so protect it, or take 3.

    Example:
        >>> from cumulo.infra import KubernetesCluster, Network
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> cluster = KubernetesCluster(
        ...     "lab",
        ...     {
        ...         "network": network.handle,
        ...         "image": "kubernetes-node",
        ...         "control_plane": {"count": 1, "flavor": "k8s.control"},
        ...         "pools": {"cpu": {"count": 2, "flavor": "k8s.node"}},
        ...         "api_clients": ["10.0.0.0/8"],
        ...     },
        ... )
        >>> pulumi.export("kubeconfig", cluster.handle.kubeconfig)
    """

    handle: KubernetesHandle
    """What other components take."""

    def __init__(
        self, name: str, args: KubernetesClusterArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(KubernetesCluster, name)
        check_fields(component, KubernetesClusterArgs, args)
        pods, services = _check(component, args)
        super().__init__("cumulo:index:KubernetesCluster", name, {}, opts)

        network = args["network"]
        child = pulumi.ResourceOptions(parent=self)
        self._name = name
        self._args = args
        self._pki = Pki(name, child)
        self._group = SecurityGroup(f"{name}-nodes", {"rules": _rules(args, network)}, child).handle
        # The servers must be told an address that the load balancer gets, which must be told
        # the servers'.
        private, tell_private = _promised()
        outside, tell_outside = _promised()
        facts = pulumi.Output.all(
            endpoint=private, outside=outside, ca=self._pki.cluster.certificate
        ).apply(
            lambda known: Cluster(
                name=name,
                version=args.get("version", KUBERNETES),
                endpoint=known["endpoint"],
                names=(known["outside"],),
                pods=str(pods),
                services=str(services),
                dns=str(services[10]),
                ca=known["ca"],
                cloud_provider=args.get("cloud_provider", False),
            )
        )
        control = self._control_plane(facts)
        balancer = LoadBalancer(
            f"{name}-api",
            {
                "network": network,
                "listeners": {
                    "api": {"port": API_PORT, "protocol": "TCP", "members": control},
                },
                "floating_ip": args.get("floating_ip", True),
            },
            child,
        )
        tell_private(balancer.handle.private_address)
        tell_outside(balancer.handle.address)
        nodes = [
            node
            for pool, wanted in args["pools"].items()
            for node in self._pool(pool, wanted, facts)
        ]
        endpoint = pulumi.Output.concat("https://", balancer.handle.endpoints["api"])
        self.handle = KubernetesHandle(
            name=name,
            needs=(balancer, *control[0].needs),
            kubeconfig=pulumi.Output.secret(
                pulumi.Output.all(
                    endpoint,
                    self._pki.cluster.certificate,
                    self._pki.admin.certificate,
                    self._pki.admin.key,
                ).apply(lambda known: user_data.kubeconfig(name, *known))
            ),
            endpoint=endpoint,
            nodes=pulumi.Output.all(
                **{server.name: server.address for server in (*control, *nodes)}
            ),
            pod_range=str(pods),
            service_range=str(services),
            cloud_provider=args.get("cloud_provider", False),
        )
        self.register_outputs(self.handle.outputs())

    def _control_plane(self, facts: pulumi.Output[Cluster]) -> list[ServerHandle]:
        name, args, pki = self._name, self._args, self._pki
        secrets = pulumi.Output.all(
            **{
                "ca.crt": pki.cluster.certificate,
                "ca.key": pki.cluster.key,
                "front-proxy-ca.crt": pki.front_proxy.certificate,
                "front-proxy-ca.key": pki.front_proxy.key,
                "etcd/ca.crt": pki.etcd.certificate,
                "etcd/ca.key": pki.etcd.key,
                "sa.pub": pki.service_accounts.certificate,
                "sa.key": pki.service_accounts.key,
            }
        )
        count = args["control_plane"]["count"]
        group = self._apart(f"{name}-control", count)
        servers = []
        for index in range(count):
            hostname = f"{name}-control-{index}"

            def render(known: list[object], first: bool = index == 0, host: str = hostname) -> str:
                cluster, files, certificate, key = known
                return user_data.control_plane(
                    cluster,  # type: ignore[arg-type]
                    Secrets(pki=files, admin_certificate=certificate, admin_key=key),  # type: ignore[arg-type]
                    host,
                    first=first,
                    api_arguments=args.get("api_server_arguments", {}),
                )

            told = pulumi.Output.all(facts, secrets, pki.admin.certificate, pki.admin.key)
            servers.append(
                self._server(
                    hostname,
                    args["control_plane"]["flavor"],
                    args["image"],
                    pulumi.Output.secret(told.apply(render)),
                    group,
                )
            )
        return servers

    def _pool(
        self, pool: str, wanted: NodePool, facts: pulumi.Output[Cluster]
    ) -> list[ServerHandle]:
        labels = {"cumulo.dev/pool": pool, **wanted.get("labels", {})}
        taints = list(wanted.get("taints", ()))
        gpu = wanted.get("gpu")
        if gpu is not None:
            flavor: pulumi.Input[str] = gpu_flavor(gpu, self)
            labels |= {
                "nvidia.com/gpu.present": "true",
                "nvidia.com/gpu.product": gpu["model"],
                "nvidia.com/gpu.count": str(gpu["count"]),
            }
            taints.append("nvidia.com/gpu=present:NoSchedule")
        else:
            flavor = wanted["flavor"]
        name = f"{self._name}-{pool}"
        group = self._apart(name, wanted["count"])
        servers = []
        for index in range(wanted["count"]):
            hostname = f"{name}-{index}"
            identity = self._pki.node(
                f"{hostname}-node", hostname, pulumi.ResourceOptions(parent=self)
            )

            def render(known: list[object], host: str = hostname) -> str:
                cluster, certificate, key = known
                return user_data.worker(
                    cluster,  # type: ignore[arg-type]
                    certificate,  # type: ignore[arg-type]
                    key,  # type: ignore[arg-type]
                    hostname=host,
                    labels=labels,
                    taints=taints,
                )

            told = pulumi.Output.all(facts, identity.certificate, identity.key)
            servers.append(
                self._server(
                    hostname,
                    flavor,
                    wanted.get("image", self._args["image"]),
                    pulumi.Output.secret(told.apply(render)),
                    group,
                )
            )
        return servers

    def _apart(self, name: str, count: int) -> pulumi.Output[str] | None:
        """The server group that spreads servers over hosts, where there are several."""
        if count < 2:
            return None
        return compute.ServerGroup(
            f"{name}-server-group",
            name=name,
            policies="soft-anti-affinity",
            opts=pulumi.ResourceOptions(parent=self),
        ).id

    def _server(
        self,
        hostname: str,
        flavor: pulumi.Input[str],
        image: pulumi.Input[str],
        data: pulumi.Output[str],
        group: pulumi.Output[str] | None,
    ) -> ServerHandle:
        optional = {"key_pair": self._args.get("key_pair"), "server_group": group}
        server = Server(
            hostname,
            {
                "image": image,
                "flavor": flavor,
                "network": self._args["network"],
                "security_groups": [self._group],
                "user_data": data,
                **{key: value for key, value in optional.items() if value is not None},  # type: ignore[typeddict-item]
            },
            pulumi.ResourceOptions(parent=self),
        )
        return server.handle


def _promised() -> tuple[pulumi.Output[str], Callable[[pulumi.Output[str]], None]]:
    """A value, and how to say what it is."""
    return pulumi.deferred_output()


def _rules(args: KubernetesClusterArgs, network: NetworkHandle) -> dict[str, Rule]:
    node_ports = args.get("node_port_clients", ())
    doors: tuple[tuple[str, Literal["tcp", "udp"], int | tuple[int, int], Sequence[str]], ...] = (
        ("api", "tcp", API_PORT, args["api_clients"]),
        ("node-ports-tcp", "tcp", NODE_PORTS, node_ports),
        ("node-ports-udp", "udp", NODE_PORTS, node_ports),
    )
    # Pods' packets travel inside the nodes' own.
    rules: dict[str, Rule] = {"nodes": {"protocol": "any", "remote": MEMBERS}}
    for door, protocol, port, clients in doors:
        # Load balancers' monitors ask from addresses in the network.
        for who, remote in (("own", network.cidr), *enumerate(clients)):
            rules[f"{door}-{who}"] = {"protocol": protocol, "port": port, "remote": remote}
    return rules


def _check(component: str, args: KubernetesClusterArgs) -> tuple[IPv4Network, IPv4Network]:
    control = args["control_plane"]
    check_fields(component, ControlPlane, control, "control_plane.")
    if control["count"] not in (1, 3):
        raise ArgumentError(
            component,
            "control_plane.count",
            f"{control['count']!r} is not 1 or 3: etcd needs more than half of its members, so an "
            "even number survives no more losses than one fewer",
        )
    for pool, wanted in args["pools"].items():
        at = f"pools.{pool}."
        check_fields(component, NodePool, wanted, at)
        check_at_least(component, f"{at}count", wanted["count"], 0)
        if ("flavor" in wanted) == ("gpu" in wanted):
            raise ArgumentError(component, f"{at}flavor", "either flavor or gpu is needed")
        for number, taint in enumerate(wanted.get("taints", ())):
            _, colon, effect = taint.rpartition(":")
            field = f"{at}taints[{number}]"
            if not colon:
                raise ArgumentError(component, field, f"{taint!r} is not key=value:NoSchedule")
            check_choice(component, field, effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))
    for field in ("api_clients", "node_port_clients"):
        clients: Sequence[str] = args.get(field, ())  # type: ignore[assignment]
        for number, client in enumerate(clients):
            check_remote(component, f"{field}[{number}]", client)
    pods = _range(component, "pod_range", args.get("pod_range", PODS))
    services = _range(component, "service_range", args.get("service_range", SERVICES))
    if pods.overlaps(services):
        raise ArgumentError(component, "service_range", f"{services} overlaps pod_range {pods}")
    own = args["network"].cidr
    if isinstance(own, str):
        for field, taken in (("pod_range", pods), ("service_range", services)):
            if ip_network(own).overlaps(taken):
                raise ArgumentError(
                    component, field, f"{taken} overlaps {own} of network '{args['network'].name}'"
                )
    return pods, services


def _range(component: str, field: str, value: str) -> IPv4Network:
    try:
        return IPv4Network(value)
    except ValueError as error:
        raise ArgumentError(component, field, f"{value!r}: {error}") from None
