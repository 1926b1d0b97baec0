"""Who reaches whom, from one node and from another, once policies say so."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import NODE, POD, Home, own_namespace, ready, wait, workers
from tests.e2e.cluster.kubectl import Kubectl

pytestmark = pytest.mark.cluster

_SERVICE = Kind("", "v1", "Service")
_OPEN, _CLOSED = 8080, 8090
_PORTS = (_OPEN, _CLOSED)
_WEB = {"podSelector": {"matchLabels": {"app": "web"}}}


@dataclass
class Stage:
    """A server, clients on its node and on another one, and one in another namespace."""

    home: Home
    other: Home
    kubectl: Kubectl
    addresses: dict[str, str]

    def reaches(self, client: str, port: int, host: str = "") -> bool:
        """Whether a client gets a connection to the server."""
        return bool(self._reached(client, (port,), host))

    def who(self) -> set[tuple[str, int]]:
        """The clients that reach the server, and at which port."""
        return {
            (client, port)
            for client in self.addresses
            if client != "web"
            for port in self._reached(client, _PORTS)
        }

    def _reached(self, client: str, ports: tuple[int, ...], host: str = "") -> list[int]:
        home = self.other if client == "outsider" else self.home
        script = (
            f"for port in {' '.join(map(str, ports))}; do"
            f" /agnhost connect {host or self.addresses['web']}:$port --timeout=2s >/dev/null 2>&1"
            " && echo $port; done; true"
        )
        said = self.kubectl.ok(
            *("exec", "--namespace", home.name, client, "--", "/bin/sh", "-c", script)
        )
        return [int(port) for port in said.split()]

    @contextmanager
    def policy(self, name: str, **spec: Any) -> Iterator[None]:
        """A policy, for as long as it lasts."""
        kind = self.home.apply("networking.k8s.io/v1/NetworkPolicy", name, spec=spec)
        try:
            yield
        finally:
            self.home.delete(kind, name)

    def soon(self, wanted: set[tuple[str, int]]) -> None:
        """Fails unless just these reach the server, before long and then still."""
        wait(f"{wanted} to reach the server", lambda: self.who() == wanted, 60)
        assert self.who() == wanted


CLIENTS = ("friend-near", "friend-far", "stranger-near", "stranger-far")
ALL = {(client, port) for client in (*CLIENTS, "outsider") for port in _PORTS}


def of(*clients: str, ports: tuple[int, ...] = _PORTS) -> set[tuple[str, int]]:
    return {(client, port) for client in clients for port in ports}


@pytest.fixture(scope="module")
def stage(cluster: Cluster, kubeconfig: str) -> Iterator[Stage]:
    nodes = workers(cluster)
    if len(nodes) < 2:
        pytest.skip("the cluster has less than two nodes for pods")
    with own_namespace(cluster) as home, own_namespace(cluster) as other:
        _pod(home, "web", nodes[0], *(_server(home, port) for port in _PORTS))
        for client in CLIENTS:
            _pod(home, client, nodes[client.endswith("far")], _idle(home))
        _pod(other, "outsider", nodes[1], _idle(other))
        home.apply("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": _OPEN}]})
        addresses = {
            name: ready(place, name)["status"]["podIP"]
            for place, name in (*((home, one) for one in ("web", *CLIENTS)), (other, "outsider"))
        }
        stage = Stage(home, other, Kubectl(Path(kubeconfig)), addresses)
        stage.soon(ALL)
        yield stage


def _server(home: Home, port: int) -> dict[str, Any]:
    return {
        "name": f"port-{port}",
        "image": home.image,
        "args": ["netexec", f"--http-port={port}", "--udp-port=-1"],
        "ports": [{"name": f"http-{port}", "containerPort": port}],
        "readinessProbe": {
            "httpGet": {"path": "/hostname", "port": port},
            "periodSeconds": 1,
            "failureThreshold": 2,
        },
    }


def _idle(home: Home) -> dict[str, Any]:
    return {"name": "c", "image": home.image, "args": ["pause"]}


def _pod(home: Home, name: str, node: str, *containers: dict[str, Any]) -> None:
    item = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": home.name,
            "labels": {"app": name, "role": name.partition("-")[0]},
        },
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "nodeSelector": {"kubernetes.io/hostname": node},
            "containers": list(containers),
        },
    }
    home.cluster.apply(item, "cumulo-test")


def test_what_nothing_allows_is_blocked_until_the_policy_goes(stage: Stage) -> None:
    with stage.policy("deny", **_WEB, policyTypes=["Ingress"]):
        stage.soon(set())
        # The node still asks how its pods are.
        assert ready(stage.home, "web")["status"]["containerStatuses"][0]["restartCount"] == 0
    stage.soon(ALL)


FRIENDS = {"podSelector": {"matchLabels": {"role": "friend"}}}


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        ({"from": [FRIENDS]}, of("friend-near", "friend-far")),
        ({"from": [{"namespaceSelector": {"matchLabels": {"is": "OTHER"}}}]}, of("outsider")),
        (
            {"from": [FRIENDS, {"namespaceSelector": {"matchLabels": {"is": "OTHER"}}}]},
            of("friend-near", "friend-far", "outsider"),
        ),
        ({"ports": [{"port": _OPEN}]}, of(*CLIENTS, "outsider", ports=(_OPEN,))),
        ({"ports": [{"port": f"http-{_CLOSED}"}]}, of(*CLIENTS, "outsider", ports=(_CLOSED,))),
        (
            {"from": [FRIENDS], "ports": [{"port": _OPEN, "endPort": _OPEN + 5}]},
            of("friend-near", "friend-far", ports=(_OPEN,)),
        ),
        (
            {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["stranger-far"]}}]},
            of("friend-near", "friend-far", "stranger-near", "outsider"),
        ),
        ({"from": [{"ipBlock": {"cidr": "friend-near"}}]}, of("friend-near")),
        ({}, ALL),
    ],
    ids=[
        *("pods", "namespace", "pods-or-namespace", "port", "named-port", "pods-and-ports"),
        *("all-but-an-address", "an-address", "everybody"),
    ],
)
def test_what_a_rule_allows_gets_through_and_nothing_else(
    stage: Stage, rule: dict[str, Any], wanted: set[tuple[str, int]]
) -> None:
    with stage.policy("allow", **_WEB, policyTypes=["Ingress"], ingress=[_meant(stage, rule)]):
        stage.soon(wanted)


def _meant(stage: Stage, value: Any) -> Any:
    """A rule, with the names and addresses that these pods happen to have."""
    if isinstance(value, dict):
        if value == {"is": "OTHER"}:
            return {"kubernetes.io/metadata.name": stage.other.name}
        return {key: _meant(stage, one) for key, one in value.items()}
    if isinstance(value, list):
        return [_meant(stage, one) for one in value]
    return f"{stage.addresses[value]}/32" if value in stage.addresses else value


def test_a_service_is_reached_by_those_who_may_reach_its_pods(stage: Stage) -> None:
    address = stage.home.get(_SERVICE, "web")["spec"]["clusterIP"]
    with stage.policy("allow", **_WEB, policyTypes=["Ingress"], ingress=[{"from": [FRIENDS]}]):
        stage.soon(of("friend-near", "friend-far"))
        for client in CLIENTS:
            assert stage.reaches(client, _OPEN, address) is client.startswith("friend"), client


@pytest.mark.parametrize("client", ["friend-near", "friend-far"])
def test_what_a_pod_may_reach_is_what_its_egress_rules_say(stage: Stage, client: str) -> None:
    who = {"podSelector": {"matchLabels": {"app": client}}, "policyTypes": ["Egress"]}
    name = f"web.{stage.home.name}.svc.cluster.local"
    api = stage.home.cluster.read(_SERVICE, "default", "kubernetes")
    assert api is not None
    others = ALL - of(client)

    def reaches_api() -> bool:
        return stage.reaches(client, 443, api["spec"]["clusterIP"])

    assert reaches_api()
    assert stage.reaches(client, _OPEN, name)
    with stage.policy("deny-egress", **who):
        stage.soon(others)
        assert not stage.reaches(client, _OPEN, name)
        assert not reaches_api()
        with stage.policy("allow-web", **who, egress=[{"to": [_WEB], "ports": [{"port": _OPEN}]}]):
            stage.soon(others | of(client, ports=(_OPEN,)))
            assert not stage.reaches(client, _OPEN, name), "names are nobody's to ask"
            assert not reaches_api()
            dns = {"to": [{"namespaceSelector": {}}], "ports": [{"port": 53, "protocol": "UDP"}]}
            with stage.policy("allow-names", **who, egress=[dns]):
                wait("the server's name", lambda: stage.reaches(client, _OPEN, name), 60)
                assert not reaches_api()
    stage.soon(ALL)


def test_a_pod_that_comes_later_is_under_the_policies_that_are_there(stage: Stage) -> None:
    (node,) = {workers(stage.home.cluster)[0]}
    with stage.policy("deny", podSelector={}, policyTypes=["Ingress"]):
        stage.soon(set())
        _pod(stage.home, "late", node, _server(stage.home, _OPEN))
        try:
            address = ready(stage.home, "late")["status"]["podIP"]
            wait("it to be blocked", lambda: not stage.reaches("outsider", _OPEN, address), 60)
            assert not stage.reaches("friend-near", _OPEN, address)
        finally:
            stage.home.delete(POD, "late")
    stage.soon(ALL)


def test_a_connection_that_stands_outlives_the_policy_that_forbids_new_ones(stage: Stage) -> None:
    script = (
        f"exec 3<>/dev/tcp/{stage.addresses['web']}/{_OPEN}; echo open; read;"
        " printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3"
    )
    client = stage.kubectl.start(
        *("exec", "--namespace", stage.home.name, "--stdin", "friend-far", "--"),
        *("/bin/bash", "-c", script),
    )
    with client:
        assert client.stdout is not None
        assert client.stdout.readline() == "open\n"
        with stage.policy("deny", **_WEB, policyTypes=["Ingress"]):
            stage.soon(set())
            answer, _ = client.communicate("now\n", timeout=30)
    assert "200 OK" in answer
    assert answer.endswith("web")


def test_every_node_has_the_firewall(cluster: Cluster) -> None:
    pods = [
        pod
        for pod in cluster.all(POD, "kube-system")
        if pod["metadata"].get("labels", {}).get("k8s-app") == "kube-router"
    ]
    assert {pod["spec"]["nodeName"] for pod in pods} == {
        node["metadata"]["name"] for node in cluster.all(NODE, "")
    }
