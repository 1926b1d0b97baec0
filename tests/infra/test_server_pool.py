from typing import Any

import pytest
from cumulo.infra import ArgumentError, Network, SecurityGroup, ServerPool

from tests.fake_cloud import FakeCloud


def make(**change: Any) -> ServerPool:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    group = SecurityGroup("shut", {"rules": {}})
    args: Any = {
        "count": 3,
        "image": "debian-13",
        "flavor": "m1.small",
        "network": network.handle,
        "security_groups": [group.handle],
        **change,
    }
    return ServerPool("web", args)


def test_makes_servers_that_are_all_alike(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(make)

    instances = fake_cloud.of_type("Instance")
    assert list(instances) == ["web-0-instance", "web-1-instance", "web-2-instance"]
    assert [instance.pop("name") for instance in instances.values()] == ["web-0", "web-1", "web-2"]
    assert [instance.pop("networks") for instance in instances.values()] == [
        [{"port": f"web-{index}-port-id"}] for index in range(3)
    ]
    first, second, third = instances.values()
    assert first == second == third


@pytest.mark.parametrize("policy", ["anti-affinity", "soft-anti-affinity"])
def test_spreads_them_over_hosts(fake_cloud: FakeCloud, policy: str) -> None:
    fake_cloud.run(lambda: make(policy=policy))

    assert fake_cloud.inputs("web-server-group")["policies"] == policy
    for instance in fake_cloud.of_type("Instance").values():
        assert instance["schedulerHints"] == [{"group": "web-server-group-id"}]


def test_one_server_more_changes_none_of_the_others(fake_cloud: FakeCloud) -> None:
    larger = FakeCloud()

    fake_cloud.run(lambda: make(count=2))
    larger.run(lambda: make(count=3))

    before = {name: args.inputs for name, args in fake_cloud.resources.items()}
    after = {name: args.inputs for name, args in larger.resources.items()}
    kinds = ["web-2-port", "web-2-instance"]
    assert sorted(after.keys() - before.keys()) == sorted(kinds)
    addresses = {"allFixedIps"}
    for name, inputs in before.items():
        assert {k: v for k, v in after[name].items() if k not in addresses} == inputs


def test_an_empty_pool_is_a_pool(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make(count=0))

    assert fake_cloud.of_type("Instance") == {}


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"count": -1}, "count", "not a whole number from 0 up"),
        ({"count": "3"}, "count", "not a whole number"),
        ({"at_once": 0}, "at_once", "not a whole number from 1 up"),
        ({"policy": "affinity"}, "policy", "not one of anti-affinity"),
        ({"server_group": "mine"}, "server_group", "see policy"),
        ({"security_groups": []}, "security_groups", "at least one is needed"),
        ({"hostname": "web"}, "hostname", "unknown field"),
    ],
)
def test_refuses_at_construction_and_names_the_field(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: make(**change))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert fake_cloud.of_type("Instance") == {}
