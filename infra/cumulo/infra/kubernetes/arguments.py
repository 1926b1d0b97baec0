"""What a cluster is declared by, and what is refused of it before anything is asked or made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
)
from cumulo.infra.gpu_server import Gpu
from cumulo.infra.handle import Handle
from cumulo.infra.network import NetworkHandle
from cumulo.infra.registry.arguments import RegistryHandle
from cumulo.infra.security_group import check_remote
from cumulo.infra.versions import KUBERNETES

PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/16"
DRAIN_SECONDS = 300
READY_SECONDS = 900
_SKEW = 3  # https://kubernetes.io/releases/version-skew-policy


@dataclass(frozen=True, kw_only=True)
class KubernetesHandle(Handle):
    """A cluster that workloads can be put on.

    Attributes:
        kubeconfig: The administrator's, a secret: the content, not a path.
        endpoint: The API's URL, as clients reach it.
        version: The version of Kubernetes of its control plane.
        nodes: Each node's name and private address.
        pod_range: The range of pods' addresses.
        service_range: The range of services' addresses.
        cloud_provider: Whether nodes wait for a cloud controller manager.
    """

    kubeconfig: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    version: pulumi.Input[str]
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
    replaceable: NotRequired[bool]
    """Whether an update may replace the only server, and lose all that the cluster knows.
    Default: no."""


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
    version: NotRequired[str]
    """The version of Kubernetes that their image has: up to three minor versions older than the
    cluster's. Default: the cluster's."""
    at_once: NotRequired[int]
    """How many of them may be away at the same time when they are replaced. Default: 1."""


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
    registry_mirror: NotRequired[RegistryHandle]
    """The registry that nodes pull from in place of those that it mirrors, and by its own name. A
    change replaces the nodes, one by one. Default: nodes ask each registry itself."""
    key_pair: NotRequired[pulumi.Input[str]]
    """The name of the key pair whose owner may log in to the servers."""
    architecture: NotRequired[str]
    """The hosts' processors, as images name them. Default: x86_64."""
    drain_seconds: NotRequired[int]
    """How long a node that goes may take to be drained; 0 deletes it undrained. Default: 300."""
    ready_seconds: NotRequired[int]
    """How long the API may take to answer and nodes to join; 0 does not wait, for a Pulumi that
    cannot reach the API. Default: 900."""
    console_cloud: NotRequired[str]
    """The entry of clouds.yaml by which the console of a server that has not joined is read, with
    openstacksdk. Default: the error names the command that shows it."""


def check(component: str, args: KubernetesClusterArgs) -> tuple[IPv4Network, IPv4Network]:
    """Refuses what cannot work; the ranges of pods and services."""
    control = args["control_plane"]
    check_fields(component, ControlPlane, control, "control_plane.")
    if control["count"] not in (1, 3):
        raise ArgumentError(
            component,
            "control_plane.count",
            f"{control['count']!r} is not 1 or 3: etcd needs more than half of its members, so an "
            "even number survives no more losses than one fewer",
        )
    version = args.get("version", KUBERNETES)
    minor = _minor(component, "version", version)
    for pool, wanted in args["pools"].items():
        _check_pool(component, pool, wanted)
        field = f"pools.{pool}.version"
        behind = minor - _minor(component, field, wanted.get("version", version))
        if behind < 0:
            raise ArgumentError(component, field, f"newer than the control plane's {version}")
        if behind > _SKEW:
            raise ArgumentError(
                component, field, f"more than {_SKEW} minor versions older than {version}"
            )
    check_at_least(component, "drain_seconds", args.get("drain_seconds", DRAIN_SECONDS), 0)
    check_at_least(component, "ready_seconds", args.get("ready_seconds", READY_SECONDS), 0)
    for field in ("api_clients", "node_port_clients"):
        clients: Sequence[str] = args.get(field, ())  # type: ignore[assignment]
        for number, client in enumerate(clients):
            check_remote(component, f"{field}[{number}]", client)
    pods = _range(component, "pod_range", args.get("pod_range", PODS))
    services = _range(component, "service_range", args.get("service_range", SERVICES))
    if pods.overlaps(services):
        raise ArgumentError(component, "service_range", f"{services} overlaps pod_range {pods}")
    if isinstance(args["network"].cidr, str):
        check_apart(component, args["network"].cidr, args["network"].name, pods, services)
    return pods, services


def check_apart(
    component: str, own: str, network: str, pods: IPv4Network, services: IPv4Network
) -> None:
    """Refuses ranges that overlap with that of the servers' network."""
    for field, taken in (("pod_range", pods), ("service_range", services)):
        if ip_network(own).overlaps(taken):
            raise ArgumentError(component, field, f"{taken} overlaps {own} of network '{network}'")


def _check_pool(component: str, pool: str, wanted: NodePool) -> None:
    at = f"pools.{pool}."
    check_fields(component, NodePool, wanted, at)
    if pool == "control":
        raise ArgumentError(component, f"pools.{pool}", "the control plane's servers are called so")
    check_at_least(component, f"{at}count", wanted["count"], 0)
    check_at_least(component, f"{at}at_once", wanted.get("at_once", 1), 1)
    if ("flavor" in wanted) == ("gpu" in wanted):
        raise ArgumentError(component, f"{at}flavor", "either flavor or gpu is needed")
    if "version" in wanted and "image" not in wanted:
        raise ArgumentError(component, f"{at}version", "needs an image that has it")
    for number, taint in enumerate(wanted.get("taints", ())):
        _, colon, effect = taint.rpartition(":")
        field = f"{at}taints[{number}]"
        if not colon:
            raise ArgumentError(component, field, f"{taint!r} is not key=value:NoSchedule")
        check_choice(component, field, effect, ("NoSchedule", "PreferNoSchedule", "NoExecute"))


def _minor(component: str, field: str, version: str) -> int:
    found = re.fullmatch(r"1\.(\d+)\.\d+", version)
    if found is None:
        raise ArgumentError(component, field, f"{version!r} is not a version such as {KUBERNETES}")
    return int(found[1])


def _range(component: str, field: str, value: str) -> IPv4Network:
    try:
        return IPv4Network(value)
    except ValueError as error:
        raise ArgumentError(component, field, f"{value!r}: {error}") from None
