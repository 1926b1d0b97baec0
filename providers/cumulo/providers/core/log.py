"""Messages to the engine, which shows them beside the resource they are about."""

import sys
import threading
from typing import Any, Final

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_SECONDS: Final = 5.0


class Log:
    """The engine's log; without an engine, warnings go to the standard error."""

    def __init__(self, address: str = "") -> None:
        self._address = address
        self._lock = threading.Lock()
        self._engine: Any = None
        self._shown: dict[str, str] = {}

    def status(self, urn: str, message: str) -> None:
        """Says what a resource is waiting for; an empty message takes that away.

        Only changes are told, so callers may say the same as often as they like.
        """
        with self._lock:
            if self._shown.get(urn, "") == message:
                return
            self._shown[urn] = message
        self._tell(engine_pb2.INFO, urn, message, ephemeral=True)

    def info(self, urn: str, message: str) -> None:
        """Says something that stays on the screen."""
        self._tell(engine_pb2.INFO, urn, message)

    def warning(self, urn: str, message: str) -> None:
        """Says something that the user should look into."""
        if not self._tell(engine_pb2.WARNING, urn, message):
            print(f"warning: {message}", file=sys.stderr, flush=True)  # noqa: T201

    def _tell(self, severity: Any, urn: str, message: str, *, ephemeral: bool = False) -> bool:
        if not self._address:
            return False
        with self._lock:
            if self._engine is None:
                self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
        request = engine_pb2.LogRequest(
            severity=severity, message=message, urn=urn, ephemeral=ephemeral
        )
        try:
            self._engine.Log(request, timeout=_SECONDS)
        except grpc.RpcError:
            return False
        return True
