"""MLflow as the component runs it: in its image, with the plugin, behind the gateway in its own."""

import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3
from cumulo.images import containers
from cumulo.platform.access.rules import AccessRules, Route, allow
from cumulo.platform.gateway import answers, apache
from cumulo.platform.gateway.site import Realm, Site
from cumulo.platform.models import server_files
from cumulo.platform.models.arguments import database_uri
from cumulo.platform.service import ServiceHandle

from tests.images.containers.running import Container, description, free_port, listens, unpack
from tests.platform.gateway.httpd import Httpd, free_ports, image_root
from tests.platform.gateway.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer
from tests.platform.gateway.tls import certificate
from tests.platform.models import object_store

TEAMS = {
    "alpha": (["alpha"], ["auditors"]),
    "beta": (["beta"], []),
}
HOST = "gateway.test"
BUCKET = "models"
PASSWORD = "p@ss/w:rd"
_POSTGRES, _MLFLOW = 999, 65532


@dataclass
class Answer:
    """An answer of the server itself."""

    status: int
    body: str

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Mlflow:
    """An MLflow that runs, and the ways to it."""

    root: Path
    image: Mapping[str, Any]
    port: int
    origin: str
    issuer: Issuer
    plugin: Path
    log: Path

    def ask(
        self,
        method: str,
        path: str,
        groups: str | None,
        *,
        team: str | None = None,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Asks the server as the gateway would; nobody, where there are no groups."""
        told = {"Host": self.origin.partition("://")[2], **(headers or {})}
        if groups is not None:
            told |= {"X-Forwarded-User": "ada", "X-Forwarded-Groups": groups}
        if team is not None:
            told["X-MLFLOW-WORKSPACE"] = team
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body)
        if data is not None:
            told.setdefault("Content-Type", "application/json")
        whole = f"{path}?{urlencode(query, doseq=True)}" if query else path
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, whole, data, told)
            answer = connection.getresponse()
            return Answer(answer.status, answer.read().decode(errors="replace"))
        finally:
            connection.close()

    def through_the_gateway(
        self, path: str, groups: tuple[str, ...], headers: Mapping[str, str]
    ) -> str:
        """What the gateway's client is answered who has a token of these groups."""
        told = {**headers, "Authorization": f"Bearer {self.issuer.token(*groups)}"}
        name, _, port = self.origin.partition("://")[2].partition(":")
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            int(port),
            ca_certs=str(self.root / "etc/gateway.crt"),
            server_hostname=name,
            assert_hostname=name,
            timeout=60,
            retries=False,
        ) as pool:
            told["Host"] = f"{name}:{port}"
            return pool.request("GET", path, headers=told).data.decode()

    def client(
        self, script: Path, *arguments: str, groups: tuple[str, ...], **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Runs a script with the real client, through the gateway, as somebody of these groups."""
        (self.root / "tmp/script.py").write_text(script.read_text())
        told = {
            "MLFLOW_TRACKING_URI": self.origin,
            "MLFLOW_TRACKING_TOKEN": self.issuer.token(*groups),
            "MLFLOW_TRACKING_SERVER_CERT_PATH": "/etc/gateway.crt",
            "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "GIT_PYTHON_REFRESH": "quiet",
            **variables,
        }
        command = ["python3", "/tmp/script.py", *arguments]
        return Container(self.root, self.image, told, command, []).run(300)


@contextmanager
def running(folder: Path) -> Iterator[Mlflow]:
    """The database, the object store, MLflow and the gateway."""
    folder.chmod(0o755)
    with ExitStack() as stack:
        image = description(containers.build("mlflow"))
        root = unpack(image, folder / "mlflow")
        port, public, redirect, status = free_ports(4)
        origin = f"https://models.{HOST}:{public}"
        database = stack.enter_context(_database(folder))
        objects = stack.enter_context(object_store.running(BUCKET, folder / "objects.log"))
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost models.{HOST}\n")
        (root / "etc/database.crt").write_text((folder / "database.crt").read_text())
        plugin = root / "opt/cumulo"
        for path, text in server_files.package().items():
            file = plugin / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        roster = root / "etc/cumulo/teams/teams.json"
        roster.parent.mkdir(parents=True)
        roster.write_text(server_files.roster(TEAMS))
        told = {
            **server_files.environment(
                url=origin,
                endpoint=objects,
                region="RegionOne",
                teams="/etc/cumulo/teams/teams.json",
                path="/opt/cumulo",
                metrics="/tmp/metrics",
            ),
            "MLFLOW_BACKEND_STORE_URI": database,
            "CUMULO_TEAMS_ACCESS_KEY": "access",
            "CUMULO_TEAMS_SECRET_KEY": "secret",
        }
        upgraded = Container(root, image, told, list(server_files.UPGRADE), []).run(300)
        assert upgraded.returncode == 0, upgraded.stderr
        command = server_files.arguments(BUCKET, "127.0.0.1", port, 1)
        mlflow = stack.enter_context(Container(root, image, told, command, []))
        issuer, gateway = stack.enter_context(_gateway(folder, port, public, redirect, status))
        (root / "etc/gateway.crt").write_text(gateway)
        mlflow.wait(lambda: listens(port), 300)
        yield Mlflow(root, image, port, origin, issuer, plugin, mlflow.log)


@contextmanager
def _database(folder: Path) -> Iterator[str]:
    """A PostgreSQL that answers by TLS alone; where MLflow finds its database in it."""
    image = description(containers.build("postgres"))
    root = unpack(image, folder / "postgres")
    pair, authority = certificate("localhost")
    (folder / "database.crt").write_text(authority)
    for name, text in pair.items():
        file = root / "etc" / Path(name).name
        file.write_text(text)
        file.chmod(0o400)
        os.chown(file, _POSTGRES, _POSTGRES)
    port = free_port()
    told = {"POSTGRES_PASSWORD": PASSWORD, "POSTGRES_USER": "mlflow", "POSTGRES_DB": "mlflow"}
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "ssl": "on",
        "ssl_cert_file": "/etc/tls.crt",
        "ssl_key_file": "/etc/tls.key",
        "fsync": "off",
    }
    command = ["postgres", *(f"--{name}={value}" for name, value in options.items())]
    ready = ["--host=127.0.0.1", f"--port={port}"]
    with Container(root, image, told, command) as server:
        server.wait(
            lambda: Container(root, image, {}, ready, ["pg_isready"]).run().returncode == 0, 120
        )
        yield database_uri("mlflow", PASSWORD, "localhost", port, "mlflow", "/etc/database.crt")


@contextmanager
def _gateway(
    folder: Path, port: int, public: int, redirect: int, status: int
) -> Iterator[tuple[Issuer, str]]:
    """The gateway with one route, a provider of tokens, and the gateway's authority."""
    issuer = Issuer()
    thread = threading.Thread(target=issuer.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    groups = {group for members, readers in TEAMS.values() for group in (*members, *readers)}
    roles = dict.fromkeys(sorted(groups | {"nobodies"}), "a team's")
    backend = ServiceHandle(
        name="mlflow", namespace="models", service="mlflow", port=80, pod_port=port, labels={}
    )
    route = Route(backend=backend, subdomain="models", rules=[allow(role) for role in roles])
    rules = AccessRules(roles=roles, routes={"models": route})
    site = Site(
        host=HOST,
        realm=Realm(
            issuer=issuer.url,
            authorization_endpoint=f"{issuer.url}/authorize",
            token_endpoint=f"{issuer.url}/token",
            jwks_uri=f"{issuer.url}/jwks",
            end_session_endpoint=f"{issuer.url}/logout",
            client_id=CLIENT_ID,
            audience=AUDIENCE,
        ),
        upstreams={"models": f"http://127.0.0.1:{port}"},
        public_port=public,
        address="127.0.0.1:",
        port=public,
        redirect_port=redirect,
        status_port=status,
    )
    image = folder / "gateway-image"
    image.mkdir()
    image.chmod(0o755)
    httpd = Httpd(image_root(image), folder)
    pair, authority = certificate(HOST, f"*.{HOST}")
    httpd.write(
        {
            apache.CONFIGURATION: apache.configuration(rules, site),
            **answers.files(),
            **pair,
            "secrets/client-secret": CLIENT_SECRET,
            "secrets/session-key": "0123456789abcdef0123456789abcdef",
        }
    )
    httpd.start(status)
    try:
        yield issuer, authority
    finally:
        httpd.stop()
        issuer.shutdown()
        issuer.server_close()
