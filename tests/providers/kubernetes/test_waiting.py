"""Waits for what real controllers do; pods run where the cluster has nodes."""

import os
import threading
from typing import Any

import pytest
from cumulo.providers.core.plugin import PartlyMade
from cumulo.providers.core.values import plain
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind, at, condition

from tests.providers.kubernetes.driver import (
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    SERVICE,
    STATEFUL_SET,
    Entry,
    Stack,
)

pytestmark = pytest.mark.cluster

IMAGE = os.environ.get("CUMULO_TEST_IMAGE", "registry.k8s.io/pause:3.10.1")


@pytest.fixture
def nodes(cluster: Cluster) -> int:
    """How many nodes can take pods."""
    ready = [
        node
        for node in cluster.all(Kind("", "v1", "Node"), "")
        if condition(node, "Ready").get("status") == "True" and not at(node, "spec", "taints")
    ]
    if not ready:
        pytest.skip("the cluster has no node that takes pods")
    return len(ready)


def workload(replicas: int | None = 2, **container: Any) -> dict[str, Any]:
    labels = {"app": "x"}
    containers = [{"name": "c", "image": IMAGE, **container}]
    spec: dict[str, Any] = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    return {"metadata": {"name": "x"}, "spec": spec}


def unschedulable(replicas: int = 1) -> dict[str, Any]:
    made = workload(replicas)
    made["spec"]["template"]["spec"]["nodeSelector"] = {"test.dev/no": "such-node"}
    return made


def partly(stack: Stack, token: str, seconds: float = 5.0, /, **inputs: Any) -> PartlyMade:
    """Makes what does not become ready, and keeps it in the state as the engine does."""
    checked = stack.check(token, "x", inputs)
    urn = stack.urn(token, "x")
    with pytest.raises(PartlyMade) as late:
        stack.provider.create(urn, checked, seconds)
    stack.entries.append(Entry(urn, late.value.identity, checked, late.value.properties))
    return late.value


def test_a_deployment_serves_and_rolls(stack: Stack, nodes: int) -> None:
    made = stack.create(DEPLOYMENT, "x", **workload(2))
    assert made["status"]["availableReplicas"] == 2
    stack.update(made, **workload(3, env=[{"name": "A", "value": "1"}]))
    assert made["status"]["updatedReplicas"] == made["status"]["replicas"] == 3


def test_why_it_does_not_serve_is_on_the_screen_and_in_the_error(stack: Stack) -> None:
    late = partly(stack, DEPLOYMENT, **unschedulable())
    why = "0/1 ready: pod x-"
    assert any(told.startswith(why) for told in stack.log.statuses), stack.log.statuses
    assert why in late.reason
    assert "cannot be scheduled" in late.reason
    assert "pulumi.com/timeoutSeconds" in late.reason
    assert plain(late.properties)["metadata"]["uid"]


def test_the_next_run_completes_what_was_not_ready(stack: Stack, nodes: int) -> None:
    late = partly(stack, DEPLOYMENT, **unschedulable())
    (entry,) = stack.entries
    stack.update(entry, **workload(1))
    assert entry["metadata"]["uid"] == plain(late.properties)["metadata"]["uid"]
    assert entry["status"]["availableReplicas"] == 1


def test_a_refresh_tells_that_it_does_not_serve(stack: Stack) -> None:
    partly(stack, DEPLOYMENT, 1.0, **unschedulable())
    (entry,) = stack.entries
    with pytest.raises(PartlyMade, match="0/1 ready") as found:
        stack.refresh(entry)
    assert found.value.inputs is not None


def test_an_interruption_keeps_what_was_made(stack: Stack) -> None:
    threading.Timer(1.5, stack.provider.cancelled.set).start()
    late = partly(stack, DEPLOYMENT, 60.0, **unschedulable())
    assert late.reason.startswith("interrupted; Deployment ")


def test_waiting_can_be_skipped_and_bounded(stack: Stack) -> None:
    skipped = unschedulable()
    skipped["metadata"] = {"name": "s", "annotations": {"pulumi.com/skipAwait": "true"}}
    assert stack.create(DEPLOYMENT, "s", **skipped).id
    bounded = unschedulable()
    bounded["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "1"}
    assert "after 1 s" in partly(stack, DEPLOYMENT, 0.0, **bounded).reason


def test_a_quota_that_forbids_pods_is_told(stack: Stack) -> None:
    stack.create("kubernetes:core/v1:ResourceQuota", "q", spec={"hard": {"pods": "0"}})
    assert "exceeded quota" in partly(stack, DEPLOYMENT, **workload(1)).reason


def test_a_stateful_set_serves(stack: Stack, nodes: int) -> None:
    said = workload(2)
    said["spec"]["serviceName"] = "x"
    made = stack.create(STATEFUL_SET, "x", **said)
    assert made["status"]["readyReplicas"] == 2
    said["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "1"}]
    stack.update(made, **said)
    assert made["status"]["currentRevision"] == made["status"]["updateRevision"]


def test_a_daemon_set_serves_on_every_node(stack: Stack, nodes: int) -> None:
    made = stack.create("kubernetes:apps/v1:DaemonSet", "x", **workload(None))
    assert made["status"]["numberAvailable"] >= nodes


def test_a_service_leads_to_its_pods(stack: Stack, nodes: int) -> None:
    stack.create(DEPLOYMENT, "x", **workload(1))
    spec = {"selector": {"app": "x"}, "ports": [{"port": 80}]}
    assert stack.create(SERVICE, "x", spec=spec)["spec"]["clusterIP"]
    headless = {**spec, "clusterIP": "None", "selector": {"app": "none"}}
    assert stack.create(SERVICE, "h", seconds=5.0, spec=headless).id
    external = {"type": "ExternalName", "externalName": "example.invalid"}
    assert stack.create(SERVICE, "e", seconds=5.0, spec=external).id


def test_a_suspended_job_is_not_waited_for(stack: Stack) -> None:
    pod = {"containers": [{"name": "c", "image": IMAGE}], "restartPolicy": "Never"}
    spec = {"suspend": True, "template": {"spec": pod}}
    made = stack.create(JOB, "x", seconds=10.0, spec=spec)
    assert stack.changes(made, spec=spec) == {}


def test_a_job_out_of_time_has_failed(stack: Stack) -> None:
    pod = {
        "containers": [{"name": "c", "image": IMAGE}],
        "restartPolicy": "Never",
        "nodeSelector": {"test.dev/no": "such-node"},
    }
    spec = {"activeDeadlineSeconds": 2, "template": {"spec": pod}}
    late = partly(stack, JOB, 60.0, metadata={"name": "x"}, spec=spec)
    assert "it failed: Job was active longer than specified deadline" in late.reason


def test_a_claim_waits_for_its_pod_only_if_its_class_does(stack: Stack) -> None:
    token = "kubernetes:storage.k8s.io/v1:StorageClass"
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    later = stack.create(
        token, "later", provisioner="test.dev/none", volumeBindingMode="WaitForFirstConsumer"
    )
    volume = "kubernetes:core/v1:PersistentVolumeClaim"
    spec = {**claim, "storageClassName": later.id}
    assert stack.create(volume, "later", seconds=5.0, spec=spec).id
    now = stack.create(token, "now", provisioner="test.dev/none")
    late = partly(stack, volume, 3.0, spec={**claim, "storageClassName": now.id})
    assert "waiting for a volume" in late.reason


def test_the_program_may_say_what_to_wait_for(stack: Stack, cluster: Cluster) -> None:
    waits = {"annotations": {"pulumi.com/waitFor": "jsonpath={.data.state}=done"}}
    late = partly(stack, CONFIG_MAP, 1.0, metadata=waits, data={"state": "begun"})
    assert "waiting for jsonpath={.data.state}=done: it is 'begun'" in late.reason
