"""Credentials that run out: what a kubeconfig's `exec` plugin or token file says now."""

import datetime
import json
import os
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.kubeconfig import Access

_EXEC_SECONDS: Final = 120.0
_TOKEN_FILE_SECONDS: Final = 60.0
_EARLY_SECONDS: Final = 10.0


@dataclass(frozen=True)
class Credentials:
    """Who we are in a request.

    Attributes:
        token: The bearer token; empty for none.
        certificate: The client's certificate, in PEM.
        key: Its key.
        until: When they must be asked for again, in seconds since 1970.
    """

    token: str = ""
    certificate: str = ""
    key: str = ""
    until: float = float("inf")


class Login:
    """Keeps credentials fresh; threads may share it."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._current: Credentials | None = None

    def current(self) -> Credentials:
        """Credentials that are good now."""
        with self._lock:
            if self._current is None or time.time() >= self._current.until:
                self._current = self._obtain()
            return self._current

    def refused(self, refused: Credentials) -> bool:
        """Tells that the server refused these; whether there may be better ones now."""
        with self._lock:
            if self._current is refused:
                self._current = None
            return bool(self._access.exec or self._access.token_file)

    def _obtain(self) -> Credentials:
        access = self._access
        if access.exec:
            return _executed(access)
        if access.token_file:
            try:
                token = Path(access.token_file).read_text("utf-8").strip()
            except OSError as error:
                raise ProviderError(
                    f"tokenFile of {access.source}: {error.filename}: {error.strerror}"
                ) from error
            return Credentials(token=token, until=time.time() + _TOKEN_FILE_SECONDS)
        return Credentials(access.token, access.certificate, access.key)


def _executed(access: Access) -> Credentials:
    plugin = access.exec or {}
    command = str(plugin.get("command") or "")
    arguments = [command, *(str(argument) for argument in plugin.get("args") or [])]
    environment = {str(item["name"]): str(item["value"]) for item in plugin.get("env") or []}
    try:
        run = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_EXEC_SECONDS,
            env=os.environ | environment | {"KUBERNETES_EXEC_INFO": _info(access, plugin)},
        )
    except FileNotFoundError as error:
        hint = " ".join(str(plugin.get("installHint") or "install it").split())
        raise ProviderError(
            f"{access.source} logs in with '{command}', which is not there: {hint}"
        ) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ProviderError(f"{access.source} logs in with '{command}': {error}") from error
    if run.returncode:
        said = " ".join((run.stderr or run.stdout).split())[-500:]
        raise ProviderError(
            f"{access.source} logs in with '{command}', which failed "
            f"(exit status {run.returncode}): {said}"
        )
    return _status(run.stdout, command, access.source)


def _info(access: Access, plugin: Mapping[str, Any]) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.get("provideClusterInfo"):
        wanted = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")
        spec["cluster"] = {key: access.cluster[key] for key in wanted if key in access.cluster}
        spec["cluster"]["certificate-authority-data"] = access.cluster.get(
            "certificate-authority-data"
        )
    return json.dumps(
        {
            "apiVersion": plugin.get("apiVersion") or "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "spec": spec,
        }
    )


def _status(output: str, command: str, source: str) -> Credentials:
    try:
        status = json.loads(output)["status"]
        until = float("inf")
        if status.get("expirationTimestamp"):
            expires = datetime.datetime.fromisoformat(status["expirationTimestamp"])
            until = expires.timestamp() - _EARLY_SECONDS
        return Credentials(
            token=status.get("token") or "",
            certificate=status.get("clientCertificateData") or "",
            key=status.get("clientKeyData") or "",
            until=until,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProviderError(
            f"{source} logs in with '{command}', which printed no ExecCredential"
        ) from error
