"""MLflow's server behind a guard: the app that `mlflow server --app-name cumulo-teams` runs."""

import json
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextvars import ContextVar
from typing import Any, Final

from . import endpoints
from .roster import Roster

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

USER: Final = "x-forwarded-user"
GROUPS: Final = "x-forwarded-groups"
WORKSPACE: Final = "x-mlflow-workspace"

METRICS: Final = "/metrics"

VISIBLE: ContextVar[tuple[str, ...] | None] = ContextVar("cumulo_visible_teams", default=None)
"""The teams of whoever asks, while a request is answered; None at other times."""

_SETTINGS: Final = {
    # Whoever reads a model's artifacts reads them from where it says that it is.
    "MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX": (
        r"\A(?:(?:runs|models|mlflow-artifacts):/.*|dummy-source|prompt-template)\Z"
    ),
}


class Refused(Exception):  # noqa: N818 -- an answer
    """A request that goes no further."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = json.dumps({"error_code": code, "message": message}).encode()


class Guard:
    """Lets requests through to MLflow, each in the workspace of a team of whoever makes it."""

    def __init__(self, app: App, roster: Roster) -> None:
        self._app = app
        self._roster = roster

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There is nothing here that speaks anything else.
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            team, visible = self._admit(scope)
        except Refused as refused:
            await _answer(send, refused)
            return
        headers = [(name, value) for name, value in scope["headers"] if _spelled(name) != WORKSPACE]
        if team is not None:
            headers.append((WORKSPACE.encode(), team.encode()))
        if scope["path"] == METRICS:
            # Whoever measures asks a pod by its address.
            headers = [(name, value) for name, value in headers if name != b"host"]
            headers.append((b"host", _allowed_host().encode()))
        token = VISIBLE.set(visible)
        try:
            await self._app({**scope, "headers": headers}, receive, send)
        finally:
            VISIBLE.reset(token)

    def _admit(self, scope: Scope) -> tuple[str | None, tuple[str, ...]]:
        """The team that a request is about, if any, and all that may be seen with it.

        Raises:
            Refused: It goes no further.
        """
        access = endpoints.access(scope["method"], scope["path"])
        if access == "open":
            return None, ()
        user = _one(scope, USER)
        if access == "metrics":
            if user:
                raise _forbidden("Metrics are for the cluster's own monitoring.")
            return None, ()
        if not user:
            raise Refused(401, "UNAUTHENTICATED", "Nobody is logged in; come through the gateway.")
        if access is None:
            raise _forbidden(
                f"{scope['method']} {scope['path']} is not among what this server offers."
            )
        groups = frozenset(
            group.strip() for group in (_one(scope, GROUPS) or "").split(",") if group.strip()
        )
        visible = self._roster.of(groups)
        if endpoints.teamless(access):
            return None, visible
        return self._team(scope, groups, visible, writing=access == "write"), visible

    def _team(
        self, scope: Scope, groups: frozenset[str], visible: tuple[str, ...], *, writing: bool
    ) -> str:
        asked = (_one(scope, WORKSPACE) or "").strip()
        if not asked and not visible:
            raise _forbidden("You are in none of the teams that have experiments here.")
        if not asked and len(visible) > 1:
            raise Refused(
                400,
                "INVALID_PARAMETER_VALUE",
                "You are in several teams; say which: set MLFLOW_WORKSPACE, or call "
                f"mlflow.set_workspace(), with one of {', '.join(sorted(visible))}.",
            )
        team = asked or visible[0]
        # One that does not exist is answered as one that is somebody else's.
        if team not in visible:
            raise _forbidden(f"You are not in the team {team!r}.")
        if writing and not self._roster.teams()[team].admits(groups, writing=True):
            raise _forbidden(f"You may read what the team {team!r} has, and not write.")
        return team


def _one(scope: Scope, name: str) -> str | None:
    """A header's value.

    Raises:
        Refused: It is there more than once, or in another spelling: then it is not the gateway's.
    """
    found = [(key, value) for key, value in scope["headers"] if _spelled(key) == name]
    if not found:
        return None
    if len(found) > 1 or found[0][0].decode("latin-1").lower() != name:
        raise Refused(400, "BAD_REQUEST", f"The header {name} is there twice, or misspelled.")
    return str(found[0][1].decode("latin-1"))


def _allowed_host() -> str:
    return os.environ.get("MLFLOW_SERVER_ALLOWED_HOSTS", "localhost").partition(",")[0]


def _spelled(name: bytes) -> str:
    """A header's name as Flask would read it."""
    return name.decode("latin-1").lower().replace("_", "-")


def _forbidden(message: str) -> Refused:
    return Refused(403, "PERMISSION_DENIED", message)


async def _answer(send: Send, refused: Refused) -> None:
    headers: Iterable[tuple[bytes, bytes]] = (
        (b"content-type", b"application/json"),
        (b"content-length", str(len(refused.body)).encode()),
        (b"cache-control", b"no-store"),
    )
    await send({"type": "http.response.start", "status": refused.status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": refused.body})


def create() -> Guard:
    """MLflow's app, guarded; `mlflow server` calls it in each of its processes.

    Raises:
        RuntimeError: The server was started without workspaces, which keep teams apart.
    """
    if os.environ.get("MLFLOW_ENABLE_WORKSPACES") != "true":
        raise RuntimeError("start `mlflow server` with --enable-workspaces")
    os.environ.update(_SETTINGS)
    from mlflow.server.fastapi_app import app

    return Guard(app, Roster())
