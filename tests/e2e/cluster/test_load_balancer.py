"""The cluster and the cloud whose servers its nodes are."""

import socket
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import NODE, Home, wait
from tests.e2e.project import get
from tests.waiting import soon

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cluster


@pytest.fixture
def cloudy(home: Home) -> Home:
    """The namespace, in a cluster whose nodes are servers."""
    nodes = home.cluster.all(NODE, "")
    if not any(node["spec"].get("providerID", "").startswith("openstack:") for node in nodes):
        pytest.skip("the cluster's nodes are nobody's servers")
    return home


def test_every_node_is_a_server_and_takes_pods(cloudy: Home, cloud: "Connection") -> None:
    servers = {server.id: server for server in cloud.compute.servers(all_projects=True)}
    for node in cloudy.cluster.all(NODE, ""):
        server = servers[node["spec"]["providerID"].rpartition("/")[2]]
        assert node["metadata"]["name"] == server.name
        taints = {taint["key"] for taint in node["spec"].get("taints") or []}
        assert "node.cloudprovider.kubernetes.io/uninitialized" not in taints
        assert node["metadata"]["labels"]["topology.kubernetes.io/region"]


def test_a_service_has_an_address_until_it_goes(cloudy: Home, cloud: "Connection") -> None:
    service, outside = serve(cloudy, "Cluster")
    answer = wait("an answer", lambda: get(f"http://{outside}/hostname"))
    assert answer.startswith("web-")
    assert [get(f"http://{outside}/hostname") for _ in range(10)] == [answer] * 10
    assert len(ours(cloud, cloudy.name)) == 1

    take_away(cloudy, service)
    assert not ours(cloud, cloudy.name)
    assert not list(cloud.network.ips(floating_ip_address=outside))
    assert get(f"http://{outside}/hostname") is None


def test_pods_of_a_local_service_see_who_asks(cloudy: Home, cloud: "Connection") -> None:
    service, outside = serve(cloudy, "Local")
    seen = soon(partial(get, f"http://{outside}/clientip"), within=60)
    assert seen, f"nobody answers at {outside}: {members(cloud, cloudy)}"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
        way.connect((outside, 80))
        here = way.getsockname()[0]
    assert seen.startswith(f"{here}:")
    take_away(cloudy, service)


def test_nodes_without_a_pod_of_a_local_service_are_not_asked(cloudy: Home) -> None:
    service, outside = serve(cloudy, "Local")

    def steady() -> bool:
        # Until its monitors have looked, nodes without a pod are asked too.
        return all(get(f"http://{outside}/hostname") for _ in range(10))

    try:
        wait("ten answers in a row", steady, 60)
    finally:
        take_away(cloudy, service)


def serve(home: Home, policy: str) -> tuple[Kind, str]:
    """A service of one pod, and its address."""
    home.deploy("web", 1, "netexec", "--http-port=8080")
    service = home.apply(
        "Service",
        "web",
        spec={
            "type": "LoadBalancer",
            "selector": {"app": "web"},
            "externalTrafficPolicy": policy,
            "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        },
    )

    def address() -> str:
        ingress = home.get(service, "web")["status"].get("loadBalancer", {}).get("ingress")
        return str(ingress[0]["ip"]) if ingress else ""

    return service, wait("the service's address", address, 180)


def take_away(home: Home, service: Kind) -> None:
    """Deletes that service, and waits until its load balancer is gone too."""
    home.delete(service, "web")
    wait("the service to go", lambda: home.get(service, "web") is None, 180)


def ours(cloud: "Connection", namespace: str) -> list[Any]:
    """The load balancers of a namespace's services."""
    return [one for one in cloud.load_balancer.load_balancers() if f"_{namespace}_" in one.name]


def members(cloud: "Connection", home: Home) -> list[str]:
    """What Octavia knows of the members of a namespace's load balancers."""
    balancing = cloud.load_balancer
    return [
        f"{member.name} {member.address}:{member.protocol_port} {member.operating_status}"
        for one in ours(cloud, home.name)
        for pool in one.pools
        for member in balancing.members(pool["id"])
    ]
