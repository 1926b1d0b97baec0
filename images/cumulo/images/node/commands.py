"""The commands that run on a node, built from Go modules and kept while those stay the same."""

import hashlib
import json
import os
import platform
import shutil
import time
from pathlib import Path

from cumulo.images.node.release import GO, Release
from cumulo.local import files, go, paths

# By the name that Go gives to what it builds from each.
PACKAGES = {
    "agnhost": "k8s.io/kubernetes/test/images/agnhost",
    "coredns": "./coredns",
    "etcdctl": "go.etcd.io/etcd/etcdctl/v3",
    "flannel-cni": "./flannel-cni",
    "flanneld": "./flanneld",
    "gpu-device-plugin": "./gpu-device-plugin",
    "install_conf": "github.com/flannel-io/flannel/cmd/install_conf",
    "kubernetes": "./kubernetes",
    "server": "go.etcd.io/etcd/server/v3",
    "settle-store": "./settle-store",
}
# Nothing on a node needs a C library, and most containers have none.
_ENVIRONMENT = {"CGO_ENABLED": "0"}
_WEEK = 7 * 24 * 3600.0


def build(release: Release) -> Path:
    """The folder of a release's commands; builds them where the cache does not have them yet."""
    finished = path(release)
    if finished.is_dir():
        os.utime(finished)
        return finished
    lock = finished.with_name(f"{release.minor}.lock")
    with files.lock(lock, "waiting for another build of the node's commands"):
        if not finished.is_dir():
            part = finished.with_name(f"{finished.name}.part")
            part.mkdir(parents=True, exist_ok=True)
            go.build(order(release), part)
            files.settle(part, finished)
            _remove_unused(finished)
    return finished


def path(release: Release) -> Path:
    """Where a release's commands are, or are going to be."""
    name = f"kubernetes-{release.kubernetes}-{_key(order(release))}"
    return paths.cache() / "images" / "commands" / name


def order(release: Release) -> go.Order:
    """What is built, and how."""
    return go.Order(
        name=f"the commands of Kubernetes {release.kubernetes}",
        module=GO,
        modules=release.modules.name,
        packages=tuple(PACKAGES.values()),
        flags=(
            "-trimpath",
            "-buildvcs=false",
            "-tags=grpcnotrace",
            f"-ldflags=-s -w {_versions(release)}",
        ),
        environment=_ENVIRONMENT,
        takes="about 10 minutes of two cores",
        memory_mb=4000,
        disk_mb=9000,
        instead="or use a node image from elsewhere",
    )


def _remove_unused(kept: Path) -> None:
    """Removes those that nobody has asked for in a week: they are 360 MB each.

    Younger ones may be another checkout's, or be in the making.
    """
    for folder in kept.parent.glob("kubernetes-*"):
        if folder != kept and time.time() - folder.stat().st_mtime > _WEEK:
            shutil.rmtree(folder, ignore_errors=True)


def _versions(release: Release) -> str:
    """The linker's options by which each command knows its version.

    A build of a tag says the same apart from the commit and the date, which would make every build
    another one.
    """
    major, minor, _ = release.kubernetes.split(".")
    values = {
        "gitVersion": f"v{release.kubernetes}",
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    variables = {
        f"{package}.{name}": value
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for name, value in values.items()
    }
    variables["github.com/flannel-io/flannel/pkg/version.Version"] = f"v{release.flannel}"
    variables["k8s.io/cloud-provider-openstack/pkg/version.Version"] = f"v{release.openstack}"
    variables["main.Version"] = release.agnhost
    return " ".join(f"-X {name}={value}" for name, value in variables.items())


def _key(order: go.Order) -> str:
    requirements = [
        order.module / order.modules,
        (order.module / order.modules).with_suffix(".sum"),
    ]
    sources = sorted(order.module.rglob("*.go"))
    parts = {
        **{str(file.relative_to(order.module)): file.read_text() for file in sources},
        **{file.name: file.read_text() for file in requirements},
        "flags": " ".join(order.flags),
        "packages": " ".join(order.packages),
        "platform": f"{platform.system()} {platform.machine()}",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
