"""Teams as MLflow's workspaces: it asks here which there are, and keeps none of them itself."""

from collections.abc import Iterable
from typing import Final

from mlflow.entities import Workspace
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.workspace.abstract_store import AbstractStore

from .app import VISIBLE
from .roster import Roster

URI: Final = "cumulo-teams://"


class Teams(AbstractStore):  # type: ignore[misc]
    """The teams of whoever asks; all of them, where the server itself does.

    They are made and removed by the program that this is a part of, and none is the default one.
    """

    def __init__(self, workspace_uri: str) -> None:
        self._uri = workspace_uri
        self._roster = Roster()

    def list_workspaces(self) -> Iterable[Workspace]:
        """The teams."""
        return [Workspace(name=name) for name in sorted(self._names())]

    def get_workspace(self, workspace_name: str) -> Workspace:
        """One of them."""
        if workspace_name not in self._names():
            raise MlflowException(
                f"Workspace '{workspace_name}' not found", error_code=RESOURCE_DOES_NOT_EXIST
            )
        return Workspace(name=workspace_name)

    def _names(self) -> Iterable[str]:
        visible = VISIBLE.get()
        return self._roster.teams() if visible is None else visible
