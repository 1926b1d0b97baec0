"""Pulumi projects that tests run through the `cumulo` command."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from .project import Project


@pytest.fixture
def project(tmp_path: Path, pulumi: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder, tmp_path / "data")
    made.ok("stack", "init", "dev")
    return made


def is_running(pid: int) -> bool:
    """Whether a process is there and has not ended."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def gone() -> Callable[[int], bool]:
    """Waits until a process has ended; says whether it has."""

    def wait(pid: int) -> bool:
        import time

        deadline = time.monotonic() + 30
        while is_running(pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)
            return False
        return True

    return wait
