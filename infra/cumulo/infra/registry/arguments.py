"""What a registry is declared by, and what is refused of it before anything is asked or made."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, Protocol, TypedDict

import pulumi
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields
from cumulo.infra.handle import Handle
from cumulo.infra.network import NetworkHandle
from cumulo.infra.security_group import check_remote

PORT = 443
HOSTNAME = "registry.cumulo.local"
OWN = "cumulo.local"
"""Images that are built here and that no upstream has are called so; they are always pushed."""
IMAGES = "images"
"""Who may push what mirrors answer, under upstreams' names."""
PULL = "pull"
"""Who may pull, where not anyone may."""
UPSTREAMS: Mapping[str, "Upstream"] = {
    "docker.io": {},
    "ghcr.io": {},
    "quay.io": {},
    "registry.k8s.io": {},
}
DAILY_AT = "03:00"
CACHE_DAYS = 7

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"


class Mirror(TypedDict):
    """Where a node asks for the images of one upstream."""

    endpoints: list[str]
    """URLs at the registry, in the order in which they are asked."""
    fallback: bool
    """Whether the upstream itself is asked when they do not have it."""


@dataclass(frozen=True, kw_only=True)
class RegistryHandle(Handle):
    """A registry that can be pushed to, and that nodes can have as their mirror.

    Attributes:
        id: The server. Another one after a replacement.
        address: Its private address. The same one after a replacement.
        floating_address: Its address from outside, or None.
        hostname: What images in it are called by: `hostname/project/image:tag`.
        url: Where it answers in its network.
        ca_certificate: The authority by which clients know it.
        credentials: The password of each project, and of `images`, who may push what mirrors
            answer. A secret.
        mirrors: Where nodes ask, by upstream.
        pull_password: The password of `pull`, which may pull whatever is not private, or None
            where anyone may. A secret.
    """

    id: pulumi.Output[str]
    address: pulumi.Output[str]
    floating_address: pulumi.Output[str | None]
    hostname: pulumi.Input[str]
    url: pulumi.Output[str]
    ca_certificate: pulumi.Output[str]
    credentials: pulumi.Output[Mapping[str, str]]
    mirrors: pulumi.Output[Mapping[str, Mirror]]
    pull_password: pulumi.Output[str | None]


class Bucket(Protocol):
    """A bucket in an S3-compatible object store, with a credential: an object store's handle."""

    @property
    def endpoint(self) -> pulumi.Input[str]:
        """The store's URL."""

    @property
    def region(self) -> pulumi.Input[str]:
        """The region; stores that have none still want a name."""

    @property
    def bucket(self) -> pulumi.Input[str]:
        """The bucket, by name."""

    @property
    def access_key(self) -> pulumi.Input[str]:
        """The public half of the credential."""

    @property
    def secret_key(self) -> pulumi.Input[str]:
        """The secret half."""

    @property
    def authority(self) -> "pulumi.Output[str | None]":
        """The authority by which the store is known, as PEM; None for those that all trust."""


class BucketArgs(TypedDict):
    """The same, said field by field, for a store that no component has made."""

    endpoint: pulumi.Input[str]
    """The store's URL."""
    region: NotRequired[pulumi.Input[str]]
    """The region. Default: us-east-1."""
    bucket: pulumi.Input[str]
    """The bucket, by name. It must be there."""
    access_key: pulumi.Input[str]
    """The public half of a credential that may read and write it."""
    secret_key: pulumi.Input[str]
    """The secret half."""
    authority: NotRequired[pulumi.Input[str]]
    """The authority by which the store is known, as PEM. Default: those that all trust."""


class Filesystem(TypedDict):
    """The server's own disk."""

    replaceable: NotRequired[bool]
    """Whether an update may replace the server and lose its images. Default: no."""


class Storage(TypedDict):
    """Where images are kept: one of the two."""

    bucket: NotRequired[Bucket | BucketArgs]
    """In an object store: an `ObjectStore`'s handle, or what says the same."""
    filesystem: NotRequired[Filesystem]
    """On the server's own disk, which goes with the server."""


class Project(TypedDict):
    """Images of one team: all whose name begins with the project's.

    They are pushed with its own name and password, and with nobody else's.
    """

    private: NotRequired[bool]
    """Whether only the project itself may pull them. Default: no."""


class Upstream(TypedDict):
    """A registry whose images nodes get from this one."""

    pull_through: NotRequired[bool]
    """Whether images that are not there are fetched and kept for a while, which needs a way to the
    upstream. Default: no; what is missing has to be pushed."""
    url: NotRequired[pulumi.Input[str]]
    """Where it is. Default: by its name."""
    username: NotRequired[pulumi.Input[str]]
    """Who logs in to it. Default: nobody."""
    password: NotRequired[pulumi.Input[str]]
    """The password of that."""


class GarbageCollection(TypedDict):
    """When that goes which nothing refers to. Until it is done, nothing can be pushed."""

    daily_at: NotRequired[str]
    """The time of day, in UTC. Default: 03:00."""


class Retention(TypedDict):
    """What stays."""

    tags: NotRequired[int]
    """How many of the newest tags of each image of a project; 0 keeps all. Default: 0."""
    untagged: NotRequired[bool]
    """Whether images without a tag stay. Default: yes, unless `tags` takes tags away."""
    cache_days: NotRequired[int]
    """How long what was fetched from upstreams stays. Default: 7."""


class RegistryArgs(TypedDict):
    """Arguments of `Registry`."""

    network: NetworkHandle
    """The network that its server is on. Whoever is there may reach it."""
    image: pulumi.Input[str]
    """The image, by name; `registry_image()` finds it."""
    flavor: pulumi.Input[str]
    """The flavor, by name. 512 MB of memory do for a small site."""
    storage: Storage
    """Where images are kept."""
    clients: NotRequired[Sequence[str]]
    """Who else may reach it: ranges, or `world`. Default: nobody."""
    projects: NotRequired[Mapping[str, Project]]
    """Who may push, by the first part of their images' names. Default: nobody."""
    upstreams: NotRequired[Mapping[str, Upstream]]
    """The registries that it is a mirror of, by the names that images begin with. Default:
    docker.io, ghcr.io, quay.io and registry.k8s.io, none of them pulled through."""
    anonymous_pull: NotRequired[bool]
    """Whether anyone who reaches it may pull what is not private. Default: yes; else a password is
    needed, which nodes are given."""
    garbage_collection: NotRequired[GarbageCollection]
    """When that goes which nothing refers to."""
    retention: NotRequired[Retention]
    """What stays."""
    hostname: NotRequired[str]
    """What its images are called by. Nodes need no name server for it. Default:
    registry.cumulo.local."""
    trusted_certificates: NotRequired[Sequence[pulumi.Input[str]]]
    """Further authorities, as PEM, by which it knows upstreams. Default: those that all trust."""
    floating_ip: NotRequired[bool]
    """Whether it has an address in the external network. Default: no."""
    key_pair: NotRequired[pulumi.Input[str]]
    """The name of the key pair whose owner may log in, where a further rule lets ssh in."""


def check(component: str, args: RegistryArgs) -> None:
    """Refuses what cannot work."""
    _check_storage(component, args["storage"])
    for number, client in enumerate(args.get("clients", ())):
        check_remote(component, f"clients[{number}]", client)
    upstreams = args.get("upstreams", UPSTREAMS)
    for name, upstream in upstreams.items():
        _check_upstream(component, name, upstream)
    for name, project in args.get("projects", {}).items():
        check_fields(component, Project, project, f"projects.{name}.")
        if not re.fullmatch(_PART, name):
            raise ArgumentError(
                component,
                f"projects.{name}",
                "images' names are made of small letters and digits, with . _ or - between them",
            )
        if name in {OWN, IMAGES, PULL, *upstreams}:
            raise ArgumentError(component, f"projects.{name}", "the registry itself is called so")
    hostname = args.get("hostname", HOSTNAME)
    if hostname in {OWN, *upstreams} or not re.fullmatch(rf"{_PART}\.{_PART}", hostname):
        raise ArgumentError(
            component, "hostname", f"{hostname!r} is not a name of its own such as {HOSTNAME}"
        )
    collection = args.get("garbage_collection", GarbageCollection())
    check_fields(component, GarbageCollection, collection, "garbage_collection.")
    at = collection.get("daily_at", DAILY_AT)
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
        raise ArgumentError(
            component, "garbage_collection.daily_at", f"{at!r} is not a time such as {DAILY_AT}"
        )
    retention = args.get("retention", Retention())
    check_fields(component, Retention, retention, "retention.")
    check_at_least(component, "retention.tags", retention.get("tags", 0), 0)
    check_at_least(component, "retention.cache_days", retention.get("cache_days", CACHE_DAYS), 1)
    if retention.get("tags") and retention.get("untagged"):
        raise ArgumentError(
            component,
            "retention.untagged",
            "nothing becomes free where images stay whose tags retention.tags has taken away",
        )


def _check_storage(component: str, storage: Storage) -> None:
    check_fields(component, Storage, storage, "storage.")
    if len(storage) != 1:
        raise ArgumentError(component, "storage", "either bucket or filesystem is needed")
    if "filesystem" in storage:
        check_fields(component, Filesystem, storage["filesystem"], "storage.filesystem.")
    elif isinstance(storage["bucket"], Mapping):
        check_fields(component, BucketArgs, storage["bucket"], "storage.bucket.")


def _check_upstream(component: str, name: str, upstream: Upstream) -> None:
    at = f"upstreams.{name}"
    check_fields(component, Upstream, upstream, f"{at}.")
    if name == OWN or not re.fullmatch(rf"{_PART}\.{_PART}", name):
        raise ArgumentError(component, at, f"{name!r} is not a registry's name such as docker.io")
    if not upstream.get("pull_through"):
        for field in ("url", "username", "password"):
            if field in upstream:
                raise ArgumentError(component, f"{at}.{field}", "is for pull_through: True alone")
    if ("username" in upstream) != ("password" in upstream):
        raise ArgumentError(component, f"{at}.password", "goes with username, and only with it")
