import shutil
import subprocess
from pathlib import Path

import pytest
from cumulo.images import closure
from cumulo.images.oci import Entry, File, Folder, Link, Text
from cumulo.local.errors import CumuloError

MACHINE = Path("/")


def _lay_out(taken: dict[str, Entry], folder: Path) -> None:
    for path, entry in taken.items():
        place = folder / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        match entry:
            case Link(target):
                place.symlink_to(target)
            case File(source, mode):
                shutil.copyfile(source, place)
                place.chmod(mode)
            case Text() | Folder():
                pytest.fail(f"{path}: nothing of a file system is taken as {entry}")


def test_a_program_runs_with_what_was_taken_and_nothing_else(tmp_path: Path) -> None:
    taken = closure.take(MACHINE, "/bin/sh", "/usr/bin/env")
    # Links first: what they lead to is laid out through them.
    _lay_out(dict(sorted(taken.items(), key=lambda item: not isinstance(item[1], Link))), tmp_path)

    said = subprocess.run(
        ["chroot", str(tmp_path), "/bin/sh", "-c", "A=1 /usr/bin/env"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert "A=1" in said.stdout


def test_no_path_leads_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "usr/bin").mkdir(parents=True)
    (tmp_path / "bin").symlink_to("usr/bin")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/tool").symlink_to("/usr/bin/real")
    (tmp_path / "usr/bin/tool").symlink_to("/etc/tool")
    (tmp_path / "usr/bin/real").write_text("#!/bin/sh\n")
    (tmp_path / "usr/share/some").mkdir(parents=True)
    (tmp_path / "usr/share/some/file").write_text("some")

    taken = closure.take(tmp_path, "/bin/tool", "/usr/share")

    assert taken == {
        "/bin": Link("usr/bin"),
        "/usr/bin/tool": Link("/etc/tool"),
        "/etc/tool": Link("/usr/bin/real"),
        "/usr/bin/real": File(tmp_path / "usr/bin/real", 0o644),
        "/usr/share/some/file": File(tmp_path / "usr/share/some/file", 0o644),
    }


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CumuloError, match="/usr/sbin/nft is missing"):
        closure.take(tmp_path, "/usr/sbin/nft")
