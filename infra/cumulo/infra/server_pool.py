"""Servers that are all alike."""

from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_at_least, check_choice, check_fields, title
from cumulo.infra.server import InstanceArgs, Server, ServerHandle
from pulumi_openstack import compute


@dataclass(frozen=True, kw_only=True)
class ServerPoolHandle:
    """The servers of a pool.

    Attributes:
        name: The pool's name in its program.
        servers: The servers, in the order in which they are replaced.
    """

    name: str
    servers: tuple[ServerHandle, ...]


class _PoolArgs(TypedDict):
    flavor: pulumi.Input[str]
    """The flavor, by name."""
    count: int
    """How many servers."""
    policy: NotRequired[Literal["anti-affinity", "soft-anti-affinity"]]
    """`anti-affinity`: never two on one host, so no more servers than hosts.
    `soft-anti-affinity`: as far as there are hosts. Default: the soft one."""
    at_once: NotRequired[int]
    """How many may be made or replaced at the same time. Default: 1."""


class ServerPoolArgs(InstanceArgs, _PoolArgs):
    """Arguments of `ServerPool`."""


class ServerPool(pulumi.ComponentResource):
    """Servers that are all alike, spread over hosts and replaced one by one.

    A change that replaces servers takes them in order: each old one is deleted and its
    successor ACTIVE in OpenStack before the next is touched; addresses stay. Whether the
    service on it answers again is not asked, as Pulumi knows nothing of it: a load balancer's
    monitor keeps clients away from those that do not, and whoever needs the service itself to
    be counted makes the change in two steps with two pools. The first update makes them in the
    same order; `at_once` makes it faster and the replacements bolder.

    Example:
        >>> from cumulo.infra import WORLD, Network, SecurityGroup, ServerPool
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> web = SecurityGroup(
        ...     "web", {"rules": {"http": {"protocol": "tcp", "port": 80, "remote": WORLD}}}
        ... )
        >>> pool = ServerPool(
        ...     "web",
        ...     {
        ...         "count": 3,
        ...         "image": "debian-13",
        ...         "flavor": "m1.small",
        ...         "network": network.handle,
        ...         "security_groups": [web.handle],
        ...     },
        ... )
        >>> pulumi.export("web", {server.name: server.address for server in pool.handle.servers})
    """

    handle: ServerPoolHandle
    """What other components take."""

    def __init__(
        self, name: str, args: ServerPoolArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(ServerPool, name)
        check_fields(component, ServerPoolArgs, args)
        check_at_least(component, "count", args["count"], 0)
        at_once = args.get("at_once", 1)
        check_at_least(component, "at_once", at_once, 1)
        policy = args.get("policy", "soft-anti-affinity")
        check_choice(component, "policy", policy, ("anti-affinity", "soft-anti-affinity"))
        if "server_group" in args:
            raise ArgumentError(component, "server_group", "a pool makes its own; see policy")
        super().__init__("cumulo:index:ServerPool", name, {}, opts)

        group = compute.ServerGroup(
            f"{name}-server-group",
            name=name,
            policies=policy,
            opts=pulumi.ResourceOptions(parent=self),
        )
        own = {"count", "at_once", "policy", "after"}
        servers: list[Server] = []
        for index in range(args["count"]):
            # Each waits for the one that is `at_once` places before it.
            before = [servers[index - at_once].instance] if index >= at_once else []
            servers.append(
                Server(
                    f"{name}-{index}",
                    {
                        **{key: value for key, value in args.items() if key not in own},  # type: ignore[typeddict-item]
                        "server_group": group.id,
                        "after": [*args.get("after", ()), *before],
                    },
                    pulumi.ResourceOptions(parent=self),
                )
            )
        self.handle = ServerPoolHandle(
            name=name, servers=tuple(server.handle for server in servers)
        )
        self.register_outputs(
            {"servers": {server.name: server.outputs() for server in self.handle.servers}}
        )
