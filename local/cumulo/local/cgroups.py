"""The control groups that the server lives in: one in each hierarchy of this machine.

systemd-nspawn needs a group of its own per machine. Whatever runs in the server, nested machines
too, is in these groups or below, so they also tell what a killed run has left.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from cumulo.local.errors import CumuloError

NAME = "cumulo"
_V1 = "cgroup"
_V2 = "cgroup2"


def hierarchies(mounts: str | None = None) -> dict[Path, str]:
    """The mounted hierarchies and their kind, `cgroup` (v1) or `cgroup2`.

    Args:
        mounts: The content of /proc/mounts, if not this machine's own.
    """
    text = Path("/proc/mounts").read_text() if mounts is None else mounts
    fields = [line.split(" ") for line in text.splitlines()]
    return {
        Path(field[1]): field[2]
        for field in fields
        if field[2] in (_V1, _V2) and field[1].startswith("/sys/fs/cgroup")
    }


def has_v1_controllers() -> bool:
    """Tells whether memory and CPU are limited by cgroup v1 here, which flavors are held to."""
    return any(path.name == "memory" for path, kind in hierarchies().items() if kind == _V1)


def create() -> list[Path]:
    """Makes the groups, and returns the files that a process joins them by."""
    joins = []
    for path in hierarchies():
        group = path / NAME
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # A v1 cpuset starts empty, and an empty one takes no process.
            limit = group / name
            if limit.exists() and (path / name).exists() and not limit.read_text().strip():
                limit.write_text((path / name).read_text())
        joins.append(group / "cgroup.procs")
    return joins


def processes() -> set[int]:
    """Everything that runs in the groups."""
    found: set[int] = set()
    for path in hierarchies():
        for file in (path / NAME).rglob("cgroup.procs"):
            with contextlib.suppress(OSError):  # a group may vanish while it is read
                found.update(int(pid) for pid in file.read_text().split())
    # 0 stands for a process of another PID namespace than ours.
    return found - {0, os.getpid()}


def kill(deadline: float = 60) -> None:
    """Kills whatever runs in the groups.

    Raises:
        CumuloError: Something does not die.
    """
    until = time.monotonic() + deadline
    while left := processes():
        if time.monotonic() > until:
            raise CumuloError(f"processes of the local server do not die: {sorted(left)}")
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def remove(deadline: float = 60) -> None:
    """Removes the groups, which nothing may run in any more.

    Raises:
        CumuloError: The kernel still counts something in them.
    """
    until = time.monotonic() + deadline
    while True:
        left = [group for path in hierarchies() if (group := path / NAME).exists()]
        if not left:
            return
        for group in left:
            for directory, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    Path(directory).rmdir()
        if time.monotonic() > until:
            raise CumuloError(f"the control group {left[0]} cannot be removed")
        time.sleep(0.02)


def memory() -> int | None:
    """Bytes of memory that the processes of the server hold, caches not counted."""
    for path, kind in hierarchies().items():
        stat = path / NAME / "memory.stat"
        key = "total_rss" if kind == _V1 else "anon"
        with contextlib.suppress(OSError):
            values = dict(line.split() for line in stat.read_text().splitlines())
            if key in values:
                return int(values[key])
    return None
