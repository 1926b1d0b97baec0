"""Builds the node image: Debian with Kubernetes' commands, and a store of preloaded images."""

import json
from pathlib import Path
from typing import Any

from cumulo.images import debian, oci
from cumulo.images.node import commands, contents
from cumulo.images.node.release import Release
from cumulo.local import paths, progress
from cumulo.local.apt import Archives
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

_ROLE = "kubernetes_node"
_STORE = "var/lib/containerd"
_SNAPSHOTS = f"{_STORE}/io.containerd.snapshotter.v1.overlayfs/snapshots"
_DATABASES = (
    f"{_STORE}/io.containerd.metadata.v1.bolt/meta.db",
    f"{_STORE}/io.containerd.snapshotter.v1.overlayfs/metadata.db",
)
LAYERS = "usr/lib/kubernetes-node/layers"
"""Where the unpacked layers of the preloaded images are."""

_PACKAGES = "kubernetes_node_packages"  # The tag of the role's tasks that install them.

_CLEAN = """
# Of an interface that nothing speaks any more.
rm -f usr/bin/containerd-shim usr/bin/containerd-shim-runc-v1
rm -rf {store}/io.containerd.grpc.v1.introspection {store}/tmpmounts
rm -rf {store}/io.containerd.content.v1.content/ingest
""".replace("{store}", _STORE)


def path(release: Release, archives: Archives) -> Path:
    """Where the finished image is, or is going to be: its name tells its content."""
    return paths.cache() / "images" / "node" / debian.file_name(name(release, archives))


def name(release: Release, archives: Archives) -> str:
    """What the image is called in Glance."""
    here = Path(__file__).parent
    python = [here.with_name("closure.py"), here.with_name("oci.py"), *here.glob("*.py")]
    made_of = debian.sources(archives, _ROLE, python, commands.path(release).name)
    return f"kubernetes-node-{release.kubernetes}-{made_of}"


def build(release: Release, archives: Archives) -> Path:
    """Builds the image where the cache does not have it yet."""

    def make_it(base: Path, finished: Path) -> None:
        make(release, commands.build(release), base, finished)

    title = f"the node image of Kubernetes {release.kubernetes}"
    return debian.build(path(release, archives), archives, title, make_it)


def make(release: Release, made: Path, base: Path, finished: Path) -> None:
    """Makes the image and its description.

    Args:
        release: The version of Kubernetes.
        made: The folder of its commands.
        base: The Debian image that it starts from.
        finished: The file that it becomes; a folder `build` beside it is used meanwhile.
    """
    root = debian.unpacked(base, finished)
    told: dict[str, Any] = {
        "kubernetes_node_source": "files",
        "kubernetes_node_version": release.kubernetes,
    }
    debian.play(_ROLE, root, told, "--tags", _PACKAGES)
    wanted = contents.images(release, made, root)
    check(made, release, wanted)
    archive = root.with_name("images.tar")
    with progress.step("writing the container images"):
        oci.write(wanted, contents.architecture(), archive)
    told |= {
        "kubernetes_node_commands": str(made),
        "kubernetes_node_archive": str(archive),
        "kubernetes_node_images": [one.name for one in wanted],
        "kubernetes_node_pause_image": contents.PAUSE_IMAGE,
        "kubernetes_node_nested": True,
    }
    debian.play(_ROLE, root, told, "--skip-tags", _PACKAGES)
    epoch = debian.epoch(root)
    _settle(root, made, epoch)
    said = {
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
    }
    debian.finish(root, finished, epoch, said)


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
    debian.clean(root, epoch, _CLEAN)
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
