"""A namespace of a real cluster, and how tests look at it."""

import time
from collections.abc import Callable
from typing import Any

from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind

NODE = Kind("", "v1", "Node")
POD = Kind("", "v1", "Pod")
_AGNHOST = "registry.k8s.io/e2e-test-images/agnhost:"


class Home:
    """A namespace of a cluster: what a test applies, reads and waits for."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.cluster = cluster
        self.name = name
        nodes = cluster.all(NODE, "")
        every = [
            name for node in nodes for one in node["status"]["images"] for name in one["names"]
        ]
        self.image = next((name for name in every if name.startswith(_AGNHOST)), f"{_AGNHOST}2.59")

    def apply(self, kind: str, name: str, **parts: Any) -> Kind:
        """Makes an object be so; `apps/v1/Deployment` is a kind."""
        version, _, word = kind.rpartition("/")
        item = {
            "apiVersion": version or "v1",
            "kind": word,
            "metadata": {"name": name, "namespace": self.name},
            **parts,
        }
        self.cluster.apply(item, "cumulo-test", force=True)
        group, _, bare = version.rpartition("/")
        return Kind(group, bare or "v1", word)

    def deploy(self, name: str, replicas: int, *args: str, **container: Any) -> None:
        """Makes a deployment of Kubernetes' test image."""
        labels = {"app": name}
        self.apply(
            "apps/v1/Deployment",
            name,
            spec={
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "containers": [
                            {"name": "c", "image": self.image, "args": list(args), **container}
                        ],
                    },
                },
            },
        )

    def pod(self, name: str, *, node: dict[str, str] | None = None, **container: Any) -> None:
        """Makes a pod that does nothing."""
        self.apply(
            "Pod",
            name,
            spec={
                "terminationGracePeriodSeconds": 1,
                "nodeSelector": node or {},
                "containers": [{"name": "c", "image": self.image, "args": ["pause"], **container}],
            },
        )

    def get(self, kind: Kind, name: str) -> Any:
        return self.cluster.read(kind, self.name, name)

    def delete(self, kind: Kind, name: str) -> None:
        item = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": {"name": name, "namespace": self.name},
        }
        self.cluster.delete(item, "Background")


def wait(what: str, probe: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Asks until the answer is something."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(1)
