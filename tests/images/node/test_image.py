"""The node image itself, made from commands that are built before."""

import json
import subprocess
import tarfile
from pathlib import Path

import pytest
from cumulo.images import debian as packed
from cumulo.images import oci
from cumulo.images.node import commands, image
from cumulo.images.node.release import release
from cumulo.local import apt
from cumulo.local import image as debian
from cumulo.local.errors import CumuloError


def test_its_name_tells_what_it_depends_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = release("1.35")
    mirror = apt.Archives(("deb http://mirror.example/debian trixie main",))
    name = image.name(one, mirror)
    assert name.startswith(f"kubernetes-node-{one.kubernetes}-")
    assert image.name(one, mirror) == name
    other = apt.Archives(("deb http://other.example/debian trixie main",))
    monkeypatch.setattr(commands, "path", lambda asked: tmp_path / "built-otherwise")
    assert len({name, image.name(one, mirror), image.name(one, other)}) == 3


def test_an_image_that_kubeadm_asks_for_and_that_is_not_built_is_named(tmp_path: Path) -> None:
    (tmp_path / "kubernetes").write_text("#!/bin/sh\necho registry.k8s.io/etcd:9.9.9-0\n")
    (tmp_path / "kubernetes").chmod(0o755)
    images = [oci.Image("registry.k8s.io/etcd:3.6.6-0", (), ("/etcd",))]

    with pytest.raises(CumuloError, match=r"not built: registry.k8s.io/etcd:9.9.9-0"):
        image.check(tmp_path, release(), images)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_second_build_gives_the_same_hash(tmp_path: Path) -> None:
    one = release()
    made = commands.build(one)
    base = debian.build(apt.archives())
    described = []
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        built = tmp_path / place / "image.tar.zst"
        image.make(one, made, base, built)
        described.append(json.loads(packed.description(built).read_text()))
        assert [path.name for path in built.parent.iterdir() if path.is_dir()] == []

    assert described[0] == described[1]
    _look(tmp_path / "second/image.tar.zst", described[1])


def _look(built: Path, described: dict[str, object]) -> None:
    with subprocess.Popen(["zstd", "-dc", built], stdout=subprocess.PIPE) as unpacking:
        assert unpacking.stdout is not None
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as tar:
            members = {member.name: member for member in tar}
    store = "./var/lib/containerd"
    links = [
        member
        for name, member in members.items()
        if name.startswith(f"{store}/io.containerd.snapshotter.v1.overlayfs/snapshots/")
    ]
    assert links
    for link in links:
        assert f".{link.linkname}/fs" in members, link.name
    # What every machine has one of its own of.
    assert members["./etc/machine-id"].size == 0
    assert not [name for name in members if name.startswith("./etc/ssh/ssh_host_")]
    assert f"{store}/io.containerd.grpc.v1.introspection/uuid" not in members
    # There once, under both names.
    shared = [member for name, member in members.items() if name.endswith("/bin/kubernetes")]
    assert sorted(member.islnk() for member in shared) == [False, True]
    assert isinstance(described["images"], list)
    assert "registry.k8s.io/pause:3.10.1" in described["images"]
