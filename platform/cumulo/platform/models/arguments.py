"""What `Models` is told, and what it hands on."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict
from urllib.parse import quote, urlsplit

import pulumi
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields
from cumulo.infra.handle import Handle
from cumulo.platform.database.arguments import DatabaseCredential, Repository
from cumulo.platform.service import ServiceHandle

# MLflow's rules for the names of workspaces, and those that it keeps for itself.
_TEAM = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])")
_RESERVED = ("default", "workspaces", "api", "ajax-api", "static-files")
_GROUP = re.compile(r"[A-Za-z0-9_./-]+")


class Team(TypedDict):
    """Who has experiments and models together, and apart from everybody else."""

    members: NotRequired[Sequence[str]]
    """The groups whose people read and write. Default: the group that is called as the team is."""
    readers: NotRequired[Sequence[str]]
    """The groups whose people read. Default: none."""


class ModelsArgs(TypedDict):
    """Arguments of `Models`."""

    namespace: pulumi.Input[str]
    """The namespace, which exists."""
    url: pulumi.Input[str]
    """Where browsers and programs reach it: the gateway's `https://` address for it."""
    database: DatabaseCredential
    """Where experiments, runs and models are kept."""
    artifacts: Repository
    """The bucket for files, models among them. Clients never see its key."""
    teams: Mapping[str, Team]
    """The teams, by name: 2 to 63 of a-z, 0-9 and `-`. A team that is taken out keeps what it
    has, and nobody reaches it."""
    replicas: NotRequired[int]
    """How many pods. Default: 1."""
    workers: NotRequired[int]
    """How many processes answer in each pod. Default: 1."""
    cpu: NotRequired[str]
    """What a pod is promised of a processor. Default: `50m`."""
    memory: NotRequired[int]
    """A pod's memory, in MiB. Default: 1024 and 512 for each worker after the first."""


@dataclass(frozen=True, kw_only=True)
class ModelsHandle(Handle):
    """An MLflow.

    Attributes:
        url: Where browsers and programs reach it: their `MLFLOW_TRACKING_URI`.
        service: What the gateway's route leads to.
        teams: Those who have experiments and models in it: their `MLFLOW_WORKSPACE`.
    """

    url: pulumi.Output[str]
    service: ServiceHandle
    teams: Sequence[str]


def check(component: str, args: ModelsArgs) -> None:
    """Refuses what cannot work."""
    check_fields(component, ModelsArgs, args)
    check_fields(component, Repository, args["artifacts"], "artifacts.")
    for field, least in (("replicas", 1), ("workers", 1), ("memory", 768)):
        check_at_least(component, field, args.get(field, least), least)
    if not args["teams"]:
        raise ArgumentError(component, "teams", "empty: nobody could use it")
    for name, team in args["teams"].items():
        at = f"teams.{name}"
        check_fields(component, Team, team, f"{at}.")
        if not _TEAM.fullmatch(name) or name in _RESERVED:
            raise ArgumentError(
                component,
                at,
                "not a name of 2 to 63 of a-z, 0-9 and '-', or one that MLflow keeps for itself "
                f"({', '.join(_RESERVED)})",
            )
        for field in ("members", "readers"):
            for group in team.get(field, ()):  # type: ignore[attr-defined]
                if not _GROUP.fullmatch(group):
                    raise ArgumentError(
                        component, f"{at}.{field}", f"{group!r} is not the name of a group"
                    )


def groups(name: str, team: Team) -> tuple[Sequence[str], Sequence[str]]:
    """The groups of a team that write, and those that read."""
    return team.get("members", (name,)), team.get("readers", ())


def checked_url(component: str, url: str) -> str:
    """The gateway's address, as browsers name it."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query:
        raise ArgumentError(component, "url", f"{url!r} is no https:// address without a path")
    return url.rstrip("/")


def checked_endpoint(component: str, url: str) -> str:
    """The object store's address."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.path.strip("/"):
        raise ArgumentError(
            component, "artifacts.endpoint", f"{url!r} is no https:// address without a path"
        )
    return url.rstrip("/")


def database_uri(user: str, password: str, host: str, port: int, database: str, ca: str) -> str:
    """Where MLflow finds its database; it believes one authority, and that name alone.

    Args:
        user: The role.
        password: The role's password.
        host: The server's name.
        port: The server's port.
        database: The database.
        ca: The file of the authority.
    """
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql+psycopg2://{login}@{host}:{port}/{database}?sslmode=verify-full&sslrootcert={ca}"
