"""What nodes and pods use, and what is done with it."""

import pytest
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import NODE, Home, wait
from tests.e2e.cluster.kubectl import Kubectl

pytestmark = pytest.mark.cluster

_METRICS = "/apis/metrics.k8s.io/v1beta1"
_DEPLOYMENT = Kind("apps", "v1", "Deployment")


@pytest.fixture
def measured(home: Home) -> Home:
    """The namespace, in a cluster that has metrics-server."""
    if home.cluster.api.find(_METRICS) is None:
        pytest.skip("the cluster has no metrics-server")
    return home


def test_every_node_tells_what_it_uses(measured: Home) -> None:
    names = {node["metadata"]["name"] for node in measured.cluster.all(NODE, "")}

    def told() -> bool:
        items = measured.cluster.api.get(f"{_METRICS}/nodes")["items"]
        return {item["metadata"]["name"] for item in items if item["usage"]["memory"]} == names

    wait("metrics of every node", told)


def test_kubectl_top(measured: Home, kubectl: Kubectl) -> None:
    measured.pod("idle")

    def top() -> bool:
        return kubectl.run("top", "pod", "--no-headers").stdout.startswith("idle ")

    wait("kubectl top", top)


def test_a_deployment_grows_under_load(measured: Home) -> None:
    measured.deploy(
        "busy",
        1,
        command=["/bin/sh", "-c", "while :; do :; done"],
        resources={"requests": {"cpu": "50m"}, "limits": {"cpu": "100m"}},
    )
    measured.apply(
        "autoscaling/v2/HorizontalPodAutoscaler",
        "busy",
        spec={
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "busy"},
            "minReplicas": 1,
            "maxReplicas": 2,
            "metrics": [
                {
                    "type": "Resource",
                    "resource": {
                        "name": "cpu",
                        "target": {"type": "Utilization", "averageUtilization": 50},
                    },
                }
            ],
        },
    )
    wait(
        "a second pod",
        lambda: measured.get(_DEPLOYMENT, "busy")["status"].get("readyReplicas") == 2,
        240,
    )
