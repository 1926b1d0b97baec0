"""Runs the Ansible role that turns the server into an OpenStack."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cumulo.local import machine, playbook
from cumulo.local.addresses import Addresses

_UNLIMITED = -1
_GPUS = 4


@dataclass(frozen=True)
class Server:
    """How Ansible reaches the server.

    Attributes:
        address: Its address.
        key: The private key that opens its ssh; `known_hosts` lies beside it.
        directory: Where Ansible may keep files of its own.
    """

    address: str
    key: Path
    directory: Path

    def ssh(self) -> list[str]:
        """The options of ssh that lead to the server, and to no other."""
        options = {
            "UserKnownHostsFile": self.key.with_name("known_hosts"),
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "IdentitiesOnly": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "20",
            "LogLevel": "ERROR",
        }
        settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        return ["-F", "none", "-i", str(self.key), *settings]


def variables(addresses: Addresses, name_servers: list[str], image: str) -> dict[str, Any]:
    """What the role is told about the local cloud.

    Args:
        addresses: The networks.
        name_servers: What instances ask for names.
        image: The Debian image's path on the server.
    """
    first, last = addresses.pool
    return {
        "openstack_management_address": addresses.server,
        "openstack_provider_interface": "ex0",
        "openstack_provider_network": {
            "name": "public",
            "cidr": addresses.provider,
            "gateway": addresses.gateway,
            "pool_start": first,
            "pool_end": last,
            "physical_network": "external",
        },
        "openstack_dns_servers": name_servers,
        "openstack_region": "RegionOne",
        "openstack_service_workers": 1,
        "openstack_hypervisor": "nspawn",
        "openstack_gpus": [
            {"vendor": "10de", "product": "2335", "alias": "h200", "count": _GPUS},
        ],
        "openstack_images": [
            {
                "name": "debian-13",
                "path": image,
                # The hypervisor unpacks it; Glance has no name for tarballs.
                "disk_format": "raw",
                "properties": {"os_distro": "debian", "os_version": "13", "os_type": "linux"},
            },
        ],
        "openstack_flavors": [
            _flavor("m1.small", 1, 512, 10),
            _flavor("m1.medium", 2, 2048, 20),
            _flavor("gpu.h200.1", 2, 4096, 20, {"pci_passthrough:alias": "h200:1"}),
            _flavor("gpu.h200.2", 2, 8192, 20, {"pci_passthrough:alias": "h200:2"}),
        ],
        "openstack_quotas": {
            "compute": dict.fromkeys(("cores", "instances", "ram", "key_pairs"), _UNLIMITED),
            "network": dict.fromkeys(
                (
                    *("networks", "subnets", "ports", "routers", "floating_ips"),
                    *("security_groups", "security_group_rules"),
                ),
                _UNLIMITED,
            ),
        },
    }


def fingerprint(told: dict[str, Any]) -> str:
    """Names the role's files and what it is told: while it is the same, nothing is to do."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    root = playbook.directory()
    paths = [root / "ansible.cfg", *sorted(root.glob("openstack*.yml"))]
    for folder, names, entries in os.walk(root / "roles/openstack"):
        names[:] = sorted(name for name in names if name != "__pycache__")
        paths += [Path(folder, name) for name in sorted(entries)]
    for path in paths:
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def run(server: Server, told: dict[str, Any], log: Path) -> None:
    """Runs the role to its end, telling its tasks as they start.

    Raises:
        CumuloError: A task failed.
    """
    home = server.directory
    inventory = {
        "openstack": {
            "hosts": {
                machine.NAME: {
                    "ansible_host": server.address,
                    "ansible_user": "root",
                    "ansible_become": False,
                    "ansible_ssh_private_key_file": str(server.key),
                    "ansible_ssh_common_args": " ".join(server.ssh()[4:]),
                }
            }
        }
    }
    playbook.run(
        "openstack.yml",
        inventory,
        told,
        home,
        log,
        again="what was done is kept, so run `cumulo local up` again",
    )


def _flavor(
    name: str, vcpus: int, memory: int, disk: int, properties: dict[str, str] | None = None
) -> dict[str, Any]:
    return {
        "name": name,
        "vcpus": vcpus,
        "memory_mib": memory,
        "disk_gib": disk,
        "properties": properties or {},
    }
