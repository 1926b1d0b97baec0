"""What is built runs: as the image's own user, on ports of the loopback address."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import urllib3
from cumulo.images import containers

from tests.images.containers.running import (
    Container,
    config,
    description,
    free_port,
    listens,
    unpack,
)


def _built(name: str, folder: Path) -> tuple[dict[str, Any], Path]:
    said = description(containers.build(name))
    folder.chmod(0o755)
    return said, unpack(said, folder / "root")


def _get(url: str) -> urllib3.BaseHTTPResponse:
    with urllib3.PoolManager(retries=False, timeout=20) as pool:
        return pool.request("GET", url)


def _answers(url: str, status: int = 200) -> bool:
    try:
        return _get(url).status == status
    except urllib3.exceptions.HTTPError:
        return False


def test_the_gateway_reads_its_configuration_and_nothing_else(tmp_path: Path) -> None:
    said, root = _built("gateway", tmp_path)
    port = free_port()
    modules = ("mpm_event", "authz_core", "authn_core", "alias", "auth_openidc", "ssl", "proxy")
    lines = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in modules]
    lines += [
        *("ServerRoot /etc/cumulo/gateway", "PidFile /run/gateway/httpd.pid"),
        *("DefaultRuntimeDir /run/gateway", "ServerName localhost", "ErrorLog /proc/self/fd/2"),
        *(f"Listen 127.0.0.1:{port}", "RedirectMatch 410 ^/$"),
    ]
    (root / "etc/cumulo/gateway/httpd.conf").write_text("\n".join(lines) + "\n")

    with Container(root, said) as gateway:
        gateway.wait(lambda: listens(port))
        assert _get(f"http://127.0.0.1:{port}/").status == 410
        assert (root / "run/gateway/httpd.pid").stat().st_uid == 65532
    assert gateway.process.returncode == 0

    (root / "etc/cumulo/gateway/httpd.conf").write_text("\n".join([*lines, "Nonsense"]))
    assert "Nonsense" in Container(root, said).run().stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "version"),
    [("prometheus", "3.16.0"), ("alertmanager", "0.31.1"), ("node-exporter", "1.12.1")],
)
def test_the_monitoring_images_answer_with_their_version(
    tmp_path: Path, name: str, version: str
) -> None:
    said, root = _built(name, tmp_path)
    port = free_port()
    listening = [*config(said).get("Cmd", []), f"--web.listen-address=127.0.0.1:{port}"]
    if name == "alertmanager":
        listening.append("--cluster.listen-address=")

    with Container(root, said, command=listening) as running:
        running.wait(lambda: listens(port))
        metrics = _get(f"http://127.0.0.1:{port}/metrics").data.decode()
        assert f'version="{version}"' in metrics
        if name == "prometheus":
            running.wait(lambda: _answers(f"http://127.0.0.1:{port}/-/ready"))
            found = _get(f"http://127.0.0.1:{port}/api/v1/status/buildinfo").data
            assert json.loads(found)["data"]["version"] == version
        if name == "alertmanager":
            # Its pages are in it.
            assert b"Alertmanager" in _get(f"http://127.0.0.1:{port}/").data


@pytest.mark.slow
def test_keycloak_serves_a_realm_that_it_keeps(tmp_path: Path) -> None:
    said, root = _built("keycloak", tmp_path)
    port, management = free_port(), free_port()
    variables = {
        "KC_HTTP_HOST": "127.0.0.1",
        "KC_HTTP_PORT": str(port),
        "KC_HTTP_MANAGEMENT_HOST": "127.0.0.1",
        "KC_HTTP_MANAGEMENT_PORT": str(management),
        "KC_HEALTH_ENABLED": "true",
        "KC_BOOTSTRAP_ADMIN_USERNAME": "admin",
        "KC_BOOTSTRAP_ADMIN_PASSWORD": "admin",
    }
    with Container(root, said, variables, ["start-dev"]) as keycloak:
        keycloak.wait(lambda: _answers(f"http://127.0.0.1:{management}/health/ready"), 600)
        issuer = f"http://127.0.0.1:{port}/realms/master"
        found = json.loads(_get(f"{issuer}/.well-known/openid-configuration").data)
        assert found["issuer"] == issuer
    for written in (root / "opt/keycloak/data").rglob("*"):
        assert written.lstat().st_uid == 1000


@pytest.mark.slow
def test_mlflow_keeps_a_run(tmp_path: Path) -> None:
    said, root = _built("mlflow", tmp_path)
    port = free_port()
    state = root / "tmp/mlflow"
    state.mkdir()
    os.chown(state, 65532, 65532)
    command = [
        *("mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", "sqlite:////tmp/mlflow/tracking.db"),
        *("--artifacts-destination", "/tmp/mlflow/artifacts"),
    ]
    with Container(root, said, command=command) as mlflow:
        mlflow.wait(lambda: _answers(f"http://127.0.0.1:{port}/health"), 300)
        script = (
            "import mlflow\n"
            f"mlflow.set_tracking_uri('http://127.0.0.1:{port}')\n"
            "with mlflow.start_run() as run:\n"
            "    mlflow.log_metric('loss', 0.25)\n"
            "    mlflow.log_text('hello', 'note.txt')\n"
            "print(mlflow.get_run(run.info.run_id).data.metrics['loss'])\n"
        )
        done = Container(root, said, command=["python3", "-c", script]).run(120)
        assert "0.25" in done.stdout.splitlines(), done.stderr
    # What is not Debian's came compiled: its user could not keep what Python compiles.
    package = next(root.glob("usr/local/lib/python3*/dist-packages/mlflow/__pycache__"))
    assert list(package.glob("__init__.cpython-*.pyc"))
