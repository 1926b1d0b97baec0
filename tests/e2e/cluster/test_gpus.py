"""GPUs: who gets one, who waits, and who stays away."""

from functools import partial
from typing import Any

import pytest

from tests.e2e.cluster.home import NODE, POD, Home, wait

pytestmark = pytest.mark.cluster

_GPU = "nvidia.com/gpu"
_ON_GPU_NODES = {"nvidia.com/gpu.present": "true"}


@pytest.fixture
def gpus(home: Home) -> dict[str, int]:
    """The GPUs of each node that has some."""
    found = {
        node["metadata"]["name"]: int(node["status"]["allocatable"].get(_GPU, 0))
        for node in home.cluster.all(NODE, "")
    }
    found = {name: count for name, count in found.items() if count}
    if not found:
        pytest.skip("the cluster has no GPUs")
    return found


def where(home: Home, pod: str) -> str:
    """The node that a pod runs on."""
    live = home.get(POD, pod)
    running = live["status"].get("phase") == "Running"
    return str(live["spec"]["nodeName"]) if running else ""


def refusal(home: Home, pod: str) -> str:
    """Why a pod cannot be scheduled."""
    conditions: list[dict[str, Any]] = home.get(POD, pod)["status"].get("conditions") or []
    return "".join(
        one.get("message", "")
        for one in conditions
        if one["type"] == "PodScheduled" and one["status"] == "False"
    )


def test_each_gpu_is_for_one_pod_and_the_next_one_is_told_why_it_waits(
    home: Home, gpus: dict[str, int]
) -> None:
    total = sum(gpus.values())
    for number in range(total):
        home.pod(f"gpu-{number}", resources={"limits": {_GPU: "1"}})
    for number in range(total):
        assert wait(f"pod gpu-{number}", partial(where, home, f"gpu-{number}")) in gpus

    home.pod("one-too-many", resources={"limits": {_GPU: "1"}})
    why = wait("a refusal", lambda: refusal(home, "one-too-many"))
    assert f"Insufficient {_GPU}" in why
    assert home.get(POD, "one-too-many")["status"]["phase"] == "Pending"

    home.delete(POD, "gpu-0")
    assert wait("the pod that waited", lambda: where(home, "one-too-many")) in gpus


def test_who_asks_for_no_gpu_stays_away(home: Home, gpus: dict[str, int]) -> None:
    home.pod("plain")
    assert wait("a plain pod", lambda: where(home, "plain")) not in gpus

    home.pod("stubborn", node=_ON_GPU_NODES)
    assert "untolerated taint" in wait("a refusal", lambda: refusal(home, "stubborn"))
