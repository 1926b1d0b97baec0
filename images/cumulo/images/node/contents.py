"""The container images that a node holds, under the names by which manifests call them."""

import platform
from pathlib import Path

from cumulo.images import closure
from cumulo.images.node.release import (
    FLANNEL_CNI,
    GPU_DEVICE_PLUGIN,
    PAUSE,
    Release,
)
from cumulo.images.oci import Entry, File, Folder, Image, Layer, Link, Text

REGISTRY = "registry.k8s.io"
PAUSE_IMAGE = f"{REGISTRY}/pause:{PAUSE}"
CATATONIT = "/usr/bin/catatonit"
KUBERNETES = "/usr/local/bin/kubernetes"
"""Where Kubernetes' commands are in the images that are made of them."""

_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
# kube-proxy and flannel call them.
_FILTERS = ("nft", "iptables", "ip6tables", "conntrack", "ip")
_IPTABLES = ("save", "restore")
# For those who look around in a pod of Kubernetes' test image.
_SHELL = (
    *("/bin/bash", "/bin/sh", "/usr/bin/cat", "/usr/bin/curl", "/usr/bin/env", "/usr/bin/getent"),
    *("/usr/bin/head", "/usr/bin/hostname", "/usr/bin/id", "/usr/bin/ls", "/usr/bin/sleep"),
)


def architecture() -> str:
    """Go's word for this machine's processor."""
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def images(release: Release, commands: Path, root: Path) -> list[Image]:
    """All images of a node.

    Args:
        release: The version of Kubernetes.
        commands: The folder of its commands.
        root: A Debian root file system that has the packages of a node.
    """

    def command(name: str) -> File:
        return File(commands / name)

    certificates = closure.take(root, "/etc/ssl/certs/ca-certificates.crt")
    # Without them nft prints numbers where kube-proxy reads names, and the proxy then removes what
    # it has just set.
    names = closure.take(root, "/etc/protocols", "/etc/services")
    filters = {**_filters(root), **names}
    kubernetes: Layer = {
        KUBERNETES: command("kubernetes"),
        **{
            f"/usr/local/bin/{name}": Link("kubernetes") for name in (*_CONTROL_PLANE, "kube-proxy")
        },
        # Where the images of these two have them.
        "/bin/openstack-cloud-controller-manager": Link(KUBERNETES),
        "/metrics-server": Link(KUBERNETES),
        **certificates,
        "/tmp": Folder(0o1777),  # noqa: S108 -- in the image
    }
    flannel = {
        "/opt/bin/flanneld": command("flanneld"),
        "/opt/bin/install-conf": command("install_conf"),
        **certificates,
    }
    shell = closure.take(root, *_SHELL, *_resolver(root))
    return [
        *(
            Image(
                f"{REGISTRY}/{name}:v{release.kubernetes}",
                (kubernetes,),
                (f"/usr/local/bin/{name}",),
            )
            for name in _CONTROL_PLANE
        ),
        Image(
            f"{REGISTRY}/kube-proxy:v{release.kubernetes}",
            (kubernetes, filters),
            ("/usr/local/bin/kube-proxy",),
        ),
        Image(
            f"{REGISTRY}/etcd:{release.etcd}-0",
            (
                {
                    "/usr/local/bin/etcd": command("server"),
                    "/usr/local/bin/etcdctl": command("etcdctl"),
                },
            ),
            ("/usr/local/bin/etcd",),
        ),
        Image(
            f"{REGISTRY}/coredns/coredns:v{release.coredns}",
            ({"/coredns": command("coredns"), **certificates},),
            ("/coredns",),
        ),
        Image(
            PAUSE_IMAGE,
            (
                {
                    "/pause": File(root / "usr/bin/catatonit"),
                    **_libraries(root, "/usr/bin/catatonit"),
                },
            ),
            # It reaps what is left over by the pod's processes, where they share their namespace.
            ("/pause", "-P"),
            user="65535:65535",
        ),
        Image(
            f"ghcr.io/flannel-io/flannel:v{release.flannel}",
            (filters, flannel),
            ("/opt/bin/flanneld",),
        ),
        Image(
            f"ghcr.io/flannel-io/flannel-cni-plugin:{FLANNEL_CNI}",
            ({"/flannel": command("flannel-cni"), **closure.take(root, "/bin/cp")},),
            ("/bin/cp",),
        ),
        Image(
            f"{REGISTRY}/metrics-server/metrics-server:v{release.metrics_server}",
            (kubernetes,),
            ("/metrics-server",),
            user="65534",
        ),
        Image(
            f"{REGISTRY}/provider-os/openstack-cloud-controller-manager:v{release.openstack}",
            (kubernetes,),
            ("/bin/openstack-cloud-controller-manager",),
        ),
        Image(
            f"cumulo.local/gpu-device-plugin:{GPU_DEVICE_PLUGIN}",
            ({"/gpu-device-plugin": command("gpu-device-plugin")},),
            ("/gpu-device-plugin",),
        ),
        Image(
            f"{REGISTRY}/e2e-test-images/agnhost:{release.agnhost}",
            (
                {
                    "/agnhost": command("agnhost"),
                    **shell,
                    **certificates,
                    "/etc/passwd": Text("root:x:0:0:root:/root:/bin/sh\n"),
                    "/etc/nsswitch.conf": Text("hosts: files dns\n"),
                    "/root": Folder(0o700),
                    "/tmp": Folder(0o1777),  # noqa: S108 -- in the image
                },
            ),
            ("/agnhost",),
            ("pause",),
        ),
    ]


def _filters(root: Path) -> dict[str, Entry]:
    programs = [
        *_FILTERS,
        *(f"{family}-{verb}" for family in ("iptables", "ip6tables") for verb in _IPTABLES),
    ]
    matches = [f"/{folder.relative_to(root)}" for folder in root.glob("usr/lib/*/xtables")]
    return closure.take(root, *(f"/usr/sbin/{program}" for program in programs), *matches)


def _libraries(root: Path, program: str) -> dict[str, Entry]:
    taken = closure.take(root, program)
    return {path: entry for path, entry in taken.items() if path != program}


def _resolver(root: Path) -> list[str]:
    """What the C library loads by itself to ask for names."""
    found = [
        *root.glob("usr/lib/*/libnss_dns.so.2"),
        *root.glob("usr/lib/*/libnss_files.so.2"),
        *root.glob("usr/lib/*/libresolv.so.2"),
    ]
    return [f"/{file.relative_to(root)}" for file in found]
