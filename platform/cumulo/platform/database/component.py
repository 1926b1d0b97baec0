"""The component."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields, title
from cumulo.platform.database import server_files
from cumulo.platform.database.arguments import (
    Backups,
    Clients,
    Consumer,
    DatabaseArgs,
    DatabaseHandle,
    Repository,
)
from cumulo.platform.database.certificates import Certificates, Pair
from cumulo.platform.database.pods import IMAGE, USER, script, variables
from cumulo.platform.pods import SECURE, claim, digest, labels, resources, restricted

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_MOUNT = "/var/lib/postgresql/data"
_CONFIG = "/etc/cumulo/postgresql"
_CA = "/etc/cumulo/repository"


class Database(pulumi.ComponentResource):
    """A PostgreSQL server with a database and a role for each who needs one.

    One pod with a volume: where that is lost, the server is brought back from its backups, with all
    that was committed up to a minute before. Clients speak TLS or are refused, and only pods that a
    consumer names reach the server. A consumer that is taken out keeps its data in the server.

    Example:
        >>> from cumulo.platform import Database
        >>> database = Database(
        ...     "platform",
        ...     {
        ...         "namespace": "data",
        ...         "consumers": {"keycloak": {"clients": [{"namespace": "identity"}]}},
        ...     },
        ... )
        >>> pulumi.export("host", database.handle.credential("keycloak").host)
    """

    handle: DatabaseHandle
    """What other components take."""

    def __init__(
        self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Database, name)
        _check(component, args)
        super().__init__("cumulo:index:Database", name, {}, opts)
        self._name = name
        self._args = args
        self._labels = labels(name, "postgresql")
        self._opts = pulumi.ResourceOptions(parent=self)

        namespace = pulumi.Output.from_input(args["namespace"])
        host = pulumi.Output.concat(name, ".", namespace, ".svc.cluster.local")
        service = pulumi.Output.concat(name, ".", namespace, ".svc")
        self._certificates = Certificates(name, [host, service, name], self._opts)
        self._superuser = random.RandomPassword(
            f"{name}-superuser-password", length=32, special=False, opts=self._opts
        ).result
        self._server()
        passwords = {consumer: self._consumer(consumer, host) for consumer in args["consumers"]}
        if "backups" in args:
            self._backups(args["backups"], host)
        self._policy()
        self.handle = DatabaseHandle(
            name=name,
            needs=tuple(self._needs),
            host=host,
            port=server_files.PORT,
            ca=self._certificates.authority,
            passwords=passwords,
        )
        self.register_outputs({"host": host, "port": server_files.PORT})

    def _meta(self, suffix: str = "") -> dict[str, Any]:
        return {
            "name": f"{self._name}{suffix}",
            "namespace": self._args["namespace"],
            "labels": self._labels,
        }

    def _server(self) -> None:
        args = self._args
        backups = args.get("backups")
        memory = args.get("memory", 512)
        connections = sum(one.get("connections", 20) for one in args["consumers"].values())
        texts = {
            "postgresql.conf": server_files.postgresql(
                memory, connections, archive=backups is not None
            ),
            "pg_hba.conf": server_files.access(args["consumers"]),
            "before_start.sh": script("before_start"),
        }
        if backups is not None:
            texts["pgbackrest.conf"] = server_files.backrest_server(backups.get("keep", 4))
        config = k8s.core.v1.ConfigMap(
            f"{self._name}-config", metadata=self._meta(), data=texts, opts=self._opts
        )
        certificate = self._tls("server", self._certificates.server)
        password = self._secret("superuser", {"password": self._superuser})
        repository = [] if backups is None else [self._repository(backups["repository"])]
        # What the server reads at its start only.
        told = pulumi.Output.all(
            self._certificates.server.certificate, args.get("restore", "")
        ).apply(lambda known: digest(*texts.values(), *map(str, known)))
        keys = {"POSTGRES_PASSWORD": "password"}
        environment = [
            *variables({"PGDATA": server_files.DATA, "STANZA": server_files.STANZA}),
            *variables({}, f"{self._name}-superuser", keys),
            *self._repository_environment(),
        ]
        mounts = [
            {"name": "data", "mount_path": _MOUNT},
            {"name": "config", "mount_path": _CONFIG},
            {"name": "certificates", "mount_path": server_files.CERTIFICATES},
            {"name": "sockets", "mount_path": server_files.SOCKETS},
            {"name": "scratch", "mount_path": server_files.SCRATCH},
            *self._repository_mounts(),
        ]
        common = {
            "image": IMAGE,
            "env": environment,
            "volume_mounts": mounts,
            "security_context": SECURE,
        }
        containers: list[dict[str, Any]] = [
            {
                "name": "postgresql",
                **common,
                "args": [
                    "postgres",
                    f"--config_file={_CONFIG}/postgresql.conf",
                    f"--hba_file={_CONFIG}/pg_hba.conf",
                ],
                "ports": [{"name": "postgresql", "container_port": server_files.PORT}],
                "resources": resources(args.get("cpu", "100m"), memory),
                # A replay of the log may take its time.
                "startup_probe": {**_ready(), "failure_threshold": 360},
                "readiness_probe": _ready(),
                "liveness_probe": {
                    "tcp_socket": {"port": "postgresql"},
                    "period_seconds": 10,
                    "failure_threshold": 6,
                },
            }
        ]
        if backups is not None:
            containers.append(
                {
                    "name": "backups",
                    **common,
                    "command": ["pgbackrest", "server"],
                    "ports": [{"name": "backups", "container_port": server_files.BACKREST_PORT}],
                    "resources": {
                        "requests": {"cpu": "10m", "memory": "32Mi"},
                        "limits": {"memory": "256Mi"},
                    },
                }
            )
        service = k8s.core.v1.Service(
            f"{self._name}-service",
            # Its pods come after it.
            metadata={
                **self._meta(),
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "cluster_ip": "None",
                "selector": self._labels,
                # The first start asks for its own name.
                "publish_not_ready_addresses": True,
                "ports": [
                    {"name": "postgresql", "port": server_files.PORT},
                    *(
                        [{"name": "backups", "port": server_files.BACKREST_PORT}]
                        if backups is not None
                        else []
                    ),
                ],
            },
            opts=self._opts,
        )
        self._set = k8s.apps.v1.StatefulSet(
            f"{self._name}-server",
            metadata=self._meta(),
            spec={
                "replicas": 1,
                "service_name": self._name,
                "selector": {"match_labels": self._labels},
                "template": {
                    "metadata": {
                        "labels": self._labels,
                        "annotations": {"cumulo.dev/configuration": told},
                    },
                    "spec": {
                        "security_context": restricted(USER),
                        "automount_service_account_token": False,
                        "enable_service_links": False,
                        # A fast shutdown writes what is in memory.
                        "termination_grace_period_seconds": 120,
                        "init_containers": [
                            {
                                "name": "before-start",
                                **common,
                                "env": [
                                    *environment,
                                    *variables({"RESTORE_TO": args.get("restore", "")}),
                                ],
                                "command": ["sh", f"{_CONFIG}/before_start.sh"],
                            }
                        ],
                        "containers": containers,
                        "volumes": [
                            {"name": "config", "config_map": {"name": self._name}},
                            _secret_volume("certificates", f"{self._name}-server-tls"),
                            {"name": "sockets", "empty_dir": {}},
                            {"name": "scratch", "empty_dir": {}},
                            *self._repository_volumes(),
                        ],
                    },
                },
                "volume_claim_templates": [
                    claim(args.get("storage", "10Gi"), args.get("storage_class"))
                ],
            },
            opts=pulumi.ResourceOptions.merge(
                self._opts,
                pulumi.ResourceOptions(
                    depends_on=[config, certificate, password, service, *repository]
                ),
            ),
        )
        self._needs: list[pulumi.Resource] = [self._set]

    def _consumer(self, consumer: str, host: pulumi.Output[str]) -> pulumi.Output[str]:
        """Makes a consumer's role and database; the role's password."""
        suffix = f"-{consumer.replace('_', '-')}"
        password = random.RandomPassword(
            f"{self._name}{suffix}-password", length=32, special=False, opts=self._opts
        ).result
        secret = self._secret(f"{consumer.replace('_', '-')}-role", {"password": password})
        limit = str(self._args["consumers"][consumer].get("connections", 20))
        text = script("provide")
        # A job is never altered: what it does is in its name.
        name: pulumi.Output[str] = pulumi.Output.unsecret(
            password.apply(lambda known: f"{self._name}{suffix}-{digest(text, known, limit)}")
        )
        job = self._job(
            f"{self._name}{suffix}",
            name,
            {
                "image": IMAGE,
                "command": ["sh", "-c", text],
                "env": [
                    *variables(
                        {
                            "PGUSER": "postgres",
                            "PGDATABASE": "postgres",
                            "PGSSLMODE": "verify-full",
                            "PGSSLROOTCERT": f"{server_files.CERTIFICATES}/ca.crt",
                            "CONSUMER": consumer,
                            "CONNECTIONS": limit,
                        }
                    ),
                    {"name": "PGHOST", "value": host},
                    *variables({}, f"{self._name}-superuser", {"PGPASSWORD": "password"}),
                    *variables(
                        {},
                        f"{self._name}-{consumer.replace('_', '-')}-role",
                        {"PASSWORD": "password"},
                    ),
                ],
                "volume_mounts": [
                    {"name": "certificates", "mount_path": server_files.CERTIFICATES},
                    {"name": "scratch", "mount_path": server_files.SCRATCH},
                ],
            },
            # The server's, without its key.
            [
                {
                    "name": "certificates",
                    "secret": {
                        "secret_name": f"{self._name}-server-tls",
                        "items": [{"key": "ca.crt", "path": "ca.crt"}],
                    },
                }
            ],
            [self._set, secret],
        )
        self._needs.append(job)
        return password

    def _backups(self, backups: Backups, host: pulumi.Output[str]) -> None:
        """Makes the first backup, and sees to the others."""
        config = k8s.core.v1.ConfigMap(
            f"{self._name}-backup-config",
            metadata=self._meta("-backup"),
            data={
                "pgbackrest.conf": host.apply(
                    lambda known: server_files.backrest_client(known, backups.get("keep", 4))
                )
            },
            opts=self._opts,
        )
        certificate = self._tls("backup", self._certificates.control)

        def container(command: list[str]) -> dict[str, Any]:
            return {
                "image": IMAGE,
                "command": command,
                "env": [
                    *variables({"STANZA": server_files.STANZA}),
                    *self._repository_environment(),
                ],
                "volume_mounts": [
                    {"name": "config", "mount_path": _CONFIG},
                    {"name": "certificates", "mount_path": server_files.CERTIFICATES},
                    {"name": "scratch", "mount_path": server_files.SCRATCH},
                    *self._repository_mounts(),
                ],
            }

        volumes = [
            {"name": "config", "config_map": {"name": f"{self._name}-backup"}},
            _secret_volume("certificates", f"{self._name}-backup-tls"),
            *self._repository_volumes(),
        ]
        first = script("first_backup")
        bucket = pulumi.Output.from_input(backups["repository"]["bucket"])
        needs = [self._set, config, certificate]
        ready = self._job(
            f"{self._name}-first-backup",
            bucket.apply(lambda known: f"{self._name}-first-backup-{digest(first, known)}"),
            container(["sh", "-c", first]),
            volumes,
            needs,
        )
        self._needs.append(ready)
        for kind, schedule in (
            ("full", backups.get("full", "0 1 * * 0")),
            ("incremental", backups.get("incremental", "0 1 * * 1-6")),
        ):
            command = ["pgbackrest", f"--stanza={server_files.STANZA}", f"--type={_TYPES[kind]}"]
            k8s.batch.v1.CronJob(
                f"{self._name}-{kind}",
                metadata=self._meta(f"-{kind}"),
                spec={
                    "schedule": schedule,
                    "time_zone": "Etc/UTC",
                    "concurrency_policy": "Forbid",
                    "starting_deadline_seconds": 3600,
                    "successful_jobs_history_limit": 1,
                    "failed_jobs_history_limit": 1,
                    "job_template": {
                        "spec": self._job_spec(container([*command, "backup"]), volumes)
                    },
                },
                opts=pulumi.ResourceOptions.merge(
                    self._opts, pulumi.ResourceOptions(depends_on=[ready])
                ),
            )

    def _policy(self) -> None:
        """Lets in those who are named, and nobody else."""
        peers = [
            _peer(client)
            for consumer in self._args["consumers"].values()
            for client in consumer["clients"]
        ]
        helper = {"pod_selector": {"match_labels": self._helpers()}}
        k8s.networking.v1.NetworkPolicy(
            f"{self._name}-clients",
            metadata=self._meta(),
            spec={
                "pod_selector": {"match_labels": self._labels},
                "policy_types": ["Ingress"],
                "ingress": [
                    {"from": [*peers, helper], "ports": [{"port": server_files.PORT}]},
                    {"from": [helper], "ports": [{"port": server_files.BACKREST_PORT}]},
                ],
            },
            opts=self._opts,
        )

    def _helpers(self) -> dict[str, str]:
        return labels(self._name, "postgresql-job")

    def _job(
        self,
        resource: str,
        name: pulumi.Input[str],
        container: dict[str, Any],
        volumes: list[dict[str, Any]],
        needs: list[pulumi.Resource],
    ) -> pulumi.Resource:
        made: pulumi.Resource = k8s.batch.v1.Job(
            f"{resource}-job",
            metadata={**self._meta(), "name": name},
            spec={**self._job_spec(container, volumes), "backoff_limit": 10},
            opts=pulumi.ResourceOptions.merge(
                self._opts,
                pulumi.ResourceOptions(depends_on=needs, delete_before_replace=True),
            ),
        )
        return made

    def _job_spec(self, container: dict[str, Any], volumes: list[dict[str, Any]]) -> dict[str, Any]:
        resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "256Mi"}}
        return {
            "active_deadline_seconds": 24 * 3600,
            "template": {
                "metadata": {"labels": self._helpers()},
                "spec": {
                    "restart_policy": "Never",
                    "security_context": restricted(USER),
                    "automount_service_account_token": False,
                    "enable_service_links": False,
                    "containers": [
                        {
                            "name": "job",
                            **container,
                            "security_context": SECURE,
                            "resources": resources,
                        }
                    ],
                    "volumes": [*volumes, {"name": "scratch", "empty_dir": {}}],
                },
            },
        }

    def _secret(self, suffix: str, values: Mapping[str, pulumi.Input[str]]) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Secret(
            f"{self._name}-{suffix}",
            metadata=self._meta(f"-{suffix}"),
            string_data=values,
            opts=self._opts,
        )
        return made

    def _tls(self, part: str, pair: Pair) -> pulumi.Resource:
        return self._secret(
            f"{part}-tls",
            {
                "tls.crt": pair.certificate,
                "tls.key": pair.key,
                "ca.crt": self._certificates.authority,
            },
        )

    def _repository(self, repository: Repository) -> pulumi.Resource:
        endpoint = pulumi.Output.from_input(repository["endpoint"]).apply(
            lambda known: _endpoint(title(self, self._name), known)
        )
        return self._secret(
            "repository",
            {
                "endpoint": endpoint.apply(lambda known: known[0]),
                "port": endpoint.apply(lambda known: known[1]),
                "region": repository["region"],
                "bucket": repository["bucket"],
                "access-key": repository["access_key"],
                "secret-key": repository["secret_key"],
                "ca.crt": repository.get("ca", ""),
            },
        )

    def _repository_environment(self) -> list[dict[str, Any]]:
        backups = self._args.get("backups")
        if backups is None:
            return []
        keys = {
            "PGBACKREST_REPO1_S3_ENDPOINT": "endpoint",
            "PGBACKREST_REPO1_STORAGE_PORT": "port",
            "PGBACKREST_REPO1_S3_REGION": "region",
            "PGBACKREST_REPO1_S3_BUCKET": "bucket",
            "PGBACKREST_REPO1_S3_KEY": "access-key",
            "PGBACKREST_REPO1_S3_KEY_SECRET": "secret-key",
        }
        own_authority = "ca" in backups["repository"]
        return [
            *variables({"PGBACKREST_CONFIG": f"{_CONFIG}/pgbackrest.conf"}),
            *variables(
                {"PGBACKREST_REPO1_STORAGE_CA_FILE": f"{_CA}/ca.crt"} if own_authority else {}
            ),
            *variables({}, f"{self._name}-repository", keys),
        ]

    def _repository_mounts(self) -> list[dict[str, Any]]:
        if "backups" not in self._args:
            return []
        return [{"name": "repository", "mount_path": _CA}]

    def _repository_volumes(self) -> list[dict[str, Any]]:
        if "backups" not in self._args:
            return []
        return [
            {
                "name": "repository",
                "secret": {
                    "secret_name": f"{self._name}-repository",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                },
            }
        ]


_TYPES = {"full": "full", "incremental": "incr"}


def _ready() -> dict[str, Any]:
    # Over the socket, so that what is asked is the server itself.
    command = ["pg_isready", "--quiet", f"--host={server_files.SOCKETS}"]
    return {"exec": {"command": command}, "period_seconds": 5, "timeout_seconds": 5}


def _secret_volume(name: str, secret: str) -> dict[str, Any]:
    # PostgreSQL refuses a key that others can read.
    return {"name": name, "secret": {"secret_name": secret, "default_mode": 0o440}}


def _peer(client: Clients) -> dict[str, Any]:
    peer: dict[str, Any] = {
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": client["namespace"]}}
    }
    if "pods" in client:
        peer["pod_selector"] = {"match_labels": dict(client["pods"])}
    return peer


def _endpoint(component: str, url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise ArgumentError(
            component, "backups.repository.endpoint", f"{url!r} is no https:// address"
        )
    return parts.hostname, str(parts.port or 443)


def _check(component: str, args: DatabaseArgs) -> None:
    check_fields(component, DatabaseArgs, args)
    for name, consumer in args["consumers"].items():
        at = f"consumers.{name}."
        if not _NAME.fullmatch(name) or name == "postgres" or name.startswith("pg_"):
            raise ArgumentError(
                component,
                f"consumers.{name}",
                "a name has lower-case letters, digits and _, begins with no digit, and is none "
                "of PostgreSQL's own (postgres, pg_...)",
            )
        check_fields(component, Consumer, consumer, at)
        for client in consumer["clients"]:
            check_fields(component, Clients, client, f"{at}clients.")
        check_at_least(component, f"{at}connections", consumer.get("connections", 20), 1)
    check_at_least(component, "memory", args.get("memory", 512), 128)
    if "backups" in args:
        check_fields(component, Backups, args["backups"], "backups.")
        check_fields(component, Repository, args["backups"]["repository"], "backups.repository.")
        check_at_least(component, "backups.keep", args["backups"].get("keep", 4), 1)
    elif "restore" in args:
        raise ArgumentError(component, "restore", "there are no backups to restore from")
