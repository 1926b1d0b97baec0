"""Questions about what a team has, for each endpoint: by every name that it may go by."""

import json
import re
from typing import Any

from tests.platform.models.server import Answer, Mlflow

Ids = dict[str, str]

_WRITTEN = "mine"


def filled(path: str, values: dict[str, str]) -> str:
    """A path with its parameters; those that nobody names are `x`."""
    return re.sub(r"<(?:path:)?(\w+)>", lambda found: values.get(found[1], "x"), path)


def place(experiment: str) -> dict[str, Any]:
    """Where traces of an experiment are."""
    return {"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment}}


def span(trace: str, name: str = _WRITTEN) -> dict[str, Any]:
    """A span of a trace, as OpenTelemetry's exporters send it."""
    said = {
        "traceId": trace.removeprefix("tr-"),
        "spanId": "00f067aa0ba902b7",
        "name": name,
        "startTimeUnixNano": "1796055786358000000",
        "endTimeUnixNano": "1796055786359000000",
    }
    return {"resourceSpans": [{"scopeSpans": [{"spans": [said]}]}]}


def ask(
    mlflow: Mlflow,
    method: str,
    path: str,
    ids: Ids,
    groups: str,
    team: str | None = None,
    own: str | None = None,
) -> Answer:
    """Asks an endpoint for what has these ids.

    Args:
        mlflow: The server.
        method: The endpoint's method.
        path: Its path, with parameters.
        ids: What it is asked for.
        groups: The groups of whoever asks.
        team: The team that they name.
        own: What they call what they make for themselves.
    """
    artifacts = ids["artifacts"].removeprefix("mlflow-artifacts:/")
    kinds = {"traces": "trace", "logged-models": "logged_model", "datasets": "dataset"}
    kind = next((kinds[part] for part in path.split("/") if part in kinds), "issue")
    values = {
        "id": ids[kind],
        "assessment": ids["assessment"],
        "key": "note",
        "path": f"{artifacts}/notes/a.txt",
    }
    whole = filled(path, values)
    if method == "GET":
        return mlflow.ask(method, whole, groups, team=team, query=_query(path, ids, artifacts))
    short = re.sub(r"^/(ajax-)?api/[23]\.0/mlflow", "", path)
    if short.endswith("artifacts/<path:path>"):
        body: Any = _WRITTEN.encode()
    elif short == "/upload-artifact":
        asked = {"run_uuid": ids["run"], "path": "notes/a.txt"}
        return mlflow.ask(method, whole, groups, team=team, query=asked, body=_WRITTEN.encode())
    else:
        body = {**_body(ids), **_more(short, method, ids)}
        if own is not None and short.endswith("/create"):
            body["name"] = own
    headers = {"x-mlflow-experiment-id": ids["experiment"]} if path == "/v1/traces" else None
    return mlflow.ask(method, whole, groups, team=team, body=body, headers=headers)


def _query(path: str, ids: Ids, artifacts: str) -> dict[str, Any]:
    asked: dict[str, Any] = _body(ids)
    for name in ("tags", "params", "metrics", "models", "locations", "users", "item_ids"):
        del asked[name]
    if path.endswith("mlflow-artifacts/artifacts"):
        asked["path"] = f"{artifacts}/notes"
    elif "model-versions" in path or "directories" in path:
        asked["path"] = "MLmodel"
    elif "get-trace-artifact" in path:
        asked["path"] = ids["attachment"]
    if "/logged-models/" in path:
        asked["artifact_file_path"] = "model.py"
    if "/scorers/" in path:
        asked["name"] = "judge"
    if path.endswith("/scorers/list"):
        del asked["experiment_ids"]
    if "/label-schemas/" in path or "/review-queues/" in path:
        asked["name"] = "watched"
    return asked


def _body(ids: Ids) -> dict[str, Any]:
    return {
        "experiment_id": ids["experiment"],
        "experiment_ids": [ids["experiment"]],
        "experiment_name": "first",
        "run_id": ids["run"],
        "run_uuid": ids["run"],
        "run_ids": [ids["run"]],
        "model_id": ids["logged_model"],
        "trace_id": ids["trace"],
        "trace_ids": [ids["trace"]],
        "request_id": ids["trace"],
        "request_ids": [ids["trace"]],
        "dataset_id": ids["dataset"],
        "assessment_id": ids["assessment"],
        "issue_id": ids["issue"],
        "schema_id": ids["schema"],
        "queue_id": ids["queue"],
        "item_id": ids["trace"],
        "item_ids": [ids["trace"]],
        "user": _WRITTEN,
        "users": [_WRITTEN],
        "name": "echo",
        "new_name": "taken",
        "version": "1",
        "alias": "champion",
        "key": "note",
        "value": _WRITTEN,
        "timestamp": 1,
        "stage": "Production",
        "metric_key": "loss",
        "metric_keys": ["loss"],
        "max_results": 100,
        "source": ids["location"],
        "path": "notes/a.txt",
        "description": _WRITTEN,
        "locations": [place(ids["experiment"])],
        "tags": [{"key": "note", "value": _WRITTEN}],
        "params": [{"key": "rate", "value": _WRITTEN}],
        "metrics": [{"key": "loss", "value": 9, "timestamp": 1, "step": 0}],
        "models": [{"model_id": ids["logged_model"], "step": 0}],
    }


def _more(path: str, method: str, ids: Ids) -> dict[str, Any]:
    """What an endpoint wants besides, or otherwise."""
    feedback = {"assessment_name": "good", "feedback": {"value": _WRITTEN}, "source": {}}
    feedback["source"] = {"source_type": "HUMAN", "source_id": _WRITTEN}
    info = {
        "trace_id": ids["trace"],
        "trace_location": place(ids["experiment"]),
        "request_time": "2026-01-01T00:00:00Z",
        "state": "ERROR",
        "tags": {"note": _WRITTEN},
    }
    asked: dict[str, dict[str, Any]] = {
        "/graphql": {
            "query": "query Q($i: MlflowGetRunInput!) { mlflowGetRun(input: $i) "
            "{ run { info { runName } data { params { key value } } } } }",
            "variables": {"i": {"runId": ids["run"]}},
            "operationName": "Q",
        },
        "/v1/traces": span(ids["trace"]),
        "/runs/log-metric": {"value": 9},
        "/runs/log-model": {"model_json": json.dumps(_model(ids))},
        "/runs/log-inputs": {
            "datasets": [
                {"dataset": {"name": "d", "digest": "1", "source_type": "x", "source": "x"}}
            ]
        },
        "/logged-models/<id>": {"status": "LOGGED_MODEL_READY"},
        "/traces/link-prompts": {"prompt_versions": [{"name": "ask", "version": "1"}]},
        "/traces/<id>/assessments": {"assessment": {**feedback, "trace_id": ids["trace"]}},
        "/traces/<id>/assessments/<assessment>": {
            "assessment": {**feedback, "assessment_id": ids["assessment"]},
            "update_mask": "feedback",
        },
        "/traces/calculate-filter-correlation": {
            "filter_string1": "tags.note = 'a'",
            "filter_string2": "tags.note = 'b'",
        },
        "/traces/metrics": {
            "view_type": "TRACES",
            "metric_name": "trace_count",
            "aggregations": [{"aggregation_type": "COUNT"}],
        },
        "/datasets/create": {"tags": json.dumps({"note": _WRITTEN})},
        "/datasets/<id>/tags": {"tags": json.dumps({"note": _WRITTEN})},
        "/datasets/<id>/records": {
            "records": json.dumps([{"inputs": {"question": _WRITTEN}}]),
            "dataset_record_ids": [ids["record"]],
        },
        "/issues": {"name": _WRITTEN},
        "/label-schemas/create": {"type": "FEEDBACK", "input": {"text": {}}},
        "/review-queues/create": {"queue_type": "CUSTOM", "schema_ids": [ids["schema"]]},
        "/review-queues/items/add": {"item_type": "TRACE"},
        "/review-queues/items/remove": {"item_type": "TRACE"},
        "/review-queues/items/set-status": {
            "item_type": "TRACE",
            "status": "COMPLETE",
            "completed_by": _WRITTEN,
        },
        "/scorers/register": {"name": "judge", "serialized_scorer": json.dumps({"name": "judge"})},
        "/scorers/delete": {"name": "judge"},
    }
    if path == "/traces" and method == "POST":
        return {"trace": {"trace_info": info}, "request_metadata": [], "timestamp_ms": 1}
    return asked.get(path, {})


def _model(ids: Ids) -> dict[str, Any]:
    return {
        "artifact_path": "model",
        "flavors": {},
        "run_id": ids["run"],
        "utc_time_created": "2026-01-01 00:00:00",
    }
