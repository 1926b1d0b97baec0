"""The container images that a node holds, under the names by which manifests call them."""

import platform
from collections.abc import Mapping
from pathlib import Path

from cumulo.images import closure
from cumulo.images.node.release import (
    CERTIFICATE_APPROVER,
    FLANNEL_CNI,
    GPU_DEVICE_PLUGIN,
    LOCAL_VOLUMES,
    PAUSE,
    Release,
)
from cumulo.images.oci import Entry, File, Folder, Image, Layer, Link, Text

KUBERNETES = "/usr/local/bin/kubernetes"
"""Where Kubernetes' commands are in the images that are made of them."""

_REGISTRY = "registry.k8s.io"
PAUSE_IMAGE = f"{_REGISTRY}/pause:{PAUSE}"

_CONTROL_PLANE = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
_CATATONIT = "/usr/bin/catatonit"
# kube-proxy, flannel and kube-router call them.
_FILTERS = (
    *("nft", "conntrack", "ip", "ipset", "iptables", "iptables-save", "iptables-restore"),
    *("ip6tables", "ip6tables-save", "ip6tables-restore"),
)
# Further commands in the binary of Kubernetes', by where their images have them.
_BESIDE = (
    "/bin/openstack-cloud-controller-manager",
    "/metrics-server",
    "/usr/local/bin/certificate-approver",
    "/usr/local/bin/kube-router",
    "/usr/local/bin/local-volumes",
)
# For those who look around in a pod of Kubernetes' test image.
_SHELL = (
    *("/bin/bash", "/bin/sh", "/usr/bin/cat", "/usr/bin/curl", "/usr/bin/env", "/usr/bin/getent"),
    *("/usr/bin/head", "/usr/bin/hostname", "/usr/bin/id", "/usr/bin/ls", "/usr/bin/sleep"),
)
# What the C library loads by itself to ask for names.
_RESOLVER = ("libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2")


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
    certificates = closure.take(root, "/etc/ssl/certs/ca-certificates.crt")
    filters = _filters(root)
    kubernetes = _kubernetes(commands) | certificates
    version = f"v{release.kubernetes}"
    control_plane = [
        Image(f"{_REGISTRY}/{name}:{version}", (kubernetes,), (f"/usr/local/bin/{name}",))
        for name in _CONTROL_PLANE
    ]
    proxy = Image(
        f"{_REGISTRY}/kube-proxy:{version}", (kubernetes, filters), ("/usr/local/bin/kube-proxy",)
    )
    etcd = _image(
        f"{_REGISTRY}/etcd:{release.etcd}-0",
        {
            "/usr/local/bin/etcd": File(commands / "server"),
            "/usr/local/bin/etcdctl": File(commands / "etcdctl"),
        },
    )
    coredns = _image(
        f"{_REGISTRY}/coredns/coredns:v{release.coredns}",
        {"/coredns": File(commands / "coredns"), **certificates},
    )
    pause = Image(
        PAUSE_IMAGE,
        ({"/pause": File(root / _CATATONIT.lstrip("/")), **_libraries(root, _CATATONIT)},),
        # It reaps what the pod's processes leave, where they share their namespace.
        ("/pause", "-P"),
        user="65535:65535",
    )
    flannel = Image(
        f"ghcr.io/flannel-io/flannel:v{release.flannel}",
        (
            filters,
            {
                "/opt/bin/flanneld": File(commands / "flanneld"),
                "/opt/bin/install-conf": File(commands / "install_conf"),
                **certificates,
            },
        ),
        ("/opt/bin/flanneld",),
    )
    flannel_cni = Image(
        f"ghcr.io/flannel-io/flannel-cni-plugin:{FLANNEL_CNI}",
        ({"/flannel": File(commands / "flannel-cni"), **closure.take(root, "/bin/cp")},),
        ("/bin/cp",),
    )
    metrics = Image(
        f"{_REGISTRY}/metrics-server/metrics-server:v{release.metrics_server}",
        (kubernetes,),
        ("/metrics-server",),
        user="65534",
    )
    policies = Image(
        f"docker.io/cloudnativelabs/kube-router:v{release.kube_router}",
        (kubernetes, filters),
        ("/usr/local/bin/kube-router",),
    )
    own = [
        Image(f"cumulo.local/{name}:{tag}", (kubernetes,), (f"/usr/local/bin/{name}",))
        for name, tag in (
            ("certificate-approver", CERTIFICATE_APPROVER),
            ("local-volumes", LOCAL_VOLUMES),
        )
    ]
    openstack = Image(
        f"{_REGISTRY}/provider-os/openstack-cloud-controller-manager:v{release.openstack}",
        (kubernetes,),
        ("/bin/openstack-cloud-controller-manager",),
    )
    gpus = _image(
        f"cumulo.local/gpu-device-plugin:{GPU_DEVICE_PLUGIN}",
        {"/gpu-device-plugin": File(commands / "gpu-device-plugin")},
    )
    test = Image(
        f"{_REGISTRY}/e2e-test-images/agnhost:{release.agnhost}",
        ({"/agnhost": File(commands / "agnhost"), **_shell(root), **certificates},),
        ("/agnhost",),
        ("pause",),
    )
    return [
        *(*control_plane, proxy, etcd, coredns, pause),
        *(flannel, flannel_cni, policies, metrics, openstack, *own, gpus, test),
    ]


def _image(name: str, layer: Mapping[str, Entry]) -> Image:
    """An image that runs the first file in its only layer."""
    return Image(name, (layer,), (next(iter(layer)),))


def _kubernetes(commands: Path) -> dict[str, Entry]:
    links = {f"/usr/local/bin/{name}": KUBERNETES for name in (*_CONTROL_PLANE, "kube-proxy")}
    links |= dict.fromkeys(_BESIDE, KUBERNETES)
    return {
        KUBERNETES: File(commands / "kubernetes"),
        "/tmp": Folder(0o1777),  # noqa: S108 -- in the image
        **{path: Link(target) for path, target in links.items()},
    }


def _filters(root: Path) -> Layer:
    matches = _below(root, "usr/lib/*/xtables")
    # Without these two files nft prints numbers where kube-proxy reads names, and kube-proxy then
    # removes what it has just set.
    names = ("/etc/protocols", "/etc/services")
    return closure.take(root, *(f"/usr/sbin/{name}" for name in _FILTERS), *matches, *names)


def _shell(root: Path) -> dict[str, Entry]:
    resolver = [path for name in _RESOLVER for path in _below(root, f"usr/lib/*/{name}")]
    return {
        **closure.take(root, *_SHELL, *resolver),
        "/etc/passwd": Text("root:x:0:0:root:/root:/bin/sh\n"),
        "/etc/nsswitch.conf": Text("hosts: files dns\n"),
        "/root": Folder(0o700),
        "/tmp": Folder(0o1777),  # noqa: S108 -- in the image
    }


def _libraries(root: Path, program: str) -> dict[str, Entry]:
    taken = closure.take(root, program)
    return {path: entry for path, entry in taken.items() if path != program}


def _below(root: Path, pattern: str) -> list[str]:
    return [f"/{found.relative_to(root)}" for found in sorted(root.glob(pattern))]
