"""Every endpoint that MLflow has, asked by those who may and by those who may not."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cumulo.platform.models.teams import endpoints
from cumulo.platform.models.teams.endpoints import Access

from tests.images.containers.running import Container
from tests.platform.models.conftest import SECRET, Made
from tests.platform.models.questions import ask, filled, place, span
from tests.platform.models.server import BUCKET, Mlflow

Endpoint = tuple[str, str]

# What MLflow has and this server does not offer, and nothing else: a version that brings more is
# for somebody to look at.
REFUSED = (
    # Language models behind MLflow's gateway, the keys to them, and what asks them.
    r"/gateway/.*",
    r"/{api}/[23]\.0/mlflow/gateway(-proxy|/.*)",
    r"/{api}/3\.0/mlflow/(scorer|genai/evaluate|issues)/invoke",
    r"/{api}/3\.0/mlflow/scorers/online-configs?",
    r"/{api}/3\.0/mlflow/prompt-optimization/.*",
    r"/{api}/2\.0/mlflow/runs/create-promptlab-run",
    r"/{api}/3\.0/mlflow/assistant/.*",
    # Work that the server itself would do, and servers that it would call.
    r"/{api}/3\.0/(mlflow/)?jobs/.*",
    r"/{api}/2\.0/mlflow/webhooks.*",
    r"/{api}/3\.0/mlflow/(demo/.*|ui-telemetry)",
    r"/{api}/3\.0/mlflow/mcp-servers.*",
    # Ways to the object store that lead round the server.
    r"/{api}/2\.0/mlflow-artifacts/(mpu|presigned)/.*",
    r"/{api}/2\.0/mlflow/artifacts/presigned-(download|upload)-url",
    # Teams are made and removed by the program.
    r"/{api}/3\.0/mlflow/workspaces(/<workspace_name>)?",
    # What MLflow answers 404 or 500 to.
    r"/graphql",
    r"/{api}/2\.0/mlflow/(get-online-trace-details|unified-traces)",
    r"/{api}/2\.0mlflow/experiments/search-datasets",
    # The folder that /static-files/ is a part of.
    r"/build/<path:filename>",
)

# What is answered with success to somebody of another team: to make things of one's own, and to
# delete what is not there.
DONE = {
    ("POST", "/experiments/create"),
    ("POST", "/registered-models/create"),
    ("POST", "/datasets/create"),
    ("POST", "/traces/delete-traces"),
    ("DELETE", "/datasets/<id>"),
    ("DELETE", "/datasets/<id>/tags/<key>"),
    ("DELETE", "/label-schemas/delete"),
    ("POST", "/review-queues/delete"),
}


@pytest.fixture(scope="module")
def real(mlflow: Mlflow) -> set[Endpoint]:
    """The endpoints that MLflow's server has, by its own account."""
    script = Path(__file__).with_name("list_endpoints.py")
    (mlflow.root / "tmp/list.py").write_text(script.read_text())
    told = {"MLFLOW_ENABLE_WORKSPACES": "true"}
    done = Container(mlflow.root, mlflow.image, told, ["python3", "/tmp/list.py"], []).run(300)
    assert done.returncode == 0, done.stderr
    found = {tuple(one) for one in json.loads(done.stdout.splitlines()[-1])}
    return {(method, path) for method, path in found if method not in ("HEAD", "OPTIONS")}


def test_each_endpoint_is_known_or_refused_on_purpose(real: set[Endpoint]) -> None:
    assert len(real) > 400
    patterns = [re.compile(one.replace("{api}", "(ajax-)?api")) for one in REFUSED]
    undecided = {
        (method, path)
        for method, path in real
        if not _known(method, path) and not any(one.fullmatch(path) for one in patterns)
    }
    assert undecided == set()


def test_nothing_is_known_that_mlflow_does_not_have(real: set[Endpoint]) -> None:
    there = {(method, _shape(path)) for method, path in real}
    # The exporter adds it where it is asked to.
    there.add(("GET", "/metrics"))
    assert {one for one in _known_shapes() if one not in there} == set()


def test_what_is_not_known_is_refused_to_everybody(mlflow: Mlflow, real: set[Endpoint]) -> None:
    asked = [(method, path) for method, path in sorted(real) if not _known(method, path)]
    assert len(asked) > 150
    for method, path in [
        *asked,
        ("GET", "/api/2.0/mlflow/experiments/get/"),
        ("GET", "//api/2.0/mlflow/experiments/get"),
        ("GET", "/api/2.0/mlflow/new/endpoint"),
        ("DELETE", "/api/2.0/mlflow/experiments/get"),
        ("OPTIONS", "/api/2.0/mlflow/experiments/get"),
    ]:
        answer = mlflow.ask(method, filled(path, {}), "alpha", body={})
        assert answer.status == 403, (method, path, answer)
        assert "is not among what this server offers" in answer.body


def test_without_a_login_only_probes_are_answered(mlflow: Mlflow) -> None:
    for access, method, path in endpoints.known():
        answer = mlflow.ask(method, filled(path, {}), None)
        if access in ("open", "metrics"):
            assert answer.status == 200, (method, path, answer)
        else:
            assert answer.status == 401, (method, path, answer)
    # Those who come through the gateway have a name there.
    assert mlflow.ask("GET", "/metrics", "alpha").status == 403


def test_nobody_names_a_team_that_is_not_theirs(mlflow: Mlflow, made: Made) -> None:
    for access, method, path in endpoints.known():
        if endpoints.teamless(access):
            continue
        for team in ("alpha", "no-such-team", "default"):
            answer = ask(mlflow, method, path, made.ids, "beta", team=team)
            assert answer.status == 403, (method, path, answer)
            assert answer.json()["message"] == f"You are not in the team {team!r}."


def test_readers_write_nothing(mlflow: Mlflow, made: Made) -> None:
    for access, method, path in endpoints.known():
        if access == "write":
            answer = ask(mlflow, method, path, made.ids, "auditors")
            assert answer.status == 403, (method, path, answer)
            assert "and not write" in answer.body


def test_what_a_team_has_stays_its_own(mlflow: Mlflow, made: Made) -> None:
    """All that is known, asked with another team's ids: by a reader of it, then by a stranger."""
    before = list(_snapshot(mlflow, made))
    assert SECRET in str(before)
    shown, broken, leaked, done = [], [], [], set()
    for access, method, path in endpoints.known():
        if access == "read":
            answer = ask(mlflow, method, path, made.ids, "auditors")
            if answer.status >= 300:
                broken.append((method, path, answer))
            if SECRET in answer.body:
                shown.append((method, path))
    # The questions make sense: to those who may ask, they are answered.
    assert broken == []
    assert len(shown) > 60, shown
    for access, method, path in endpoints.known():
        if endpoints.teamless(access):
            continue
        answer = ask(mlflow, method, path, made.ids, "beta", own=f"own-{uuid.uuid4().hex}")
        if SECRET in answer.body:
            leaked.append((method, path, answer))
        if access == "write" and answer.status < 300:
            done.add((method, re.sub(r"^/(ajax-)?api/[23]\.0/mlflow", "", path)))
    assert leaked == []
    assert done == DONE
    assert list(_snapshot(mlflow, made)) == before


def test_a_location_that_a_client_made_up_leads_nowhere(mlflow: Mlflow, made: Made) -> None:
    """Where a trace's files are is a tag of it, and tags are the client's."""
    where = made.ids["trace_location"].removeprefix("mlflow-artifacts:")
    file = made.ids["attachment"]
    read = "/ajax-api/3.0/mlflow/get-trace-artifact"
    asked = {"request_id": made.ids["trace"], "path": file}
    assert mlflow.ask("GET", read, "alpha", query=asked).body == SECRET

    trace = _trace_of_beta(mlflow)
    for scheme in ("mlflow-artifacts:", f"s3://{BUCKET}", f"cumulo-teams://{BUCKET}"):
        tag = {"key": "mlflow.artifactLocation", "value": f"{scheme}{where}"}
        tagged = mlflow.ask("PATCH", f"/api/3.0/mlflow/traces/{trace}/tags", "beta", body=tag)
        assert tagged.status == 200, tagged
        answer = mlflow.ask("GET", read, "beta", query={"request_id": trace, "path": file})
        assert answer.status >= 400, (scheme, answer)
        assert SECRET not in answer.body
        version = {"name": "stolen", "source": f"{scheme}{where}"}
        mlflow.ask("POST", "/api/2.0/mlflow/registered-models/create", "beta", body=version)
        answer = mlflow.ask("POST", "/api/2.0/mlflow/model-versions/create", "beta", body=version)
        assert answer.status >= 400, (scheme, answer)


def test_a_trace_does_not_grow_from_elsewhere(mlflow: Mlflow, made: Made) -> None:
    """Programs say themselves which trace a span is of."""
    before = list(_snapshot(mlflow, made))
    experiment = _experiment_of_beta(mlflow)
    mlflow.ask(
        "POST",
        "/v1/traces",
        "beta",
        body=span(made.ids["trace"]),
        headers={"x-mlflow-experiment-id": experiment},
    )
    assert list(_snapshot(mlflow, made)) == before


def _experiment_of_beta(mlflow: Mlflow) -> str:
    body = {"name": f"own-{uuid.uuid4().hex}"}
    made = mlflow.ask("POST", "/api/2.0/mlflow/experiments/create", "beta", body=body)
    return str(made.json()["experiment_id"])


def _trace_of_beta(mlflow: Mlflow) -> str:
    trace = f"tr-{uuid.uuid4().hex}"
    info = {
        "trace_id": trace,
        "trace_location": place(_experiment_of_beta(mlflow)),
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    body = {"trace": {"trace_info": info}}
    started = mlflow.ask("POST", "/api/3.0/mlflow/traces", "beta", body=body)
    assert started.status == 200, started
    return trace


def _known(method: str, path: str) -> Access | None:
    return endpoints.access(method, filled(path, {}))


def _known_shapes() -> set[Endpoint]:
    return {(method, _shape(path)) for _, method, path in endpoints.known()}


def _shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"<(path:)?\w+>", r"<\1>", path)


def _snapshot(mlflow: Mlflow, made: Made) -> Iterator[Any]:
    """All that a team has, as it sees it."""
    ids = made.ids
    two, three = "/api/2.0/mlflow", "/api/3.0/mlflow"
    experiments = {"experiment_ids": [ids["experiment"]]}
    for method, path, asked in (
        ("POST", f"{two}/experiments/search", {"max_results": 100}),
        ("POST", f"{two}/runs/search", experiments),
        ("POST", f"{two}/logged-models/search", experiments),
        ("GET", f"{two}/registered-models/search", {}),
        ("GET", f"{two}/model-versions/search", {}),
        ("POST", f"{three}/traces/search", {"locations": [place(ids["experiment"])]}),
        ("GET", f"{three}/traces/get", {"trace_id": ids["trace"]}),
        ("POST", f"{three}/datasets/search", experiments),
        ("GET", f"{three}/datasets/{ids['dataset']}/records", {}),
        ("POST", f"{three}/issues/search", {"experiment_id": ids["experiment"]}),
        ("GET", f"{three}/label-schemas/list", {"experiment_id": ids["experiment"]}),
        ("GET", f"{three}/review-queues/list", {"experiment_id": ids["experiment"]}),
        ("GET", f"{three}/review-queues/items/list", {"queue_id": ids["queue"]}),
        ("GET", f"{three}/scorers/list", {"experiment_id": ids["experiment"]}),
        ("GET", "/get-artifact", {"run_id": ids["run"], "path": "notes/a.txt"}),
    ):
        found = (
            mlflow.ask(method, path, "alpha", query=asked)
            if method == "GET"
            else mlflow.ask(method, path, "alpha", body=asked)
        )
        assert found.status == 200, (path, found)
        yield found.body
