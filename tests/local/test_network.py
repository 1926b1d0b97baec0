import pytest
from cumulo.local import network
from cumulo.local.addresses import Addresses

OURS = Addresses("10.231")


@pytest.mark.parametrize(
    ("destination", "device", "conflict"),
    [
        ("10.231.0.0/24", "eth0", True),
        ("10.231.0.0/16", "tun0", True),
        ("10.231.1.77", "eth0", True),
        ("10.231.0.0/24", network.MANAGEMENT, False),
        ("10.231.2.0/24", "eth0", False),
        ("10.0.0.0/8", "vpn0", False),
        ("default", "eth0", False),
    ],
)
def test_a_foreign_route_into_our_networks_is_a_conflict(
    destination: str, device: str, conflict: bool
) -> None:
    found = network.overlapping(OURS, [{"dst": destination, "dev": device}])
    assert (found is not None) == conflict
    if found:
        assert device in found
