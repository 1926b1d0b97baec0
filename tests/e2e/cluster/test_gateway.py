"""The gateway's manifests on a real API server, and pods that try to go round it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cumulo.platform import AccessRules, Gateway, Route, ServiceHandle, allow
from cumulo.providers.kubernetes.cluster import Cluster

from tests.e2e.cluster.home import Home, own_namespace, ready, wait
from tests.e2e.cluster.kubectl import Kubectl
from tests.fake_cloud import FakeCloud
from tests.platform.gateway.test_component import ARGS, plain

pytestmark = pytest.mark.cluster

_PORT, _OTHER_PORT = 8080, 8090


def declared(gateway: str, services: str) -> list[dict[str, Any]]:
    """What the component makes, as the API server is sent it."""
    web = ServiceHandle(
        name="web",
        namespace=services,
        service="web",
        port=80,
        pod_port=_PORT,
        labels={"app": "web"},
    )
    rules = AccessRules(
        roles={"data-science": "makes models"},
        routes={"web": Route(backend=web, rules=[allow("data-science")])},
    )
    args: Any = {**ARGS, "namespace": gateway, "rules": rules, "replicas": 2}
    cloud = FakeCloud()
    cloud.run(lambda: Gateway("gateway", args))
    return [
        plain(dict(one.inputs))
        for one in cloud.resources.values()
        if one.typ.startswith("kubernetes:")
    ]


@pytest.fixture
def services(cluster: Cluster) -> Iterator[Home]:
    with own_namespace(cluster) as other:
        yield other


def test_the_api_server_takes_it_and_its_pods_are_restricted(
    cluster: Cluster, home: Home, services: Home
) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": home.name, "labels": labels},
    }
    cluster.apply(namespace, "cumulo-test-labels")
    items = declared(home.name, services.name)
    kinds = {item["kind"] for item in items}
    assert kinds >= {"Deployment", "Service", "ConfigMap", "Secret", "NetworkPolicy"}
    for item in items:
        cluster.apply(item, "cumulo-test", preview=True)
    (deployment,) = [item for item in items if item["kind"] == "Deployment"]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "gateway", "namespace": home.name},
        "spec": deployment["spec"]["template"]["spec"],
    }
    cluster.apply(pod, "cumulo-test", preview=True)


def test_no_pod_goes_round_it(
    cluster: Cluster, home: Home, services: Home, kubeconfig: str
) -> None:
    items = declared(home.name, services.name)
    (deployment,) = [item for item in items if item["kind"] == "Deployment"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    _pod(services, "web", {"app": "web"}, _server(services, _PORT), _server(services, _OTHER_PORT))
    _pod(home, "gateway", labels)
    _pod(home, "neighbour", {"app": "neighbour"})
    _pod(services, "roommate", {"app": "roommate"})
    # The gateway's labels are worth nothing in another namespace.
    _pod(services, "impostor", labels)
    address = ready(services, "web")["status"]["podIP"]
    clients = {"gateway": home, "neighbour": home, "roommate": services, "impostor": services}
    for client, place in clients.items():
        ready(place, client)
    kubectl = Kubectl(Path(kubeconfig))

    def who() -> set[tuple[str, int]]:
        script = (
            f"for port in {_PORT} {_OTHER_PORT}; do"
            f" /agnhost connect {address}:$port --timeout=2s >/dev/null 2>&1 && echo $port;"
            " done; true"
        )
        return {
            (client, int(port))
            for client, place in clients.items()
            for port in kubectl.ok(
                *("exec", "--namespace", place.name, client, "--", "/bin/sh", "-c", script)
            ).split()
        }

    every = {(client, port) for client in clients for port in (_PORT, _OTHER_PORT)}
    wait("everybody to reach the service", lambda: who() == every, 60)
    for item in items:
        if item["kind"] == "NetworkPolicy":
            cluster.apply(item, "cumulo-test")
    wait("the gateway alone to reach it", lambda: who() == {("gateway", _PORT)}, 60)
    assert who() == {("gateway", _PORT)}


def _server(home: Home, port: int) -> dict[str, Any]:
    return {
        "name": f"port-{port}",
        "image": home.image,
        "args": ["netexec", f"--http-port={port}", "--udp-port=-1"],
    }


def _pod(home: Home, name: str, labels: dict[str, str], *containers: dict[str, Any]) -> None:
    idle = {"name": "c", "image": home.image, "args": ["pause"]}
    item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": home.name, "labels": labels},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers or (idle,))},
    }
    home.cluster.apply(item, "cumulo-test")
