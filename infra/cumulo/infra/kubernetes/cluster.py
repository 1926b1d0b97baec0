"""A Kubernetes cluster that comes up by itself: servers, their user data, and a load balancer."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pulumi
from cumulo.infra.arguments import check_fields, title
from cumulo.infra.gpu_server import gpu_flavor
from cumulo.infra.kubernetes import fits, readiness, user_data
from cumulo.infra.kubernetes.arguments import (
    DRAIN_SECONDS,
    READY_SECONDS,
    KubernetesClusterArgs,
    KubernetesHandle,
    NodePool,
    check,
    check_apart,
)
from cumulo.infra.kubernetes.drain import Drain, Rules
from cumulo.infra.kubernetes.mirror import Mirror
from cumulo.infra.kubernetes.pki import Pki
from cumulo.infra.kubernetes.user_data import API_PORT, Cluster, Secrets
from cumulo.infra.load_balancer import LoadBalancer
from cumulo.infra.network import NetworkHandle
from cumulo.infra.registry.arguments import RegistryHandle
from cumulo.infra.security_group import MEMBERS, Rule, SecurityGroup
from cumulo.infra.server import Server
from cumulo.infra.versions import KUBERNETES
from pulumi_openstack import compute

NODE_PORTS = (30000, 32767)


class KubernetesCluster(pulumi.ComponentResource):
    """A Kubernetes cluster of OpenStack servers, made by cloud-init alone.

    Keys and certificates are made beforehand, so the kubeconfig is an output and no server has to
    be logged in to. A node carries an identity of its own, signed by the cluster's authority; no
    secret lets others join. The API is reached through a load balancer, and nodes have no
    addresses outside.

    A node that goes is drained first, and nodes that are replaced go one by one; both need a
    Pulumi that reaches the API, and a destroy with `--run-program`. An update ends when the API
    answers and all nodes have joined.

    With a control plane of 1, its server is the cluster's only memory: a change that would replace
    it is refused, in preview.

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
        pods, services = check(component, args)
        super().__init__("cumulo:index:KubernetesCluster", name, {}, opts)

        network = args["network"]
        child = pulumi.ResourceOptions(parent=self)
        self._name = name
        self._args = args
        self._component = component
        self._pki = Pki(name, child)
        self._group = SecurityGroup(f"{name}-nodes", {"rules": _rules(args, network)}, child).handle
        # The servers must be told an address that the load balancer gets, which must be told
        # the servers'.
        private, tell_private = _promised()
        outside, tell_outside = _promised()

        def facts_of(known: Mapping[str, Any]) -> Cluster:
            check_apart(component, known["own"], network.name, pods, services)
            return Cluster(
                name=name,
                version=args.get("version", KUBERNETES),
                endpoint=known["endpoint"],
                names=(known["outside"],),
                pods=str(pods),
                services=str(services),
                dns=str(services[10]),
                ca=known["ca"],
                cloud_provider=args.get("cloud_provider", False),
                mirror=known["mirror"],
            )

        facts = pulumi.Output.all(
            endpoint=private,
            outside=outside,
            ca=self._pki.cluster.certificate,
            own=network.cidr,
            mirror=_mirror(args.get("registry_mirror")),
        ).apply(facts_of)
        endpoint = pulumi.Output.concat("https://", outside, f":{API_PORT}")
        kubeconfig: pulumi.Output[str] = pulumi.Output.secret(
            pulumi.Output.all(
                endpoint,
                self._pki.cluster.certificate,
                self._pki.admin.certificate,
                self._pki.admin.key,
            ).apply(lambda known: user_data.kubeconfig(name, *known))
        )
        self._drain = Drain(_rules_of(name, args), kubeconfig)
        control = self._control_plane(facts)
        members = [server.handle for server in control]
        balancer = LoadBalancer(
            f"{name}-api",
            {
                "network": network,
                "listeners": {
                    "api": {"port": API_PORT, "protocol": "TCP", "members": members},
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
        gate = (args.get("ready_seconds", READY_SECONDS), args.get("console_cloud"))
        first = {server.name: server.id for server in members}
        answering = readiness.answering(component, kubeconfig, first, *gate)
        servers = [server.handle for server in (*control, *nodes)]
        every = {server.name: server.id for server in servers}
        joined = readiness.joined(component, answering, every, *gate)
        self.handle = KubernetesHandle(
            name=name,
            # What is in the cluster goes while its servers are still there to let it go.
            needs=(balancer, *control, *nodes),
            kubeconfig=answering,
            endpoint=endpoint,
            version=args.get("version", KUBERNETES),
            # Known when they have joined, and not when their ports have addresses.
            nodes=pulumi.Output.all(
                joined, pulumi.Output.all(**{server.name: server.address for server in servers})
            ).apply(operator.itemgetter(1)),
            pod_range=str(pods),
            service_range=str(services),
            cloud_provider=args.get("cloud_provider", False),
        )
        self.register_outputs(self.handle.outputs())

    def _control_plane(self, facts: pulumi.Output[Cluster]) -> list[Server]:
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
        group = self._apart(f"{name}-control")
        flavor = self._flavor("control_plane.flavor", args["control_plane"]["flavor"], control=True)
        image = self._image("image", args["image"], args.get("version", KUBERNETES))
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
                    flavor,
                    image,
                    pulumi.Output.secret(told.apply(render)),
                    group,
                    self._drain.control_plane,
                )
            )
        return servers

    def _pool(self, pool: str, wanted: NodePool, facts: pulumi.Output[Cluster]) -> list[Server]:
        labels = {"cumulo.dev/pool": pool, **wanted.get("labels", {})}
        taints = list(wanted.get("taints", ()))
        gpu = wanted.get("gpu")
        if gpu is not None:
            flavor: pulumi.Input[str] = gpu_flavor(gpu, self)
            field = f"pools.{pool}.gpu"
            labels |= {
                "nvidia.com/gpu.present": "true",
                "nvidia.com/gpu.product": gpu["model"],
                "nvidia.com/gpu.count": str(gpu["count"]),
            }
            taints.append("nvidia.com/gpu=present:NoSchedule")
        else:
            flavor = wanted["flavor"]
            field = f"pools.{pool}.flavor"
        enough = self._flavor(field, flavor)
        image = self._pool_image(pool, wanted)
        name = f"{self._name}-{pool}"
        group = self._apart(name)
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
                    enough,
                    image,
                    pulumi.Output.secret(told.apply(render)),
                    group,
                    self._drain.workers,
                )
            )
        return servers

    def _pool_image(self, pool: str, wanted: NodePool) -> pulumi.Output[str]:
        version = self._args.get("version", KUBERNETES)
        if "image" not in wanted:
            return self._image("image", self._args["image"], version)
        return self._image(f"pools.{pool}.image", wanted["image"], wanted.get("version", version))

    def _image(self, field: str, name: pulumi.Input[str], version: str) -> pulumi.Output[str]:
        architecture = self._args.get("architecture", "x86_64")
        return pulumi.Output.from_input(name).apply(
            lambda image: fits.image(self, self._component, field, image, version, architecture)
        )

    def _flavor(
        self, field: str, name: pulumi.Input[str], *, control: bool = False
    ) -> pulumi.Output[str]:
        least = fits.CONTROL_PLANE_MB if control else fits.NODE_MB
        return pulumi.Output.from_input(name).apply(
            lambda flavor: fits.flavor(self, self._component, field, flavor, least)
        )

    def _apart(self, name: str) -> pulumi.Output[str]:
        """The server group that spreads servers over hosts.

        Of one server as well: its group cannot be changed when a second one comes.
        """
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
        group: pulumi.Output[str],
        hooks: pulumi.ResourceHookBinding,
    ) -> Server:
        key_pair = self._args.get("key_pair")
        return Server(
            hostname,
            {
                "image": image,
                "flavor": flavor,
                "network": self._args["network"],
                "security_groups": [self._group],
                "user_data": data,
                "server_group": group,
                "hooks": hooks,
                **({} if key_pair is None else {"key_pair": key_pair}),  # type: ignore[typeddict-item]
            },
            pulumi.ResourceOptions(parent=self),
        )


def _rules_of(name: str, args: KubernetesClusterArgs) -> Rules:
    pools = args["pools"]
    return Rules(
        cluster=name,
        control_plane=frozenset(
            f"{name}-control-{index}" for index in range(args["control_plane"]["count"])
        ),
        workers=frozenset(
            f"{name}-{pool}-{index}"
            for pool, wanted in pools.items()
            for index in range(wanted["count"])
        ),
        at_once={f"{name}-{pool}": wanted.get("at_once", 1) for pool, wanted in pools.items()},
        drain_seconds=args.get("drain_seconds", DRAIN_SECONDS),
        ready_seconds=args.get("ready_seconds", READY_SECONDS),
        replaceable=args["control_plane"].get("replaceable", False),
    )


def _mirror(registry: RegistryHandle | None) -> pulumi.Output[Mirror | None]:
    if registry is None:
        return pulumi.Output.from_input(None)
    return pulumi.Output.all(
        ca=registry.ca_certificate, mirrors=registry.mirrors, password=registry.pull_password
    ).apply(
        lambda known: Mirror(
            ca=known["ca"], mirrors=known["mirrors"], password=known["password"] or ""
        )
    )


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
