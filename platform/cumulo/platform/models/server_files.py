"""The files that make an unaltered MLflow know teams, and what its server is told."""

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files

PACKAGE = "cumulo_teams"
"""What `teams/` is called in the server."""
APP = "cumulo-teams"
SCHEME = "cumulo-teams"
"""Of the bucket, and of the teams, as MLflow's plugins are asked for by."""

SECRETS = {
    "MLFLOW_BACKEND_STORE_URI": "database",
    "CUMULO_TEAMS_ACCESS_KEY": "access-key",
    "CUMULO_TEAMS_SECRET_KEY": "secret-key",
}
"""The server's variables that are secrets, and what the component calls each."""

UPGRADE = (
    "python3",
    "-c",
    "import os, mlflow.db; mlflow.db.upgrade.callback(os.environ['MLFLOW_BACKEND_STORE_URI'])",
)
"""`mlflow db upgrade`, without the password among its arguments: makes the tables, or brings those
of an older version up to date."""

_MODULES = ("__init__", "app", "artifacts", "endpoints", "roster", "store")
# MLflow finds its plugins as it finds those of installed packages.
_ENTRY_POINTS = f"""\
[mlflow.app]
{APP} = {PACKAGE}.app:create

[mlflow.workspace_provider]
{SCHEME} = {PACKAGE}.store:Teams

[mlflow.artifact_repository]
{SCHEME} = {PACKAGE}.artifacts:TeamArtifacts
"""


def package() -> dict[str, str]:
    """The plugin, by path below a folder that Python looks for packages in."""
    source = files("cumulo.platform.models").joinpath("teams")
    return {
        **{
            f"{PACKAGE}/{name}.py": source.joinpath(f"{name}.py").read_text("utf-8")
            for name in _MODULES
        },
        f"{PACKAGE}-1.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: 1\n"
        ),
        f"{PACKAGE}-1.dist-info/entry_points.txt": _ENTRY_POINTS,
    }


def roster(teams: Mapping[str, tuple[Sequence[str], Sequence[str]]]) -> str:
    """The file of the teams: the groups of each that write, and of those that read."""
    said = {
        name: {"members": sorted(members), "readers": sorted(readers)}
        for name, (members, readers) in sorted(teams.items())
    }
    return json.dumps(said, indent=2) + "\n"


def arguments(bucket: str, host: str, port: int, workers: int) -> list[str]:
    """`mlflow` and what follows it.

    Args:
        bucket: The bucket's name.
        host: The addresses that it listens on.
        port: The port that it listens on.
        workers: How many processes answer.
    """
    return [
        *("mlflow", "server", "--app-name", APP, "--enable-workspaces"),
        *("--workspace-store-uri", f"{SCHEME}://"),
        *("--serve-artifacts", "--artifacts-destination", f"{SCHEME}://{bucket}"),
        *("--default-artifact-root", "mlflow-artifacts:/"),
        *("--host", host, "--port", str(port), "--workers", str(workers)),
    ]


def environment(
    *, url: str, endpoint: str, region: str, teams: str, path: str, metrics: str
) -> dict[str, str]:
    """The server's variables that are no secrets.

    Args:
        url: Where browsers and programs reach it.
        endpoint: The object store.
        region: The object store's region.
        teams: The file of the teams.
        path: The folder that the plugin is in.
        metrics: A folder for metrics to be counted in.
    """
    authority = url.partition("://")[2]
    return {
        "CUMULO_TEAMS": teams,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        # Upstream's user has a home that it cannot write to, and none needs git.
        "HOME": "/tmp",  # noqa: S108 -- in the container
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_SERVER_ALLOWED_HOSTS": authority,
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": url,
        "MLFLOW_EXPOSE_PROMETHEUS": metrics,
        # It asks nobody on the internet, and runs nothing that a client has sent.
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": region,
        # Not every store that speaks S3 knows the sums that boto3 adds of its own accord.
        "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required",
        "AWS_RESPONSE_CHECKSUM_VALIDATION": "when_required",
        "MLFLOW_S3_ENDPOINT_URL": endpoint,
        "MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE": "path",
    }
