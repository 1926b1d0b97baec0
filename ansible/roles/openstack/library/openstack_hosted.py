#!/usr/bin/python3
"""Ansible module: ends what OpenStack made on the server: instances, switches, mounts.

None of it belongs to a package, so removing the packages would leave it running.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_note import FILE, brought, load
from ansible.module_utils.openstack_passwords import FILE as PASSWORDS

DOCUMENTATION = """
module: openstack_hosted
short_description: Ends instances and services, and removes bridges, namespaces and mounts
options:
  units:
    description: The services, which are stopped first so that they make nothing anew.
    type: list
    elements: str
    required: true
  switches:
    description: Open vSwitch's services, which are stopped last.
    type: list
    elements: str
    required: true
  bridges:
    description: Open vSwitch's bridges.
    type: list
    elements: str
    required: true
"""

CGROUPS = Path("/run/cgv1")
INSTANCES = "/var/lib/nova/instances/"


def output(*command: str) -> list[str]:
    """The lines that a command prints; none if it fails or is not installed."""
    if shutil.which(command[0]) is None:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.stdout.splitlines() if done.returncode == 0 else []


def running(patterns: list[str]) -> list[list[str]]:
    """How to stop the units that run and match."""
    listed = output(
        "systemctl", "list-units", "--plain", "--no-legend",
        "--state=active,activating,reloading,failed", *patterns,
    )  # fmt: skip
    units = [line.split()[0] for line in listed]
    if not units:
        return []
    return [["systemctl", "stop", *units], ["systemctl", "reset-failed", *units]]


def enabled(patterns: list[str]) -> list[list[str]]:
    """How to keep the services from starting at boot."""
    listed = output("systemctl", "list-unit-files", "--no-legend", "--state=enabled", *patterns)
    return [["systemctl", "disable", line.split()[0]] for line in listed]


def domains() -> list[list[str]]:
    """How to remove libvirt's virtual machines of Nova's."""
    names = [name for name in output("virsh", "list", "--all", "--name") if name]
    return [
        command
        for name in names
        if name.startswith("instance-")
        for command in (["virsh", "destroy", name], ["virsh", "undefine", "--nvram", name])
    ]


def bridges(names: list[str]) -> list[list[str]]:
    """How to remove the bridges, while Open vSwitch still runs."""
    there = set(output("ovs-vsctl", "--timeout=10", "list-br"))
    return [["ovs-vsctl", "--timeout=20", "del-br", name] for name in names if name in there]


def namespaces() -> list[list[str]]:
    """How to remove the network namespaces of instances and of the metadata agent."""
    names = [line.split()[0] for line in output("ip", "netns", "list")]
    return [
        ["ip", "netns", "delete", name] for name in names if name.startswith(("nova-", "ovnmeta-"))
    ]


def links(switched: bool) -> list[list[str]]:
    """How to remove the instances' interfaces that are left on the host."""
    names = [path.name for path in Path("/sys/class/net").iterdir()]
    # Instances' taps bear the beginning of their ports' ids. A switch's own interfaces in user
    # space outlive it.
    ours = re.compile("tap[0-9a-f]{8}-" + ("|br-int|br-ex|ovs-netdev" if switched else ""))
    return [["ip", "link", "delete", name] for name in names if ours.match(name)]


def mounts() -> list[list[str]]:
    """How to unmount the instances' file systems and the cgroup trees, the innermost first."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    ours = [point for point in points if point.startswith((INSTANCES, f"{CGROUPS}/"))]
    return [["umount", point] for point in reversed(ours)]


def groups() -> list[list[str]]:
    """How to remove the instances' groups in the legacy cgroup trees."""
    return [
        ["rmdir", folder]
        for top in CGROUPS.glob("*/nova-*")
        for folder, _, _ in os.walk(top, topdown=False)
    ]


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "str", "required": True},
            "switches": {"type": "list", "elements": "str", "required": True},
            "bridges": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    settings = module.params
    note = load()
    if note is None:
        if PASSWORDS.exists():
            module.fail_json(
                msg=f"{FILE} is missing, so what the server had before OpenStack is "
                "not known: remove OpenStack by hand, or install the server anew"
            )
        module.exit_json(changed=False, commands=[])
    # A switch that was there before has other work as well.
    switched = "openvswitch-switch" in brought(note).get("packages", [])
    switches = [f"{unit}.service" for unit in settings["switches"] if switched]
    units = [unit if "." in unit else f"{unit}.service" for unit in settings["units"]]
    steps: tuple[Callable[[], list[list[str]]], ...] = (
        lambda: enabled(units),
        lambda: running(units),
        # Instances' units bear their ids.
        lambda: running(["nova-*-*-*-*-*.service"]),
        domains,
        lambda: bridges(settings["bridges"]),
        lambda: running(switches) if switches else [],
        namespaces,
        lambda: links(switched),
        groups,
        mounts,
    )
    done: list[str] = []
    for step in steps:
        for command in step():
            done.append(" ".join(command))
            if not module.check_mode:
                subprocess.run(command, capture_output=True, check=False, timeout=300)
    module.exit_json(changed=bool(done), commands=done)


if __name__ == "__main__":
    main()
