from typing import Any

import pytest
from cumulo.infra import ArgumentError, LoadBalancer, Network, SecurityGroup, ServerPool

from tests.fake_cloud import FakeCloud


def make(listener: dict[str, Any] | None = None, **change: Any) -> LoadBalancer:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    group = SecurityGroup("shut", {"rules": {}})
    pool = ServerPool(
        "web",
        {
            "count": 2,
            "image": "debian-13",
            "flavor": "m1.small",
            "network": network.handle,
            "security_groups": [group.handle],
        },
    )
    http = {"port": 80, "member_port": 8080, "members": pool.handle.servers, **(listener or {})}
    args: Any = {"network": network.handle, "listeners": {"http": http}, **change}
    return LoadBalancer("front", args)


def test_each_listener_has_a_pool_members_and_a_monitor(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(make)

    assert fake_cloud.inputs("front-balancer") == {
        "name": "front",
        "vipSubnetId": "lab-subnet-id",
        "loadbalancerProvider": "ovn",
    }
    listener = fake_cloud.inputs("front-http-listener")
    assert (listener["protocol"], listener["protocolPort"]) == ("TCP", 80)
    pool = fake_cloud.inputs("front-http-pool")
    assert (pool["listenerId"], pool["lbMethod"]) == ("front-http-listener-id", "SOURCE_IP_PORT")
    members = fake_cloud.of_type("Member")
    assert list(members) == ["front-http-member-web-0", "front-http-member-web-1"]
    for member in members.values():
        assert member["protocolPort"] == 8080
        assert member["subnetId"] == "lab-subnet-id"
    monitor = fake_cloud.inputs("front-http-monitor")
    assert (monitor["type"], monitor["delay"], monitor["timeout"]) == ("TCP", 5, 3)


@pytest.mark.parametrize("floating", [True, False])
def test_the_endpoint_is_where_clients_reach_it(fake_cloud: FakeCloud, floating: bool) -> None:
    seen: list[Any] = []

    def program() -> None:
        make(floating_ip=floating).handle.endpoints.apply(seen.append)

    fake_cloud.run(program)

    (endpoints,) = seen
    if floating:
        associate = fake_cloud.inputs("front-floating-ip-associate")
        assert associate["portId"] == "front-balancer-vip"
        assert endpoints == {"http": f"{associate['floatingIp']}:80"}
    else:
        assert endpoints == {"http": "192.168.60.99:80"}
        assert fake_cloud.of_type("FloatingIp") == {}


def test_udp_is_monitored_as_udp(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make({"protocol": "UDP"}))

    assert fake_cloud.inputs("front-http-pool")["protocol"] == "UDP"
    assert fake_cloud.inputs("front-http-monitor")["type"] == "UDP-CONNECT"


def test_another_octavia_provider_may_do_more(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make({"monitor": {"type": "HTTP"}}, loadbalancer_provider="amphora"))

    assert fake_cloud.inputs("front-http-pool")["lbMethod"] == "ROUND_ROBIN"
    assert fake_cloud.inputs("front-http-monitor")["urlPath"] == "/"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"port": 99999}, "listeners.http.port", "not a port"),
        ({"member_port": "web"}, "listeners.http.member_port", "not a port"),
        ({"protocol": "HTTP"}, "listeners.http.protocol", "not one of TCP, UDP"),
        ({"monitor": {"type": "HTTP"}}, "listeners.http.monitor.type", "not one of TCP"),
        ({"monitor": {"delay": 1}}, "listeners.http.monitor.delay", "from 3 up"),
        ({"monitor": {"every": 1}}, "listeners.http.monitor.every", "unknown field"),
        ({"member": []}, "listeners.http.member", "unknown field"),
    ],
)
def test_refuses_at_construction_and_names_the_listener(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: make(change))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert "front-balancer" not in fake_cloud.resources


def test_refuses_two_listeners_on_one_port(fake_cloud: FakeCloud) -> None:
    listeners = {key: {"port": 80, "members": []} for key in ("one", "two")}

    with pytest.raises(ArgumentError, match=r"80 is taken by listeners\.one"):
        fake_cloud.run(lambda: make(listeners=listeners))
