"""Runs a built image as a container engine would, but on the machine's own network."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from cumulo.images.containers import store

_ENTER = """
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount --rbind /sys "$1/sys"
root=$1 user=$2
shift 2
exec chroot --userspec="$user" --groups= "$root" env -i "$@"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def description(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def config(said: Mapping[str, Any]) -> dict[str, Any]:
    """What an image tells a container engine."""
    found: dict[str, Any] = json.loads(store.blob(said["config"]["digest"]).read_text())["config"]
    return found


def unpack(said: Mapping[str, Any], root: Path) -> Path:
    """Lays an image's layers over each other."""
    root.mkdir()
    root.chmod(0o755)
    for layer in said["layers"]:
        store.unpack(layer["digest"], root)
    return root


class Container:
    """What an image runs, as its user and with its variables, until the end of the `with`."""

    def __init__(
        self,
        root: Path,
        said: Mapping[str, Any],
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        entrypoint: Sequence[str] | None = None,
    ) -> None:
        told = config(said)
        variables = [
            *told["Env"],
            *(f"{name}={value}" for name, value in (environment or {}).items()),
        ]
        words = [
            *(told.get("Entrypoint", []) if entrypoint is None else entrypoint),
            *(told.get("Cmd", []) if command is None else command),
        ]
        self.log = root.with_name(f"{root.name}.log")
        self._user = int(told["User"].partition(":")[0])
        self._stop = getattr(signal, told.get("StopSignal", "SIGTERM"))
        self._argv = [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"),
            *("sh", "-euc", _ENTER, "container", str(root), told["User"]),
            *(f"--chdir={told.get('WorkingDir', '/')}", *variables, *words),
        ]

    def run(self, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
        """Runs it to its end."""
        return subprocess.run(
            self._argv, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL
        )

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            # As engines do, so that it can be opened again by its name in /proc.
            os.fchown(log.fileno(), self._user, -1)
            self.process = subprocess.Popen(
                self._argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            for child in children.read_text().split():
                os.kill(int(child), self._stop)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise

    def wait(self, answers: Callable[[], bool], seconds: float = 60) -> None:
        """Waits until it answers."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"it has ended:\n{self.log.read_text()[-3000:]}"
            if answers():
                return
            time.sleep(0.1)
        raise TimeoutError(f"no answer within {seconds} s:\n{self.log.read_text()[-3000:]}")


def listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
