from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError, Network, SecurityGroup, Server

from tests.fake_cloud import FakeCloud


def make(**change: Any) -> Server:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    group = SecurityGroup("shut", {"rules": {}})
    args: Any = {
        "image": "debian-13",
        "flavor": "m1.small",
        "network": network.handle,
        "security_groups": [group.handle],
        **change,
    }
    return Server("web", args)


def test_makes_a_port_and_an_instance_on_it(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make(user_data="#cloud-config", key_pair="mine"))

    port = fake_cloud.inputs("web-port")
    assert port["fixedIps"] == [{"subnetId": "lab-subnet-id"}]
    assert port["securityGroupIds"] == ["shut-security-group-id"]
    assert fake_cloud.inputs("web-instance") == {
        "name": "web",
        "imageName": "debian-13",
        "flavorName": "m1.small",
        "networks": [{"port": "web-port-id"}],
        "userData": "#cloud-config",
        "keyPair": "mine",
        "configDrive": True,
    }
    assert fake_cloud.of_type("FloatingIp") == {}


def test_has_a_floating_ip_when_asked(fake_cloud: FakeCloud) -> None:
    seen: list[Any] = []

    def program() -> None:
        make(floating_ip=True).handle.floating_address.apply(seen.append)

    fake_cloud.run(program)

    assert fake_cloud.inputs("web-floating-ip") == {"pool": "public"}
    assert fake_cloud.inputs("web-floating-ip-associate")["portId"] == "web-port-id"
    assert seen == [fake_cloud.inputs("web-floating-ip-associate")["floatingIp"]]


def test_the_handle_tells_the_private_address(fake_cloud: FakeCloud) -> None:
    seen: list[Any] = []

    def program() -> None:
        handle = make().handle
        pulumi.Output.all(handle.id, handle.port_id, handle.address, handle.floating_address).apply(
            seen.append
        )

    fake_cloud.run(program)

    ((instance, port, address, floating),) = seen
    assert (instance, port, floating) == ("web-instance-id", "web-port-id", None)
    assert address.startswith("192.168.60.")


def test_joins_a_server_group(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: make(server_group="spread"))

    assert fake_cloud.inputs("web-instance")["schedulerHints"] == [{"group": "spread"}]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"image": "plan-9"}, "image", "the cloud has no image 'plan-9'"),
        ({"flavor": "m9.huge"}, "flavor", "the cloud has no flavor 'm9.huge'"),
        ({"security_groups": []}, "security_groups", "at least one is needed"),
        ({"network": None}, "network", "required"),
        ({"flavour": "m1.small"}, "flavour", "unknown field"),
    ],
)
def test_refuses_and_names_the_field(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError, match="Server 'web'") as refused:
        fake_cloud.run(lambda: make(**change))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert "web-instance" not in fake_cloud.resources


@pytest.mark.parametrize(
    "answer",
    [
        "the cloud has no flavor with name='m9.huge'; it has: m1.small",
        "no flavor with name 'm9.huge'; it has: m1.small",
    ],
)
def test_what_the_cloud_has_instead_is_passed_on(fake_cloud: FakeCloud, answer: str) -> None:
    fake_cloud.empty_answer = answer

    with pytest.raises(ArgumentError, match=r"no flavor 'm9\.huge'; it has: m1\.small$"):
        fake_cloud.run(lambda: make(flavor="m9.huge"))
