import os
import re
import time
from pathlib import Path

import pytest
from cumulo.images.node import commands, contents
from cumulo.images.node.release import GO, Release, release, releases
from cumulo.infra import versions
from cumulo.local import go, paths
from cumulo.local.errors import CumuloError


def test_the_newest_is_taken_where_none_is_named() -> None:
    assert [one.minor for one in releases()] == ["1.35", "1.34"]
    assert release() == releases()[0]


@pytest.mark.parametrize("asked", ["1.34", "v1.34", release("1.34").kubernetes])
def test_a_release_is_found_by_its_version(asked: str) -> None:
    assert release(asked).minor == "1.34"


def test_a_version_that_there_is_no_image_of_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(CumuloError) as error:
        release("1.99")
    assert "1.99" in error.value.message
    assert f"1.35 ({release('1.35').kubernetes})" in error.value.remedy


@pytest.mark.parametrize("one", releases(), ids=lambda one: one.minor)
def test_a_version_is_that_of_what_is_built(one: Release) -> None:
    text = one.modules.read_text()
    # Kubernetes' own parts have its version, with a zero in front.
    minor = one.kubernetes.partition(".")[2]
    assert f"\tk8s.io/apiserver => k8s.io/apiserver v0.{minor}\n" in text
    assert one.kubernetes.startswith(f"{one.minor}.")
    # The server is replaced by an older one than others ask for.
    assert f"=> go.etcd.io/etcd/server/v3 v{one.etcd}\n" in text
    every = [one.coredns, one.flannel, one.kube_router, one.metrics_server, one.openstack]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in every)


@pytest.mark.parametrize("one", releases(), ids=lambda one: one.minor)
def test_a_node_has_what_the_components_ask_for(one: Release) -> None:
    assert one.coredns == versions.COREDNS
    assert one.flannel == versions.FLANNEL
    assert one.kube_router == versions.KUBE_ROUTER
    assert one.metrics_server == versions.METRICS_SERVER
    assert one.openstack == versions.OPENSTACK_CLOUD_CONTROLLER_MANAGER[one.minor]


def test_the_commands_depend_on_everything_that_they_are_built_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    module = tmp_path / "go"
    shutil.copytree(GO, module)
    one = Release("1.35", module / "kubernetes-1.35.mod")
    monkeypatch.setattr(commands, "GO", module)
    before = commands.path(one)
    assert commands.path(one) == before
    assert before != commands.path(Release("1.34", module / "kubernetes-1.34.mod"))
    seen = {before}
    for name in ("kubernetes/main.go", "kubernetes-1.35.mod", "kubernetes-1.35.sum"):
        file = module / name
        file.write_text(file.read_text() + "// changed\n")
        seen.add(commands.path(one))
    assert len(seen) == 4
    (module / "kubernetes-1.34.mod").write_text("")
    assert commands.path(one) in seen


def test_the_commands_know_their_version_and_nothing_of_this_machine() -> None:
    one = release("1.35")
    linked = " ".join(commands.order(one).flags)
    assert f"-X k8s.io/component-base/version.gitVersion=v{one.kubernetes} " in linked
    assert "-X k8s.io/client-go/pkg/version.gitMinor=35 " in linked
    assert "-trimpath" in linked
    assert str(Path.home()) not in linked


def test_images_have_the_names_that_manifests_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cumulo.images import closure

    monkeypatch.setattr(closure, "take", lambda root, *paths: {})
    one = release("1.35")
    names = [image.name for image in contents.images(one, tmp_path, tmp_path)]
    assert len(set(names)) == len(names)
    assert f"registry.k8s.io/kube-apiserver:v{one.kubernetes}" in names
    assert f"registry.k8s.io/etcd:{one.etcd}-0" in names
    assert f"ghcr.io/flannel-io/flannel:v{one.flannel}" in names
    assert f"docker.io/cloudnativelabs/kube-router:v{one.kube_router}" in names
    assert {"cumulo.local/certificate-approver:1", "cumulo.local/local-volumes:1"} < set(names)
    assert contents.PAUSE_IMAGE in names


def test_commands_that_nobody_asks_for_go_after_a_week(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "cache", lambda: tmp_path)
    monkeypatch.setattr(go, "build", lambda order, folder: (folder / "kubernetes").touch())
    of_others = commands.path(release()).parent
    for name, days in (("kubernetes-1.35.0-old", 8), ("kubernetes-1.35.0-new.part", 6)):
        (of_others / name).mkdir(parents=True)
        used = time.time() - days * 24 * 3600
        os.utime(of_others / name, (used, used))

    made = commands.build(release())

    assert (made / "kubernetes").exists()
    there = {folder.name for folder in of_others.glob("kubernetes-*")}
    assert there == {made.name, "kubernetes-1.35.0-new.part"}
