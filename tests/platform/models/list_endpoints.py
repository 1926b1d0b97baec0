"""Prints every endpoint that MLflow's server has; run inside MLflow's image."""

import json
import re
from collections.abc import Iterable
from typing import Any

from mlflow.server import app as flask_app
from mlflow.server.fastapi_app import app
from starlette.routing import Mount

found: set[tuple[str, str]] = set()


def native(routes: Iterable[Any], prefix: str = "") -> None:
    """FastAPI's own, whose paths are made to look as Flask's do."""
    for route in routes:
        if isinstance(route, Mount):
            # Flask, which is asked for all that is left.
            assert route.path == "", route
        elif hasattr(route, "original_router"):
            native(route.original_router.routes, prefix + route.include_context.prefix)
        else:
            path = re.sub(r"\{(\w+):path\}", r"<path:\1>", prefix + route.path)
            path = re.sub(r"\{(\w+)\}", r"<\1>", path)
            found.update((method, path) for method in route.methods)


native(app.routes)
for rule in flask_app.url_map.iter_rules():
    found.update((method, rule.rule) for method in rule.methods)
print(json.dumps(sorted(found)))
