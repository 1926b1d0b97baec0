"""Clusters of 1,000 nodes: what our own code takes.

A preview of a pool of that size; and a real control plane to which kwok's simulated nodes are
added, for what asks about every node or every pod.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openstack
from cumulo.images import glance, node
from cumulo.local import go, paths

from tests.benchmarks import measure
from tests.e2e.cluster.kubectl import Kubectl
from tests.e2e.project import COMMAND, Project
from tests.e2e.tenant import own_tenant
from tests.waiting import soon

CLOUD = "cumulo-local"
NODES = 1000
PODS = 2000
FLAVOR = "m1.medium"
STAGES = Path(__file__).parent / "kwok/stages.yaml"
MARK = {"kwok.x-k8s.io/node": "fake"}
TAINT = {"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}

PROGRAM = """\
import pulumi
import pulumi_kubernetes as k8s

config = pulumi.Config()
provider = k8s.Provider("scale", kubeconfig=config.require("kubeconfig"))
k8s.apps.v1.Deployment(
    "many",
    metadata={"name": "many", "namespace": "default"},
    spec={
        "replicas": config.require_int("replicas"),
        "selector": {"match_labels": {"app": "many"}},
        "template": {
            "metadata": {"labels": {"app": "many"}},
            "spec": {
                "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists"}],
                "node_selector": {"type": "kwok"},
                "containers": [{"name": "main", "image": "example.org/none:1"}],
            },
        },
    },
    opts=pulumi.ResourceOptions(provider=provider),
)
"""


def report() -> None:
    """Prints what it took as Markdown tables."""
    glance.upload(node.build(), node.properties(), CLOUD)
    with (
        openstack.connect(cloud=CLOUD) as cloud,
        tempfile.TemporaryDirectory() as folder,
        own_tenant(cloud, Path(folder)) as tenant,
    ):
        project = Project(Path(folder, "scale"), tenant.clouds_yaml)
        previewed = _preview(project)
        print(f"\n### A pool of {NODES} nodes\n")
        print("| what | wall, s | peak memory, MiB |\n|---|---|---|")
        print(f"| preview of the whole program | {previewed.wall:.1f} | {previewed.peak_mib:.0f} |")
        print(f"\n### {NODES} simulated nodes on a real control plane\n")
        print("| what | seconds | by `kubectl` |\n|---|---|---|")
        for title, took, peer in _live(project, Path(folder)):
            print(f"| {title} | {took:.1f} | {'' if peer is None else f'{peer:.1f}'} |")


def _settings(project: Project, count: int) -> dict[str, Any]:
    return {
        # An address for each.
        "network": {"cidr": "192.168.64.0/20"},
        "kubernetes": {
            **project.kubernetes,
            "pools": {"cpu": {"count": count, "flavor": FLAVOR}},
        },
        "servers": {"cpu_count": 0},
        "gpu_server": None,
    }


def _preview(project: Project) -> measure.Cost:
    project.set(**_settings(project, NODES))
    return measure.run(
        [COMMAND, "preview", "--stack", project.stack],
        cwd=project.folder,
        env=project.environment,
    )


def _live(project: Project, folder: Path) -> Iterator[tuple[str, float, float | None]]:
    settings = _settings(project, 1)
    project.up(**settings)
    try:
        client = Kubectl(project.kubeconfig(folder))
        yield "`up` without a change, 2 nodes", _timed(lambda: project.up(**settings)), None
        with _kwok(client, folder):
            took = _timed(lambda: _nodes(client))
            yield f"{NODES} nodes registered and Ready", took, None
            took = _timed(lambda: project.up(**settings))
            yield f"`up` without a change, {NODES} nodes more", took, None
            yield from _workload(client, folder)
    finally:
        project.destroy()


def _workload(client: Kubectl, folder: Path) -> Iterator[tuple[str, float, float | None]]:
    """A deployment over all nodes, by a Pulumi program and by kubectl."""
    workload = folder / "workload"
    workload.mkdir()
    (workload / "Pulumi.yaml").write_text("name: scale\nruntime: python\n")
    (workload / "__main__.py").write_text(PROGRAM)
    environment = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_CONFIG_PASSPHRASE": "scale",
    }

    def pulumi(*words: str) -> None:
        measure.run([COMMAND, *words], cwd=workload, env=environment)

    pulumi("stack", "init", "scale")
    pulumi("config", "set", "kubeconfig", str(client.kubeconfig))
    pulumi("config", "set", "replicas", str(PODS))
    ours = _timed(lambda: pulumi("up", "--yes", "--skip-preview"))
    preview = _timed(lambda: pulumi("preview", "--expect-no-changes"))
    pulumi("destroy", "--yes", "--skip-preview")
    soon(lambda: not client.get("pods", "--selector=app=many"), within=300)
    spec = json.dumps(_deployment())

    def by_hand() -> None:
        client.ok("apply", "-f", "-", stdin=spec)
        client.rolled_out("deployment/many", seconds=600)

    hand = _timed(by_hand)
    client.ok("delete", "deployment", "many")
    yield f"`up` of a deployment of {PODS} pods", ours, hand
    yield "preview of it, no change", preview, None


def _deployment() -> dict[str, Any]:
    labels = {"app": "many"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "many"},
        "spec": {
            "replicas": PODS,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "tolerations": [{"key": TAINT["key"], "operator": "Exists"}],
                    "nodeSelector": {"type": "kwok"},
                    "containers": [{"name": "main", "image": "example.org/none:1"}],
                },
            },
        },
    }


def _nodes(client: Kubectl) -> None:
    sizes = {"cpu": "32", "memory": "256Gi", "pods": "110"}
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": f"simulated-{number}",
                "annotations": MARK,
                "labels": {"type": "kwok", "kubernetes.io/hostname": f"simulated-{number}"},
            },
            "spec": {"taints": [TAINT]},
            "status": {"allocatable": sizes, "capacity": sizes},
        }
        for number in range(NODES)
    ]
    client.ok("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, nodes)), seconds=600)
    client.ok(
        *("wait", "--for=condition=Ready", "node", "--selector=type=kwok", "--timeout=300s"),
        seconds=400,
    )


@contextmanager
def _kwok(client: Kubectl, folder: Path) -> Iterator[None]:
    """What answers for the simulated nodes, as their kubelets would."""
    program = paths.cache() / "benchmarks" / "kwok"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        order = go.Order(
            name="kwok",
            module=Path(__file__).parent / "kwok",
            packages=("sigs.k8s.io/kwok/cmd/kwok",),
            flags=("-trimpath", "-ldflags=-s -w"),
            environment={"CGO_ENABLED": "0"},
        )
        go.build(order, program)
    with (folder / "kwok.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(str(program), f"--kubeconfig={client.kubeconfig}", f"--config={STAGES}"),
                *("--manage-all-nodes=false", "--manage-nodes-with-annotation-selector"),
                "=".join(*MARK.items()),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        # It ends at once where its stages or the cluster do not suit it.
        if soon(lambda: process.poll() is not None, within=10):
            raise RuntimeError(f"kwok ended: {(folder / 'kwok.log').read_text()[-2000:]}")
        yield
    finally:
        process.terminate()
        process.wait(30)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
