import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from cumulo.local import files, progress


def test_a_write_replaces_the_whole_file_and_sets_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "new" / "secret"
    assert files.write(file, "one", 0o600)
    assert files.write(file, "two", 0o600)
    assert file.read_text() == "two"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == ["secret"]


def test_a_write_of_the_same_content_touches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    files.write(file, "same")
    before = file.stat()
    assert not files.write(file, "same")
    assert file.stat() == before
    assert files.write(file, "same", 0o600)


def test_a_half_written_file_of_a_killed_run_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".file.part").write_text("much longer than what is going to be written")
    files.write(tmp_path / "file", "short")
    assert (tmp_path / "file").read_text() == "short"
    assert not (tmp_path / ".file.part").exists()


def test_a_second_name_is_not_a_second_copy(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("content")
    files.link_or_copy(source, tmp_path / "there" / "target")
    assert (tmp_path / "there" / "target").samefile(source)
    (tmp_path / "broken").write_text("cont")
    files.link_or_copy(source, tmp_path / "broken")
    assert (tmp_path / "broken").read_text() == "content"


def test_a_tree_is_removed_but_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep" / "file").write_text("kept")
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "link").symlink_to(tmp_path / "keep")
    files.remove_tree(tree)
    files.remove_tree(tmp_path / "absent")
    assert not tree.exists()
    assert (tmp_path / "keep" / "file").read_text() == "kept"


def test_mounts_are_found_inside_a_directory_only() -> None:
    assert Path("/proc") in files.mounts_below(Path("/proc"))
    assert files.mounts_below(Path("/pro")) == []


HOLDER = """
    import sys, time
    from pathlib import Path
    from cumulo.local import files
    path = Path(sys.argv[1])
    with files.lock(path, "waiting"):
        print("held", flush=True)
        sys.stdin.read()
        if sys.argv[2] == "delete":
            path.unlink()
"""


def _holder(path: Path, end: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(path), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_waits_for_the_first_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    first = _holder(path, "keep")
    said: list[str] = []

    def say(message: str) -> None:
        said.append(message)
        assert first.stdin is not None
        first.stdin.close()

    monkeypatch.setattr(progress, "say", say)
    with files.lock(path, "waiting for the other"):
        assert first.wait(20) == 0
    assert said == ["waiting for the other"]


def test_a_killed_holder_does_not_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first = _holder(path, "keep")
    first.kill()
    first.wait()
    with files.lock(path, "waiting"):
        assert path.exists()


def test_a_holder_may_delete_the_lock_and_the_next_one_takes_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    first = _holder(path, "delete")
    inode = path.stat().st_ino
    keep = os.open(path, os.O_RDONLY)  # or the new file might get the old one's number

    def say(message: str) -> None:
        assert first.stdin is not None
        first.stdin.close()

    monkeypatch.setattr(progress, "say", say)
    with files.lock(path, "waiting"):
        assert path.stat().st_ino != inode
    os.close(keep)
    assert first.wait(20) == 0
