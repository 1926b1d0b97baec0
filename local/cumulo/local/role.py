"""Runs the Ansible role that turns the server into an OpenStack."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from cumulo.local import files, machine, progress
from cumulo.local.addresses import Addresses
from cumulo.local.errors import CumuloError

_UNLIMITED = -1
_GPUS = 2
_TASK = re.compile(r"^TASK \[(?:\S+ : )?(?P<name>.*?)\] \*")
_FAILED = re.compile(r"^fatal: \[[^\]]*\]: (?P<why>.*)$", re.MULTILINE)


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


def directory() -> Path:
    """The playbooks: beside this package where it is installed, else in the checkout."""
    installed = Path(__file__).parent / "ansible"
    checkout = Path(__file__).parents[3] / "ansible"
    for place in (installed, checkout):
        if (place / "openstack.yml").is_file():
            return place
    raise CumuloError(f"the playbooks are missing: {checkout}/openstack.yml")


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
    root = directory()
    for folder, names, entries in os.walk(root):
        names[:] = sorted(name for name in names if name != "__pycache__")
        for name in sorted(entries):
            path = Path(folder, name)
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
    files.write(home / "inventory.json", json.dumps(inventory))
    files.write(home / "variables.json", json.dumps(told))
    environment = {
        "ANSIBLE_CONFIG": str(directory() / "ansible.cfg"),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOWS": "1",
        # No longer than that does a connection outlive the run.
        "ANSIBLE_SSH_ARGS": "-F none -o ControlMaster=auto -o ControlPersist=10s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home / "cp"),
        "ANSIBLE_SSH_RETRIES": "3",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        *(_ansible_playbook(), "--inventory", str(home / "inventory.json")),
        *("--extra-vars", f"@{home / 'variables.json'}", str(directory() / "openstack.yml")),
    ]
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    with (
        log.open("w") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **environment},
        ) as process,
    ):
        try:
            task = _follow(process, written)
        except BaseException:
            # Ansible has a session of its own, which an interrupt of ours does not reach.
            process.kill()
            raise
    if process.returncode:
        raise CumuloError(
            f"the OpenStack role failed in the task {task!r}: {_reason(log)}",
            f"all of it is in {log}; what was done is kept, so run `cumulo local up` again",
        )


def _follow(process: "subprocess.Popen[str]", log: TextIO) -> str:
    """Writes down what Ansible says, tells its tasks, and returns the last one."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    task = ""
    for line in process.stdout:
        log.write(f"{time.strftime('%H:%M:%S')} {line}")
        log.flush()
        if match := _TASK.match(line):
            task = match["name"]
            progress.say(f"  {task}")
    return task


def _reason(log: Path) -> str:
    text = re.sub(r"^\d\d:\d\d:\d\d ", "", log.read_text(errors="replace"), flags=re.MULTILINE)
    match = _FAILED.search(text)
    if not match:
        return "\n  ".join(text.strip().splitlines()[-10:])
    try:
        result = json.loads(match["why"].partition("=> ")[2])
        said = str(result.get("stderr") or result.get("msg") or result)
    except ValueError:
        said = match["why"]
    return "\n  ".join(said.strip().splitlines()[-15:])


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


def _ansible_playbook() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        raise CumuloError("ansible-playbook is missing", "install cumulo with its extra `local`")
    return found
