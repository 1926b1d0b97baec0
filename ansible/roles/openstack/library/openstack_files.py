#!/usr/bin/python3
"""Ansible module: writes all configuration files in one call, with the server's own passwords.

A template task costs half a second a file; there are forty. And what `ansible.builtin.template`
writes must be known to the machine that runs Ansible, which the passwords are not.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_passwords import fill, load

DOCUMENTATION = """
module: openstack_files
short_description: Writes files, with passwords that only the server knows
options:
  files:
    description: The files.
    type: list
    elements: dict
    required: true
    suboptions:
      path:
        description: Where.
        type: str
        required: true
      content:
        description: The text, in which C(%%password:NAME%%) stands for a password. None removes it.
        type: str
      group:
        description: The group that may read it; the owner is always root.
        type: str
        default: root
      mode:
        description: Its permissions, in octal.
        type: str
        default: "0644"
"""


def differs(path: Path, text: str, mode: int, group: str) -> bool:
    """Whether the file is not as it should be."""
    try:
        status = path.lstat()
        return (
            not stat.S_ISREG(status.st_mode)
            or stat.S_IMODE(status.st_mode) != mode
            or path.owner() != "root"
            or path.group() != group
            or path.read_text() != text
        )
    except (FileNotFoundError, KeyError, UnicodeDecodeError):
        return True


def write(path: Path, text: str, mode: int, group: str) -> None:
    """Replaces the file in one step, so that no reader ever sees half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    shutil.chown(new, "root", group)
    new.chmod(mode)
    new.rename(path)


def apply(file: dict[str, Any], passwords: dict[str, str] | None, *, check: bool) -> bool:
    """Makes one file as described, and says whether it was not."""
    path, mode = Path(file["path"]), int(file["mode"], 8)
    if file["content"] is None:
        there = path.exists()
        if there and not check:
            path.unlink()
        return there
    if passwords is None:
        # A dry run on a bare server: the passwords are yet to be generated.
        return True
    text = fill(file["content"], passwords)
    if not differs(path, text, mode, file["group"]):
        return False
    if not check:
        write(path, text, mode, file["group"])
    return True


def main() -> None:
    """Runs the module."""
    options = {
        "path": {"type": "str", "required": True},
        "content": {"type": "str"},
        "group": {"type": "str", "default": "root"},
        "mode": {"type": "str", "default": "0644"},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {"type": "list", "elements": "dict", "required": True, "options": options}
        },
        supports_check_mode=True,
    )
    passwords: dict[str, str] | None = load()
    if not passwords and module.check_mode:
        passwords = None
    written = [
        file["path"]
        for file in module.params["files"]
        if apply(file, passwords, check=module.check_mode)
    ]
    module.exit_json(changed=bool(written), written=written)


if __name__ == "__main__":
    main()
