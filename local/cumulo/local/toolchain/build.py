"""Builds the Pulumi CLI from Go modules."""

import os
import re
import shutil
import subprocess
import threading
import time
from pathlib import Path

from cumulo.local import progress, versions
from cumulo.local.errors import CumuloError
from cumulo.local.toolchain import cli, go

MEMORY_MB = 2000
"""What the linker needs at its peak."""

DISK_MB = 5000
"""Module sources and compiled packages, at most."""

_SAY_EVERY_SECONDS = 30
_TAIL = 15


def build(target: Path) -> None:
    """Builds the CLI into a file.

    Raises:
        CumuloError: It could not be built, and what to do about that.
    """
    _check_room(target)
    compiler = go.ensure()
    command = [
        str(compiler),
        "build",
        "-v",
        *cli.FLAGS,
        "-o",
        str(target),
        cli.PACKAGE,
    ]
    nice = shutil.which("nice")
    if nice:
        # The local cloud is installed meanwhile; it is what the user waits for.
        command = [nice, "-n", "10", *command]
    # A workspace file above this folder must not decide which modules are used.
    environment = {**os.environ, "GOWORK": "off", "GOTOOLCHAIN": "local"}
    title = f"building the Pulumi CLI {versions.PULUMI} (once, about 10 minutes)"
    with progress.step(title), _Compiled() as compiled:
        process = subprocess.Popen(
            command,
            cwd=cli.MODULE,
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
        target.unlink(missing_ok=True)
        raise _explained(code, said)


class _Compiled:
    """Says now and then how many packages have been compiled."""

    def __init__(self) -> None:
        self.count = 0
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
            progress.say(f"Pulumi CLI: {self.count} packages compiled in {minutes:.1f} minutes")


def _is_package(line: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9._~/-]+", line) is not None


def _explained(code: int, said: list[str]) -> CumuloError:
    text = "\n".join(said[-_TAIL:])
    instead = f"or install the Pulumi CLI {versions.PULUMI} yourself"
    if "no space left" in text:
        return CumuloError(
            f"building the Pulumi CLI failed: the disk is full\n{text}",
            f"Free {DISK_MB // 1000} GB under {_home('GOCACHE', '.cache/go-build')} and "
            f"{_home('GOMODCACHE', 'go/pkg/mod')}, {instead}.",
        )
    if code in (-9, 137) or "signal: killed" in text:
        return CumuloError(
            f"building the Pulumi CLI failed: the compiler was killed\n{text}",
            f"It needs {MEMORY_MB / 1000:.0f} GB of free memory; free some, {instead}.",
        )
    network = ("dial tcp", "no such host", "i/o timeout", "proxyconnect", 'Get "', "TLS handshake")
    if any(sign in text for sign in network):
        return CumuloError(
            f"building the Pulumi CLI failed: the Go module proxy cannot be reached\n{text}",
            f"Set GOPROXY to one that can (`go env GOPROXY` tells which is asked now), {instead}.",
        )
    return CumuloError(
        f"building the Pulumi CLI failed with exit code {code}\n{text}",
        f"Look at the compiler's words above, {instead}.",
    )


def _check_room(target: Path) -> None:
    available = _available_memory_mb()
    if available is not None and available < MEMORY_MB:
        raise CumuloError(
            f"building the Pulumi CLI needs {MEMORY_MB} MB of memory; {available} MB are available",
            f"Free some, or install the Pulumi CLI {versions.PULUMI} yourself.",
        )
    free = shutil.disk_usage(target.parent).free // 1_000_000
    if free < DISK_MB:
        raise CumuloError(
            f"building the Pulumi CLI needs {DISK_MB} MB of disk; {free} MB are free at "
            f"{target.parent}",
            f"Free some, or install the Pulumi CLI {versions.PULUMI} yourself.",
        )


def _available_memory_mb() -> int | None:
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    except OSError:
        return None
    return int(found[1]) // 1000 if found else None


def _home(variable: str, default: str) -> str:
    return os.environ.get(variable) or str(Path.home() / default)
