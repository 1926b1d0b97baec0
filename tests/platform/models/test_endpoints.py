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
from tests.platform.models.server import Answer, Mlflow

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

# What somebody of another team may do with this team's names: make things of its own.
OWN = {
    "/datasets/create",
    "/experiments/create",
    "/registered-models/create",
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
        answer = mlflow.ask(method, _filled(path, {}), "alpha", body={})
        assert answer.status == 403, (method, path, answer)
        assert "is not among what this server offers" in answer.body


def test_without_a_login_only_probes_are_answered(mlflow: Mlflow) -> None:
    for access, method, path in endpoints.known():
        answer = mlflow.ask(method, _filled(path, {}), None)
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
            answer = _ask(mlflow, method, path, made, "beta", team=team)
            assert answer.status == 403, (method, path, answer)
            assert answer.json()["message"] == f"You are not in the team {team!r}."


def test_readers_write_nothing(mlflow: Mlflow, made: Made) -> None:
    for access, method, path in endpoints.known():
        if access == "write":
            answer = _ask(mlflow, method, path, made, "auditors")
            assert answer.status == 403, (method, path, answer)
            assert "and not write" in answer.body


def test_what_a_team_has_stays_its_own(mlflow: Mlflow, made: Made) -> None:
    """All that is known, asked with another team's ids: by a reader of it, then by a stranger."""
    before = list(_snapshot(mlflow, made))
    assert SECRET in str(before)
    shown, broken, leaked, done = [], [], [], []
    for access, method, path in endpoints.known():
        if access == "read":
            answer = _ask(mlflow, method, path, made, "auditors")
            # The questions make sense: to those who may ask, they are answered.
            if answer.status >= 500:
                broken.append((method, path, answer))
            if SECRET in answer.body:
                shown.append((method, path))
    assert broken == []
    assert len(shown) > 40, shown
    for access, method, path in endpoints.known():
        if endpoints.teamless(access):
            continue
        answer = _ask(mlflow, method, path, made, "beta")
        if SECRET in answer.body:
            leaked.append((method, path, answer))
        own = any(path.endswith(one) for one in OWN)
        if access == "write" and answer.status < 300 and not own:
            done.append((method, path, answer))
    assert leaked == []
    assert done == []
    assert list(_snapshot(mlflow, made)) == before


def test_a_location_that_a_client_made_up_leads_nowhere(mlflow: Mlflow, made: Made) -> None:
    """Where a trace's files are is a tag of it, and tags are the client's."""
    place = made.ids["trace_location"].removeprefix("mlflow-artifacts:/")
    file = str(uuid.uuid4())
    written = mlflow.ask(
        "PUT",
        f"/api/2.0/mlflow-artifacts/artifacts{place}/attachments/{file}",
        "alpha",
        body=SECRET.encode(),
    )
    assert written.status == 200, written
    read = "/ajax-api/3.0/mlflow/get-trace-artifact"
    asked = {"request_id": made.ids["trace"], "path": file}
    assert mlflow.ask("GET", read, "alpha", query=asked).body == SECRET

    experiment = mlflow.ask(
        "POST", "/api/2.0/mlflow/experiments/create", "beta", body={"name": "traces"}
    ).json()["experiment_id"]
    trace = f"tr-{uuid.uuid4().hex}"
    where = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}
    info = {
        "trace_id": trace,
        "trace_location": where,
        "request_time": "2026-01-01T00:00:00Z",
        "state": "OK",
    }
    started = mlflow.ask(
        "POST", "/api/3.0/mlflow/traces", "beta", body={"trace": {"trace_info": info}}
    )
    assert started.status == 200, started
    for scheme in ("mlflow-artifacts:", "s3://models", "cumulo-teams://models"):
        tag = {"key": "mlflow.artifactLocation", "value": f"{scheme}{place}"}
        tagged = mlflow.ask("PATCH", f"/api/3.0/mlflow/traces/{trace}/tags", "beta", body=tag)
        assert tagged.status == 200, tagged
        answer = mlflow.ask("GET", read, "beta", query={"request_id": trace, "path": file})
        assert answer.status >= 400, (scheme, answer)
        assert SECRET not in answer.body
        version = {"name": "stolen", "source": f"{scheme}{place}"}
        mlflow.ask("POST", "/api/2.0/mlflow/registered-models/create", "beta", body=version)
        answer = mlflow.ask("POST", "/api/2.0/mlflow/model-versions/create", "beta", body=version)
        assert answer.status >= 400, (scheme, answer)


def _known(method: str, path: str) -> Access | None:
    return endpoints.access(method, _filled(path, {}))


def _known_shapes() -> set[Endpoint]:
    return {(method, _shape(path)) for _, method, path in endpoints.known()}


def _shape(path: str) -> str:
    """A path without the names of its parameters."""
    return re.sub(r"<(path:)?\w+>", r"<\1>", path)


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"<(?:path:)?(\w+)>", lambda found: values.get(found[1], "x"), path)


def _ask(
    mlflow: Mlflow, method: str, path: str, made: Made, groups: str, team: str | None = None
) -> Answer:
    """Asks an endpoint for all that a team has made, by every name that it may go by."""
    ids = made.ids
    if "/traces/" in path:
        one = ids["trace"]
    elif "/logged-models/" in path:
        one = ids["logged_model"]
    elif "/datasets/" in path:
        one = ids["dataset"]
    else:
        one = "x"
    artifacts = ids["artifacts"].removeprefix("mlflow-artifacts:/")
    values = {
        "id": one,
        "assessment": ids["assessment"],
        "key": "note",
        "path": f"{artifacts}/notes/a.txt",
        "name": "alpha",
    }
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": ids["experiment"]}}
    asked: dict[str, Any] = {
        "experiment_id": ids["experiment"],
        "experiment_ids": [ids["experiment"]],
        "experiment_name": "first",
        "run_id": ids["run"],
        "run_uuid": ids["run"],
        "run_ids": [ids["run"]],
        "model_id": ids["logged_model"],
        "model_ids": [ids["logged_model"]],
        "trace_id": ids["trace"],
        "trace_ids": [ids["trace"]],
        "request_id": ids["trace"],
        "request_ids": [ids["trace"]],
        "dataset_id": ids["dataset"],
        "assessment_id": ids["assessment"],
        "name": "echo",
        "new_name": "taken",
        "version": "1",
        "alias": "champion",
        "key": "note",
        "value": "mine",
        "timestamp": 1,
        "stage": "Production",
        "metric_key": "loss",
        "metric_keys": ["loss"],
        "max_results": 100,
        "source": ids["location"],
        "path": "MLmodel" if "model-versions" in path else "notes/a.txt",
    }
    if path.endswith("mlflow-artifacts/artifacts"):
        asked["path"] = f"{artifacts}/notes"
    if "logged-models" in path and "files" in path:
        asked["artifact_file_path"] = "model.py"
    if method in ("GET", "HEAD"):
        return mlflow.ask(method, _filled(path, values), groups, team=team, query=asked)
    more: dict[str, Any] = {
        "locations": [place],
        "tags": [{"key": "note", "value": "mine"}],
        "params": [{"key": "rate", "value": "mine"}],
        "metrics": [{"key": "loss", "value": 9, "timestamp": 1, "step": 0}],
        "models": [{"model_id": ids["logged_model"], "step": 0}],
        "datasets": [{"dataset": {"name": "d", "digest": "1", "source_type": "x", "source": "x"}}],
        "status": "FINISHED",
        "description": "mine",
        "query": "query Q($i: MlflowGetRunInput!) { mlflowGetRun(input: $i) { run { info { "
        "runName } data { params { key value } } } } }",
        "variables": {"i": {"runId": ids["run"]}},
        "operationName": "Q",
    }
    if path.endswith("/tags") and "datasets" in path:
        more["tags"] = json.dumps({"note": "mine"})
    body: Any = b"mine" if "artifacts/<path" in path else {**asked, **more}
    return mlflow.ask(
        method,
        _filled(path, values),
        groups,
        team=team,
        body=body,
        query={"run_uuid": ids["run"], "path": "notes/a.txt"} if "upload-" in path else None,
        headers={"x-mlflow-experiment-id": ids["experiment"]} if path == "/v1/traces" else None,
    )


def _snapshot(mlflow: Mlflow, made: Made) -> Iterator[Any]:
    """All that a team has, as it sees it."""
    ids = made.ids
    two, three = "/api/2.0/mlflow", "/api/3.0/mlflow"
    experiments = {"experiment_ids": [ids["experiment"]]}
    place = {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": ids["experiment"]}}
    for method, path, asked in (
        ("POST", f"{two}/experiments/search", {"max_results": 100}),
        ("POST", f"{two}/runs/search", experiments),
        ("POST", f"{two}/logged-models/search", experiments),
        ("GET", f"{two}/registered-models/search", {}),
        ("GET", f"{two}/model-versions/search", {}),
        ("POST", f"{three}/traces/search", {"locations": [place]}),
        ("GET", f"{three}/traces/get", {"trace_id": ids["trace"]}),
        ("POST", f"{three}/datasets/search", experiments),
        ("GET", f"{three}/datasets/{ids['dataset']}/records", {}),
        ("GET", "/get-artifact", {"run_id": ids["run"], "path": "notes/a.txt"}),
    ):
        found = (
            mlflow.ask(method, path, "alpha", query=asked)
            if method == "GET"
            else mlflow.ask(method, path, "alpha", body=asked)
        )
        assert found.status == 200, (path, found)
        yield found.body
