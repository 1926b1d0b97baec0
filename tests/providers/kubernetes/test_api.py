"""Requests, against a server that answers what a test wants: the real one never fails on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.api import Api, ApiError, Unreachable
from cumulo.providers.kubernetes.kubeconfig import Access

Answer = tuple[int, dict[str, str], str]


class Server:
    """A server whose answers are scripted; the last one is repeated."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[], Answer]] = [(200, {}, "{}")]
        self.seen: list[tuple[str, str, dict[str, str], str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
                outer.seen.append((self.command, self.path, dict(self.headers), body))
                many = len(outer.answers) > 1
                answer = outer.answers.pop(0) if many else outer.answers[0]
                status, headers, text = answer() if callable(answer) else answer
                self.send_response(status)
                for key, value in headers.items():
                    self.send_header(key, value)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_PATCH = do_DELETE = _answer  # noqa: N815

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def refusal(status: int, message: str) -> Answer:
    return status, {}, json.dumps({"kind": "Status", "reason": "Why", "message": message})


def test_an_answer(server: Server) -> None:
    server.answers = [(200, {}, '{"kind": "Pod"}')]
    api = Api(Access(server.url, token="secret"))
    assert api.get("/api/v1", labelSelector="a=b,c in (d)") == {"kind": "Pod"}
    ((method, path, headers, _),) = server.seen
    assert (method, path) == ("GET", "/api/v1?labelSelector=a%3Db%2Cc+in+%28d%29")
    assert headers["Authorization"] == "Bearer secret"


def test_basic_authentication_and_impersonation(server: Server) -> None:
    access = Access(
        server.url, username="u", password="p", impersonate={"Impersonate-User": "somebody"}
    )
    Api(access).get("/x")
    headers = server.seen[0][2]
    assert headers["Authorization"].startswith("Basic ")
    assert headers["Impersonate-User"] == "somebody"


def test_a_refusal_says_why(server: Server) -> None:
    server.answers = [refusal(422, "spec.replicas: must not be -1")]
    with pytest.raises(ApiError) as refused:
        Api(Access(server.url)).request("PATCH", "/x", {"a": 1})
    assert "must not be -1 (HTTP 422)" in str(refused.value)
    assert (refused.value.status, refused.value.reason) == (422, "Why")


def test_nothing_there(server: Server) -> None:
    server.answers = [refusal(404, "not found")]
    assert Api(Access(server.url)).find("/x") is None


def test_a_busy_server_is_asked_again(server: Server) -> None:
    busy: Answer = (429, {"Retry-After": "0"}, "{}")
    server.answers = [busy, (503, {"Retry-After": "0"}, "{}"), (200, {}, '{"a": 1}')]
    assert Api(Access(server.url)).request("PATCH", "/x", {}) == {"a": 1}
    assert len(server.seen) == 3


def test_a_server_that_is_not_there(server: Server) -> None:
    with pytest.raises(Unreachable, match=r"cannot reach the cluster at http://127\.0\.0\.1:1 "):
        Api(Access("http://127.0.0.1:1", source="here")).request("GET", "/x", patient=False)


def test_refused_credentials(server: Server) -> None:
    server.answers = [refusal(401, "Unauthorized")]
    with pytest.raises(ProviderError, match="refused the credentials of my kubeconfig"):
        Api(Access(server.url, source="my kubeconfig", token="old")).get("/x")


def plugin(folder: Path, *lines: str) -> dict[str, Any]:
    script = folder / "login"
    script.write_text("\n".join(("#!/bin/sh", *lines)) + "\n")
    script.chmod(0o755)
    return {"command": str(script), "args": ["get-token"], "apiVersion": "c/v1"}


def credential(**status: str) -> str:
    return f"echo '{json.dumps({'kind': 'ExecCredential', 'status': status})}'"


def test_an_exec_plugin_logs_in_once(server: Server, tmp_path: Path) -> None:
    log = tmp_path / "log"
    exec_ = plugin(
        tmp_path, f'echo "$1 $WHO $KUBERNETES_EXEC_INFO" >> {log}', credential(token="fresh")
    )
    exec_ |= {"env": [{"name": "WHO", "value": "me"}], "provideClusterInfo": True}
    api = Api(Access(server.url, exec=exec_, cluster={"server": server.url}))
    api.get("/x")
    api.get("/x")
    assert [seen[2]["Authorization"] for seen in server.seen] == ["Bearer fresh"] * 2
    (line,) = log.read_text().splitlines()
    argument, who, info = line.split(" ", 2)
    assert (argument, who) == ("get-token", "me")
    spec = json.loads(info)["spec"]
    assert spec["cluster"]["server"] == server.url
    assert spec["interactive"] is False


def test_it_logs_in_again_when_the_token_is_refused_or_old(server: Server, tmp_path: Path) -> None:
    count = tmp_path / "count"
    exec_ = plugin(
        tmp_path,
        f"echo x >> {count}",
        f'echo "{{\\"status\\": {{\\"token\\": \\"t$(grep -c x {count})\\"}}}}"',
    )
    server.answers = [refusal(401, "Unauthorized"), (200, {}, "{}")]
    Api(Access(server.url, exec=exec_)).get("/x")
    assert [seen[2]["Authorization"] for seen in server.seen] == ["Bearer t1", "Bearer t2"]

    expired = plugin(
        tmp_path,
        f"echo x >> {count}",
        credential(token="t", expirationTimestamp="2020-01-01T00:00:00Z"),
    )
    before = len(count.read_text().split())
    api = Api(Access(server.url, exec=expired))
    api.get("/x")
    api.get("/x")
    assert len(count.read_text().split()) == before + 2


def test_an_exec_plugin_that_fails_is_told(server: Server, tmp_path: Path) -> None:
    def refused(exec_: dict[str, Any]) -> str:
        with pytest.raises(ProviderError) as error:
            Api(Access(server.url, source="kc", exec=exec_)).get("/x")
        return str(error.value)

    assert "failed (exit status 3): no browser" in refused(
        plugin(tmp_path, "echo no browser >&2", "exit 3")
    )
    assert "printed no ExecCredential" in refused(plugin(tmp_path, "echo hello"))
    missing = {"command": "kubelogin-x", "installHint": "apt install\nkubelogin"}
    assert "'kubelogin-x', which is not there: apt install kubelogin" in refused(missing)


def test_a_token_file_is_read(server: Server, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("filed\n")
    Api(Access(server.url, token_file=str(tmp_path / "token"))).get("/x")
    assert server.seen[0][2]["Authorization"] == "Bearer filed"


def test_certificates_that_are_none_are_told() -> None:
    with pytest.raises(ProviderError, match="the certificates of kc cannot be used"):
        Api(Access("https://127.0.0.1:1", source="kc", certificate="x", key="y")).get("/x")
    with pytest.raises(ProviderError, match="the certificates of kc cannot be used"):
        Api(Access("https://127.0.0.1:1", source="kc", authority="x")).get("/x")
