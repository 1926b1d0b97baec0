"""A service that says what reached it, and echoes websockets."""

import base64
import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Echo(ThreadingHTTPServer):
    """Answers with the request as it came: method, path and headers, one by one."""

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Echo

    def log_message(self, *_: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        # Whatever the method.
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.seen.append(f"{self.command} {self.path}")
        if self.headers.get("Upgrade", "").lower() == "websocket":
            self._websocket()
            return
        time.sleep(float(self.headers.get("X-Sleep", 0)))
        status = int(self.headers.get("X-Answer", 200))
        told = {
            "method": self.command,
            "path": self.path,
            "headers": list(self.headers.items()),
            "body": body.decode(),
        }
        answer = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/vnd.echo+json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer)

    def _websocket(self) -> None:
        key = self.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode()).digest()).decode()  # noqa: S324
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept)
        self.send_header("X-User", self.headers.get("X-Forwarded-User", ""))
        self.end_headers()
        self.close_connection = True
        while message := _read_frame(self.rfile):
            self.wfile.write(bytes([0x81, len(message)]) + message)


def masked(message: bytes) -> bytes:
    """A client's frame of a short text."""
    mask = b"\x01\x02\x03\x04"
    hidden = bytes(byte ^ mask[index % 4] for index, byte in enumerate(message))
    return bytes([0x81, 0x80 | len(message)]) + mask + hidden


def _read_frame(stream: Any) -> bytes:
    start = stream.read(2)
    if len(start) < 2 or start[0] & 0x0F == 8:
        return b""
    mask = stream.read(4)
    hidden = stream.read(start[1] & 0x7F)
    return bytes(hidden[index] ^ mask[index % 4] for index in range(len(hidden)))
