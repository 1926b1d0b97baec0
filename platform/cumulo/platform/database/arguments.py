"""What `Database` is told, and what it hands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

import pulumi
from cumulo.infra.handle import Handle


class Clients(TypedDict):
    """Pods that may connect."""

    namespace: str
    """Their namespace."""
    pods: NotRequired[Mapping[str, str]]
    """Labels that they have. Default: every pod of the namespace."""


class Consumer(TypedDict):
    """Who gets a database, and a role that owns it, both called as the consumer is."""

    clients: Sequence[Clients]
    """Where its pods are; no other reaches the server."""
    connections: NotRequired[int]
    """How many connections it may have at once. Default: 20."""


class Repository(TypedDict):
    """A bucket for backups and the write-ahead log, as `infra.ObjectStore` hands it on."""

    endpoint: pulumi.Input[str]
    """`https://host:port` of the S3 API; pgBackRest speaks to nothing that has no TLS."""
    region: pulumi.Input[str]
    """Its region."""
    bucket: pulumi.Input[str]
    """The bucket's name."""
    access_key: pulumi.Input[str]
    """The access key."""
    secret_key: pulumi.Input[str]
    """Its secret."""
    ca: NotRequired[pulumi.Input[str]]
    """The authority of the endpoint's certificate, as PEM, unless it is a public one."""


class Backups(TypedDict):
    """Where backups go, and when they are made."""

    repository: Repository
    """The bucket."""
    full: NotRequired[str]
    """When everything is copied, as cron writes it, in UTC. Default: Sundays at one."""
    incremental: NotRequired[str]
    """When that is copied which has changed since. Default: every night at one, but on Sundays."""
    keep: NotRequired[int]
    """How many full backups stay, and the log from the oldest of them on. Default: 4."""


class DatabaseArgs(TypedDict):
    """Arguments of `Database`."""

    namespace: pulumi.Input[str]
    """The namespace, which exists."""
    consumers: Mapping[str, Consumer]
    """Databases, by name: lower-case letters, digits and `_`."""
    storage: NotRequired[str]
    """The size of its volume. Default: `10Gi`."""
    storage_class: NotRequired[str]
    """The class of its volume. Default: the cluster's."""
    cpu: NotRequired[str]
    """What it is promised of a processor. Default: `100m`."""
    memory: NotRequired[int]
    """Its memory, in MiB; a quarter is PostgreSQL's own cache. Default: 512."""
    backups: NotRequired[Backups]
    """Without, what is lost with the volume is lost."""
    restore: NotRequired[str]
    """A point in time, such as `2026-03-01 12:00:00+00`: on the next start the server is brought
    back to what it was then, once for each value. What came later stays in the backups."""


@dataclass(frozen=True, kw_only=True)
class DatabaseCredential:
    """One consumer's way in.

    Attributes:
        host: The server's name in the cluster.
        port: Its port.
        database: The database.
        user: The role that owns it.
        password: The role's password; secret.
        ca: The authority that the server's certificate is of, as PEM.
    """

    host: pulumi.Output[str]
    port: int
    database: str
    user: str
    password: pulumi.Output[str]
    ca: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class DatabaseHandle(Handle):
    """A PostgreSQL server.

    Attributes:
        host: Its name in the cluster.
        port: Its port.
        ca: The authority that its certificate is of, as PEM.
        passwords: Of each consumer's role, by consumer; secret.
    """

    host: pulumi.Output[str]
    port: int
    ca: pulumi.Output[str]
    passwords: Mapping[str, pulumi.Output[str]]

    def credential(self, consumer: str) -> DatabaseCredential:
        """A consumer's way in; `KeyError` where there is no such consumer."""
        return DatabaseCredential(
            host=self.host,
            port=self.port,
            database=consumer,
            user=consumer,
            password=self.passwords[consumer],
            ca=self.ca,
        )
