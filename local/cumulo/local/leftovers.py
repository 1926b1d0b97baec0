"""Processes that a killed command has left working: they would work against the next one."""

import contextlib
import os
import signal
import time
from pathlib import Path

_PROC = Path("/proc")


def end(*places: Path, deadline: float = 10) -> None:
    """Kills every process that was told to work on one of these files or directories.

    Args:
        *places: The places, which nobody but the holder of the lock has any business in.
        deadline: Seconds to wait until they are gone.
    """
    until = time.monotonic() + deadline
    while (found := working_on(places)) and time.monotonic() < until:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def working_on(places: tuple[Path, ...]) -> list[int]:
    """The processes whose command line, directory or root leads to one of the places."""
    marks = [str(place) for place in places]
    found = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            signs = [(entry / "cmdline").read_bytes().decode(errors="replace")]
            signs += [str((entry / link).readlink()) for link in ("cwd", "root")]
            dead = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if not dead and any(mark in sign for mark in marks for sign in signs):
                found.append(int(entry.name))
    return found
