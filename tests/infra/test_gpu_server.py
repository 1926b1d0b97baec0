from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError, GpuServer, Network, SecurityGroup, gpu_flavor

from tests.fake_cloud import FakeCloud

FLAVORS = ["m1.small", "gpu.h200.1", "gpu.h200.2"]


def make(**gpu: Any) -> GpuServer:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    group = SecurityGroup("shut", {"rules": {}})
    args: Any = {
        "gpu": {"model": "h200", "count": 1, "flavors": FLAVORS, **gpu},
        "image": "debian-13",
        "network": network.handle,
        "security_groups": [group.handle],
    }
    return GpuServer("trainer", args)


@pytest.mark.parametrize(("count", "flavor"), [(1, "gpu.h200.1"), (2, "gpu.h200.2")])
def test_finds_the_flavor_by_model_and_count(
    fake_cloud: FakeCloud, count: int, flavor: str
) -> None:
    fake_cloud.run(lambda: make(count=count))

    instance = fake_cloud.inputs("trainer-server-instance")
    assert instance["flavorName"] == flavor
    assert instance["name"] == "trainer"


def test_a_flavor_with_other_gpus_besides_is_another_thing(fake_cloud: FakeCloud) -> None:
    fake_cloud.flavors["gpu.h200.1"] = {"pci_passthrough:alias": "h200:1,l40s:1"}

    with pytest.raises(ArgumentError, match=r"1 x h200 \+ 1 x l40s \(gpu\.h200\.1\)"):
        fake_cloud.run(make)


def test_the_list_of_what_there_is_says_all(fake_cloud: FakeCloud) -> None:
    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: make(count=4, flavors=[*FLAVORS, "gpu.h200.4"]))

    assert str(refused.value) == (
        "GpuServer 'trainer': gpu: no flavor has 4 x h200; "
        "of those in gpu.flavors the cloud has 1 x h200 (gpu.h200.1), 2 x h200 (gpu.h200.2); "
        "without GPUs: m1.small; not in the cloud: gpu.h200.4"
    )
    assert "trainer-server-instance" not in fake_cloud.resources


def test_a_cloud_without_gpus_is_told_as_one(fake_cloud: FakeCloud) -> None:
    with pytest.raises(ArgumentError, match="the cloud has none with GPUs"):
        fake_cloud.run(lambda: make(flavors=["m1.small"]))


def test_a_cloud_that_does_not_answer_is_not_one_without_gpus(fake_cloud: FakeCloud) -> None:
    def program() -> None:
        class Owner(pulumi.ComponentResource):
            def __init__(self) -> None:
                super().__init__("test:index:Owner", "owner")
                gpu: Any = {"model": "h200", "count": 1, "flavors": FLAVORS}
                self.register_outputs({"flavor": gpu_flavor(gpu, self)})

        Owner()

    fake_cloud.reachable = False

    with pytest.raises(ArgumentError, match=r"Owner 'owner': gpu\.flavors: .*connection refused"):
        fake_cloud.run(program)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"count": 0}, "gpu.count", "from 1 up"),
        ({"flavors": []}, "gpu.flavors", "at least one"),
        ({"flavors": "gpu.h200.1"}, "gpu.flavors", "a list"),
        ({"model": None}, "gpu.model", "required"),
        ({"memory": 80}, "gpu.memory", "unknown field"),
    ],
)
def test_refuses_at_construction_and_names_the_field(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: make(**change))

    assert refused.value.field == field
    assert words in refused.value.problem
    assert "trainer-server" not in fake_cloud.resources
