#!/usr/bin/python3
"""Ansible module: the folder that Swift keeps objects in, and the rings that lead there.

Swift finds everything by its rings. These have one device, the folder. A ring that is there is left
alone: it may have got more devices since, and everything lies where it says.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: openstack_object_storage
short_description: A folder for objects, and Swift's rings
options:
  path:
    description: The folder.
    type: path
    required: true
  servers:
    description: By what a server keeps (account, container, object), the port that it listens on.
    type: dict
    required: true
"""

RINGS = Path("/etc/swift")
DEVICE = "local"
USER = "swift"
# Of 2 to this power parts a ring hands out its devices; it can never be changed.
PART_POWER = 10
MIN_PART_HOURS = 1
PROBE = "user.cumulo"


def lacks_attributes(folder: Path) -> bool:
    """Whether the file system keeps no attributes, in which Swift writes what an object is."""
    try:
        os.setxattr(folder, PROBE, b"1")
        os.removexattr(folder, PROBE)
    except OSError:
        return True
    return False


def is_ready(folder: Path) -> bool:
    """Whether the folder is there and Swift's."""
    return folder.is_dir() and folder.owner() == USER and folder.group() == USER


def make_folder(folder: Path) -> None:
    """Makes the folder, for Swift alone."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.chown(folder, USER, USER)
    folder.chmod(0o750)


def make_ring(name: str, port: int) -> None:
    """Makes a ring with one device; the ring itself goes last, for it tells that all is done."""
    from swift.common.ring import RingBuilder

    builder = RingBuilder(PART_POWER, 1, MIN_PART_HOURS)
    address: dict[str, Any] = {"ip": "127.0.0.1", "port": port}
    address |= {"replication_ip": "127.0.0.1", "replication_port": port}
    builder.add_dev(
        {"region": 1, "zone": 1, "device": DEVICE, "weight": 100.0, "meta": "", **address}
    )
    builder.rebalance()
    builder.save(str(RINGS / f"{name}.builder"))
    builder.get_ring().save(str(ring(name)))


def ring(name: str) -> Path:
    """A ring's file."""
    return RINGS / f"{name}.ring.gz"


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "servers": {"type": "dict", "required": True},
        },
        supports_check_mode=True,
    )
    folder = Path(module.params["path"]) / DEVICE
    made = [] if is_ready(folder) else [str(folder)]
    missing = [name for name in module.params["servers"] if not ring(name).exists()]
    if not module.check_mode:
        if made:
            make_folder(folder)
        if lacks_attributes(folder):
            module.fail_json(
                msg=f"openstack_object_storage_path: the file system of {module.params['path']} "
                "keeps no extended attributes: name a folder on ext4 or XFS"
            )
        for name in missing:
            make_ring(name, int(module.params["servers"][name]))
    made += [str(ring(name)) for name in missing]
    module.exit_json(changed=bool(made), made=made)


if __name__ == "__main__":
    main()
