"""The versions of Kubernetes that there is a node image for, and what belongs to each."""

import re
from dataclasses import dataclass
from pathlib import Path

from cumulo.local.errors import CumuloError

GO = Path(__file__).parent / "go"
"""The Go module of the commands, with a file of requirements for each version of Kubernetes."""

_REQUIREMENTS = re.compile(r"kubernetes-(\d+\.\d+)\.mod")

# Made by the Kubernetes project apart from its releases.
PAUSE = "3.10.1"
AGNHOST = {"1.34": "2.56", "1.35": "2.59"}
FLANNEL_CNI = "v1.9.1-flannel3"
# Commands of ours.
CERTIFICATE_APPROVER = "1"
GPU_DEVICE_PLUGIN = "1"
LOCAL_VOLUMES = "1"


@dataclass(frozen=True)
class Release:
    """One version of Kubernetes, with the versions of what runs beside it.

    Attributes:
        minor: The version without its patch, such as `1.35`.
        modules: The file of requirements, from which the others are read.
    """

    minor: str
    modules: Path

    @property
    def kubernetes(self) -> str:
        """Kubernetes' own version, without a `v`."""
        return self._version("k8s.io/kubernetes")

    @property
    def etcd(self) -> str:
        """The version of etcd."""
        return self._version("go.etcd.io/etcd/server/v3")

    @property
    def coredns(self) -> str:
        """The version of CoreDNS."""
        return self._version("github.com/coredns/coredns")

    @property
    def flannel(self) -> str:
        """The version of flannel."""
        return self._version("github.com/flannel-io/flannel")

    @property
    def kube_router(self) -> str:
        """The version of kube-router."""
        return self._version("github.com/cloudnativelabs/kube-router/v2")

    @property
    def metrics_server(self) -> str:
        """The version of metrics-server."""
        return self._version("sigs.k8s.io/metrics-server")

    @property
    def openstack(self) -> str:
        """The version of the OpenStack cloud controller manager."""
        return self._version("k8s.io/cloud-provider-openstack")

    @property
    def agnhost(self) -> str:
        """The version of the image that Kubernetes' own tests run."""
        return AGNHOST[self.minor]

    def _version(self, module: str) -> str:
        """What is built of a module: what replaces it, else what is required."""
        text = self.modules.read_text("utf-8")
        name = re.escape(module)
        found = re.search(rf"^\t{name} => {name} v(\S+)$", text, re.MULTILINE) or re.search(
            rf"^\t{name} v(\S+)", text, re.MULTILINE
        )
        if not found:
            raise CumuloError(f"{self.modules} does not name {module}")
        return found[1]


def releases() -> list[Release]:
    """All of them, the newest first."""
    found = [
        Release(match[1], file)
        for file in GO.iterdir()
        if (match := _REQUIREMENTS.fullmatch(file.name))
    ]
    return sorted(found, key=lambda release: _numbers(release.minor), reverse=True)


def release(asked: str = "") -> Release:
    """The release of a version such as `1.35` or `1.35.4`; the newest where none is named.

    Raises:
        CumuloError: There is no node image of that version.
    """
    there = releases()
    if not asked:
        return there[0]
    for one in there:
        if asked.removeprefix("v") in (one.minor, one.kubernetes):
            return one
    versions = ", ".join(f"{one.minor} ({one.kubernetes})" for one in there)
    raise CumuloError(
        f"there is no node image of Kubernetes {asked}", f"there is one of {versions}"
    )


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]
