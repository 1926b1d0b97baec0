"""Who may talk to a server."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final, Literal, NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import (
    ArgumentError,
    check_choice,
    check_fields,
    check_port,
    title,
)
from cumulo.infra.handle import Handle
from pulumi_openstack import networking

WORLD: Final = "world"
"""A rule's remote side: every IPv4 address there is. Said aloud, never a default."""

MEMBERS: Final = "members"
"""A rule's remote side: the servers of the group itself."""


@dataclass(frozen=True, kw_only=True)
class SecurityGroupHandle(Handle):
    """A security group that servers can be put in and that rules of others can name.

    Attributes:
        id: The security group.
    """

    id: pulumi.Output[str]


class Rule(TypedDict):
    """One thing that is allowed; all else is not."""

    protocol: Literal["tcp", "udp", "icmp", "any"]
    """What is spoken."""
    remote: "pulumi.Input[str] | SecurityGroupHandle"
    """The other side: a range such as `10.0.0.0/8`, another group's handle, `MEMBERS` or
    `WORLD`. The range `0.0.0.0/0` is refused: whoever means everyone says `WORLD`."""
    port: NotRequired[int | tuple[int, int]]
    """The port, or the first and the last. Default: all of them."""
    direction: NotRequired[Literal["ingress", "egress"]]
    """Which side begins. Default: `ingress`, the other side."""


class SecurityGroupArgs(TypedDict):
    """Arguments of `SecurityGroup`."""

    rules: Mapping[str, Rule]
    """What is allowed, by a name that stays when the rule changes."""
    description: NotRequired[pulumi.Input[str]]
    """What the group is for."""


class SecurityGroup(pulumi.ComponentResource):
    """A security group and its rules.

    Nothing comes in that no rule lets in. Everything goes out, as OpenStack has it, until there
    is a rule with `direction: egress`: then only what such rules allow. OpenStack's rules cannot
    be altered, so a changed one is replaced, the new before the old is taken away, and no other
    is touched. For the same reason a rule that only gets another name needs two updates: one
    without it, one with the new name.

    Example:
        >>> from cumulo.infra import WORLD, SecurityGroup
        >>> web = SecurityGroup(
        ...     "web", {"rules": {"http": {"protocol": "tcp", "port": 80, "remote": WORLD}}}
        ... )
        >>> database = SecurityGroup(
        ...     "database",
        ...     {"rules": {"sql": {"protocol": "tcp", "port": 5432, "remote": web.handle}}},
        ... )
    """

    handle: SecurityGroupHandle
    """What other components take."""

    def __init__(
        self, name: str, args: SecurityGroupArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(SecurityGroup, name)
        check_fields(component, SecurityGroupArgs, args)
        for key, rule in args["rules"].items():
            _check_rule(component, f"rules.{key}.", rule)
        super().__init__("cumulo:index:SecurityGroup", name, {}, opts)

        group = networking.SecGroup(
            f"{name}-security-group",
            name=name,
            description=args.get("description", ""),
            delete_default_rules=_says_what_goes_out(args["rules"]) or None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        for key, rule in args["rules"].items():
            _make_rule(component, f"{name}-{key}", key, rule, group.id, self._of_rule(rule, group))
        self.handle = SecurityGroupHandle(name=name, id=group.id)
        self.register_outputs(self.handle.outputs())

    def _of_rule(self, rule: Rule, group: networking.SecGroup) -> pulumi.ResourceOptions:
        if isinstance(rule["remote"], SecurityGroupHandle):
            # The other group may go first, and Neutron would have to let it go.
            return pulumi.ResourceOptions(parent=self)
        return pulumi.ResourceOptions(parent=self, deleted_with=group)


def _says_what_goes_out(rules: Mapping[str, Rule]) -> bool:
    return any(rule.get("direction") == "egress" for rule in rules.values())


def _make_rule(
    component: str,
    name: str,
    key: str,
    rule: Rule,
    group: pulumi.Output[str],
    opts: pulumi.ResourceOptions,
) -> None:
    prefix: pulumi.Input[str] | None = None
    remote_group: pulumi.Input[str] | None = None
    ethertype: pulumi.Input[str] = "IPv4"
    remote = rule["remote"]
    if isinstance(remote, SecurityGroupHandle):
        remote_group = remote.id
    elif remote == MEMBERS:
        remote_group = group
    elif remote == WORLD:
        prefix = "0.0.0.0/0"
    else:
        prefix = pulumi.Output.from_input(remote).apply(
            lambda value: _check_range(component, f"rules.{key}.remote", value)
        )
        ethertype = prefix.apply(lambda value: f"IPv{ip_network(value).version}")
    ports = rule.get("port")
    first, last = ports if isinstance(ports, tuple) else (ports, ports)
    networking.SecGroupRule(
        name,
        security_group_id=group,
        direction=rule.get("direction", "ingress"),
        ethertype=ethertype,
        protocol=None if rule["protocol"] == "any" else rule["protocol"],
        port_range_min=first,
        port_range_max=last,
        remote_ip_prefix=prefix,
        remote_group_id=remote_group,
        opts=opts,
    )


def _check_rule(component: str, at: str, rule: Rule) -> None:
    check_fields(component, Rule, rule, at)
    check_choice(component, f"{at}protocol", rule["protocol"], ("tcp", "udp", "icmp", "any"))
    check_choice(
        component, f"{at}direction", rule.get("direction", "ingress"), ("ingress", "egress")
    )
    ports = rule.get("port")
    if ports is not None:
        if rule["protocol"] not in ("tcp", "udp"):
            raise ArgumentError(component, f"{at}port", f"{rule['protocol']} has no ports")
        first, last = ports if isinstance(ports, tuple) else (ports, ports)
        check_port(component, f"{at}port", first)
        check_port(component, f"{at}port", last)
        if first > last:
            raise ArgumentError(component, f"{at}port", f"{first} comes after {last}")
    remote = rule["remote"]
    if isinstance(remote, str):
        check_remote(component, f"{at}remote", remote)


def check_remote(component: str, field: str, remote: str) -> None:
    """Refuses what is no range, and a range that means everyone without saying so."""
    if remote not in (WORLD, MEMBERS):
        _check_range(component, field, remote)


def _check_range(component: str, field: str, value: str) -> str:
    try:
        network = ip_network(value)
    except ValueError:
        raise ArgumentError(
            component,
            field,
            f"{value!r} is not a range such as 10.0.0.0/8, nor {MEMBERS!r} nor {WORLD!r}",
        ) from None
    if network.prefixlen == 0:
        raise ArgumentError(
            component, field, f"{value} is everyone; say {WORLD!r} if that is meant"
        )
    return str(network)
