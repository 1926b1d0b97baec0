"""A real Prometheus on loopback, with a real node-exporter and Alertmanager; one for all tests."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cumulo.images.containers import golang
from cumulo.images.containers.recipe import Recipe
from cumulo.images.containers.recipes.prometheus import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS
from cumulo.platform.monitoring import notifying, rules
from cumulo.platform.monitoring.alerts import rule_file
from cumulo.platform.monitoring.nodes import NODE_ARGUMENTS, WEB

from tests.images.containers.running import free_port, listens
from tests.platform.monitoring.certificates import write_certificates

NODE = "this-machine"


@dataclass(frozen=True)
class Programs:
    """The commands that the images hold."""

    prometheus: Path
    promtool: Path
    alertmanager: Path
    amtool: Path
    node_exporter: Path


@dataclass
class Monitoring:
    """What runs, and what was posted to the heartbeat's receiver."""

    url: str
    alertmanager: str
    exporter: str
    certificates: Path
    posted: list[dict[str, Any]] = field(default_factory=list)

    def ask(self, path: str, **parameters: str) -> Any:
        """What Prometheus' API answers."""
        answer = urllib3.request(
            "GET", f"{self.url}/api/v1/{path}", fields=parameters, timeout=30, retries=False
        )
        told = answer.json()
        assert told["status"] == "success", told
        return told["data"]

    def query(self, expr: str) -> list[Any]:
        found: list[Any] = self.ask("query", query=expr)["result"]
        return found

    def figures(self) -> set[str]:
        """The names of all figures that it has."""
        return set(self.ask("label/__name__/values"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leaves to `-m slow` what needs Prometheus, which takes long to compile."""
    for item in items:
        if "programs" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def programs() -> Programs:
    """The commands of the images; built where they are not, which takes a while once."""

    def folder(recipe: Recipe) -> Path:
        assert recipe.commands is not None
        return golang.build(recipe.commands)

    prometheus, alertmanager = folder(PROMETHEUS), folder(ALERTMANAGER)
    return Programs(
        prometheus=prometheus / "prometheus",
        promtool=prometheus / "promtool",
        alertmanager=alertmanager / "alertmanager",
        amtool=alertmanager / "amtool",
        node_exporter=folder(NODE_EXPORTER) / "node_exporter",
    )


@pytest.fixture(scope="session")
def monitoring(
    programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitoring]:
    folder = tmp_path_factory.mktemp("monitoring")
    port, alertmanager, exporter, hook = (free_port() for _ in range(4))
    found = Monitoring(
        url=f"http://127.0.0.1:{port}",
        alertmanager=f"http://127.0.0.1:{alertmanager}",
        exporter=f"https://127.0.0.1:{exporter}",
        certificates=folder / "certificates",
    )
    write_certificates(found.certificates)
    with ExitStack() as stack:
        stack.enter_context(_hook(hook, found.posted))
        _node_exporter(stack, programs, folder, exporter)
        _alertmanager(stack, programs, folder, alertmanager, f"http://127.0.0.1:{hook}/")
        _prometheus(stack, programs, folder, port, alertmanager, exporter)
        ready = f"{found.url}/-/ready"
        wait(
            lambda: urllib3.request("GET", ready, timeout=5, retries=False).status == 200,
            "Prometheus to be ready",
        )
        # Rates need two answers.
        wait(
            lambda: len(found.query("rate(node_cpu_seconds_total[5s])")) > 0,
            "two answers of node-exporter",
        )
        yield found


def wait(holds: Callable[[], bool], about: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s for {about}"
        time.sleep(0.2)


def _node_exporter(stack: ExitStack, programs: Programs, folder: Path, port: int) -> None:
    """As it runs in its pod, but for the paths."""
    web = folder / "web.yml"
    inside = Path(WEB["tls_server_config"]["cert_file"]).parent
    web.write_text(json.dumps(WEB).replace(str(inside), str(folder / "certificates")))
    arguments = [f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={web}"]
    _run(stack, folder, port, programs.node_exporter, *arguments, *NODE_ARGUMENTS)


def _alertmanager(
    stack: ExitStack, programs: Programs, folder: Path, port: int, heartbeat: str
) -> None:
    config = json.dumps(notifying.configuration({}, heartbeat=True))
    (folder / notifying.HEARTBEAT).write_text(heartbeat)
    told = folder / "alertmanager.yml"
    told.write_text(config.replace(notifying.SECRETS, str(folder)))
    _run(
        stack,
        folder,
        port,
        programs.alertmanager,
        f"--config.file={told}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.external-url=https://platform.test/alerts/",
        "--web.route-prefix=/",
        "--cluster.listen-address=",
    )


def _prometheus(
    stack: ExitStack, programs: Programs, folder: Path, port: int, alertmanager: int, exporter: int
) -> None:
    certificates = folder / "certificates"
    groups = [*rules.ALWAYS, rules.GPUS, rules.STATE, rules.CONTROL_PLANE]
    (folder / "rules.yml").write_text(rule_file(groups))
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}]}]
        },
        "scrape_configs": [
            {
                "job_name": "node-exporter",
                "scheme": "https",
                "tls_config": {
                    "ca_file": str(certificates / "ca.crt"),
                    "cert_file": str(certificates / "client.crt"),
                    "key_file": str(certificates / "client.key"),
                    "server_name": "node-exporter",
                },
                "static_configs": [
                    {"targets": [f"127.0.0.1:{exporter}"], "labels": {"node": NODE}}
                ],
            },
            {
                "job_name": "prometheus",
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            },
            {
                "job_name": "alertmanager",
                "static_configs": [{"targets": [f"127.0.0.1:{alertmanager}"]}],
            },
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    _run(
        stack,
        folder,
        port,
        programs.prometheus,
        f"--config.file={folder / 'prometheus.yml'}",
        "--config.auto-reload",
        "--config.auto-reload-interval=1s",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.external-url=https://platform.test/prometheus/",
        "--web.route-prefix=/",
    )


def _run(stack: ExitStack, folder: Path, port: int, program: Path, *arguments: str) -> None:
    """Starts a program; it ends with the tests."""
    log = folder / f"{program.name}.log"
    with log.open("wb") as said:
        process = subprocess.Popen([str(program), *arguments], stdout=said, stderr=said)

    def end() -> None:
        process.terminate()
        process.wait(30)

    stack.callback(end)

    def answers() -> bool:
        assert process.poll() is None, f"{program.name} has ended: {log.read_text()[-2000:]}"
        return listens(port)

    wait(answers, program.name)


class _Hook(ThreadingHTTPServer):
    posted: list[dict[str, Any]]


class _Post(BaseHTTPRequestHandler):
    server: _Hook

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.posted.append(json.loads(self.rfile.read(length)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *said: object) -> None:
        """Says nothing."""


def _hook(port: int, posted: list[dict[str, Any]]) -> ExitStack:
    server = _Hook(("127.0.0.1", port), _Post)
    server.posted = posted
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    stack = ExitStack()
    stack.callback(server.server_close)
    stack.callback(server.shutdown)
    return stack
