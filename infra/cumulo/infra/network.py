"""A private network with a way out."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_fields, title
from cumulo.infra.handle import Handle
from cumulo.infra.lookup import NotInCloudError, ask, external_network
from pulumi_openstack import networking


@dataclass(frozen=True, kw_only=True)
class NetworkHandle(Handle):
    """A network that servers and load balancers can be put on.

    Attributes:
        network_id: The network.
        subnet_id: Its one subnet.
        router_id: The router between it and the external network.
        cidr: The subnet's addresses.
        external_network: The name of the external network; floating IPs come from there.
    """

    network_id: pulumi.Output[str]
    subnet_id: pulumi.Output[str]
    router_id: pulumi.Output[str]
    cidr: pulumi.Input[str]
    external_network: pulumi.Input[str]


class NetworkArgs(TypedDict):
    """Arguments of `Network`."""

    cidr: str
    """The private addresses, as `192.168.60.0/24`. A change replaces the subnet and all on it."""
    external_network: pulumi.Input[str]
    """The name of the external network that the router leads to."""
    dns_nameservers: NotRequired[Sequence[pulumi.Input[str]]]
    """The resolvers that DHCP tells servers. Default: the cloud's own."""
    apart_from: NotRequired[Sequence[str | NetworkHandle]]
    """Networks and ranges that `cidr` must not overlap, because something here will reach them:
    a VPN, a cluster's pods, another `Network`."""


class Network(pulumi.ComponentResource):
    """A network, its subnet, and a router to the external network.

    `cidr` is compared with `apart_from` at construction, and in preview with the external
    network, as far as the cloud shows its subnets to this user.

    Example:
        >>> from cumulo.infra import Network
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> pulumi.export("network", network.handle.outputs())
    """

    handle: NetworkHandle
    """What other components take."""

    def __init__(
        self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Network, name)
        check_fields(component, NetworkArgs, args)
        cidr = _subnet(component, args["cidr"])
        for other in args.get("apart_from", ()):
            _refuse_overlap(component, cidr, other)
        super().__init__("cumulo:index:Network", name, {}, opts)

        async def external_id(wanted: str) -> str:
            return await self._external_id(component, wanted, cidr)

        external: pulumi.Output[str] = pulumi.Output.from_input(args["external_network"]).apply(
            external_id
        )
        child = pulumi.ResourceOptions(parent=self)
        network = networking.Network(f"{name}-network", name=name, opts=child)
        subnet = networking.Subnet(
            f"{name}-subnet",
            name=name,
            network_id=network.id,
            cidr=str(cidr),
            ip_version=cidr.version,
            dns_nameservers=args.get("dns_nameservers"),
            opts=pulumi.ResourceOptions(parent=self, deleted_with=network),
        )
        router = networking.Router(
            f"{name}-router",
            name=name,
            external_network_id=external,
            opts=child,
        )
        interface = networking.RouterInterface(
            f"{name}-router-interface", router_id=router.id, subnet_id=subnet.id, opts=child
        )
        self.handle = NetworkHandle(
            name=name,
            needs=(interface,),
            network_id=network.id,
            subnet_id=subnet.id,
            router_id=router.id,
            cidr=str(cidr),
            external_network=args["external_network"],
        )
        self.register_outputs(self.handle.outputs())

    async def _external_id(
        self, component: str, wanted: str, cidr: IPv4Network | IPv6Network
    ) -> str:
        field = "external_network"
        found = await external_network(self, component, field, wanted)
        ranges = await asyncio.gather(
            *(self._range(component, field, subnet) for subnet in found.get("subnets") or ())
        )
        for taken in ranges:
            if taken and ip_network(taken).overlaps(cidr):
                raise ArgumentError(
                    component,
                    "cidr",
                    f"{cidr} overlaps {taken} of the external network {wanted!r}",
                )
        return str(found["id"])

    async def _range(self, component: str, field: str, subnet: str) -> str | None:
        function = "openstack:networking/getSubnet:getSubnet"
        try:
            found = await ask(self, component, field, function, subnetId=subnet)
        except NotInCloudError:
            # Clouds may hide these subnets from users who are no administrators.
            return None
        return str(found["cidr"])


def floating_address(
    parent: pulumi.ComponentResource,
    name: str,
    network: NetworkHandle,
    port_id: pulumi.Input[str],
) -> pulumi.Output[str]:
    """A floating IP of the network's external network, on one of its ports."""
    floating = networking.FloatingIp(
        f"{name}-floating-ip",
        pool=network.external_network,
        opts=pulumi.ResourceOptions(parent=parent),
    )
    networking.FloatingIpAssociate(
        f"{name}-floating-ip-associate",
        floating_ip=floating.address,
        port_id=port_id,
        opts=pulumi.ResourceOptions(
            parent=parent,
            # Neutron refuses it while no router joins the two networks.
            depends_on=network.needs,
            deleted_with=floating,
        ),
    )
    return floating.address


def _subnet(component: str, cidr: object) -> IPv4Network | IPv6Network:
    if not isinstance(cidr, str):
        raise ArgumentError(component, "cidr", f"{cidr!r} is not text such as 192.168.60.0/24")
    try:
        subnet = ip_network(cidr)
    except ValueError:
        raise ArgumentError(component, "cidr", _mend(cidr)) from None
    # Below this there is no room for the gateway, DHCP, a load balancer and one server.
    if subnet.num_addresses < 8:
        raise ArgumentError(component, "cidr", f"{cidr} has too few addresses; 8 are the least")
    return subnet


def _mend(cidr: str) -> str:
    try:
        meant = ip_network(cidr, strict=False)
    except ValueError:
        return f"{cidr!r} is not a range of addresses such as 192.168.60.0/24"
    return f"{cidr!r} names an address within a range; the range is {meant}"


def _refuse_overlap(
    component: str, cidr: IPv4Network | IPv6Network, other: str | NetworkHandle
) -> None:
    theirs = other.cidr if isinstance(other, NetworkHandle) else other
    # Another stack's range is known only while the program runs, and then the cloud will tell.
    if not isinstance(theirs, str):
        return
    try:
        overlaps = ip_network(theirs).overlaps(cidr)
    except ValueError:
        raise ArgumentError(component, "apart_from", _mend(theirs)) from None
    if overlaps:
        owner = f" of network '{other.name}'" if isinstance(other, NetworkHandle) else ""
        raise ArgumentError(component, "cidr", f"{cidr} overlaps {theirs}{owner} in apart_from")
