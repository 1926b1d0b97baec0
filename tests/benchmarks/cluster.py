"""From `up` to all nodes Ready, by phase, against kubeadm by hand on servers made by hand."""

import statistics
import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import openstack
from cumulo.images import glance, node
from cumulo.images.node.release import release

from tests.benchmarks import cluster_by_hand
from tests.e2e.cluster.kubectl import Kubectl
from tests.e2e.project import Project
from tests.e2e.tenant import Tenant, own_tenant

CLOUD = "cumulo-local"
ROUNDS = 3
SHAPES = ((1, 2), (3, 3))
READY = "from the first server's create to all nodes Ready"
SERVERS = "by hand: servers, until they answer"
KUBEADM = "by hand: kubeadm, until all are Ready"


def report() -> None:
    """Makes each cluster both ways in turn, and prints medians as Markdown tables."""
    version = release().kubernetes
    image = glance.upload(node.build(), node.properties(), CLOUD)
    for control, workers in SHAPES:
        rounds = [_round(image, version, control, workers) for _ in range(ROUNDS)]
        print(f"\n### A cluster of {control} + {workers} nodes (median of {ROUNDS})\n")
        print("| what | seconds |\n|---|---|")
        for title in rounds[0]:
            print(f"| {title} | {statistics.median(one[title] for one in rounds):.1f} |")
        ratios = [one[READY] / (one[SERVERS] + one[KUBEADM]) for one in rounds]
        print(f"| ratio | {statistics.median(ratios):.2f} |")


def _round(image: str, version: str, control: int, workers: int) -> dict[str, float]:
    with (
        openstack.connect(cloud=CLOUD) as cloud,
        tempfile.TemporaryDirectory() as folder,
    ):
        with own_tenant(cloud, Path(folder)) as tenant:
            hand = cluster_by_hand.make(
                tenant.connection, image, version, control, workers, Path(folder)
            )
        with own_tenant(cloud, Path(folder)) as tenant:
            took = _ours(tenant, Path(folder), control, workers)
    return {
        **took,
        SERVERS: hand.servers,
        KUBEADM: hand.kubeadm,
    }


def _ours(tenant: Tenant, folder: Path, control: int, workers: int) -> dict[str, float]:
    project = Project(folder / "bench", tenant.clouds_yaml)
    pool = {"count": workers, "flavor": cluster_by_hand.FLAVOR}
    settings: dict[str, Any] = {
        "kubernetes": {
            **project.kubernetes,
            "control_plane": {"count": control, "flavor": cluster_by_hand.FLAVOR},
            "pools": {"cpu": pool},
        },
        "servers": {"cpu_count": 0},
        "gpu_server": None,
    }

    def timed(**changes: Any) -> float:
        began = time.monotonic()
        project.up(**{**settings, **changes})
        return time.monotonic() - began

    first = _FirstServer(tenant)
    began = time.time()
    whole = timed()
    created = first.stop()
    ready = _all_ready(Kubectl(project.kubeconfig(folder)))
    more = {**settings["kubernetes"], "pools": {"cpu": {**pool, "count": workers + 1}}}
    took = {
        "`up`, all of it, with add-ons": whole,
        "before the first server's create": created - began,
        READY: ready - created,
        "`up`, no change": timed(),
        "`up`, one node more": timed(kubernetes=more),
    }
    began = time.monotonic()
    project.destroy()
    return {**took, "`destroy`": time.monotonic() - began}


def _all_ready(client: Kubectl) -> float:
    """When the last node became Ready: nodes have this machine's clock, in whole seconds."""
    since = [
        datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
        for node in client.get("nodes")
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    ]
    return max(since)


class _FirstServer:
    """Watches for the moment at which the project has its first server."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._seen = 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """When that was."""
        self._thread.join(1)
        return self._seen

    def _watch(self) -> None:
        while not any(True for _ in self._tenant.connection.compute.servers(details=False)):
            time.sleep(0.3)
        self._seen = time.time()
