"""A stack per test, and one network for all of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.providers.driver import Entry, Stack

if TYPE_CHECKING:
    from openstack.connection import Connection

NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"


@pytest.fixture
def stack(cloud_name: str) -> Iterator[Stack]:
    """An empty stack; what a test leaves in it is destroyed."""
    made = Stack(cloud_name)
    yield made
    made.rerun()
    made.destroy()


@pytest.fixture(scope="session")
def shared_network(cloud_name: str) -> Iterator[tuple[Entry, Entry]]:
    """A network and its subnet."""
    stack = Stack(cloud_name)
    network = stack.create(NETWORK, "prov-shared")
    subnet = stack.create(SUBNET, "prov-shared", networkId=network.id, cidr="10.98.0.0/24")
    yield network, subnet
    stack.rerun()
    stack.destroy()


@pytest.fixture(scope="session")
def external_network(cloud: "Connection") -> str:
    """The name of the network that floating IPs come from."""
    return str(next(cloud.network.networks(is_router_external=True)).name)
