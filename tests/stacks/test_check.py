import base64
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path

import check
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/" else 500)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def web() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def tls_web(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A web server with a certificate of its own, and that certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "here")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    file = tmp_path / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(certificate + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with HTTPServer(("127.0.0.1", 0), Page) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}/", certificate.decode()
        server.shutdown()
        thread.join()


@pytest.fixture
def greeting() -> Iterator[Callable[[bytes], str]]:
    """Starts a server that greets everyone with the same words."""
    listeners: list[socket.socket] = []

    def start(words: bytes) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def greet() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.sendall(words)

        threading.Thread(target=greet, daemon=True).start()
        return f"ssh://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


@pytest.fixture
def silent() -> str:
    """An address that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"http://127.0.0.1:{port}/"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has `cumulo stack output` print these outputs, or fail."""

    def prepare(outputs: dict[str, object] | None) -> None:
        command = tmp_path / "cumulo"
        if outputs is None:
            command.write_text("#!/bin/sh\necho \"error: no stack named 'test'\" >&2\nexit 255\n")
        else:
            (tmp_path / "outputs.json").write_text(json.dumps(outputs))
            command.write_text(f"#!/bin/sh\ncat {tmp_path}/outputs.json\n")
        command.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return prepare


def run(*arguments: str) -> int:
    return check.main(["--stack", "test", *arguments])


def test_says_of_every_address_that_it_answers(
    stack: Callable[..., None],
    web: str,
    greeting: Callable[[bytes], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    server = greeting(b"SSH-2.0-OpenSSH\r\n")
    stack({"endpoints": {"service": web, "web-0": server, "closed": None}, "other": 1})

    assert run() == 0

    service, first = capsys.readouterr().out.splitlines()
    assert re.fullmatch(rf"service +{web} +answers after [\d.]+ s", service)
    assert re.fullmatch(rf"web-0 +{server} +answers after [\d.]+ s", first)


def test_trusts_the_authority_of_the_cluster_and_no_unknown_one(
    stack: Callable[..., None], tls_web: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    url, authority = tls_web
    endpoints = {"kubernetes": url}
    data = base64.b64encode(authority.encode()).decode()
    kubeconfig = {"clusters": [{"cluster": {"certificate-authority-data": data}}]}

    stack({"endpoints": endpoints, "kubeconfig": json.dumps(kubeconfig)})
    assert run("--deadline", "10") == 0

    stack({"endpoints": endpoints})
    assert run("--deadline", "0") == 1
    assert "certificate verify failed" in capsys.readouterr().out


def test_names_those_that_do_not_answer(
    stack: Callable[..., None], web: str, silent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stack({"endpoints": {"service": web, "web-0": silent, "web-1": f"{web}broken"}})

    assert run("--deadline", "0") == 1

    said = capsys.readouterr()
    assert "web-0, web-1: no answer in 0 s." in said.err
    assert "openstack console log show" in said.err
    service, first, second = said.out.splitlines()
    assert f"{web}  answers after" in service
    assert "Connection refused" in first
    assert "500" in second


def test_waits_for_those_that_are_late(
    stack: Callable[..., None], silent: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stack({"endpoints": {"service": silent}})
    port = int(silent.rstrip("/").rpartition(":")[2])

    def come_late() -> None:
        with HTTPServer(("127.0.0.1", port), Page) as server:
            server.handle_request()

    late = threading.Timer(0.3, come_late)
    late.start()

    assert run("--deadline", "60") == 0
    late.join()


def test_another_server_on_the_port_is_no_ssh_server(
    stack: Callable[..., None],
    greeting: Callable[[bytes], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    stack({"endpoints": {"web-0": greeting(b"220 smtp ready\r\n")}})

    assert run("--deadline", "0") == 1
    assert "no ssh server: it said b'220 '" in capsys.readouterr().out


def test_a_stack_that_is_not_up_is_told_as_such(
    stack: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stack({})

    assert run() == 1
    assert "stack test has no output 'endpoints'" in capsys.readouterr().err


def test_what_pulumi_says_is_passed_on(
    stack: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    stack(None)

    assert run() == 1
    assert "no stack named 'test'" in capsys.readouterr().err
