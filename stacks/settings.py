"""What an environment may say about itself: `Pulumi.<stack>.yaml`, read once, as a whole."""

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, ip_network
from itertools import pairwise
from typing import Annotated, Any, Literal, Self, cast, get_args, get_origin

import pulumi
from cumulo.infra import WORLD
from cumulo.infra.registry.arguments import UPSTREAMS
from cumulo.infra.versions import KUBERNETES
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails


class SettingsError(pulumi.RunError):
    """Settings that cannot be used: one line for each, naming file, key and what is allowed."""


def _known_remote(value: str) -> str:
    if value != WORLD:
        try:
            ip_network(value)
        except ValueError:
            raise ValueError(f"allowed: a range such as 10.0.0.0/8, or {WORLD}") from None
    return value


Remote = Annotated[str, AfterValidator(_known_remote)]
Count = Annotated[int, Field(strict=True, ge=0)]
AtLeastOne = Annotated[int, Field(strict=True, ge=1)]
Port = Annotated[int, Field(strict=True, ge=1, le=65535)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkSettings(_Section):
    """The network that all servers are on."""

    cidr: IPv4Network
    """Its private addresses, as 192.168.60.0/24."""
    external_network: str
    """The external network, by name, that floating IPs come from."""
    dns_nameservers: tuple[str, ...] = ()
    """The resolvers of the servers, if not the cloud's own."""


class AccessSettings(_Section):
    """Who may log in to the servers."""

    ssh_from: Remote | None = None
    """From where: a range, or `world`. Nobody, if left out."""
    ssh_public_key: str | None = None
    """Whose key opens the servers."""


class ServersSettings(_Section):
    """The servers without GPUs. They run the web service."""

    cpu_count: Count
    """How many."""
    cpu_flavor: str
    """Their flavor, by name."""
    at_once: AtLeastOne = 1
    """How many of them may be made or replaced at the same time."""
    floating_ips: bool = False
    """Whether each server, also the one with GPUs, has an address of its own from outside."""


class GpuServerSettings(_Section):
    """The server with GPUs."""

    model: str
    """The GPUs' model: the alias that Nova knows it by."""
    count: AtLeastOne
    """How many of them."""
    flavors: Annotated[tuple[str, ...], Field(min_length=1)]
    """The flavors to choose from, by name."""


class ServiceSettings(_Section):
    """The web service behind the load balancer."""

    port: Port = 80
    """The port on the load balancer."""
    clients: Remote
    """Who may use it: a range, or `world`."""


class ControlPlaneSettings(_Section):
    """The servers that run the cluster itself."""

    count: Literal[1, 3] = 1
    """1, or 3 to survive the loss of any one."""
    flavor: str
    """Their flavor, by name."""
    replaceable: bool = False
    """Whether an update may replace the only server, and lose all that the cluster knows."""


class NodePoolSettings(_Section):
    """Nodes that are all alike. Either `flavor` or `gpu` says what they are."""

    count: Count
    """How many."""
    flavor: str | None = None
    """Their flavor, by name."""
    gpu: GpuServerSettings | None = None
    """The GPUs of each; the flavor is found by them."""
    labels: dict[str, str] = {}
    """Their labels."""
    taints: tuple[str, ...] = ()
    """Their taints, as `key=value:NoSchedule`."""


class KubernetesSettings(_Section):
    """The Kubernetes cluster, on the same network as the servers."""

    version: str = KUBERNETES
    """The version of Kubernetes; the cloud must have a node image of it."""
    control_plane: ControlPlaneSettings
    """The servers that run the cluster itself."""
    pools: dict[str, NodePoolSettings]
    """The nodes that run workloads, by the name of their pool."""
    api_clients: Annotated[tuple[Remote, ...], Field(min_length=1)]
    """Who may use the API: ranges, or `world`."""
    service_clients: tuple[Remote, ...] = ()
    """Who may use services of type LoadBalancer or NodePort from outside: ranges, or `world`."""
    storage: Literal["local", "cinder"] = "local"
    """Where volumes come from: the nodes' own disks, or the cloud's Cinder."""
    gpus: Literal["nvidia", "count-only"] | None = None
    """How pods get GPUs: `nvidia`; or `count-only`, where they are in the cloud's books only."""


class BucketSettings(_Section):
    """A bucket in an S3-compatible object store."""

    endpoint: str
    """The store's URL."""
    region: str = "us-east-1"
    """The region."""
    name: str
    """The bucket, by name. It must be there."""
    access_key: str
    """The public half of a credential that may read and write it."""
    secret_key: str
    """The secret half: `pulumi config set --secret --path cumulo:registry.bucket.secret_key`."""


class ProjectSettings(_Section):
    """Images of one team."""

    private: bool = False
    """Whether only the project itself may pull them."""


class UpstreamSettings(_Section):
    """A registry whose images nodes get from the environment's own."""

    pull_through: bool = False
    """Whether what is missing is fetched from there; else it has to be pushed."""
    username: str | None = None
    """Who logs in to it. Nobody, if left out."""
    password: str | None = None
    """The password of that."""


class RegistrySettings(_Section):
    """The registry of container images, which is the mirror of the cluster's nodes."""

    flavor: str
    """The flavor of its server, by name."""
    bucket: BucketSettings | None = None
    """Where images are kept. On the server's own disk, if left out."""
    replaceable: bool = False
    """Whether an update may replace the server, and lose the images on its disk."""
    projects: dict[str, ProjectSettings] = {}
    """Who may push, by the first part of their images' names."""
    upstreams: dict[str, UpstreamSettings] = dict.fromkeys(UPSTREAMS, UpstreamSettings())
    """The registries that it is a mirror of. Docker's, GitHub's, Quay and Kubernetes', none of them
    pulled through, if left out."""
    clients: tuple[Remote, ...] = ()
    """Who else than the network may reach it: ranges, or `world`."""
    anonymous_pull: bool = True
    """Whether anyone who reaches it may pull what is not private."""
    floating_ip: bool = False
    """Whether it has an address of its own from outside."""
    tags_kept: Count = 0
    """How many of the newest tags of a project's image stay; 0: all."""
    cache_days: AtLeastOne = 7
    """How long what was fetched from upstreams stays."""


class Settings(_Section):
    """All that an environment may set, under the project's own namespace."""

    image: str
    """The image of all servers, by name."""
    network: NetworkSettings
    access: AccessSettings = AccessSettings()
    servers: ServersSettings
    gpu_server: GpuServerSettings | None = None
    service: ServiceSettings
    registry: RegistrySettings | None = None
    kubernetes: KubernetesSettings | None = None

    @classmethod
    def parse(cls, config: Mapping[str, Any], project: str, stack: str) -> Self:
        """Reads the settings of a stack.

        Args:
            config: The stack's whole configuration, by namespaced key, as Pulumi hands it over.
            project: The namespace to read; the others are the providers'.
            stack: The stack, which names the file.

        Raises:
            SettingsError: A key is unknown or missing, or a value is not allowed.
        """
        prefix = f"{project}:"
        own = {
            key.removeprefix(prefix): _value(value)
            for key, value in config.items()
            if key.startswith(prefix)
        }
        try:
            return cls.model_validate(own)
        except ValidationError as refused:
            lines = [
                f"Pulumi.{stack}.yaml: {prefix}{_key(error)}: {_problem(error)}"
                for error in refused.errors()
            ]
            raise SettingsError("\n".join(lines)) from None


def stack_config() -> Mapping[str, Any]:
    """The whole configuration of the stack that runs.

    `pulumi.Config` reads only keys that one asks for, so it cannot tell of a misspelt one.
    """
    config = pulumi.runtime.config
    return {**config.get_config_env(), **config.CONFIG.get()}


def _value(value: Any) -> Any:
    """Pulumi hands structured values over as JSON, and all others as text."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _key(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"])


def _problem(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key; allowed: {', '.join(_allowed_beside(error))}"
    if error["type"] == "missing":
        return f"required: {_description(error)}"
    if error["type"] in ("model_type", "model_attributes_type"):
        section = _section(error["loc"])
        return f"a section with keys is needed; allowed: {', '.join(section.model_fields)}"
    if error["type"] == "too_short":
        return f"at least {error['ctx']['min_length']} item is needed"
    if error["type"] == "value_error":
        return str(error["ctx"]["error"])
    return error["msg"][:1].lower() + error["msg"][1:]


def _allowed_beside(error: ErrorDetails) -> Iterator[str]:
    yield from _section(error["loc"][:-1]).model_fields


def _description(error: ErrorDetails) -> str:
    *path, key = error["loc"]
    described = _attribute_docstrings(_section(tuple(path)))
    return described.get(str(key)) or (_section(error["loc"]).__doc__ or "").strip()


def _attribute_docstrings(section: type[BaseModel]) -> dict[str, str]:
    """The text below each field.

    Pydantic can collect it too, but does so for each class at import, which takes as long as all
    else in a preview's program.
    """
    (definition,) = ast.parse(inspect.getsource(section)).body
    found = {}
    for field, text in pairwise(cast("ast.ClassDef", definition).body):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=said)):
                found[name] = str(said)
    return found


def _section(location: tuple[int | str, ...]) -> type[BaseModel]:
    section: type[BaseModel] = Settings
    keys = iter(location)
    for key in keys:
        annotation = section.model_fields[str(key)].annotation
        if get_origin(annotation) is dict:
            next(keys, None)  # Which of the sections it is; all are alike.
        candidates = (annotation, *get_args(annotation))
        section = next(
            kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)
        )
    return section
