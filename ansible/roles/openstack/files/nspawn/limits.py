"""The flavor's memory and CPUs, enforced by cgroups.

Hosts with the unified hierarchy get the limits from systemd. On hosts whose controllers are on the
legacy hierarchy, which systemd no longer knows, an instance has a group of its own in each tree.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from .commands import Run

CONTROLLERS = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")
PERIOD_US = 100_000


def properties(memory_mib: int, vcpus: int) -> list[str]:
    """The limits as properties of the instance's unit."""
    return [f"MemoryMax={memory_mib}M", f"CPUQuota={100 * vcpus}%"]


def files(memory_mib: int, vcpus: int, host_cpus: int) -> dict[str, int]:
    """The limits as files of the legacy groups.

    A quota that the host could not exceed anyway would only cost time.
    """
    limits = {
        "memory/memory.limit_in_bytes": memory_mib << 20,
        "cpu/cpu.shares": 1024 * vcpus,
    }
    if vcpus < host_cpus:
        limits["cpu/cpu.cfs_quota_us"] = PERIOD_US * vcpus
    return limits


class LegacyGroups:
    """An instance's groups in the legacy hierarchy.

    Args:
        unit: The instance's unit.
        run: Runs the host's tools.
        warn: Told of a limit that could not be set.
        root: Where the trees are mounted.
    """

    def __init__(
        self, unit: str, run: Run, warn: Callable[[str], None], root: Path = Path("/run/cgv1")
    ) -> None:
        self._unit = unit
        self._run = run
        self._warn = warn
        self._root = root
        self._group = unit.removesuffix(".service")

    @staticmethod
    def needed(unified: Path = Path("/sys/fs/cgroup/cgroup.controllers")) -> bool:
        """Whether systemd cannot enforce memory limits on this host."""
        return not unified.exists() or "memory" not in unified.read_text().split()

    @property
    def folders(self) -> list[Path]:
        """The instance's group in each tree."""
        return [self._root / controller / self._group for controller in CONTROLLERS]

    def make(self, memory_mib: int, vcpus: int) -> None:
        """Makes the groups, with the flavor's limits."""
        for controller, folder in zip(CONTROLLERS, self.folders, strict=True):
            self._mount(folder.parent, controller)
            folder.mkdir(exist_ok=True)
            if controller == "cpuset":
                for name in ("cpuset.cpus", "cpuset.mems"):
                    self._set(folder / name, (folder.parent / name).read_text())
        limits = files(memory_mib, vcpus, os.cpu_count() or 1)
        for name, value in limits.items():
            controller, file = name.split("/")
            self._set(self._root / controller / self._group / file, str(value))

    def remove(self) -> None:
        """Removes the groups, and what the instance's own systemd made in them."""
        # nspawn makes this tree for a guest of the legacy hierarchy, and leaves its groups behind.
        named = self._root / "systemd"
        self._mount(named, "none,name=systemd")
        for top in [*self.folders, named / "machine.slice" / self._unit]:
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError as error:
                    self._warn(f"{folder} stays: {error.strerror}")

    def _mount(self, tree: Path, options: str) -> None:
        if not tree.is_mount():
            tree.mkdir(parents=True, exist_ok=True)
            self._run("mount", "-t", "cgroup", "-o", options, "cgroup", str(tree))

    def _set(self, file: Path, value: str) -> None:
        try:
            file.write_text(value)
        except OSError as error:
            self._warn(f"{file}: {error.strerror}")
