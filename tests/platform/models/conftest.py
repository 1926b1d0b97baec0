"""One MLflow for all of these tests, and what a team has made in it."""

import json
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    return Made(more(mlflow, json.loads(done.stdout.splitlines()[-1])))


def more(mlflow: Mlflow, ids: dict[str, str]) -> dict[str, str]:
    """What the client makes only in a notebook or a browser, by the requests that they send."""

    def post(path: str, **body: Any) -> Any:
        whole = {"experiment_id": ids["experiment"], **body}
        answer = mlflow.ask("POST", f"/api/3.0/mlflow{path}", "alpha", body=whole)
        assert answer.status == 200, (path, answer)
        return answer.json()

    schema = post(
        "/label-schemas/create",
        name="watched",
        type="FEEDBACK",
        instruction=SECRET,
        input={"text": {}},
    )["label_schema"]["schema_id"]
    queue = post(
        "/review-queues/create",
        name="watched",
        queue_type="CUSTOM",
        users=[SECRET],
        schema_ids=[schema],
    )["review_queue"]["queue_id"]
    post("/review-queues/items/add", queue_id=queue, item_type="TRACE", item_ids=[ids["trace"]])
    issue = post("/issues", name="slow", description=SECRET, status="pending")
    post("/scorers/register", name="judge", serialized_scorer=json.dumps({"name": SECRET}))
    asked = mlflow.ask("GET", f"/api/3.0/mlflow/datasets/{ids['dataset']}/records", "alpha")
    (record,) = json.loads(asked.json()["records"])
    attachment = str(uuid.uuid4())
    place = ids["trace_location"].removeprefix("mlflow-artifacts:")
    written = mlflow.ask(
        "PUT",
        f"/api/2.0/mlflow-artifacts/artifacts{place}/attachments/{attachment}",
        "alpha",
        body=SECRET.encode(),
    )
    assert written.status == 200, written
    return {
        **ids,
        "schema": schema,
        "queue": queue,
        "issue": issue["issue"]["issue_id"],
        "record": record["dataset_record_id"],
        "attachment": attachment,
    }
