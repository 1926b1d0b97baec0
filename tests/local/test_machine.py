import os
import time
from pathlib import Path

import pytest
from cumulo.local import machine
from cumulo.local.errors import CumuloError

ROOT = Path("/data/root")


def _process(proc: Path, pid: int, *argv: str) -> None:
    (proc / str(pid)).mkdir(parents=True)
    (proc / str(pid) / "cmdline").write_bytes(b"\0".join(map(str.encode, argv)) + b"\0")


def test_the_server_is_found_by_what_it_runs(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    _process(tmp_path, 7, "systemd-nspawn", "--machine=other", f"--directory={ROOT}")
    _process(tmp_path, 8, "grep", "systemd-nspawn", "--machine=cumulo", f"--directory={ROOT}")
    assert machine.find(ROOT, tmp_path) is None
    _process(tmp_path, 9, "/usr/bin/systemd-nspawn", "--machine=cumulo", f"--directory={ROOT}")
    assert machine.find(ROOT, tmp_path) == 9


def test_a_server_of_another_directory_is_an_error(tmp_path: Path) -> None:
    _process(tmp_path, 9, "systemd-nspawn", "--machine=cumulo", "--directory=/other/root")
    with pytest.raises(CumuloError, match="/other/root"):
        machine.find(ROOT, tmp_path)


def test_limits_are_raised_and_never_lowered(tmp_path: Path) -> None:
    (tmp_path / "max_user_instances").write_text("128\n")
    (tmp_path / "max_user_watches").write_text("9999999\n")

    machine.raise_limits(tmp_path)

    assert (tmp_path / "max_user_instances").read_text() == "8192"
    assert (tmp_path / "max_user_watches").read_text() == "9999999\n"


def test_the_time_of_a_start_is_the_process_s() -> None:
    assert machine.started_at(os.getpid()) < time.time()
    assert machine.started_at(os.getpid()) > machine.started_at(1)
