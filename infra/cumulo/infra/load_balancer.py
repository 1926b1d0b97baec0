"""One address in front of many servers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
    check_port,
    title,
)
from cumulo.infra.handle import Handle
from cumulo.infra.network import NetworkHandle, floating_address
from cumulo.infra.server import ServerHandle
from pulumi_openstack import loadbalancer


@dataclass(frozen=True, kw_only=True)
class LoadBalancerHandle(Handle):
    """A load balancer that clients can be sent to.

    Attributes:
        id: The load balancer.
        address: Where clients reach it: the floating IP if it has one, else the private address.
        private_address: Its address in the network.
        endpoints: By listener, `address:port`.
    """

    id: pulumi.Output[str]
    address: pulumi.Output[str]
    private_address: pulumi.Output[str]
    endpoints: pulumi.Output[dict[str, str]]


class Monitor(TypedDict):
    """How it is found out which members answer."""

    type: NotRequired[Literal["TCP", "UDP-CONNECT", "HTTP"]]
    """What is tried. Default: TCP, or UDP-CONNECT for a UDP listener. HTTP is not for OVN."""
    delay: NotRequired[int]
    """Seconds from one try to the next. Default: 5."""
    timeout: NotRequired[int]
    """Seconds until a try has failed. Default: 3."""
    max_retries: NotRequired[int]
    """Tries in a row that count, either way. Default: 2."""
    url_path: NotRequired[str]
    """What an HTTP try asks for. Default: `/`."""


class Listener(TypedDict):
    """One port of a load balancer and the servers behind it."""

    port: int
    """The port that clients use."""
    members: Sequence[ServerHandle]
    """The servers behind it. Their security groups must admit the clients' own addresses:
    OVN passes packets on as they came."""
    member_port: NotRequired[int]
    """The port that the servers listen on. Default: `port`."""
    protocol: NotRequired[Literal["TCP", "UDP"]]
    """What is passed on. Default: TCP."""
    monitor: NotRequired[Monitor]
    """How to find out which members answer. Default: a TCP connection every 5 seconds."""


class LoadBalancerArgs(TypedDict):
    """Arguments of `LoadBalancer`."""

    network: NetworkHandle
    """The network of the load balancer and its members."""
    listeners: Mapping[str, Listener]
    """The ports, by a name that stays when the listener changes."""
    floating_ip: NotRequired[bool]
    """Whether it has an address in the external network. Default: no."""
    loadbalancer_provider: NotRequired[Literal["ovn", "amphora"]]
    """Octavia's provider. Default: `ovn`, which needs no servers of its own."""


class LoadBalancer(pulumi.ComponentResource):
    """A load balancer with its listeners, and for each a pool, members and a monitor.

    Example:
        >>> from cumulo.infra import WORLD, LoadBalancer, Network, SecurityGroup, ServerPool
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> web = SecurityGroup(
        ...     "web", {"rules": {"http": {"protocol": "tcp", "port": 8080, "remote": WORLD}}}
        ... )
        >>> pool = ServerPool(
        ...     "web",
        ...     {
        ...         "count": 2,
        ...         "image": "debian-13",
        ...         "flavor": "m1.small",
        ...         "network": network.handle,
        ...         "security_groups": [web.handle],
        ...     },
        ... )
        >>> balancer = LoadBalancer(
        ...     "front",
        ...     {
        ...         "network": network.handle,
        ...         "listeners": {
        ...             "http": {"port": 80, "member_port": 8080, "members": pool.handle.servers}
        ...         },
        ...         "floating_ip": True,
        ...     },
        ... )
        >>> pulumi.export("front", balancer.handle.address)
    """

    handle: LoadBalancerHandle
    """What other components take."""

    def __init__(
        self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(LoadBalancer, name)
        check_fields(component, LoadBalancerArgs, args)
        octavia = args.get("loadbalancer_provider", "ovn")
        check_choice(component, "loadbalancer_provider", octavia, ("ovn", "amphora"))
        listeners = args["listeners"]
        for key, listener in listeners.items():
            _check_listener(component, f"listeners.{key}.", listener, octavia)
        _check_ports_differ(component, listeners)
        super().__init__("cumulo:index:LoadBalancer", name, {}, opts)

        network = args["network"]
        balancer = loadbalancer.LoadBalancer(
            f"{name}-balancer",
            name=name,
            vip_subnet_id=network.subnet_id,
            loadbalancer_provider=octavia,
            opts=pulumi.ResourceOptions(parent=self, depends_on=network.needs),
        )
        for key, listener in listeners.items():
            self._listen(f"{name}-{key}", listener, balancer, network, octavia)
        address: pulumi.Output[str] = balancer.vip_address
        if args.get("floating_ip"):
            address = floating_address(self, name, network, balancer.vip_port_id)
        ports = {key: listener["port"] for key, listener in listeners.items()}
        self.handle = LoadBalancerHandle(
            name=name,
            id=balancer.id,
            address=address,
            private_address=balancer.vip_address,
            endpoints=address.apply(
                lambda known: {key: f"{known}:{port}" for key, port in ports.items()}
            ),
        )
        self.register_outputs(self.handle.outputs())

    def _listen(
        self,
        name: str,
        listener: Listener,
        balancer: loadbalancer.LoadBalancer,
        network: NetworkHandle,
        octavia: str,
    ) -> None:
        child = pulumi.ResourceOptions(parent=self)
        protocol = listener.get("protocol", "TCP")
        front = loadbalancer.Listener(
            f"{name}-listener",
            name=name,
            loadbalancer_id=balancer.id,
            protocol=protocol,
            protocol_port=listener["port"],
            opts=child,
        )
        pool = loadbalancer.Pool(
            f"{name}-pool",
            name=name,
            listener_id=front.id,
            protocol=protocol,
            # The only one that OVN has.
            lb_method="SOURCE_IP_PORT" if octavia == "ovn" else "ROUND_ROBIN",
            opts=child,
        )
        # Octavia deletes with a pool what is in it, in far less time than one after the other.
        part = pulumi.ResourceOptions(parent=self, deleted_with=pool)
        for member in listener["members"]:
            loadbalancer.Member(
                f"{name}-member-{member.name}",
                name=member.name,
                pool_id=pool.id,
                address=member.address,
                protocol_port=listener.get("member_port", listener["port"]),
                # OVN finds the member's port by it.
                subnet_id=network.subnet_id,
                opts=part,
            )
        monitor = listener.get("monitor", Monitor())
        kind = monitor.get("type", "UDP-CONNECT" if protocol == "UDP" else "TCP")
        retries = monitor.get("max_retries", 2)
        loadbalancer.Monitor(
            f"{name}-monitor",
            name=name,
            pool_id=pool.id,
            type=kind,
            delay=monitor.get("delay", 5),
            timeout=monitor.get("timeout", 3),
            max_retries=retries,
            max_retries_down=retries,
            url_path=monitor.get("url_path", "/") if kind == "HTTP" else None,
            opts=part,
        )


def _check_listener(component: str, at: str, listener: Listener, octavia: str) -> None:
    check_fields(component, Listener, listener, at)
    check_port(component, f"{at}port", listener["port"])
    check_port(component, f"{at}member_port", listener.get("member_port", listener["port"]))
    check_choice(component, f"{at}protocol", listener.get("protocol", "TCP"), ("TCP", "UDP"))
    names = [member.name for member in listener["members"]]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(component, f"{at}members", f"{name!r} is there twice")
    monitor = listener.get("monitor", Monitor())
    check_fields(component, Monitor, monitor, f"{at}monitor.")
    kinds = ("TCP", "UDP-CONNECT") if octavia == "ovn" else ("TCP", "UDP-CONNECT", "HTTP")
    check_choice(component, f"{at}monitor.type", monitor.get("type", "TCP"), kinds)
    delay, timeout = monitor.get("delay", 5), monitor.get("timeout", 3)
    check_at_least(component, f"{at}monitor.timeout", timeout, 1)
    check_at_least(component, f"{at}monitor.delay", delay, timeout)
    check_at_least(component, f"{at}monitor.max_retries", monitor.get("max_retries", 2), 1)


def _check_ports_differ(component: str, listeners: Mapping[str, Listener]) -> None:
    taken: dict[tuple[str, int], str] = {}
    for key, listener in listeners.items():
        port = (listener.get("protocol", "TCP"), listener["port"])
        if port in taken:
            raise ArgumentError(
                component,
                f"listeners.{key}.port",
                f"{port[1]} is taken by listeners.{taken[port]}",
            )
        taken[port] = key
