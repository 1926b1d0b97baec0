"""The real client, through the gateway: as a member of the team, and as somebody else."""

import json
from pathlib import Path

import pytest

from tests.platform.models.conftest import SECRET, Made
from tests.platform.models.server import Mlflow

HERE = Path(__file__).parent


def test_a_team_works_with_an_access_token_alone(made: Made) -> None:
    # The script logs a run, registers its model, promotes it, and downloads it by its alias.
    assert made.ids["artifacts"].startswith("mlflow-artifacts:/workspaces/alpha/")
    assert made.ids["location"].startswith("mlflow-artifacts:/workspaces/alpha/")


def test_another_team_sees_and_changes_none_of_it(mlflow: Mlflow, made: Made) -> None:
    done = mlflow.client(HERE / "stranger.py", json.dumps(made.ids), groups=("beta",))
    assert done.returncode == 0, done.stderr[-4000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert {name: how for name, how in said["attempts"].items() if how.startswith("done")} == {}
    assert {name: seen for name, seen in said["seen"].items() if seen} == {}
    assert SECRET not in done.stdout
    # That it is the same team's still, and as it was.
    (alias,) = _champion(mlflow)["aliases"]
    assert alias == {"alias": "champion", "version": "1"}


@pytest.mark.parametrize(
    ("groups", "path", "answer"),
    [
        (("beta",), "first", "RESOURCE_DOES_NOT_EXIST"),
        (("alpha",), "first", SECRET),
        (("auditors",), "first", SECRET),
        (("nobodies",), "first", "You are in none of the teams"),
        (("alpha", "beta"), "first", "You are in several teams"),
    ],
)
def test_the_gateway_s_groups_decide(
    mlflow: Mlflow, made: Made, groups: tuple[str, ...], path: str, answer: str
) -> None:
    found = mlflow.through_the_gateway(
        f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={path}",
        groups,
        # What is sent from outside is not what the gateway says.
        {"X-Forwarded-User": "root", "X-Forwarded-Groups": "alpha", "X_Forwarded_Groups": "alpha"},
    )
    assert answer in found


def _champion(mlflow: Mlflow) -> dict[str, list[dict[str, str]]]:
    asked = {"name": "echo"}
    found = mlflow.ask("GET", "/api/2.0/mlflow/registered-models/get", "alpha", query=asked)
    model: dict[str, list[dict[str, str]]] = found.json()["registered_model"]
    return model
