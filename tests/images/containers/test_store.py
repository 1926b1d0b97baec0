"""The cache of images: equal things are there once, and nothing half-made is taken for whole."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from cumulo.images.containers import debian, image, store
from cumulo.images.containers.recipe import Recipe, User
from cumulo.images.containers.recipes import RECIPES
from cumulo.images.oci import Folder, Link, Text
from cumulo.local import apt
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

from tests.images.containers.running import unpack

NOTE = Recipe(
    name="note",
    reference="cumulo.local/note:1",
    contents="a file",
    users=(User("reader", 1234, 1234, "/home/reader"),),
    files={
        "/home/reader": Folder(0o700),
        "/home/reader/note": Text("read me\n", 0o600),
        "/usr/bin/note": Link("/home/reader/note"),
    },
    owned=("/home/reader",),
    user="1234",
    entrypoint=("cat", "/home/reader/note"),
)
OTHER = replace(NOTE, name="other", reference="cumulo.local/other:1", packages=("adduser", "ucf"))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes a cache of its own the one to build into; of the real one it has Debian's base."""
    base = debian.base(apt.archives())

    def use(name: str) -> Path:
        folder = tmp_path / name / "images/containers"
        (folder / "debian").mkdir(parents=True)
        (folder / "debian" / base.name).symlink_to(base)
        monkeypatch.setattr(store, "folder", lambda: folder)
        return folder

    return use


def test_a_second_build_has_the_same_digest(
    elsewhere: Callable[[str], Path], tmp_path: Path
) -> None:
    # One of users and files alone, and one of a package that adds users and dates to others.
    made = []
    for name in ("first", "second"):
        folder = elsewhere(name)
        made.append([_read(image.build(one)) for one in (NOTE, OTHER)])
        assert [left.name for left in folder.rglob("*.part")] == []

    assert made[0] == made[1]
    note, other = made[0]
    # The first layer is both's.
    assert note["layers"][0] == other["layers"][0]
    assert len(list((folder / "blobs/sha256").iterdir())) == 1 + 2 + 1 + 2 * 2
    assert other["debian"]["adduser"]
    assert "adduser" not in note["debian"]
    root = unpack(note, tmp_path / "root")
    read = root / "home/reader/note"
    assert (read.read_text(), read.stat().st_uid, read.stat().st_mtime) == ("read me\n", 1234, 0)
    assert "reader:x:1234:1234:" in (root / "etc/passwd").read_text()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", RECIPES)
def test_every_image_has_the_same_digest_when_it_is_built_again(
    elsewhere: Callable[[str], Path], name: str
) -> None:
    real = store.folder()
    first = _read(image.build(RECIPES[name]))
    folder = elsewhere("again")
    # Compilers' work is not done twice; Go's is reproducible by itself.
    (folder / "commands").symlink_to(real / "commands")

    assert _read(image.build(RECIPES[name])) == first


def test_an_image_names_neither_this_machine_nor_its_mirror(
    elsewhere: Callable[[str], Path], tmp_path: Path
) -> None:
    elsewhere("one")
    root = unpack(_read(image.build(NOTE)), tmp_path / "root")

    hosts = {line.split("://")[1].split("/")[0] for line in apt.archives().lines}
    for file in (root / "etc").rglob("*"):
        if file.is_file() and not file.is_symlink() and file.stat().st_size < 1_000_000:
            content = file.read_bytes()
            for host in hosts:
                assert host.encode() not in content, file
    assert not (root / "etc/apt/sources.list").exists()
    assert not (root / "etc/machine-id").exists()


def test_a_layer_that_fails_leaves_nothing(elsewhere: Callable[[str], Path]) -> None:
    folder = elsewhere("one")

    def fail(sink: IO[bytes]) -> dict[str, str]:
        sink.write(b"half")
        raise CumuloError("no more")

    with pytest.raises(CumuloError, match="no more"):
        store.layer("key", fail)
    assert [file for file in folder.rglob("*") if file.is_file() and not file.is_symlink()] == []


def test_a_blob_that_is_missing_is_built_again(elsewhere: Callable[[str], Path]) -> None:
    elsewhere("one")
    said = _read(image.build(NOTE))
    store.blob(said["layers"][2]["digest"]).unlink()

    assert image.built(NOTE, apt.archives()) is None
    assert _read(image.build(NOTE)) == said
    assert store.blob(said["layers"][2]["digest"]).exists()


def test_a_layer_that_removes_what_is_below_is_refused(
    elsewhere: Callable[[str], Path],
) -> None:
    elsewhere("one")
    with pytest.raises(CumuloError, match="/usr/bin/env of the first layer is removed"):
        image.build(replace(NOTE, after="rm usr/bin/env"))


def test_other_tools_find_the_images_in_the_layout(elsewhere: Callable[[str], Path]) -> None:
    folder = elsewhere("one")
    said = _read(image.build(NOTE))
    os.utime(image.description(NOTE, apt.archives()), (1, 1))
    image.build(replace(NOTE, command=("--number",)))

    index = json.loads((folder / "index.json").read_text())
    assert json.loads((folder / "oci-layout").read_text()) == {"imageLayoutVersion": "1.0.0"}
    names = [one["annotations"]["org.opencontainers.image.ref.name"] for one in index["manifests"]]
    # The newest of a name.
    assert names == ["cumulo.local/note:1"]
    assert index["manifests"][0]["digest"] != said["digest"]


def test_an_archive_is_the_same_whenever_it_is_made(tmp_path: Path) -> None:
    archives = []
    for name in ("one", "two"):
        root = tmp_path / name
        (root / "folder").mkdir(parents=True)
        (root / "folder/file").write_text("same")
        run("touch", "--date", f"@{1000 if name == 'one' else 2000}", str(root / "folder/file"))
        names = ["folder", "folder/file"]
        sink = io.BytesIO()
        store.archive(root, names if name == "one" else names[::-1], 500, sink)
        archives.append(sink.getvalue())

    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(archives[0])) as tar:
        assert [(one.name, one.mtime) for one in tar] == [("folder", 500), ("folder/file", 500)]


def _read(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text())
    return found
