"""What `Workspace` is told, and what it hands on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields
from cumulo.infra.handle import Handle
from cumulo.infra.security_group import check_remote
from cumulo.platform.database.arguments import DatabaseCredential, Repository
from cumulo.platform.gateway.component import GatewayHandle
from cumulo.platform.models.arguments import ModelsHandle

AUTHORITIES = "/etc/cumulo/authorities"
"""Where pods mount the ConfigMap of authorities."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
# Kubernetes', and those that name no team.
_RESERVED = ("default", "kube-node-lease", "kube-public", "kube-system")
_GROUP = re.compile(r"[A-Za-z0-9_./-]+")
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([mkKMGTP]i?)?")


class Quota(TypedDict):
    """What all of a team's pods may use together."""

    cpu: str
    """Processors that they may be promised, such as `16`."""
    memory: str
    """Memory that they may be promised, and may not exceed, such as `64Gi`."""
    gpus: NotRequired[int]
    """GPUs. Default: 0."""
    storage: NotRequired[str]
    """What its volumes may hold. Default: `100Gi`."""
    pods: NotRequired[int]
    """How many pods there may be. Default: 100."""


class Container(TypedDict):
    """What a container gets that does not say."""

    cpu: NotRequired[str]
    """What it is promised of a processor. Default: `100m`."""
    memory: NotRequired[str]
    """What it is promised of memory, and may not exceed. Default: `512Mi`."""


class RegistryProject(TypedDict):
    """A project in a registry, as the registry's handle has it."""

    hostname: pulumi.Input[str]
    """The registry: what its images' names begin with."""
    project: str
    """The project; who pushes is called so as well."""
    password: pulumi.Input[str]
    """Its password."""


class Client(TypedDict):
    """The team's own client of the identity provider, with which its programs get tokens."""

    token_endpoint: pulumi.Input[str]
    """Where tokens are given."""
    client_id: pulumi.Input[str]
    """What the provider calls it."""
    client_secret: pulumi.Input[str]
    """Its secret."""


class WorkspaceArgs(TypedDict):
    """Arguments of `Workspace`."""

    quota: Quota
    """What the team may use."""
    group: NotRequired[str]
    """The group whose people work there. Default: the component's name."""
    group_prefix: NotRequired[str]
    """What the API server puts before the groups of the identity provider. Default: `oidc:`."""
    namespace: NotRequired[str]
    """Its namespace. Default: the component's name."""
    container: NotRequired[Container]
    """What a container gets that does not say."""
    gateway: NotRequired[GatewayHandle]
    """The gateway, which its pods reach and which reaches its pods. Default: neither."""
    reach: NotRequired[Sequence[str]]
    """Where else its pods may connect to: ranges, or `world`, such as the object store's address.
    Default: nowhere."""
    bucket: NotRequired[Repository]
    """Its bucket."""
    database: NotRequired[DatabaseCredential]
    """Its database in this cluster, whose consumer names this namespace among its clients."""
    registry: NotRequired[RegistryProject]
    """Its project in the registry."""
    models: NotRequired[ModelsHandle]
    """The MLflow that has its experiments and models, where it is a team called as the group."""
    client: NotRequired[Client]
    """Its client of the identity provider."""


@dataclass(frozen=True, kw_only=True)
class WorkspaceHandle(Handle):
    """A team's namespace, and what its pods take from there.

    Attributes:
        namespace: The namespace.
        group: The group whose people work there.
        service_account: What its pods run as; it may do nothing, and pulls the team's images.
        environment: The Secrets and what they are about; a pod takes each whole (`envFrom`).
        authorities: The ConfigMap that a pod mounts at `AUTHORITIES`, where the variables of
            `environment` point to.
    """

    namespace: pulumi.Output[str]
    group: str
    service_account: str
    environment: Mapping[str, str]
    authorities: str


def check(component: str, name: str, args: WorkspaceArgs) -> None:
    """Refuses what cannot work."""
    check_fields(component, WorkspaceArgs, args)
    quota = args["quota"]
    check_fields(component, Quota, quota, "quota.")
    namespace = args.get("namespace", name)
    if not _NAME.fullmatch(namespace) or namespace in _RESERVED:
        raise ArgumentError(
            component,
            "namespace",
            f"{namespace!r} is not a name of a-z, 0-9 and '-', or one of Kubernetes' own"
            + ("" if "namespace" in args else "; name one, it is the component's name else"),
        )
    if not _GROUP.fullmatch(args.get("group", name)):
        raise ArgumentError(component, "group", f"{args.get('group')!r} is not the name of a group")
    container = args.get("container", Container())
    check_fields(component, Container, container, "container.")
    for field, amount in {
        **{f"quota.{key}": quota.get(key) for key in ("cpu", "memory", "storage")},
        **{f"container.{key}": container.get(key) for key in ("cpu", "memory")},
    }.items():
        if amount is not None and not _QUANTITY.fullmatch(str(amount)):
            raise ArgumentError(component, field, f"{amount!r} is no quantity such as 16 or 64Gi")
    check_at_least(component, "quota.gpus", quota.get("gpus", 0), 0)
    check_at_least(component, "quota.pods", quota.get("pods", 1), 1)
    for number, remote in enumerate(args.get("reach", ())):
        check_remote(component, f"reach[{number}]", remote)
    if "bucket" in args:
        check_fields(component, Repository, args["bucket"], "bucket.")
    if "registry" in args:
        check_fields(component, RegistryProject, args["registry"], "registry.")
    if "client" in args:
        check_fields(component, Client, args["client"], "client.")
    if "models" in args and args.get("group", name) not in args["models"].teams:
        known = ", ".join(args["models"].teams)
        raise ArgumentError(
            component, "models", f"has no team {args.get('group', name)!r}; it has {known}"
        )


def database_namespace(component: str, host: str) -> str:
    """The namespace of a database in this cluster, by its name there."""
    parts = host.split(".")
    if len(parts) < 3 or parts[2] != "svc":
        raise ArgumentError(component, "database", f"{host!r} is no service of this cluster")
    return parts[1]
