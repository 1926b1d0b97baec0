from collections.abc import Callable
from pathlib import Path
from typing import Any

import openstack_validate
import pytest

GPU = {"vendor": "10de", "product": "2335", "alias": "h200", "count": 2}
FLAVOR: dict[str, Any] = {"name": "m1", "vcpus": 1, "memory_mib": 512, "disk_gib": 1}


@pytest.fixture
def errors(settings: dict[str, Any]) -> Callable[..., list[str]]:
    defaults: dict[str, Any] = {
        "openstack_hypervisor": "nspawn",
        "openstack_service_workers": 1,
        "openstack_object_storage_path": "/var/lib/swift/storage",
        "openstack_gpus": [],
        "openstack_images": [],
        "openstack_flavors": [],
    }

    def check(**changes: Any) -> list[str]:
        merged = settings | defaults | changes
        merged["openstack_provider_network"] = settings["openstack_provider_network"] | merged.pop(
            "network", {}
        )
        wrong: list[str] = openstack_validate.errors(merged)
        return wrong

    return check


def test_good_settings_pass(errors: Callable[..., list[str]]) -> None:
    flavor = FLAVOR | {"properties": {"pci_passthrough:alias": "h200:1"}}

    assert errors(openstack_gpus=[GPU], openstack_flavors=[flavor]) == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        (
            {"openstack_management_address": "10.0.0"},
            "openstack_management_address: '10.0.0' is not an IP address",
        ),
        (
            {"openstack_dns_servers": ["192.0.2.1", "dns"]},
            "openstack_dns_servers: 'dns' is not an IP address",
        ),
        (
            {"openstack_object_storage_path": "objects"},
            "openstack_object_storage_path: 'objects' is not a folder such as /srv/objects",
        ),
        (
            {"network": {"cidr": "198.51.100.1/24"}},
            "openstack_provider_network.cidr: 198.51.100.1/24 has host bits set",
        ),
        (
            {"network": {"cidr": "fd00::/64"}},
            "openstack_provider_network.cidr: fd00::/64 is not an IPv4 network",
        ),
        (
            {"network": {"pool_end": "198.51.101.9"}},
            "openstack_provider_network.pool_end: 198.51.101.9 is not in 198.51.100.0/24",
        ),
        (
            {"network": {"pool_start": "198.51.100.9", "pool_end": "198.51.100.8"}},
            "openstack_provider_network.pool_start: 198.51.100.9 is after pool_end 198.51.100.8",
        ),
        (
            {"network": {"gateway": "198.51.100.30"}},
            (
                "openstack_provider_network.gateway: 198.51.100.30 is in the pool that is given to "
                "instances"
            ),
        ),
        (
            {"openstack_gpus": [GPU | {"vendor": "nvidia"}]},
            "openstack_gpus[0].vendor: 'nvidia' is not four hexadecimal digits, such as 10de",
        ),
        (
            {"openstack_gpus": [GPU | {"count": None}]},
            (
                "openstack_gpus[0].count: with openstack_hypervisor=nspawn it says how many to "
                "advertise"
            ),
        ),
        (
            {
                "openstack_gpus": [GPU],
                "openstack_flavors": [FLAVOR | {"properties": {"pci_passthrough:alias": "h100:1"}}],
            },
            (
                "openstack_flavors[0].properties: no GPU in openstack_gpus has the alias "
                "'h100' (there "
                "is h200)"
            ),
        ),
        (
            {"openstack_flavors": [FLAVOR, FLAVOR]},
            "openstack_flavors: the name 'm1' is there 2 times",
        ),
        (
            {"openstack_flavors": [FLAVOR | {"vcpus": 0}]},
            "openstack_flavors[0].vcpus: 0 is less than 1",
        ),
        (
            {"openstack_service_workers": 0},
            "openstack_service_workers: there must be at least one",
        ),
    ],
)
def test_bad_settings_are_named(
    errors: Callable[..., list[str]], changes: dict[str, Any], error: str
) -> None:
    assert errors(**changes) == [error]


def test_every_mistake_is_told_at_once(errors: Callable[..., list[str]]) -> None:
    assert len(errors(openstack_service_workers=0, openstack_dns_servers=["dns"])) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"openstack_hypervisor": "xen"}, "openstack_hypervisor must be one of: kvm, qemu, nspawn"),
        ({"openstack_service_workers": "many"}, "'openstack_service_workers'"),
        ({"openstack_provider_network": {"cidr": "198.51.100.0/24"}}, "gateway"),
        ({"openstack_gpus": [{"vendor": "10de", "product": "2335"}]}, "alias"),
        ({"openstack_flavors": [{"name": "m1", "ram": 512}]}, "openstack_flavors.ram"),
        ({"openstack_images": [{"name": "x", "path": "/x", "disk_format": "vdi"}]}, "disk_format"),
        ({"openstack_management_address": "10.0.0"}, "openstack_management_address: '10.0.0'"),
    ],
)
def test_the_role_refuses_bad_settings_before_it_does_anything(
    play: Callable[..., str],
    playbooks: Path,
    settings: dict[str, Any],
    changes: dict[str, Any],
    said: str,
) -> None:
    output = play(playbooks / "openstack.yml", settings=settings | changes)

    assert said in output
    assert "failed=1" in output
    assert "changed=0" in output
    assert "Install OpenStack" not in output


def test_a_missing_setting_is_named(
    play: Callable[..., str], playbooks: Path, settings: dict[str, Any]
) -> None:
    del settings["openstack_dns_servers"]

    assert "openstack_dns_servers" in play(playbooks / "openstack.yml", settings=settings)
