"""The component."""

import hashlib
from collections.abc import Mapping
from operator import itemgetter
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import title
from cumulo.platform.models import server_files
from cumulo.platform.models.arguments import (
    ModelsArgs,
    ModelsHandle,
    check,
    checked_endpoint,
    checked_url,
    database_uri,
    groups,
)
from cumulo.platform.service import ServiceHandle
from cumulo.platform.versions import MLFLOW

IMAGE: Final = f"ghcr.io/mlflow/mlflow:v{MLFLOW}"
PORT: Final = 5000

_USER: Final = 65532
_PLUGIN: Final = "/opt/cumulo"
_TEAMS: Final = "/etc/cumulo/teams"
_AUTHORITIES: Final = "/etc/cumulo/authorities"
_SCRATCH: Final = "/tmp"  # noqa: S108 -- in the container


class Models(pulumi.ComponentResource):
    """MLflow's tracking server and model registry, on a PostgreSQL and a bucket.

    Each team is a workspace of MLflow's: what one has, another neither sees nor changes. Who is in
    which team, the gateway's headers say, so only the gateway's pods may reach it; `Gateway`
    makes the network policy. Teams come and go without a restart.

    Example:
        >>> from cumulo.platform import Database, Models
        >>> database = Database(
        ...     "platform",
        ...     {
        ...         "namespace": "data",
        ...         "consumers": {"mlflow": {"clients": [{"namespace": "models"}]}},
        ...     },
        ... )
        >>> models = Models(
        ...     "mlflow",
        ...     {
        ...         "namespace": "models",
        ...         "url": "https://models.ml.example.org",
        ...         "database": database.handle.credential("mlflow"),
        ...         "artifacts": {
        ...             "endpoint": "https://objects.example.org:8080",
        ...             "region": "RegionOne",
        ...             "bucket": "models",
        ...             "access_key": "a1b2",
        ...             "secret_key": pulumi.Output.secret("c3d4"),
        ...         },
        ...         "teams": {"vision": {}, "speech": {"readers": ["auditors"]}},
        ...     },
        ... )
        >>> pulumi.export("tracking", models.handle.url)
    """

    handle: ModelsHandle
    """What other components take."""

    def __init__(
        self, name: str, args: ModelsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Models, name)
        check(component, args)
        super().__init__("cumulo:index:Models", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self)
        labels = {"app.kubernetes.io/name": "mlflow", "app.kubernetes.io/instance": name}
        replicas = args.get("replicas", 1)

        def meta(suffix: str = "") -> dict[str, Any]:
            return {
                "name": f"{name}{suffix}",
                "namespace": args["namespace"],
                "labels": labels,
            }

        url = pulumi.Output.from_input(args["url"]).apply(lambda it: checked_url(component, it))
        endpoint = pulumi.Output.from_input(args["artifacts"]["endpoint"]).apply(
            lambda it: checked_endpoint(component, it)
        )
        package = server_files.package()
        plugin = k8s.core.v1.ConfigMap(
            f"{name}-plugin",
            metadata=meta("-plugin"),
            data={_key(path): text for path, text in package.items()},
            opts=own,
        )
        teams = k8s.core.v1.ConfigMap(
            f"{name}-teams",
            metadata=meta("-teams"),
            data={
                "teams.json": server_files.roster(
                    {team: groups(team, said) for team, said in args["teams"].items()}
                )
            },
            opts=own,
        )
        secret = k8s.core.v1.Secret(
            f"{name}-secrets",
            metadata=meta(),
            string_data=_secrets(args),
            opts=own,
        )
        service = k8s.core.v1.Service(
            f"{name}-service",
            metadata={**meta(), "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": labels,
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
                "selector": {"match_labels": labels},
                "template": {
                    "metadata": {
                        "labels": labels,
                        "annotations": {"cumulo.dev/plugin": _digest(package)},
                    },
                    "spec": _pod(name, args, url, endpoint, package),
                },
            },
            opts=pulumi.ResourceOptions.merge(
                own, pulumi.ResourceOptions(depends_on=[plugin, teams, secret, service])
            ),
        )
        if replicas > 1:
            k8s.policy.v1.PodDisruptionBudget(
                f"{name}-disruptions",
                metadata=meta(),
                spec={"max_unavailable": 1, "selector": {"match_labels": labels}},
                opts=own,
            )
        self.handle = ModelsHandle(
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
                labels=labels,
            ),
            teams=sorted(args["teams"]),
        )
        self.register_outputs({"url": url})


def _secrets(args: ModelsArgs) -> dict[str, pulumi.Input[str]]:
    database = args["database"]
    artifacts = args["artifacts"]
    known: pulumi.Output[list[str]] = pulumi.Output.all(database.password, database.host)
    uri = known.apply(
        lambda it: database_uri(
            database.user,
            it[0],
            it[1],
            database.port,
            database.database,
            f"{_AUTHORITIES}/database.crt",
        )
    )
    return {
        "database": pulumi.Output.secret(uri),
        "access-key": artifacts["access_key"],
        "secret-key": artifacts["secret_key"],
        "database.crt": database.ca,
        **({"artifacts.crt": artifacts["ca"]} if "ca" in artifacts else {}),
    }


def _pod(
    name: str,
    args: ModelsArgs,
    url: pulumi.Output[str],
    endpoint: pulumi.Output[str],
    package: Mapping[str, str],
) -> dict[str, Any]:
    artifacts = args["artifacts"]
    workers = args.get("workers", 1)
    memory = args.get("memory", 1024 + 512 * (workers - 1))
    told = pulumi.Output.all(url, endpoint, artifacts["region"]).apply(
        lambda known: server_files.environment(
            url=known[0],
            endpoint=known[1],
            region=known[2],
            teams=f"{_TEAMS}/teams.json",
            path=_PLUGIN,
            metrics=f"{_SCRATCH}/metrics",
        )
    )
    names = server_files.environment(url="", endpoint="", region="", teams="", path="", metrics="")
    values: dict[str, pulumi.Input[str]] = {key: told.apply(itemgetter(key)) for key in names}
    if "ca" in artifacts:
        values["AWS_CA_BUNDLE"] = f"{_AUTHORITIES}/artifacts.crt"
    environment = [
        *({"name": key, "value": value} for key, value in values.items()),
        *(
            {"name": key, "value_from": {"secret_key_ref": {"name": name, "key": of}}}
            for key, of in server_files.SECRETS.items()
        ),
    ]
    common = {
        "image": IMAGE,
        "env": environment,
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": {
            "requests": {"cpu": args.get("cpu", "50m"), "memory": f"{memory}Mi"},
            "limits": {"memory": f"{memory}Mi"},
        },
        "volume_mounts": [
            {"name": "plugin", "mount_path": _PLUGIN, "read_only": True},
            {"name": "teams", "mount_path": _TEAMS, "read_only": True},
            {"name": "authorities", "mount_path": _AUTHORITIES, "read_only": True},
            {"name": "scratch", "mount_path": _SCRATCH},
        ],
    }
    return {
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": _USER,
            "run_as_group": _USER,
            "fs_group": _USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "automount_service_account_token": False,
        "enable_service_links": False,
        # A model that is being uploaded is let through.
        "termination_grace_period_seconds": 60,
        "init_containers": [
            {"name": "tables", **common, "command": list(server_files.UPGRADE)},
        ],
        "containers": [
            {
                "name": "mlflow",
                **common,
                "command": pulumi.Output.from_input(artifacts["bucket"]).apply(
                    lambda bucket: server_files.arguments(bucket, "0.0.0.0", PORT, workers)  # noqa: S104 -- in a pod
                ),
                "ports": [{"name": "http", "container_port": PORT}],
                # It imports a good deal of Python before it answers.
                "startup_probe": _probe(60),
                "readiness_probe": _probe(3),
                "liveness_probe": _probe(6),
            }
        ],
        "volumes": [
            {
                "name": "plugin",
                "config_map": {
                    "name": f"{name}-plugin",
                    "items": [{"key": _key(path), "path": path} for path in package],
                },
            },
            {"name": "teams", "config_map": {"name": f"{name}-teams"}},
            {
                "name": "authorities",
                "secret": {
                    "secret_name": name,
                    "items": [
                        {"key": file, "path": file}
                        for file in (
                            "database.crt",
                            *(["artifacts.crt"] if "ca" in artifacts else []),
                        )
                    ],
                },
            },
            # What passes through is written here first.
            {"name": "scratch", "empty_dir": {}},
        ],
    }


def _probe(failures: int) -> dict[str, Any]:
    return {
        "http_get": {"path": "/health", "port": "http"},
        "period_seconds": 5,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }


def _key(path: str) -> str:
    """A ConfigMap's key for a file in a folder."""
    return path.replace("/", "..")


def _digest(package: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(package.items())).encode()).hexdigest()[:10]
