"""Builds the node image: a compressed tarball, as Glance takes it, and a description beside it."""

import hashlib
import json
import re
import shutil
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from cumulo.images import oci
from cumulo.images.node import commands, contents
from cumulo.images.node.release import Release
from cumulo.local import files, image, paths, playbook, progress, rootfs, tree
from cumulo.local.apt import Archives
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

_STORE = "var/lib/containerd"
_SNAPSHOTS = f"{_STORE}/io.containerd.snapshotter.v1.overlayfs/snapshots"
_DATABASES = (
    f"{_STORE}/io.containerd.metadata.v1.bolt/meta.db",
    f"{_STORE}/io.containerd.snapshotter.v1.overlayfs/metadata.db",
)
LAYERS = "usr/lib/kubernetes-node/layers"
"""Where the unpacked layers of the preloaded images are."""

_PACKAGES = "kubernetes_node_packages"  # The tag of the role's tasks that install them.

# What differs between two equal systems, and what one system must not have of another.
_CLEAN = r"""
rm -rf usr/sbin/policy-rc.d etc/resolv.conf root/.ansible root/.cache tmp/* var/tmp/*
rm -rf var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old var/cache/ldconfig/aux-cache
rm -rf etc/*- var/lib/dpkg/*-old var/lib/systemd/random-seed var/lib/dbus/machine-id
ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
find var/log usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type l -delete
find usr/share/doc -type d -empty -delete
rm -rf usr/share/info/* usr/share/locale/* usr/share/man/*
# Of an interface that nothing speaks any more.
rm -f usr/bin/containerd-shim usr/bin/containerd-shim-runc-v1
: > etc/machine-id
sed -i -E "s/^([^:]*:[^:]*):[0-9]+:/\1:$day:/" etc/shadow
rm -rf {store}/io.containerd.grpc.v1.introspection {store}/tmpmounts
rm -rf {store}/io.containerd.content.v1.content/ingest
""".replace("{store}", _STORE)


def path(release: Release, archives: Archives) -> Path:
    """Where the finished image is, or is going to be: its name tells its content."""
    return paths.cache() / "images" / "node" / f"{name(release, archives)}.tar.zst"


def name(release: Release, archives: Archives) -> str:
    """What the image is called in Glance."""
    sources = Path(__file__).parents[1]
    ansible = playbook.directory()
    made_of = [
        image.path(archives).name,
        commands.path(release).name,
        _digest(sources, [sources / "closure.py", sources / "oci.py", *sources.glob("node/*.py")]),
        _digest(
            ansible,
            [
                ansible / "ansible.cfg",
                ansible / "kubernetes-node.yml",
                *(ansible / "connection_plugins").glob("*.py"),
                *(ansible / "roles/kubernetes_node").rglob("*"),
            ],
        ),
    ]
    return f"kubernetes-node-{release.kubernetes}-{rootfs.digest(made_of)}"


def description(built: Path) -> Path:
    """The file that says what is in an image."""
    return built.with_name(built.name.removesuffix(".tar.zst") + ".json")


def build(release: Release, archives: Archives) -> Path:
    """Builds the image where the cache does not have it yet."""
    finished = path(release, archives)
    if finished.exists() and description(finished).exists():
        return finished
    made = commands.build(release)
    base = image.build(archives)
    finished.parent.mkdir(parents=True, exist_ok=True)
    with files.lock(finished.with_name("lock"), "waiting for another build of a node image"):
        if not (finished.exists() and description(finished).exists()):
            rootfs.discard_partial(finished.parent)
            with progress.step(f"building the node image of Kubernetes {release.kubernetes}"):
                make(release, made, base, finished)
    return finished


def make(release: Release, made: Path, base: Path, finished: Path) -> None:
    """Makes the image and its description.

    Args:
        release: The version of Kubernetes.
        made: The folder of its commands.
        base: The Debian image that it starts from.
        finished: The file that it becomes; a folder `build` beside it is used meanwhile.
    """
    work = rootfs.fresh_directory(finished.with_name("build"))
    root = work / "root"
    root.mkdir()
    rootfs.unpack(base, root)
    _play(root, work, {"kubernetes_node_version": release.kubernetes}, "--tags", _PACKAGES)
    wanted = contents.images(release, made, root)
    check(made, release, wanted)
    archive = work / "images.tar"
    with progress.step("writing the container images"):
        oci.write(wanted, contents.architecture(), archive)
    told = {
        "kubernetes_node_version": release.kubernetes,
        "kubernetes_node_commands": str(made),
        "kubernetes_node_archive": str(archive),
        "kubernetes_node_images": [one.name for one in wanted],
        "kubernetes_node_pause_image": contents.PAUSE_IMAGE,
        "kubernetes_node_nested": True,
    }
    _play(root, work, told, "--skip-tags", _PACKAGES)
    epoch = _epoch(root)
    _settle(root, made, epoch)
    with progress.step("packing the image"):
        _pack(root, finished, epoch)
    packages = run(
        *("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show"),
        *("--showformat", "${Package} ${Version}\n"),
    )
    said = _described(release, wanted, packages, root, finished)
    files.write(description(finished), json.dumps(said, indent=2) + "\n")
    files.remove_tree(work)


def _play(root: Path, work: Path, told: dict[str, Any], *arguments: str) -> None:
    """Runs the role in the root file system, as on a machine whose services are all stopped."""
    host = {
        "ansible_host": str(root),
        "ansible_connection": "tree",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    playbook.run(
        "kubernetes-node.yml",
        {"kubernetes_node": {"hosts": {"node": host}}},
        {"kubernetes_node_source": "files", **told},
        work / "ansible",
        work / "role.log",
        within=tree.within(root),
        arguments=arguments,
    )


def check(made: Path, release: Release, wanted: list[oci.Image]) -> None:
    """Asks kubeadm whether it would find its images.

    Raises:
        CumuloError: A name differs, because a version was changed here and not there.
    """
    # As clusters say it: they name their name server, which is one for all versions.
    configuration = {
        "apiVersion": "kubeadm.k8s.io/v1beta4",
        "kind": "ClusterConfiguration",
        "kubernetesVersion": f"v{release.kubernetes}",
        "dns": {"imageTag": f"v{release.coredns}"},
    }
    listed = run(
        *(str(made / "kubernetes"), "kubeadm", "config", "images", "list"),
        *("--config", "/dev/stdin"),
        stdin=json.dumps(configuration),
    )
    lacking = set(listed.split()) - {one.name for one in wanted}
    if lacking:
        raise CumuloError(
            f"kubeadm {release.kubernetes} asks for images that are not built: "
            f"{', '.join(sorted(lacking))}",
            f"name these versions in {release.modules} and release.py",
        )


def _settle(root: Path, made: Path, epoch: int) -> None:
    """Leaves nothing that another build of the same would do otherwise, and nothing twice."""
    databases = [str(root / file) for file in _DATABASES]
    run(str(made / "settle-store"), str(epoch), *databases)
    tree.run(root, f"day={epoch // 86400}\n{_CLEAN}")
    # The store itself moves to a file system of its own, instance by instance. The layers stay in
    # the image, where all instances of a host share them, on disk and in memory.
    layers = root / LAYERS
    layers.parent.mkdir(parents=True)
    (root / _SNAPSHOTS).rename(layers)
    (root / _SNAPSHOTS).mkdir(mode=0o700)
    for layer in sorted(layers.iterdir()):
        (root / _SNAPSHOTS / layer.name).symlink_to(f"/{LAYERS}/{layer.name}")
    # Nobody but root may look into a store; below it, each container decides for itself.
    layers.chmod(0o700)
    shared = next(layers.glob(f"*/fs{contents.KUBERNETES}"))
    (root / "usr/bin/kubernetes").unlink()
    (root / "usr/bin/kubernetes").hardlink_to(shared)


def _epoch(root: Path) -> int:
    """When the newest list of Debian's packages was made: nothing in the image is younger.

    Files keep their own times where they are older, since Python compares them with what it has
    compiled.
    """
    dates = [
        parsedate_to_datetime(found[1]).timestamp()
        for file in (root / "var/lib/apt/lists").glob("*Release")
        if (found := re.search(r"^Date: (.+)$", file.read_text(errors="replace"), re.MULTILINE))
    ]
    if not dates:
        raise CumuloError(f"{root}/var/lib/apt/lists names no date")
    return int(max(dates))


def _pack(root: Path, finished: Path, epoch: int) -> None:
    part = finished.with_name(f".{finished.name}.part")
    run(
        *("tar", "-C", str(root), "--numeric-owner", "--xattrs", "--exclude=./dev/*"),
        *("--sort=name", "--format=posix", f"--mtime=@{epoch}", "--clamp-mtime"),
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        *("-I", "zstd -3 -T0", "-cf", str(part), "."),
        timeout=1800,
    )
    files.settle(part, finished)


def _described(
    release: Release, wanted: list[oci.Image], packages: str, root: Path, finished: Path
) -> dict[str, Any]:
    with finished.open("rb") as opened:
        digest = hashlib.file_digest(opened, "sha256").hexdigest()
    unpacked = int(run("du", "--summarize", "--block-size=1", str(root)).split()[0])
    return {
        "name": finished.name.removesuffix(".tar.zst"),
        "file": finished.name,
        "sha256": digest,
        "bytes": finished.stat().st_size,
        "bytes_unpacked": unpacked,
        "architecture": contents.architecture(),
        "versions": {
            "kubernetes": release.kubernetes,
            "etcd": release.etcd,
            "coredns": release.coredns,
            "flannel": release.flannel,
            "kube-router": release.kube_router,
            "metrics-server": release.metrics_server,
            "openstack-cloud-controller-manager": release.openstack,
        },
        "images": [one.name for one in wanted],
        "packages": dict(line.split(" ", 1) for line in packages.splitlines()),
    }


def _digest(root: Path, paths_: list[Path]) -> str:
    digest = hashlib.sha256()
    for file in sorted(paths_):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(f"{file.relative_to(root)}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def discard(keep: Path) -> None:
    """Removes images of the same release that are made of something older."""
    release = keep.name.rpartition("-")[0]
    for other in keep.parent.glob(f"{release}-*"):
        if other not in (keep, description(keep)):
            other.unlink()
    shutil.rmtree(keep.with_name("build"), ignore_errors=True)
