"""What each of MLflow's endpoints does. One that is not here is refused.

Left out are those by which MLflow itself would do work or reach out: its gateway of language
models and their keys, webhooks, jobs, scorers and evaluations that run in the server, the
assistant, and addresses by which clients reach the object store themselves.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

Access = Literal["open", "metrics", "anyone", "read", "write"]
"""Whom an endpoint is for: probes; whoever measures, not through the gateway; everybody who has
logged in, whatever the team; those who may read the team's; those who may write it."""

_ELSEWHERE: Final = """
open    GET /health
open    GET /version
metrics GET /metrics
anyone  GET /
anyone  GET /static-files/<path:path>
anyone  GET /{api}/3.0/mlflow/server-info
anyone  GET /{api}/3.0/mlflow/workspaces
anyone  GET /{api}/3.0/mlflow/workspaces/<name>
read    POST /graphql
read    GET /get-artifact
read    GET /model-versions/get-artifact
write   POST /v1/traces
read    GET /{api}/2.0/mlflow-artifacts/artifacts
read    GET /{api}/2.0/mlflow-artifacts/artifacts/<path:path>
write   PUT /{api}/2.0/mlflow-artifacts/artifacts/<path:path>
write   DELETE /{api}/2.0/mlflow-artifacts/artifacts/<path:path>
read    GET /ajax-api/2.0/mlflow/get-trace-artifact
read    GET /ajax-api/3.0/mlflow/get-trace-artifact
read    GET /ajax-api/2.0/mlflow/logged-models/<id>/artifacts/files
read    GET /ajax-api/2.0/mlflow/metrics/get-history-bulk
read    POST /ajax-api/2.0/mlflow/experiments/search-datasets
write   POST /ajax-api/2.0/mlflow/upload-artifact
"""

_VERSION_2: Final = """
read    GET artifacts/list
write   POST experiments/create
write   POST experiments/delete
write   POST experiments/delete-experiment-tag
read    GET experiments/get
read    GET experiments/get-by-name
write   POST experiments/restore
read    GET experiments/search
read    POST experiments/search
write   POST experiments/set-experiment-tag
write   POST experiments/update
write   POST logged-models
read    POST logged-models/search
read    GET logged-models/<id>
write   PATCH logged-models/<id>
write   DELETE logged-models/<id>
read    GET logged-models/<id>/artifacts/directories
write   POST logged-models/<id>/params
write   PATCH logged-models/<id>/tags
write   DELETE logged-models/<id>/tags/<key>
read    GET metrics/get-history
read    GET metrics/get-history-bulk-interval
write   POST model-versions/create
write   DELETE model-versions/delete
write   DELETE model-versions/delete-tag
read    GET model-versions/get
read    GET model-versions/get-download-uri
read    GET model-versions/search
write   POST model-versions/set-tag
write   POST model-versions/transition-stage
write   PATCH model-versions/update
read    GET registered-models/alias
write   POST registered-models/alias
write   DELETE registered-models/alias
write   POST registered-models/create
write   DELETE registered-models/delete
write   DELETE registered-models/delete-tag
read    GET registered-models/get
read    GET registered-models/get-latest-versions
read    POST registered-models/get-latest-versions
write   POST registered-models/rename
read    GET registered-models/search
write   POST registered-models/set-tag
write   PATCH registered-models/update
write   POST runs/create
write   POST runs/delete
write   POST runs/delete-tag
read    GET runs/get
write   POST runs/log-batch
write   POST runs/log-inputs
write   POST runs/log-metric
write   POST runs/log-model
write   POST runs/log-parameter
write   POST runs/outputs
write   POST runs/restore
read    POST runs/search
write   POST runs/set-tag
write   POST runs/update
read    GET traces
write   POST traces
write   POST traces/delete-traces
write   POST traces/link-prompts
write   POST traces/link-to-run
write   PATCH traces/<id>
read    GET traces/<id>/info
write   PATCH traces/<id>/tags
write   DELETE traces/<id>/tags
"""

_VERSION_3: Final = """
write   POST datasets/create
read    GET datasets/search
read    POST datasets/search
read    GET datasets/<id>
write   DELETE datasets/<id>
write   POST datasets/<id>/add-experiments
read    GET datasets/<id>/experiment-ids
read    GET datasets/<id>/records
write   POST datasets/<id>/records
write   DELETE datasets/<id>/records
write   POST datasets/<id>/remove-experiments
write   PATCH datasets/<id>/tags
write   DELETE datasets/<id>/tags/<key>
write   POST issues
read    POST issues/search
read    GET issues/<id>
write   PATCH issues/<id>
write   POST label-schemas/create
write   DELETE label-schemas/delete
read    GET label-schemas/get
read    GET label-schemas/get-by-name
read    GET label-schemas/list
write   PATCH label-schemas/update
write   POST review-queues/create
write   POST review-queues/delete
read    GET review-queues/get
read    GET review-queues/get-by-name
write   POST review-queues/get-or-create-user
write   POST review-queues/items/add
read    GET review-queues/items/list
write   POST review-queues/items/remove
write   POST review-queues/items/set-status
read    GET review-queues/list
write   POST review-queues/update
write   DELETE scorers/delete
read    GET scorers/get
read    GET scorers/list
write   POST scorers/register
read    GET scorers/versions
write   POST traces
read    GET traces/batchGet
read    POST traces/batchGetInfos
read    POST traces/calculate-filter-correlation
write   POST traces/delete-traces
read    GET traces/get
read    POST traces/metrics
read    POST traces/search
read    GET traces/<id>
write   POST traces/<id>/assessments
read    GET traces/<id>/assessments/<assessment>
write   PATCH traces/<id>/assessments/<assessment>
write   DELETE traces/<id>/assessments/<assessment>
write   PATCH traces/<id>/tags
write   DELETE traces/<id>/tags
"""

_TEAMLESS: Final = ("open", "metrics", "anyone")


def known() -> Iterator[tuple[Access, str, str]]:
    """Every endpoint: whom it is for, its method, and its path as Flask writes it."""
    for text, prefix in (
        (_ELSEWHERE, ""),
        (_VERSION_2, "/{api}/2.0/mlflow/"),
        (_VERSION_3, "/{api}/3.0/mlflow/"),
    ):
        for line in text.split("\n"):
            if not line:
                continue
            access, method, path = line.split()
            whole = prefix + path
            for api in ("api", "ajax-api") if "{api}" in whole else ("",):
                yield access, method, whole.replace("{api}", api)  # type: ignore[misc]


def teamless(access: Access) -> bool:
    """Whether an endpoint is about no team."""
    return access in _TEAMLESS


def access(method: str, path: str) -> Access | None:
    """What a request is; None where it is none that is known.

    Args:
        method: Its method.
        path: Its path, decoded.
    """
    asked = "GET" if method == "HEAD" else method
    if (found := _FIXED.get((asked, path))) is not None:
        return found
    for wanted, pattern, found in _PATTERNS:
        if wanted == asked and pattern.fullmatch(path):
            return found
    return None


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(<(?:path:)?[a-z]+>)", path)
    return re.compile(
        "".join(
            ".+" if part.startswith("<path:") else "[^/]+" if part[:1] == "<" else re.escape(part)
            for part in parts
        )
    )


_FIXED: Final[dict[tuple[str, str], Access]] = {
    (method, path): access for access, method, path in known() if "<" not in path
}
_PATTERNS: Final[list[tuple[str, re.Pattern[str], Access]]] = [
    (method, _pattern(path), access) for access, method, path in known() if "<" in path
]
