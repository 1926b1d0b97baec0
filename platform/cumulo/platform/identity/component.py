"""The component."""

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields, title
from cumulo.infra.handle import Handle
from cumulo.platform.database.arguments import DatabaseCredential
from cumulo.platform.pods import labels, probe, resources
from cumulo.platform.service import ServiceHandle
from cumulo.platform.versions import KEYCLOAK

IMAGE = f"quay.io/keycloak/keycloak:{KEYCLOAK}"
PORT = 8080
MANAGEMENT_PORT = 9000
ADMINISTRATOR = "admin"

_USER = 1000
"""The user of the image."""
_DATABASE_CA = "/etc/cumulo/database"


class IdentityArgs(TypedDict):
    """Arguments of `Identity`."""

    namespace: pulumi.Input[str]
    """The namespace, which exists."""
    url: pulumi.Input[str]
    """Where browsers and programs reach it: the gateway's `https://` address."""
    database: DatabaseCredential
    """Where it keeps everything."""
    replicas: NotRequired[int]
    """How many pods. Default: 1."""
    cpu: NotRequired[str]
    """What a pod is promised of a processor. Default: `100m`."""
    memory: NotRequired[int]
    """A pod's memory, in MiB; seven tenths are Java's heap. Default: 1024."""


@dataclass(frozen=True, kw_only=True)
class IdentityHandle(Handle):
    """A Keycloak.

    Attributes:
        url: Where browsers and programs reach it.
        service: What the gateway's routes lead to.
        administrator: The user who may do everything, in the realm `master`.
        password: That user's password; secret.
    """

    url: pulumi.Output[str]
    service: ServiceHandle
    administrator: str
    password: pulumi.Output[str]

    def issuer(self, realm: str) -> pulumi.Output[str]:
        """The `iss` of a realm's tokens."""
        return pulumi.Output.concat(self.url, "/realms/", realm)


class Identity(pulumi.ComponentResource):
    """A Keycloak on a PostgreSQL; realms, groups and clients are resources of `pulumi_keycloak`.

    Pods come one after the other, and a new version waits until the old one serves no more where
    there is one pod only. Administrators and everybody else come through the gateway.

    Example:
        >>> from cumulo.platform import Database, Identity
        >>> database = Database(
        ...     "platform",
        ...     {
        ...         "namespace": "data",
        ...         "consumers": {"keycloak": {"clients": [{"namespace": "identity"}]}},
        ...     },
        ... )
        >>> identity = Identity(
        ...     "keycloak",
        ...     {
        ...         "namespace": "identity",
        ...         "url": "https://platform.example.org",
        ...         "database": database.handle.credential("keycloak"),
        ...     },
        ... )
        >>> pulumi.export("issuer", identity.handle.issuer("team"))
    """

    handle: IdentityHandle
    """What other components take."""

    def __init__(
        self, name: str, args: IdentityArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Identity, name)
        check_fields(component, IdentityArgs, args)
        replicas = args.get("replicas", 1)
        check_at_least(component, "replicas", replicas, 1)
        check_at_least(component, "memory", args.get("memory", 1024), 768)
        super().__init__("cumulo:index:Identity", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self)
        marks = labels(name, "keycloak")

        def meta(suffix: str = "") -> dict[str, Any]:
            return {"name": f"{name}{suffix}", "namespace": args["namespace"], "labels": marks}

        url = pulumi.Output.from_input(args["url"]).apply(lambda known: _url(component, known))
        password = random.RandomPassword(
            f"{name}-administrator-password", length=32, special=False, opts=own
        ).result
        secret = k8s.core.v1.Secret(
            f"{name}-secrets",
            metadata=meta(),
            string_data={
                "administrator": password,
                "database": args["database"].password,
                "ca.crt": args["database"].ca,
            },
            opts=own,
        )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata={**meta(), "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": marks,
                "ports": [{"name": "http", "port": PORT, "target_port": "http"}],
            },
            opts=own,
        )
        deployment = k8s.apps.v1.Deployment(
            f"{name}-server",
            metadata=meta(),
            spec={
                "replicas": replicas,
                # Two versions must not write to one database.
                "strategy": {"type": "Recreate"},
                "selector": {"match_labels": marks},
                "template": {
                    "metadata": {"labels": marks},
                    "spec": _pod(name, args, url, replicas),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                own, pulumi.ResourceOptions(depends_on=[secret, service])
            ),
        )
        if replicas > 1:
            k8s.policy.v1.PodDisruptionBudget(
                f"{name}-disruptions",
                metadata=meta(),
                spec={"max_unavailable": 1, "selector": {"match_labels": marks}},
                opts=own,
            )
        self.handle = IdentityHandle(
            name=name,
            needs=(deployment,),
            url=url,
            service=ServiceHandle(
                name=name,
                needs=(deployment,),
                namespace=args["namespace"],
                service=name,
                port=PORT,
                pod_port=PORT,
                labels=marks,
            ),
            administrator=ADMINISTRATOR,
            password=password,
        )
        self.register_outputs({"url": url})


def _pod(name: str, args: IdentityArgs, url: pulumi.Output[str], replicas: int) -> dict[str, Any]:
    database = args["database"]
    memory = args.get("memory", 1024)
    values: dict[str, pulumi.Input[str]] = {
        "KC_BOOTSTRAP_ADMIN_USERNAME": ADMINISTRATOR,
        "KC_CACHE": "local" if replicas == 1 else "ispn",
        "KC_DB": "postgres",
        "KC_DB_POOL_MAX_SIZE": "15",
        "KC_DB_URL": pulumi.Output.format(
            "jdbc:postgresql://{0}:{1}/{2}?sslmode=verify-full&sslrootcert={3}/ca.crt",
            database.host,
            database.port,
            database.database,
            _DATABASE_CA,
        ),
        "KC_DB_USERNAME": database.user,
        # Logins and refusals, for the dashboard.
        "KC_EVENT_METRICS_USER_ENABLED": "true",
        "KC_HEALTH_ENABLED": "true",
        "KC_HOSTNAME": url,
        # TLS ends at the gateway, and only the gateway reaches the pods.
        "KC_HTTP_ENABLED": "true",
        "KC_METRICS_ENABLED": "true",
        "KC_PROXY_HEADERS": "xforwarded",
        "JAVA_OPTS_KC_HEAP": "-XX:MaxRAMPercentage=70 -XX:InitialRAMPercentage=20",
    }
    secrets = {"KC_BOOTSTRAP_ADMIN_PASSWORD": "administrator", "KC_DB_PASSWORD": "database"}
    return {
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "automount_service_account_token": False,
        "enable_service_links": False,
        "containers": [
            {
                "name": "keycloak",
                "image": IMAGE,
                "args": ["start"],
                "env": [
                    *({"name": key, "value": value} for key, value in values.items()),
                    *(
                        {"name": key, "value_from": {"secret_key_ref": {"name": name, "key": of}}}
                        for key, of in secrets.items()
                    ),
                ],
                "ports": [
                    {"name": "http", "container_port": PORT},
                    {"name": "management", "container_port": MANAGEMENT_PORT},
                ],
                # Upstream's image builds itself for the database at its first start.
                "startup_probe": probe("/health/started", "management", 120),
                "readiness_probe": probe("/health/ready", "management"),
                "liveness_probe": probe("/health/live", "management", 6),
                "resources": resources(args.get("cpu", "100m"), memory),
                # That build writes beside the programs.
                "security_context": {
                    "allow_privilege_escalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volume_mounts": [{"name": "database", "mount_path": _DATABASE_CA}],
            }
        ],
        "volumes": [
            {
                "name": "database",
                "secret": {"secret_name": name, "items": [{"key": "ca.crt", "path": "ca.crt"}]},
            }
        ],
    }


def _url(component: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise ArgumentError(component, "url", f"{url!r} is no https:// address without a path")
    return url.rstrip("/")
