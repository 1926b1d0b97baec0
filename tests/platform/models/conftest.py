"""One MLflow for all of these tests, and what a team has made in it."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.platform.models import server
from tests.platform.models.server import Mlflow

SECRET = "alpha-alone-may-see-this"


@dataclass
class Made:
    """What the team alpha has made: its ids and names."""

    ids: dict[str, str]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to `-m slow` what needs an image with all of MLflow."""
    for item in items:
        if "mlflow" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    folder = tmp_path_factory.mktemp("mlflow")
    with server.running(folder) as running:
        yield running
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def made(mlflow: Mlflow) -> Made:
    """Made by the real client, through the gateway, with an access token and nothing else."""
    script = Path(__file__).with_name("member.py")
    done = mlflow.client(script, SECRET, groups=("alpha",))
    assert done.returncode == 0, done.stderr[-4000:]
    return Made(json.loads(done.stdout.splitlines()[-1]))
