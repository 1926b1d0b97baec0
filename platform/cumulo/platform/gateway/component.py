"""The gateway in a cluster."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
    title,
)
from cumulo.infra.handle import Handle
from cumulo.infra.security_group import WORLD, check_remote
from cumulo.platform.access.rules import AccessRules
from cumulo.platform.gateway import answers, apache, policies
from cumulo.platform.gateway.site import FOLDER, RUN, Site, keycloak
from cumulo.platform.service import ServiceHandle
from cumulo.platform.versions import GATEWAY

SESSION_SECONDS: Final = 3600
_USER: Final = 65532
_PORTS: Final = {"https": 8443, "http": 8080, "status": 8081}
_HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+")
_CLAIM = re.compile(r"[A-Za-z0-9_]+")


@dataclass(frozen=True)
class _Size:
    workers: int
    cpu: str
    memory: str
    memory_limit: str


# A worker that waits for a service takes little more than its stack.
_SIZES: Final = {
    "small": _Size(128, "50m", "96Mi", "256Mi"),
    "medium": _Size(256, "250m", "160Mi", "512Mi"),
    "large": _Size(1024, "1", "384Mi", "1Gi"),
}


@dataclass(frozen=True, kw_only=True)
class GatewayHandle(Handle):
    """A gateway that clients can be sent to.

    Attributes:
        url: Where clients reach it, without a path.
        address: The address of its load balancer, for the names of its hosts.
        namespace: The namespace of its pods.
        labels: What marks its pods, for policies that let it reach more.
        status_port: The port of its pods that tells their health and metrics.
    """

    url: pulumi.Output[str]
    address: pulumi.Output[str]
    namespace: pulumi.Input[str]
    labels: pulumi.Input[Mapping[str, str]]
    status_port: pulumi.Input[int] = _PORTS["status"]


class RealmArgs(TypedDict):
    """A realm of Keycloak, and the gateway as its client."""

    issuer: pulumi.Input[str]
    """The realm's URL for browsers, which is the `iss` of its tokens: `https://…/realms/…`."""
    client_id: str
    """The confidential client that the gateway is there. Its redirect URIs are `/-/callback` on
    every host of the gateway."""
    client_secret: pulumi.Input[str]
    """That client's secret."""
    audience: str
    """The `aud` of access tokens that are meant for the gateway. Not the client's id: tokens of a
    login in a browser have that, and must not pass for access tokens."""
    service: NotRequired[ServiceHandle]
    """The service of Keycloak, where it is in this cluster: the gateway then asks it directly, at
    the path that `issuer` has. Default: the gateway asks `issuer`, at any address's port 443."""
    roles_claim: NotRequired[str]
    """The claim that lists somebody's roles, in access tokens and in ID tokens. Default:
    `groups`."""
    user_claim: NotRequired[str]
    """The claim that names somebody. Default: `preferred_username`."""


class GatewayArgs(TypedDict):
    """Arguments of `Gateway`."""

    namespace: pulumi.Input[str]
    """Its namespace: one of its own, since whoever may run pods there could pass for it."""
    host: str
    """The name by which clients reach it. Subdomains of routes are below it."""
    rules: AccessRules
    """Its routes, and who may do what on them."""
    realm: RealmArgs
    """Who says who people are."""
    certificate: pulumi.Input[str]
    """The certificate of its hosts, with the chain that leads to its authority, as PEM."""
    private_key: pulumi.Input[str]
    """That certificate's key, as PEM."""
    clients: Sequence[str]
    """Who may reach it: ranges, or `world`. The cluster's `node_port_clients` has to let them in
    as well."""
    authority: NotRequired[pulumi.Input[str]]
    """The authority that the realm's and the services' certificates are believed by, as PEM.
    Default: the system's."""
    size: NotRequired[Literal["small", "medium", "large"]]
    """How many requests a replica answers at a time: 128, 256 or 1024. Default: `small`."""
    replicas: NotRequired[int]
    """How many of it there are; from two on each is on another node, and one always stays.
    Default: 1."""
    session_seconds: NotRequired[int]
    """How long a login in a browser lasts, and so how long a role that was taken away may still
    count there. Default: 3600."""
    monitors: NotRequired[Sequence[pulumi.Input[str]]]
    """The namespaces whose pods may read its metrics. Default: none."""
    image: NotRequired[pulumi.Input[str]]
    """Its image. Default: `cumulo.local/gateway` in the version that this package knows."""


class Gateway(pulumi.ComponentResource):
    """One way in: TLS, login, and the rules of every route; and no way round it.

    Its configuration and the network policies of all services behind it are made from one set of
    rules. It needs a provider that reaches the cluster, among `opts`.

    Example:
        >>> import pulumi_kubernetes
        >>> from cumulo.platform import AccessRules, Gateway, Route, ServiceHandle, allow
        >>> models = ServiceHandle(
        ...     name="mlflow",
        ...     namespace="models",
        ...     service="mlflow",
        ...     port=80,
        ...     pod_port=5000,
        ...     labels={"app": "mlflow"},
        ... )
        >>> rules = AccessRules(
        ...     roles={"data-science": "who trains models"},
        ...     routes={
        ...         "models": Route(
        ...             backend=models, path="/models/", rules=[allow("data-science")]
        ...         )
        ...     },
        ... )
        >>> gateway = Gateway(
        ...     "gateway",
        ...     {
        ...         "namespace": "gateway",
        ...         "host": "ml.example.org",
        ...         "rules": rules,
        ...         "realm": {
        ...             "issuer": "https://login.example.org/realms/ml",
        ...             "client_id": "gateway",
        ...             "client_secret": pulumi.Output.secret("..."),
        ...             "audience": "ml",
        ...         },
        ...         "certificate": "-----BEGIN CERTIFICATE-----",
        ...         "private_key": pulumi.Output.secret("-----BEGIN PRIVATE KEY-----"),
        ...         "clients": ["10.0.0.0/8"],
        ...     },
        ... )
        >>> pulumi.export("gateway", gateway.handle.url)
    """

    handle: GatewayHandle
    """What other components take."""

    def __init__(
        self, name: str, args: GatewayArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Gateway, name)
        services = _check(component, args)
        super().__init__("cumulo:index:Gateway", name, {}, opts)

        child = pulumi.ResourceOptions(parent=self)
        namespace = args["namespace"]
        labels = {"app.kubernetes.io/name": "gateway", "app.kubernetes.io/instance": name}
        placed = {"name": name, "namespace": namespace, "labels": labels}
        realm = args["realm"]
        policies.only_through_the_gateway(name, services, namespace, labels, child)
        policies.of_the_gateway(
            name,
            services,
            namespace,
            labels,
            ports=(_PORTS["https"], _PORTS["http"]),
            clients=args["clients"],
            status_port=_PORTS["status"],
            monitors=args.get("monitors", ()),
            provider=realm.get("service"),
            opts=child,
        )
        files = _files(component, args)
        configuration = k8s.core.v1.ConfigMap(
            f"{name}-configuration", metadata=placed, data=files, opts=child
        )
        key = random.RandomPassword(f"{name}-session-key", length=48, special=False, opts=child)
        secrets: dict[str, pulumi.Input[str]] = {
            "client-secret": realm["client_secret"],
            "session-key": key.result,
            "tls.crt": args["certificate"],
            "tls.key": args["private_key"],
        }
        secret = k8s.core.v1.Secret(
            f"{name}-secrets",
            metadata=placed,
            string_data={one: pulumi.Output.secret(value) for one, value in secrets.items()},
            opts=child,
        )
        replicas = args.get("replicas", 1)
        deployment = k8s.apps.v1.Deployment(
            f"{name}-deployment",
            metadata=placed,
            spec={
                "replicas": replicas,
                "selector": {"match_labels": labels},
                # With as many nodes as replicas there is no room for one more.
                "strategy": {"rolling_update": {"max_unavailable": min(1, replicas - 1)}},
                "template": {
                    "metadata": {
                        "labels": labels,
                        # httpd reads them when it starts.
                        "annotations": {
                            "cumulo.dev/configuration": _digest(files),
                            "cumulo.dev/secrets": _digest(secrets),
                        },
                    },
                    "spec": _pod(args, labels, configuration, secret),
                },
            },
            opts=child,
        )
        if replicas > 1:
            k8s.policy.v1.PodDisruptionBudget(
                f"{name}-budget",
                metadata=placed,
                spec={"min_available": 1, "selector": {"match_labels": labels}},
                opts=child,
            )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata=placed,
            spec=_service(args, labels),
            opts=child,
        )
        self.handle = GatewayHandle(
            name=name,
            needs=(deployment, service),
            url=pulumi.Output.from_input(f"https://{args['host']}"),
            address=service.status.apply(_address),
            namespace=namespace,
            labels=labels,
        )
        self.register_outputs(self.handle.outputs())


def _check(component: str, args: GatewayArgs) -> dict[str, ServiceHandle]:
    check_fields(component, GatewayArgs, args)
    realm = args["realm"]
    check_fields(component, RealmArgs, realm, "realm.")
    if not _HOST.fullmatch(args["host"]):
        raise ArgumentError(
            component, "host", f"{args['host']!r} is not a name such as ml.example.org"
        )
    if realm["audience"] == realm["client_id"]:
        raise ArgumentError(
            component,
            "realm.audience",
            "is the client's id: tokens of a login would pass for access tokens",
        )
    _check_word(component, "realm.client_id", realm["client_id"])
    _check_word(component, "realm.audience", realm["audience"])
    for field in ("roles_claim", "user_claim"):
        claim = realm.get(field, "groups")
        if not _CLAIM.fullmatch(str(claim)):
            raise ArgumentError(component, f"realm.{field}", f"{claim!r} is not a claim's name")
    if isinstance(realm["issuer"], str):
        _check_url(component, "realm.issuer", realm["issuer"])
    if not args["clients"]:
        raise ArgumentError(component, "clients", f"empty: nobody could reach it; or say {WORLD!r}")
    for number, client in enumerate(args["clients"]):
        check_remote(component, f"clients[{number}]", client)
    check_choice(component, "size", args.get("size", "small"), tuple(_SIZES))
    check_at_least(component, "replicas", args.get("replicas", 1), 1)
    seconds = args.get("session_seconds", SESSION_SECONDS)
    check_at_least(component, "session_seconds", seconds, 60)
    try:
        return policies.services_of(args["rules"])
    except ValueError as error:
        raise ArgumentError(component, "rules", str(error)) from None


def _check_word(component: str, field: str, value: str) -> None:
    try:
        apache.plain(value)
    except ValueError as error:
        raise ArgumentError(component, field, str(error)) from None


def _check_url(component: str, field: str, value: str) -> str:
    _check_word(component, field, value)
    if not re.fullmatch(r"https?://[^/?#]+(/[^?#]*[^/?#])?", value):
        raise ArgumentError(component, field, f"{value!r} is not a URL without an end such as /")
    return value


def _files(component: str, args: GatewayArgs) -> dict[str, pulumi.Input[str]]:
    """Everything that httpd reads and that is no secret, by the name of its file."""
    rules, realm = args["rules"], args["realm"]
    size = _SIZES[args.get("size", "small")]
    inside = realm["service"].url if "service" in realm else None

    def render(known: Mapping[str, Any]) -> str:
        issuer = _check_url(component, "realm.issuer", known["issuer"])
        place = issuer
        if known["inside"] is not None:
            place = known["inside"] + re.sub(r"^https?://[^/]+", "", issuer)
        site = Site(
            host=args["host"],
            realm=keycloak(
                issuer,
                place,
                client_id=realm["client_id"],
                audience=realm["audience"],
                roles_claim=realm.get("roles_claim", "groups"),
                user_claim=realm.get("user_claim", "preferred_username"),
            ),
            upstreams=known["upstreams"],
            authority="authority" in args,
            workers=size.workers,
            session_seconds=args.get("session_seconds", SESSION_SECONDS),
            port=_PORTS["https"],
            redirect_port=_PORTS["http"],
            status_port=_PORTS["status"],
        )
        try:
            return apache.configuration(rules, site)
        except ValueError as error:
            raise ArgumentError(component, "rules", str(error)) from None

    upstreams = {name: route.backend.url for name, route in rules.routes.items()}
    told = pulumi.Output.all(
        issuer=realm["issuer"], inside=inside, upstreams=pulumi.Output.all(**upstreams)
    )
    files: dict[str, pulumi.Input[str]] = {
        apache.CONFIGURATION: told.apply(render),
        **answers.files(),
    }
    if "authority" in args:
        files["ca.crt"] = args["authority"]
    return files


def _digest(files: Mapping[str, pulumi.Input[str]]) -> pulumi.Output[str]:
    """Of files; of secret ones there is a key among them that nobody could guess."""
    return pulumi.Output.unsecret(
        pulumi.Output.json_dumps(files).apply(
            lambda known: hashlib.sha256(known.encode()).hexdigest()[:16]
        )
    )


def _address(status: Any) -> str:
    ingress = status.load_balancer.ingress
    return str(ingress[0].ip or ingress[0].hostname) if ingress else ""


def _service(args: GatewayArgs, labels: Mapping[str, str]) -> dict[str, Any]:
    ranges = None if WORLD in args["clients"] else list(args["clients"])
    return {
        "type": "LoadBalancer",
        # Pods then see who asks, and so do the policies.
        "external_traffic_policy": "Local",
        "load_balancer_source_ranges": ranges,
        "selector": labels,
        "ports": [
            {"name": "https", "port": 443, "target_port": "https", "protocol": "TCP"},
            {"name": "http", "port": 80, "target_port": "http", "protocol": "TCP"},
        ],
    }


def _pod(
    args: GatewayArgs,
    labels: Mapping[str, str],
    configuration: k8s.core.v1.ConfigMap,
    secret: k8s.core.v1.Secret,
) -> dict[str, Any]:
    size = _SIZES[args.get("size", "small")]
    apart = {
        "pod_anti_affinity": {
            "required_during_scheduling_ignored_during_execution": [
                {
                    "label_selector": {"match_labels": labels},
                    "topology_key": "kubernetes.io/hostname",
                }
            ]
        }
    }
    folders = {"client-secret": "secrets", "session-key": "secrets", "tls.crt": "tls"}
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        "affinity": apart if args.get("replicas", 1) > 1 else None,
        # What was begun may end: httpd gives it 30 seconds.
        "termination_grace_period_seconds": 45,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "run_as_group": _USER,
            "fs_group": _USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "httpd",
                "image": args.get("image", f"cumulo.local/gateway:{GATEWAY}"),
                "command": ["/usr/sbin/apache2"],
                "args": ["-D", "FOREGROUND", "-f", f"{FOLDER}/{apache.CONFIGURATION}"],
                # The module wants a place for its locks.
                "env": [{"name": "TMPDIR", "value": RUN}],
                "ports": [
                    {"name": name, "container_port": port, "protocol": "TCP"}
                    for name, port in _PORTS.items()
                ],
                "startup_probe": {**_probe(1), "failure_threshold": 60},
                "readiness_probe": {**_probe(5), "failure_threshold": 2},
                "liveness_probe": {**_probe(10), "failure_threshold": 6},
                # Until then balancers still send it clients.
                "lifecycle": {"pre_stop": {"sleep": {"seconds": 5}}},
                "resources": {
                    "requests": {"cpu": size.cpu, "memory": size.memory},
                    "limits": {"memory": size.memory_limit},
                },
                "security_context": {
                    "allow_privilege_escalation": False,
                    "read_only_root_filesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volume_mounts": [
                    {"name": "configuration", "mount_path": FOLDER, "read_only": True},
                    {"name": "run", "mount_path": RUN},
                ],
            }
        ],
        "volumes": [
            {
                "name": "configuration",
                "projected": {
                    "default_mode": 0o440,
                    "sources": [
                        {"config_map": {"name": configuration.metadata["name"]}},
                        {
                            "secret": {
                                "name": secret.metadata["name"],
                                "items": [
                                    {"key": key, "path": f"{folders.get(key, 'tls')}/{key}"}
                                    for key in (*folders, "tls.key")
                                ],
                            }
                        },
                    ],
                },
            },
            {"name": "run", "empty_dir": {"medium": "Memory", "size_limit": "64Mi"}},
        ],
    }


def _probe(seconds: int) -> dict[str, Any]:
    return {
        "http_get": {"path": "/healthz", "port": "status"},
        "period_seconds": seconds,
        "timeout_seconds": 3,
    }
