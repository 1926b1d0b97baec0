"""A registry as its server is told to run it, on loopback and by nobody in particular; a client."""

import base64
import contextlib
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pulumi
import urllib3
from cryptography.hazmat.primitives import serialization
from cumulo.infra.authority import Authority
from cumulo.infra.registry import configuration
from cumulo.infra.registry.arguments import PORT
from cumulo.infra.registry.configuration import MAIN, Server
from cumulo.providers.tls import keys, names, signing
from cumulo.providers.tls.signing import Holder, Issuer

from tests.fake_cloud import FakeCloud

NOBODY = 65534
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_PATIENCE_S = 60.0


@dataclass(frozen=True)
class Shown:
    """An authority's certificate; and a server's with its key, for loopback."""

    authority: str
    certificate: str
    key: str


def shown() -> Shown:
    """What `Registry` asks Pulumi for, made as our provider makes it."""
    cloud = FakeCloud()

    def program() -> None:
        Authority("own", "registry", pulumi.ResourceOptions()).server(
            "server",
            "registry.cumulo.local",
            pulumi.ResourceOptions(),
            names=["registry.cumulo.local"],
            addresses=["127.0.0.1"],
        )

    cloud.run(program)
    request = cloud.inputs("server-request")
    authority_key, key = (keys.make("ECDSA", 0, "P256") for _ in range(2))
    subject = names.subject(cloud.inputs("own-certificate")["subject"])
    authority = Holder(subject, None, authority_key.public_key())
    issuer = Issuer(subject, authority_key, signing.key_id(authority_key.public_key()))
    server = Holder(
        names.subject(request["subject"]), names.alternatives(request), key.public_key()
    )
    left_out = {"isCaCertificate": False, "setSubjectKeyId": False}
    own, signed = (
        signing.certificate(left_out | cloud.inputs(f"{name}-certificate"), holder, issuer)
        for name, holder in (("own", authority), ("server", server))
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Shown(own["certPem"], signed["certPem"], private.decode())


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        port: int = asked.getsockname()[1]
        return port


class Running:
    """The processes of a registry, in a folder that stands for its server's own."""

    def __init__(self, command: Path, folder: Path, server: Server) -> None:
        self.folder = folder
        self.ports = {name: free_port() for name in (MAIN, *(one.name for one in server.caches))}
        self._command = command
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        _, text = configuration.user_data(server).split("\n", 1)
        self.told: dict[str, Any] = json.loads(text)
        for file in self.told["write_files"]:
            if file["path"].startswith("/etc/registry/"):
                self._write(file)
        (folder / "data").mkdir()
        shutil.chown(folder / "data", NOBODY, NOBODY)
        own_ports = {one.name: one.port for one in server.caches} | {MAIN: PORT}
        for name, port in self.ports.items():
            file = folder / f"{name}.yml"
            here = f'"addr": "127.0.0.1:{port}"'
            file.write_text(file.read_text().replace(f'"addr": ":{own_ports[name]}"', here))

    def _write(self, file: dict[str, str]) -> None:
        assert (file["owner"], file["permissions"]) == ("root:registry", "0640")
        content = file["content"].replace("/etc/registry", str(self.folder))
        content = content.replace("/var/lib/registry", str(self.folder / "data"))
        written = self.folder / Path(file["path"]).name
        written.write_text(content)
        shutil.chown(written, 0, NOBODY)
        written.chmod(0o640)

    def start(self, name: str = MAIN, **environment: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                self._as_nobody("serve", str(self.folder / f"{name}.yml")),
                env={"OTEL_TRACES_EXPORTER": "none", **environment},
                stdout=log,
                stderr=log,
            )
        self._wait(name)

    def stop(self, name: str = MAIN) -> None:
        process = self._processes.pop(name)
        process.terminate()
        process.wait(_PATIENCE_S)

    def stop_all(self) -> None:
        for name in list(self._processes):
            self.stop(name)

    def collect(self) -> str:
        """What the timer does, as `collect.env` says it; what it has printed."""
        words = (self.folder / "collect.env").read_text().strip().removeprefix("COLLECT=").split()
        done = subprocess.run(
            self._as_nobody("collect", *words, str(self.folder / f"{MAIN}.yml")),
            env={},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def log(self, name: str = MAIN) -> str:
        return (self.folder / f"{name}.log").read_text()

    def bytes_kept(self) -> int:
        blobs = self.folder / "data" / MAIN / "docker/registry/v2/blobs"
        return sum(file.stat().st_size for file in blobs.rglob("data"))

    def _as_nobody(self, *arguments: str) -> list[str]:
        user = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
        return ["setpriv", *user, str(self._command), *arguments]

    def _wait(self, name: str) -> None:
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            assert self._processes[name].poll() is None, self.log(name)
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.ports[name])).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"{name} did not listen: {self.log(name)}")


@contextlib.contextmanager
def running(command: Path, server: Server) -> Iterator[Running]:
    # Below pytest's own folder nobody may look.
    with tempfile.TemporaryDirectory(prefix="registry-") as folder:
        Path(folder).chmod(0o755)
        registry = Running(command, Path(folder), server)
        try:
            registry.start()
            yield registry
        finally:
            registry.stop_all()


class RefusedError(Exception):
    """The registry has answered with an error."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"{status}: {said}")
        self.status = status


@dataclass(frozen=True)
class Client:
    """What docker and others do: ask, be told where tokens are given, fetch one, and ask again."""

    port: int
    authority: str
    user: str = ""
    password: str = ""
    host: str = "127.0.0.1"

    def ask(
        self, method: str, path: str, body: bytes | None = None, **headers: str
    ) -> urllib3.BaseHTTPResponse:
        url = path if path.startswith("https:") else f"https://{self.host}:{self.port}{path}"
        with urllib3.PoolManager(ca_cert_data=self.authority, retries=False, timeout=60) as pool:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            # Nobody sends much before it is known to be welcome.
            answer = (
                pool.request(method, url, headers=named)
                if body is None
                else pool.request("GET", f"https://{self.host}:{self.port}/v2/")
            )
            if answer.status == 401:
                token = self._token(pool, answer.headers["WWW-Authenticate"])
                bearer = {"Authorization": f"Bearer {token}"}
                answer = pool.request(method, url, body=body, headers=named | bearer)
        if answer.status >= 400:
            raise RefusedError(answer.status, answer.data.decode(errors="replace"))
        return answer

    def _token(self, pool: urllib3.PoolManager, challenge: str) -> str:
        said = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        headers = {}
        if self.user:
            login = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            headers = {"Authorization": f"Basic {login}"}
        fields = {name: said[name] for name in ("service", "scope") if name in said}
        given = pool.request("GET", said["realm"], fields=fields, headers=headers)
        if given.status != 200:
            raise RefusedError(given.status, given.data.decode())
        token: str = given.json()["token"]
        return token

    def upload(self, image: str, content: bytes) -> dict[str, Any]:
        """A blob; returns what manifests say of it."""
        digest = f"sha256:{sha256(content).hexdigest()}"
        begun = self.ask("POST", f"/v2/{image}/blobs/uploads/")
        where = begun.headers["Location"]
        joint = "&" if "?" in where else "?"
        kind = "application/octet-stream"
        self.ask("PUT", f"{where}{joint}digest={digest}", content, Content_Type=kind)
        return {"digest": digest, "size": len(content)}

    def push(self, image: str, tag: str, content: bytes) -> str:
        """An image of one layer; returns its digest."""
        config_type = "application/vnd.oci.image.config.v1+json"
        layer_type = "application/vnd.oci.image.layer.v1.tar"
        config = json.dumps(
            {
                "architecture": "amd64",
                "os": "linux",
                "config": {},
                "rootfs": {
                    "type": "layers",
                    "diff_ids": [f"sha256:{sha256(content).hexdigest()}"],
                },
            }
        ).encode()
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": config_type, **self.upload(image, config)},
            "layers": [{"mediaType": layer_type, **self.upload(image, content)}],
        }
        return self.tag(image, tag, manifest)

    def tag(self, image: str, tag: str, manifest: dict[str, Any]) -> str:
        body = json.dumps(manifest).encode()
        kind = manifest["mediaType"]
        answer = self.ask("PUT", f"/v2/{image}/manifests/{tag}", body, Content_Type=kind)
        return answer.headers["Docker-Content-Digest"]

    def pull(self, image: str, tag: str) -> bytes:
        """The content of an image's one layer."""
        manifest = self.manifest(image, tag)
        return self.ask("GET", f"/v2/{image}/blobs/{manifest['layers'][0]['digest']}").data

    def manifest(self, image: str, tag: str) -> dict[str, Any]:
        accepted = f"{MANIFEST}, {INDEX}"
        answer = self.ask("GET", f"/v2/{image}/manifests/{tag}", Accept=accepted)
        found: dict[str, Any] = json.loads(answer.data)
        return found

    def tags(self, image: str) -> list[str]:
        listed = json.loads(self.ask("GET", f"/v2/{image}/tags/list").data)["tags"]
        return sorted(listed or [])
