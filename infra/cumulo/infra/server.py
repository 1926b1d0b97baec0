"""A server: its port, its instance and, if it is to be reached from outside, its floating IP."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_fields, title
from cumulo.infra.handle import Handle
from cumulo.infra.lookup import named
from cumulo.infra.network import NetworkHandle, floating_address
from cumulo.infra.security_group import SecurityGroupHandle
from pulumi_openstack import compute, networking


@dataclass(frozen=True, kw_only=True)
class ServerHandle(Handle):
    """A server that can be reached.

    Attributes:
        id: The instance. Another one after a replacement.
        port_id: The port on the network. The same one after a replacement.
        address: The private address. The same one after a replacement.
        floating_address: The address from outside, or None.
    """

    id: pulumi.Output[str]
    port_id: pulumi.Output[str]
    address: pulumi.Output[str]
    floating_address: pulumi.Output[str | None]


class InstanceArgs(TypedDict):
    """What all kinds of servers are made from."""

    image: pulumi.Input[str]
    """The image, by name."""
    network: NetworkHandle
    """The network that the server is on."""
    security_groups: Sequence[SecurityGroupHandle]
    """Who may talk to it; at least one."""
    user_data: NotRequired[pulumi.Input[str]]
    """What cloud-init does at the first start. Anyone on the server can read it: no secrets."""
    key_pair: NotRequired[pulumi.Input[str]]
    """The name of the key pair whose owner may log in."""
    floating_ip: NotRequired[bool]
    """Whether the server has an address in the external network. Default: no."""
    config_drive: NotRequired[bool]
    """Whether cloud-init reads from a drive, else from the metadata service. Default: yes."""
    availability_zone: NotRequired[pulumi.Input[str]]
    """Where it runs. Default: the cloud chooses."""
    server_group: NotRequired[pulumi.Input[str]]
    """The id of the server group whose policy says which servers run side by side."""
    metadata: NotRequired[Mapping[str, pulumi.Input[str]]]
    """What others should know about it, by key."""
    after: NotRequired[Sequence[pulumi.Resource]]
    """What must be there before the instance is made."""
    hooks: NotRequired[pulumi.ResourceHookBinding]
    """What to do before or after the instance is made or deleted."""


class ServerArgs(InstanceArgs):
    """Arguments of `Server`."""

    flavor: pulumi.Input[str]
    """The flavor, by name."""
    hostname: NotRequired[str]
    """What the server calls itself. Default: the component's name."""


class Server(pulumi.ComponentResource):
    """A server with a port of its own, whose address outlives the instance.

    A change of image, flavor or user data replaces the instance: the old one is deleted first,
    because only one can hold the port. What it kept on its disk is gone, so data belongs
    elsewhere, or the component under `protect`.

    Example:
        >>> from cumulo.infra import WORLD, Network, SecurityGroup, Server
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> ssh = SecurityGroup(
        ...     "ssh", {"rules": {"ssh": {"protocol": "tcp", "port": 22, "remote": WORLD}}}
        ... )
        >>> server = Server(
        ...     "bastion",
        ...     {
        ...         "image": "debian-13",
        ...         "flavor": "m1.small",
        ...         "network": network.handle,
        ...         "security_groups": [ssh.handle],
        ...         "floating_ip": True,
        ...     },
        ... )
        >>> pulumi.export("bastion", server.handle.floating_address)
    """

    handle: ServerHandle
    """What other components take."""
    instance: compute.Instance
    """The instance itself, for those who must wait for it."""

    def __init__(
        self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Server, name)
        check_fields(component, ServerArgs, args)
        if not args["security_groups"]:
            raise ArgumentError(component, "security_groups", "at least one is needed")
        super().__init__("cumulo:index:Server", name, {}, opts)

        network = args["network"]
        hostname = args.get("hostname", name)
        port = networking.Port(
            f"{name}-port",
            name=hostname,
            network_id=network.network_id,
            fixed_ips=[{"subnet_id": network.subnet_id}],
            security_group_ids=[group.id for group in args["security_groups"]],
            opts=pulumi.ResourceOptions(parent=self),
        )
        group = args.get("server_group")
        self.instance = compute.Instance(
            f"{name}-instance",
            name=hostname,
            image_name=named(
                self,
                component,
                "image",
                "openstack:images/getImage:getImage",
                args["image"],
                mostRecent=True,
            ),
            flavor_name=named(
                self,
                component,
                "flavor",
                "openstack:compute/getFlavor:getFlavor",
                args["flavor"],
            ),
            networks=[{"port": port.id}],
            user_data=args.get("user_data"),
            key_pair=args.get("key_pair"),
            config_drive=args.get("config_drive", True),
            availability_zone=args.get("availability_zone"),
            scheduler_hints=None if group is None else [{"group": group}],
            metadata=args.get("metadata"),
            opts=pulumi.ResourceOptions(
                parent=self,
                # Without its router, cloud-init finds no mirror and no name server.
                depends_on=[*network.needs, *args.get("after", ())],
                delete_before_replace=True,
                replace_on_changes=["image_name", "flavor_name"],
                hooks=args.get("hooks"),
            ),
        )
        self.handle = ServerHandle(
            name=name,
            id=self.instance.id,
            port_id=port.id,
            address=port.all_fixed_ips.apply(lambda addresses: addresses[0]),
            floating_address=floating_address(self, name, network, port.id)
            if args.get("floating_ip")
            else pulumi.Output.from_input(None),
        )
        self.register_outputs(self.handle.outputs())
