"""Builds commands from a Go module."""

import os
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cumulo.local import progress
from cumulo.local.errors import CumuloError
from cumulo.local.go import compiler

_SAY_EVERY_SECONDS = 30
_TAIL = 15


@dataclass(frozen=True)
class Order:
    """What is to be built, and what to say about it.

    Attributes:
        name: What the user knows it by, such as `the Pulumi CLI 3.259.0`.
        module: The folder of the Go module that names everything it is made of.
        packages: What to build of it.
        flags: Options of `go build`.
        modules: The file with the module's requirements.
        environment: Variables on top of this process's own.
        takes: How long that takes, in words.
        memory_mb: What the linker needs at its peak.
        disk_mb: Module sources and compiled packages, at most.
        instead: What else the user can do where it cannot be built, such as `or install it`.
    """

    name: str
    module: Path
    packages: tuple[str, ...]
    flags: tuple[str, ...] = ()
    modules: str = "go.mod"
    environment: Mapping[str, str] = field(default_factory=dict)
    takes: str = ""
    memory_mb: int = 2000
    disk_mb: int = 5000
    instead: str = "or run it again on a machine that has it"


def build(order: Order, target: Path) -> None:
    """Builds an order into a file, or into a folder where it is of several commands.

    Go keeps what it has compiled, so a build that was killed continues where it was.

    Raises:
        CumuloError: It could not be built, and what to do about that.
    """
    _check_room(order, target)
    go = compiler.ensure(oldest(order.module / order.modules))
    modules = () if order.modules == "go.mod" else (f"-modfile={order.modules}",)
    command = [
        *(str(go), "build", "-v", *modules, *order.flags),
        *("-o", f"{target}/" if target.is_dir() else str(target), *order.packages),
    ]
    nice = shutil.which("nice")
    if nice:
        # The local cloud is installed meanwhile; it is what the user waits for.
        command = [nice, "-n", "10", *command]
    # A workspace file above this folder must not decide which modules are used.
    environment = {**os.environ, "GOWORK": "off", "GOTOOLCHAIN": "local", **order.environment}
    takes = f" (once, {order.takes})" if order.takes else ""
    with progress.step(f"building {order.name}{takes}"), _Compiled(order.name) as compiled:
        process = subprocess.Popen(
            command,
            cwd=order.module,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        said: list[str] = []
        assert process.stderr is not None  # noqa: S101 -- it was started with a pipe
        try:
            for line in process.stderr:
                if _is_package(line.strip()):
                    compiled.count += 1
                elif not line.startswith("go: downloading"):
                    said.append(line.rstrip())
            code = process.wait()
        except BaseException:
            process.kill()
            process.wait()
            raise
    if code != 0:
        if not target.is_dir():
            target.unlink(missing_ok=True)
        raise _explained(order, code, said)


class _Compiled:
    """Says now and then how many packages have been compiled."""

    def __init__(self, name: str) -> None:
        self.count = 0
        self._name = name
        self._end = threading.Event()

    def __enter__(self) -> "_Compiled":
        threading.Thread(target=self._say, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()

    def _say(self) -> None:
        began = time.monotonic()
        while not self._end.wait(_SAY_EVERY_SECONDS):
            minutes = (time.monotonic() - began) / 60
            progress.say(f"{self._name}: {self.count} packages compiled in {minutes:.1f} minutes")


def _is_package(line: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9._~/-]+", line) is not None


def oldest(modules: Path) -> str:
    """The oldest Go that a file of requirements allows."""
    found = re.search(r"^go (\S+)$", modules.read_text("utf-8"), re.MULTILINE)
    assert found  # noqa: S101 -- Go itself refuses one without
    return found[1]


def _explained(order: Order, code: int, said: list[str]) -> CumuloError:
    text = "\n".join(said[-_TAIL:])
    if "no space left" in text:
        return CumuloError(
            f"building {order.name} failed: the disk is full\n{text}",
            f"Free {order.disk_mb // 1000} GB under {_home('GOCACHE', '.cache/go-build')} and "
            f"{_home('GOMODCACHE', 'go/pkg/mod')}, {order.instead}.",
        )
    if code in (-9, 137) or "signal: killed" in text:
        return CumuloError(
            f"building {order.name} failed: the compiler was killed\n{text}",
            f"It needs {order.memory_mb / 1000:.0f} GB of free memory; free some, {order.instead}.",
        )
    network = ("dial tcp", "no such host", "i/o timeout", "proxyconnect", 'Get "', "TLS handshake")
    if any(sign in text for sign in network):
        return CumuloError(
            f"building {order.name} failed: the Go module proxy cannot be reached\n{text}",
            "Set GOPROXY to one that can (`go env GOPROXY` tells which is asked now), "
            f"{order.instead}.",
        )
    return CumuloError(
        f"building {order.name} failed with exit code {code}\n{text}",
        f"Look at the compiler's words above, {order.instead}.",
    )


def _check_room(order: Order, target: Path) -> None:
    available = _available_memory_mb()
    if available is not None and available < order.memory_mb:
        raise CumuloError(
            f"building {order.name} needs {order.memory_mb} MB of memory; "
            f"{available} MB are available",
            f"Free some, {order.instead}.",
        )
    free = shutil.disk_usage(target.parent).free // 1_000_000
    if free < order.disk_mb:
        raise CumuloError(
            f"building {order.name} needs {order.disk_mb} MB of disk; {free} MB are free at "
            f"{target.parent}",
            f"Free some, {order.instead}.",
        )


def _available_memory_mb() -> int | None:
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    except OSError:
        return None
    return int(found[1]) // 1000 if found else None


def _home(variable: str, default: str) -> str:
    return os.environ.get(variable) or str(Path.home() / default)
