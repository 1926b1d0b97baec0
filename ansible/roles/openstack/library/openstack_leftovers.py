#!/usr/bin/python3
"""Ansible module: removes what OpenStack's packages leave: accounts, settings, data.

What the server had before the first installation stays; the note of it goes last, so that a run
that is killed is gone on with by the next one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_note import brought, forget, load, look

DOCUMENTATION = """
module: openstack_leftovers
short_description: Removes the accounts, settings and data that purged packages leave
options:
  paths:
    description: Files and folders that OpenStack keeps things in.
    type: list
    elements: str
    required: true
  if_empty:
    description: Folders that go only if nothing else is in them, the innermost first.
    type: list
    elements: str
    required: true
"""


def remove(path: Path) -> None:
    """Removes a file or a folder with all that is in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def run(module: AnsibleModule, *command: str) -> None:
    """Runs a command, or ends the module with what it said."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        module.fail_json(msg=f"{' '.join(command)} failed: {done.stderr.strip()}")


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            name: {"type": "list", "elements": "str", "required": True}
            for name in ("paths", "if_empty")
        },
        supports_check_mode=True,
    )
    note = load()
    if note is None:
        module.exit_json(changed=False)
    now, new = look(), brought(note)
    kept = set(note["paths"])
    paths = [path for path in module.params["paths"] if path not in kept and os.path.lexists(path)]
    users, groups = (
        [name for name in new.get(kind, ()) if name in now[kind]] for kind in ("users", "groups")
    )
    if not module.check_mode:
        for path in paths:
            remove(Path(path))
        for path in module.params["if_empty"]:
            if path not in kept:
                with contextlib.suppress(OSError):  # it is not there, or not empty
                    Path(path).rmdir()
        for name in users:
            # A user takes along a group of its name that is its own; it may have been there before.
            run(module, "usermod", "--gid=nogroup", name)
            run(module, "userdel", name)
        for name in groups:
            run(module, "groupdel", name)
        forget()
    module.exit_json(changed=True, paths=paths, users=users, groups=groups)


if __name__ == "__main__":
    main()
