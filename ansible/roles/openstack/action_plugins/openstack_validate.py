"""Ansible action: refuses settings that contradict each other, before the server is touched.

`meta/argument_specs.yml` checks each variable's type; what an address is, and whether two variables
fit together, it cannot say.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address, ip_network
from pathlib import PurePosixPath
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

PCI_ID = re.compile(r"[0-9a-f]{4}")
ALIAS = "pci_passthrough:alias"


def address_errors(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the addresses."""
    for name in ("openstack_management_address", "openstack_dns_servers"):
        values = settings[name] if isinstance(settings[name], list) else [settings[name]]
        for value in values:
            try:
                ip_address(value)
            except ValueError:
                yield f"{name}: {value!r} is not an IP address"


def network_errors(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the provider network."""
    name = "openstack_provider_network"
    network = settings[name]
    try:
        cidr = ip_network(network["cidr"])
    except ValueError as error:
        yield f"{name}.cidr: {error}"
        return
    if not isinstance(cidr, IPv4Network):
        yield f"{name}.cidr: {cidr} is not an IPv4 network"
        return
    addresses = {}
    for key in ("gateway", "pool_start", "pool_end"):
        try:
            addresses[key] = ip_address(network[key])
        except ValueError:
            yield f"{name}.{key}: {network[key]!r} is not an IP address"
            continue
        if addresses[key] not in cidr:
            yield f"{name}.{key}: {network[key]} is not in {cidr}"
    if len(addresses) < 3:
        return
    start, end = int(addresses["pool_start"]), int(addresses["pool_end"])
    if start > end:
        yield f"{name}.pool_start: {network['pool_start']} is after pool_end {network['pool_end']}"
    if start <= int(addresses["gateway"]) <= end:
        yield f"{name}.gateway: {network['gateway']} is in the pool that is given to instances"


def gpu_errors(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the GPUs, and with the flavors that ask for them."""
    aliases = set()
    for number, gpu in enumerate(settings["openstack_gpus"]):
        field = f"openstack_gpus[{number}]"
        aliases.add(gpu["alias"])
        for key in ("vendor", "product"):
            if not PCI_ID.fullmatch(str(gpu[key])):
                yield f"{field}.{key}: {gpu[key]!r} is not four hexadecimal digits, such as 10de"
        if settings["openstack_hypervisor"] == "nspawn" and int(gpu.get("count") or 0) < 1:
            yield f"{field}.count: with openstack_hypervisor=nspawn it says how many to advertise"
    for number, flavor in enumerate(settings["openstack_flavors"]):
        asked = str(flavor.get("properties", {}).get(ALIAS, ""))
        for alias in filter(None, asked.split(",")):
            if alias.split(":")[0] not in aliases:
                known = ", ".join(sorted(aliases)) or "none"
                yield (
                    f"openstack_flavors[{number}].properties: no GPU in openstack_gpus has the "
                    f"alias {alias.split(':')[0]!r} (there is {known})"
                )


def name_errors(settings: dict[str, Any]) -> Iterator[str]:
    """Names that are there twice."""
    for variable in ("openstack_images", "openstack_flavors"):
        names = Counter(item["name"] for item in settings[variable])
        for name, count in names.items():
            if count > 1:
                yield f"{variable}: the name {name!r} is there {count} times"


def size_errors(settings: dict[str, Any]) -> Iterator[str]:
    """Numbers that make no sense."""
    if int(settings["openstack_service_workers"]) < 1:
        yield "openstack_service_workers: there must be at least one"
    for number, flavor in enumerate(settings["openstack_flavors"]):
        for key in ("vcpus", "memory_mib"):
            if int(flavor[key]) < 1:
                yield f"openstack_flavors[{number}].{key}: {flavor[key]} is less than 1"


def path_errors(settings: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the folder of objects."""
    name = "openstack_object_storage_path"
    path = PurePosixPath(settings[name])
    if not path.is_absolute() or path == PurePosixPath("/"):
        yield f"{name}: {settings[name]!r} is not a folder such as /srv/objects"


def errors(settings: dict[str, Any]) -> list[str]:
    """All that is wrong, one line each, which starts with the variable's name."""
    checks = (address_errors, network_errors, gpu_errors, name_errors, path_errors, size_errors)
    return [error for check in checks for error in check(settings)]


class ActionModule(ActionBase):
    """Runs the checks on the variables of the play."""

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Fails with everything that is wrong at once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        if wrong := errors(self._task.args):
            raise AnsibleActionFail("\n".join(wrong))
        return result | {"changed": False}
