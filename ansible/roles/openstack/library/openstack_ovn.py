#!/usr/bin/python3
"""Ansible module: Open vSwitch and OVN on the one server that is gateway and hypervisor at once."""

from __future__ import annotations

import json
import socket
import subprocess

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: openstack_ovn
short_description: The server's Open vSwitch settings and OVN's connections
options:
  address:
    description: The tunnel endpoint.
    type: str
    required: true
  interface:
    description: The interface of the provider network.
    type: str
    required: true
  physical_network:
    description: What Neutron calls the network behind it.
    type: str
    required: true
  datapath:
    description: C(system) for the kernel's, C(netdev) for the one in user space.
    type: str
    choices: [system, netdev]
    required: true
"""

BRIDGE = "br-ex"
CONNECTIONS = {
    "ovn-nbctl": "ptcp:6641:127.0.0.1",
    "ovn-sbctl": "ptcp:6642:127.0.0.1",
    "ovs-vsctl": "ptcp:6640:127.0.0.1",
}


def run(*command: str) -> str:
    """Runs a command; raises with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout.strip()


def pairs(record: str, column: str, table: str = "open") -> dict[str, str]:
    """A column of key-value pairs of the switch's database."""
    shown = run("ovs-vsctl", "--format=json", f"--columns={column}", "list", table, record)
    kind, entries = json.loads(shown)["data"][0][0]
    return dict(entries) if kind == "map" else {}


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "address": {"type": "str", "required": True},
            "interface": {"type": "str", "required": True},
            "physical_network": {"type": "str", "required": True},
            "datapath": {"type": "str", "required": True, "choices": ["system", "netdev"]},
        },
        supports_check_mode=True,
    )
    settings = module.params
    wanted = {
        "hostname": socket.gethostname(),
        "ovn-remote": "unix:/run/ovn/ovnsb_db.sock",
        "ovn-encap-type": "geneve",
        "ovn-encap-ip": settings["address"],
        "ovn-bridge-datapath-type": settings["datapath"],
        "ovn-bridge-mappings": f"{settings['physical_network']}:{BRIDGE}",
        "ovn-cms-options": "enable-chassis-as-gw",
        "ovn-monitor-all": "true",
    }
    try:
        present = pairs(".", "external_ids")
        commands: list[list[str]] = []
        if any(present.get(key) != value for key, value in wanted.items()):
            commands.append(
                ["ovs-vsctl", "set", "open", "."]
                + [f'external-ids:{key}="{value}"' for key, value in wanted.items()]
            )
        bridges = run("ovs-vsctl", "list-br").split()
        if (
            BRIDGE not in bridges
            or settings["interface"] not in run("ovs-vsctl", "list-ports", BRIDGE).split()
        ):
            commands.append(
                ["ovs-vsctl", "--may-exist", "add-br", BRIDGE,
                 "--", "set", "bridge", BRIDGE, f"datapath_type={settings['datapath']}",
                 "fail-mode=standalone",
                 "--", "--may-exist", "add-port", BRIDGE, settings["interface"]]
            )  # fmt: skip
        for tool, target in CONNECTIONS.items():
            kind = "manager" if tool == "ovs-vsctl" else "connection"
            # OVN puts the role before the target.
            if target not in run(tool, f"get-{kind}").split():
                commands.append([tool, f"set-{kind}", target])
        if commands and not module.check_mode:
            for command in commands:
                run(*command)
    except (RuntimeError, FileNotFoundError) as error:
        if module.check_mode:
            # A dry run on a server that has no Open vSwitch yet.
            module.exit_json(changed=True)
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(commands), commands=[" ".join(command) for command in commands])


if __name__ == "__main__":
    main()
