import json
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cumulo.images import oci
from cumulo.images.oci import File, Folder, Image, Link, Text


@pytest.fixture
def images(tmp_path: Path) -> list[Image]:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF program")
    shared: dict[str, oci.Entry] = {
        "/usr/bin/program": File(program),
        "/usr/bin/other": Link("program"),
        "/tmp": Folder(0o1777),
        "/etc/hosts": Text("127.0.0.1 localhost\n"),
    }
    return [
        Image("registry.example/one:1.0", (shared,), ("/usr/bin/program",), user="65534"),
        Image("registry.example/two:2.0", (shared, {"/x": Text("x")}), ("/x",), ("--all",)),
    ]


def _read(archive: Path) -> tuple[dict[str, bytes], dict[str, Any]]:
    with tarfile.open(archive) as tar:
        found = {}
        for member in tar:
            opened = tar.extractfile(member)
            assert opened is not None
            found[member.name] = opened.read()
    return found, json.loads(found["index.json"])


def test_the_same_files_give_the_same_bytes(tmp_path: Path, images: list[Image]) -> None:
    oci.write(images, "amd64", tmp_path / "first.tar")
    (tmp_path / "program").touch()
    reordered = [
        Image(
            image.name,
            tuple(dict(reversed(list(layer.items()))) for layer in image.layers),
            image.entrypoint,
            image.command,
            image.user,
        )
        for image in images
    ]
    oci.write(reordered, "amd64", tmp_path / "second.tar")

    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "first.tar", "program", "second.tar",
    ]  # fmt: skip


def test_every_blob_is_what_its_digest_says(tmp_path: Path, images: list[Image]) -> None:
    oci.write(images, "amd64", tmp_path / "archive.tar")
    found, index = _read(tmp_path / "archive.tar")

    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    blobs = {name: content for name, content in found.items() if name.startswith("blobs/")}
    for name, content in blobs.items():
        assert name == f"blobs/sha256/{sha256(content).hexdigest()}"

    def blob(descriptor: dict[str, Any]) -> bytes:
        content = found[f"blobs/sha256/{descriptor['digest'].removeprefix('sha256:')}"]
        assert len(content) == descriptor["size"]
        return content

    named = {}
    for entry in index["manifests"]:
        manifest = json.loads(blob(entry))
        config = json.loads(blob(manifest["config"]))
        layers = [blob(layer) for layer in manifest["layers"]]
        assert config["rootfs"]["diff_ids"] == [
            f"sha256:{sha256(layer).hexdigest()}" for layer in layers
        ]
        named[entry["annotations"]["io.containerd.image.name"]] = (config, manifest)
    one, two = named["registry.example/one:1.0"], named["registry.example/two:2.0"]
    assert one[0]["config"]["Entrypoint"] == ["/usr/bin/program"]
    assert one[0]["config"]["User"] == "65534"
    assert two[0]["config"]["Cmd"] == ["--all"]
    assert (one[0]["os"], one[0]["architecture"]) == ("linux", "amd64")
    # What both begin with is there once.
    assert one[1]["layers"][0] == two[1]["layers"][0]
    assert len(blobs) == 2 + 2 + 2


def test_a_layer_holds_what_it_was_given(tmp_path: Path, images: list[Image]) -> None:
    oci.write(images[:1], "amd64", tmp_path / "archive.tar")
    found, index = _read(tmp_path / "archive.tar")
    manifest = json.loads(found["blobs/sha256/" + index["manifests"][0]["digest"][7:]])
    layer = tmp_path / "layer.tar"
    layer.write_bytes(found["blobs/sha256/" + manifest["layers"][0]["digest"][7:]])

    with tarfile.open(layer) as tar:
        members = {member.name: member for member in tar}
        hosts = tar.extractfile("etc/hosts")
        assert hosts is not None
        assert hosts.read() == b"127.0.0.1 localhost\n"
    # Every folder comes before what it holds.
    assert list(members) == [
        "etc", "etc/hosts", "tmp", "usr", "usr/bin", "usr/bin/other", "usr/bin/program",
    ]  # fmt: skip
    assert members["usr/bin/other"].linkname == "program"
    assert members["tmp"].mode == 0o1777
    assert members["usr/bin/program"].mode == 0o755
    assert {(member.uid, member.gid, member.mtime) for member in members.values()} == {(0, 0, 0)}
