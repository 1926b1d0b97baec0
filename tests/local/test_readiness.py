import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cumulo.local import readiness
from cumulo.local.errors import CumuloError
from cumulo.local.readiness import Health

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def _service(binary: str, state: str = "up", seen: str = "2026-01-02T03:04:05.0") -> dict[str, str]:
    return {"binary": binary, "state": state, "updated_at": seen}


ALL = [_service(f"nova-{name}") for name in ("conductor", "scheduler", "compute")]


def test_nova_is_well_when_all_three_services_are_up() -> None:
    assert readiness.compute_problems(ALL, NOW.timestamp() - 1) == []


def test_a_heartbeat_from_before_the_boot_counts_for_nothing() -> None:
    assert len(readiness.compute_problems(ALL, NOW.timestamp() + 1)) == 3


def test_a_service_that_is_down_or_missing_is_named() -> None:
    services = [_service("nova-conductor"), _service("nova-compute", "down")]
    problems = readiness.compute_problems(services, 0)
    assert problems == ["nova: nova-scheduler is not up", "nova: nova-compute is not up"]


@pytest.fixture
def broken() -> Iterator[str]:
    """A server whose every page is an internal error."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(503)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def test_endpoints_that_do_not_answer_or_fail_are_not_ready(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, _, port = broken.partition(":")
    monkeypatch.setattr(readiness, "ENDPOINTS", {"nova": f":{port}/", "glance": ":1/"})
    entry = {
        "auth": {
            "auth_url": f"http://{broken}/v3",
            "username": "u",
            "password": "p",
            "project_name": "p",
        }
    }
    health = readiness.check(host, json.loads(json.dumps(entry)))
    assert not health.ready
    assert health.endpoints["nova"] == "answers 503"
    assert "refused" in health.endpoints["glance"]


def test_waiting_ends_with_what_is_missing() -> None:
    health = Health({"nova": "", "neutron": "refused"}, ["nova: no hypervisor is up"])
    with pytest.raises(CumuloError) as error:
        readiness.wait(lambda: health, 0, lambda: "look there")
    assert "neutron: refused" in error.value.message
    assert "no hypervisor" in error.value.message
    assert error.value.remedy == "look there"


def test_waiting_ends_when_all_is_well() -> None:
    answers = iter([Health({"nova": "refused"}), Health({"nova": ""})])
    assert readiness.wait(lambda: next(answers), 30, str).ready
