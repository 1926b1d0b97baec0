"""The bucket, of which each request sees its own team's folder alone.

Nothing else in the server has the bucket's key: a location that a client made up, such as another
team's folder as `s3://`, leads nowhere.
"""

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, Final

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.store.artifact.s3_artifact_repo import S3ArtifactRepository
from mlflow.utils.workspace_context import get_request_workspace

SCHEME: Final = "cumulo-teams"
ROOT: Final = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
"""Where `mlflow server` keeps its `--artifacts-destination`."""
ACCESS_KEY: Final = "CUMULO_TEAMS_ACCESS_KEY"
SECRET_KEY: Final = "CUMULO_TEAMS_SECRET_KEY"  # noqa: S105 -- a variable's name


class _Threads(ThreadPoolExecutor):
    """Threads that know whose request they work for."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(copy_context().run, fn, *args, **kwargs)


class TeamArtifacts(ArtifactRepository):  # type: ignore[misc]
    """Artifacts in a bucket: `cumulo-teams://bucket/folder`.

    It offers clients no way to the bucket itself, so MLflow tells them of none: what they send and
    get goes through the server.
    """

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        self._folder = _below(artifact_uri, os.environ[ROOT])
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        self._bucket = S3ArtifactRepository(
            "s3" + artifact_uri.removeprefix(SCHEME),
            access_key_id=os.environ[ACCESS_KEY],
            secret_access_key=os.environ[SECRET_KEY],
        )

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Writes a file."""
        self._check(artifact_path)
        self._bucket.log_artifact(local_file, artifact_path)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Writes a folder."""
        self._check(artifact_path)
        self._bucket.log_artifacts(local_dir, artifact_path)

    def list_artifacts(self, path: str | None = None) -> Any:
        """Says what is in a folder."""
        self._check(path)
        return self._bucket.list_artifacts(path)

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Deletes a file, or a folder."""
        self._check(artifact_path)
        self._bucket.delete_artifacts(artifact_path)

    def _download_file(self, remote_file_path: str, local_path: Any) -> None:
        self._check(remote_file_path)
        self._bucket._download_file(remote_file_path, local_path)

    def _create_thread_pool(self) -> ThreadPoolExecutor:
        return _Threads(max_workers=self.max_workers)

    def _check(self, path: str | None) -> None:
        team = get_request_workspace()
        parts = [part for part in f"{self._folder}/{path or ''}".split("/") if part]
        if not team or parts[:2] != ["workspaces", team] or ".." in parts or _absolute(path):
            raise MlflowException(
                f"'{'/'.join(parts)}' is not of this request's team.", error_code=PERMISSION_DENIED
            )


def _absolute(path: str | None) -> bool:
    return path is not None and path.startswith("/")


def _below(uri: str, root: str) -> str:
    """The part of a location that is below another.

    Raises:
        MlflowException: It is not below it.
    """
    if not f"{uri}/".startswith(root.rstrip("/") + "/"):
        raise MlflowException(
            f"'{uri}' is not in this server's bucket.", error_code=PERMISSION_DENIED
        )
    return uri[len(root) :].strip("/")
