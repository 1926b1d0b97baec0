"""Runs a command and tells what it cost: wall time, CPU time, memory of its process tree."""

import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Cost:
    """What one run cost.

    Attributes:
        wall: Seconds from start to end.
        cpu: CPU seconds, of the command and of the descendants it waited for.
        peak_mib: Highest sum of the tree's proportional set sizes, in MiB, sampled each 0.1 s.
        output: What it wrote to stdout and stderr.
        parts: Each process's share of that peak, in MiB, by what it runs.
    """

    wall: float
    cpu: float
    peak_mib: float
    output: str
    parts: dict[str, float]


def run(
    command: Sequence[str | Path], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> Cost:
    """Runs a command to its end.

    Raises:
        RuntimeError: It failed; the message ends with its output.
    """
    began = time.monotonic()
    before = os.times()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=None if env is None else dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    peak = _Peak(process.pid)
    output, _ = process.communicate()
    wall = time.monotonic() - began
    after = os.times()
    peak.stop()
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{output}")
    cpu = (after.children_user - before.children_user) + (
        after.children_system - before.children_system
    )
    return Cost(wall, cpu, peak.mib, output, peak.parts)


class _Peak:
    def __init__(self, pid: int) -> None:
        self.mib = 0.0
        self.parts: dict[str, float] = {}
        self._root = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            parts: dict[str, float] = defaultdict(float)
            try:
                tree = [self._root, *self._root.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in tree:
                try:
                    parts[_title(process.cmdline())] += process.memory_full_info().pss / 2**20
                except (psutil.NoSuchProcess, psutil.ZombieProcess):
                    continue
            total = sum(parts.values())
            if total > self.mib:
                self.mib, self.parts = total, dict(parts)


def _title(command: list[str]) -> str:
    """A process's program; for Python its script or module."""
    words = [Path(command[0]).name] if command else ["?"]
    if words[0].startswith("python"):
        words += [Path(word).name for word in command[1:] if not word.startswith("-")][:1]
    return " ".join(words)
