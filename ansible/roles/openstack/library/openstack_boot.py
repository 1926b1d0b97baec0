#!/usr/bin/python3
"""Ansible module: rebuilds what the server boots from, if its settings are newer.

Compared by time, so that a run that was killed after writing the settings is made up for.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: openstack_boot
short_description: Rebuilds GRUB's menu and the initial RAM disk, if their settings are newer
options:
  settings:
    description: The files that they are built from.
    type: list
    elements: str
    required: true
"""


def rebuilds(settings: list[Path], boot: Path) -> list[list[str]]:
    """The commands that bring what is older than one of the settings up to date."""
    changed = max((file.stat().st_mtime for file in settings if file.exists()), default=0)
    commands = []
    menu = boot / "grub/grub.cfg"
    if menu.exists() and menu.stat().st_mtime < changed:
        commands.append(["update-grub"])
    if any(disk.stat().st_mtime < changed for disk in boot.glob("initrd.img-*")):
        commands.append(["update-initramfs", "-u", "-k", "all"])
    return commands


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={"settings": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    commands = rebuilds([Path(file) for file in module.params["settings"]], Path("/boot"))
    for command in [] if module.check_mode else commands:
        if shutil.which(command[0]) is None:
            module.fail_json(msg=f"{command[0]} is not installed: the settings cannot take effect")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            module.fail_json(msg=f"{command[0]}: {done.stderr.strip()}")
    if commands:
        module.warn("reboot the server: its GPUs are bound to vfio-pci at boot")
    module.exit_json(changed=bool(commands), commands=[" ".join(command) for command in commands])


if __name__ == "__main__":
    main()
