from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError, Network, NetworkArgs

from tests.fake_cloud import FakeCloud

ARGS: NetworkArgs = {"cidr": "192.168.60.0/24", "external_network": "public"}


def test_makes_a_subnet_and_a_way_out(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: Network("lab", {**ARGS, "dns_nameservers": ["192.0.2.53"]}))

    assert fake_cloud.inputs("lab-network") == {"name": "lab"}
    subnet = fake_cloud.inputs("lab-subnet")
    assert subnet["cidr"] == "192.168.60.0/24"
    assert subnet["ipVersion"] == 4
    assert subnet["networkId"] == "lab-network-id"
    assert subnet["dnsNameservers"] == ["192.0.2.53"]
    assert fake_cloud.inputs("lab-router")["externalNetworkId"] == "public-id"
    assert fake_cloud.inputs("lab-router-interface") == {
        "routerId": "lab-router-id",
        "subnetId": "lab-subnet-id",
    }


def test_the_handle_holds_what_others_need(fake_cloud: FakeCloud) -> None:
    seen: list[Any] = []

    def program() -> None:
        handle = Network("lab", ARGS).handle
        pulumi.Output.all(**handle.outputs()).apply(seen.append)
        assert [need._name for need in handle.needs] == ["lab-router-interface"]

    fake_cloud.run(program)

    assert seen == [
        {
            "network_id": "lab-network-id",
            "subnet_id": "lab-subnet-id",
            "router_id": "lab-router-id",
            "cidr": "192.168.60.0/24",
            "external_network": "public",
        }
    ]


def test_an_ipv6_range_makes_an_ipv6_subnet(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: Network("lab", {**ARGS, "cidr": "fd00:1::/64"}))

    assert fake_cloud.inputs("lab-subnet")["ipVersion"] == 6


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"cidr": "192.168.60.1/24"}, "cidr", "the range is 192.168.60.0/24"),
        ({"cidr": "here"}, "cidr", "not a range of addresses"),
        ({"cidr": "192.168.60.0/30"}, "cidr", "too few addresses"),
        ({"cidr": 60}, "cidr", "not text"),
        ({"cidr": None}, "cidr", "required"),
        ({"cidrs": "192.168.60.0/24"}, "cidrs", "unknown field; allowed: apart_from, cidr"),
        ({"apart_from": ["192.168.0.0/16"]}, "cidr", "overlaps 192.168.0.0/16"),
        ({"apart_from": ["everything"]}, "apart_from", "not a range of addresses"),
    ],
)
def test_refuses_at_construction_and_names_the_field(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    args: Any = {**ARGS, **change}

    with pytest.raises(ArgumentError, match="Network 'lab'") as refused:
        fake_cloud.run(lambda: Network("lab", args))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert fake_cloud.resources == {}


def test_refuses_to_overlap_another_network(fake_cloud: FakeCloud) -> None:
    def program() -> None:
        first = Network("first", ARGS)
        Network("second", {**ARGS, "cidr": "192.168.0.0/16", "apart_from": [first.handle]})

    with pytest.raises(ArgumentError, match=r"overlaps 192\.168\.60\.0/24 of network 'first'"):
        fake_cloud.run(program)


def test_refuses_to_overlap_the_external_network(fake_cloud: FakeCloud) -> None:
    with pytest.raises(ArgumentError, match=r"cidr: 203\.0\.112\.0/22 overlaps 203\.0\.113\.0/24"):
        fake_cloud.run(lambda: Network("lab", {**ARGS, "cidr": "203.0.112.0/22"}))


def test_a_cloud_that_hides_its_external_subnets_is_no_obstacle(fake_cloud: FakeCloud) -> None:
    fake_cloud.hides_external_subnets = True

    fake_cloud.run(lambda: Network("lab", ARGS))

    assert fake_cloud.inputs("lab-router")["externalNetworkId"] == "public-id"


def test_an_unknown_external_network_is_named(fake_cloud: FakeCloud) -> None:
    with pytest.raises(ArgumentError, match="no external network 'outside'"):
        fake_cloud.run(lambda: Network("lab", {**ARGS, "external_network": "outside"}))


def test_a_cloud_that_does_not_answer_is_told_from_one_that_has_nothing(
    fake_cloud: FakeCloud,
) -> None:
    fake_cloud.reachable = False

    with pytest.raises(
        ArgumentError, match=r"could not be asked about 'public': connection refused"
    ):
        fake_cloud.run(lambda: Network("lab", ARGS))


def test_another_stack_gets_the_same_handle(fake_cloud: FakeCloud) -> None:
    from cumulo.infra import NetworkHandle, Server

    exported = {
        "network_id": "n",
        "subnet_id": "s",
        "router_id": "r",
        "cidr": "10.0.0.0/8",
        "external_network": "public",
    }

    class OtherStack(type(fake_cloud)):  # type: ignore[misc]
        def new_resource(self, args: Any) -> tuple[str | None, dict[str, Any]]:
            if args.typ == "pulumi:pulumi:StackReference":
                return args.name, {"outputs": {"lab": exported}}
            result: tuple[str | None, dict[str, Any]] = super().new_resource(args)
            return result

    other = OtherStack()

    def program() -> None:
        from cumulo.infra import SecurityGroup

        network = NetworkHandle.from_stack(pulumi.StackReference("organization/base/test"), "lab")
        group = SecurityGroup("none", {"rules": {}})
        Server(
            "web",
            {
                "image": "debian-13",
                "flavor": "m1.small",
                "network": network,
                "security_groups": [group.handle],
            },
        )

    other.run(program)

    assert other.inputs("web-port")["networkId"] == "n"
    assert other.inputs("web-port")["fixedIps"] == [{"subnetId": "s"}]
