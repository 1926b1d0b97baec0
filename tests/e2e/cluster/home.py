"""A namespace of a real cluster, and how tests look at it."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind

NODE = Kind("", "v1", "Node")
POD = Kind("", "v1", "Pod")
_ACCOUNT = Kind("", "v1", "ServiceAccount")
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


@contextmanager
def own_namespace(cluster: Cluster) -> Iterator[Home]:
    """A namespace for as long as it lasts."""
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.apply(item, "cumulo-test")
    try:
        wait("the namespace's account", lambda: cluster.read(_ACCOUNT, name, "default"))
        yield Home(cluster, name)
    finally:
        cluster.delete(item, "Background")


def ready(home: Home, name: str) -> Any:
    """A pod, once it is ready."""

    def live() -> Any:
        pod = home.get(POD, name)
        states = {one["type"]: one["status"] for one in pod["status"].get("conditions") or []}
        return pod if states.get("Ready") == "True" else None

    return wait(f"pod {name} to be ready", live)


def workers(cluster: Cluster) -> list[str]:
    """The nodes that run anybody's pods."""
    return sorted(
        node["metadata"]["name"]
        for node in cluster.all(NODE, "")
        if not node["spec"].get("taints") and not node["spec"].get("unschedulable")
    )


def wait(what: str, probe: Callable[[], Any], seconds: float = 120.0) -> Any:
    """Asks until the answer is something."""
    end = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(1)
