"""Data sources against a real cloud."""

from typing import TYPE_CHECKING

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import Entry, RefusedError, Stack

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

FLAVOR = "openstack:compute/getFlavor:getFlavor"
NETWORK = "openstack:networking/getNetwork:getNetwork"
SUBNET = "openstack:networking/getSubnet:getSubnet"
ZONES = "openstack:compute/getAvailabilityZones:getAvailabilityZones"


def test_flavor_by_name_id_and_size(stack: Stack) -> None:
    small = stack.invoke(FLAVOR, name="m1.small")
    assert (small["vcpus"], small["ram"]) == (1, 512)
    assert stack.invoke(FLAVOR, flavorId=small["id"])["name"] == "m1.small"
    assert stack.invoke(FLAVOR, name="m1.small", vcpus=1, ram=512)["id"] == small["id"]
    gpu = stack.invoke(FLAVOR, name="gpu.h200.1")
    assert gpu["extraSpecs"] == {"pci_passthrough:alias": "h200:1"}


def test_no_such_flavor_names_what_there_is(stack: Stack) -> None:
    with pytest.raises(ProviderError, match=r"no flavor with name='nope'; it has: .*m1\.small"):
        stack.invoke(FLAVOR, name="nope")


def test_too_many_flavors(stack: Stack) -> None:
    with pytest.raises(ProviderError, match=r"the cloud has \d+ flavors with minRam=1"):
        stack.invoke(FLAVOR, minRam=1)


def test_unknown_argument(stack: Stack) -> None:
    with pytest.raises(RefusedError, match=r"vcpu .*is 'vcpus' meant"):
        stack.invoke(FLAVOR, vcpu=1)


def test_network_and_subnet(
    stack: Stack, shared_network: tuple[Entry, Entry], external_network: str
) -> None:
    network, subnet = shared_network
    found = stack.invoke(NETWORK, name=network["name"])
    assert found["id"] == network.id
    assert found["subnets"] == [subnet.id]
    assert found["allTags"] == []
    by_cidr = stack.invoke(NETWORK, name=network["name"], matchingSubnetCidr="10.98.0.0/24")
    assert by_cidr["id"] == network.id
    assert stack.invoke(NETWORK, name=external_network, external=True)["external"]

    found = stack.invoke(SUBNET, networkId=network.id)
    assert (found["id"], found["cidr"]) == (subnet.id, "10.98.0.0/24")
    assert found["allocationPools"] == [{"start": "10.98.0.2", "end": "10.98.0.254"}]
    with pytest.raises(ProviderError, match=r"no subnet with name='nope'; it has: .*prov-"):
        stack.invoke(SUBNET, name="nope")


def test_availability_zones(stack: Stack, cloud: "Connection") -> None:
    expected = sorted(
        zone.name for zone in cloud.compute.availability_zones() if zone.state["available"]
    )
    assert stack.invoke(ZONES)["names"] == expected
