"""A way into the cloud that can be shut: what a lost network looks like to a provider."""

import contextlib
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import yaml

from tests.e2e.tenant import ENTRY, Tenant

SERVICES = ("compute", "image", "network", "load_balancer", "placement")


class Gate:
    """Forwards each service of the cloud from a port on this machine, until it is shut.

    Attributes:
        clouds_yaml: A file whose entry leads through the gate.
        closed_to: Where a service was reached through the gate, host and no port.
    """

    closed_to = "127.0.0.1"

    def __init__(self, tenant: Tenant, folder: Path) -> None:
        self._stopping = threading.Event()
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        content = yaml.safe_load(tenant.clouds_yaml.read_text())
        entry = content["clouds"][ENTRY]
        entry["auth"]["auth_url"] = self._forward(entry["auth"]["auth_url"])
        entry["identity_endpoint_override"] = entry["auth"]["auth_url"]
        for service in SERVICES:
            endpoint = getattr(tenant.connection, service, None)
            where = endpoint.get_endpoint() if endpoint is not None else None
            if where:
                entry[f"{service}_endpoint_override"] = self._forward(where)
        self.clouds_yaml = folder / "gate-clouds.yaml"
        self.clouds_yaml.write_text(yaml.safe_dump(content))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shut()

    def shut(self) -> None:
        """Cuts all connections, and lets in none from now on."""
        self._stopping.set()
        with self._lock:
            for each in self._open:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._open.clear()

    def _forward(self, url: str) -> str:
        """Listens for one service; returns its address as seen through the gate."""
        where = urlsplit(url)
        target = (where.hostname or "", where.port or 80)
        listener = socket.create_server((self.closed_to, 0))
        self._keep(listener)
        threading.Thread(target=self._accept, args=(listener, target), daemon=True).start()
        here = f"{self.closed_to}:{listener.getsockname()[1]}"
        return urlunsplit(where._replace(netloc=here))

    def _accept(self, listener: socket.socket, target: tuple[str, int]) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = listener.accept()
                server = socket.create_connection(target, timeout=10)
            except OSError:
                continue
            server.settimeout(None)
            for one, other in ((client, server), (server, client)):
                self._keep(one)
                threading.Thread(target=self._copy, args=(one, other), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _keep(self, each: socket.socket) -> None:
        with self._lock:
            self._open.append(each)
