"""What the guard lets through, before any MLflow: headers that no gateway sends, and changes."""

import asyncio
import json
import os
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from cumulo.platform.models import server_files
from cumulo.platform.models.teams import app
from cumulo.platform.models.teams.app import VISIBLE, Guard
from cumulo.platform.models.teams.roster import Roster

READ = "/api/2.0/mlflow/runs/get"
TEAMS = {"alpha": (["alpha"], ["auditors"]), "beta": (["beta"], [])}
ADA = [("X-Forwarded-User", "ada")]


class Behind:
    """What the guard lets through to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str | None, tuple[str, ...] | None]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        teams = [value.decode() for name, value in scope["headers"] if b"workspace" in name.lower()]
        assert len(teams) <= 1
        self.asked.append((teams[0] if teams else None, VISIBLE.get()))
        await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    file = tmp_path / "teams.json"
    file.write_text(server_files.roster(TEAMS))
    return file


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def guard(roster: Path, behind: Behind) -> Guard:
    return Guard(behind, Roster(str(roster)))


def ask(
    guard: Guard, headers: list[tuple[str, str]], path: str = READ, method: str = "GET"
) -> tuple[int, str]:
    """The status, and the message of a refusal."""
    said: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError

    coded = [(name.lower().encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": method, "path": path, "headers": coded}
    asyncio.run(guard(scope, receive, send))
    body = said[1]["body"] if len(said) > 1 else b"{}"
    return said[0]["status"], json.loads(body).get("message", "")


def groups(*names: str) -> list[tuple[str, str]]:
    return [*ADA, ("X-Forwarded-Groups", ", ".join(names))]


def test_the_team_is_that_of_the_only_group(guard: Guard, behind: Behind) -> None:
    assert ask(guard, groups("alpha", "others"))[0] == 200
    assert ask(guard, groups("alpha"), method="HEAD")[0] == 200
    assert behind.asked == [("alpha", ("alpha",))] * 2
    assert VISIBLE.get() is None


def test_who_is_in_several_teams_says_which(guard: Guard, behind: Behind) -> None:
    status, said = ask(guard, groups("alpha", "beta"))
    assert (status, "MLFLOW_WORKSPACE" in said) == (400, True)
    assert ask(guard, [*groups("alpha", "beta"), ("X-MLFLOW-WORKSPACE", "beta")])[0] == 200
    assert behind.asked == [("beta", ("alpha", "beta"))]


@pytest.mark.parametrize("name", ["beta", "none-such", "default", "alpha, beta", "../alpha"])
def test_a_team_that_is_not_one_s_own_is_refused(guard: Guard, behind: Behind, name: str) -> None:
    status, said = ask(guard, [*groups("alpha"), ("X-MLFLOW-WORKSPACE", name)])
    assert (status, said) == (403, f"You are not in the team {name!r}.")
    assert behind.asked == []


@pytest.mark.parametrize(
    "headers",
    [
        [*ADA, ("X_Forwarded_Groups", "alpha")],
        [*groups("beta"), ("X-Forwarded-Groups", "alpha")],
        [*groups("beta"), ("X_Forwarded-Groups", "alpha")],
        [*groups("beta"), *ADA],
        [*groups("beta"), ("X_MLFLOW_WORKSPACE", "alpha")],
        [*groups("beta"), ("X-MLFLOW-WORKSPACE", "beta"), ("X-MLFLOW-WORKSPACE", "alpha")],
    ],
)
def test_headers_that_the_gateway_does_not_send_are_refused(
    guard: Guard, behind: Behind, headers: list[tuple[str, str]]
) -> None:
    assert ask(guard, headers)[0] == 400
    assert behind.asked == []


def test_what_is_about_no_team_names_none(guard: Guard, behind: Behind) -> None:
    path = "/ajax-api/3.0/mlflow/workspaces"
    assert ask(guard, [*groups("alpha"), ("X-MLFLOW-WORKSPACE", "beta")], path)[0] == 200
    assert behind.asked == [(None, ("alpha",))]


def test_teams_come_and_go_without_a_restart(guard: Guard, roster: Path) -> None:
    assert ask(guard, groups("gamma"))[0] == 403
    # As a ConfigMap's volume does it.
    new = roster.with_name("new.json")
    new.write_text(server_files.roster({"gamma": (["gamma"], [])}))
    new.replace(roster)
    assert ask(guard, groups("gamma"))[0] == 200
    assert ask(guard, groups("alpha"))[0] == 403


def test_a_websocket_is_closed(guard: Guard, behind: Behind) -> None:
    said: list[Any] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        said.append(message)

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError

    asyncio.run(guard({"type": "websocket", "path": READ, "headers": []}, receive, send))
    assert [one["type"] for one in said] == ["websocket.close"]
    assert behind.asked == []


def test_without_workspaces_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(os.environ, "MLFLOW_ENABLE_WORKSPACES", raising=False)
    with pytest.raises(RuntimeError, match="--enable-workspaces"):
        app.create()
