#!/usr/bin/python3
"""Ansible module: brings database schemas up to their packages' versions, in parallel.

Each schema takes seconds of one core just to find that nothing is to do, so what was done is noted
with the package's version; an upgraded package is synchronised again.
"""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_passwords import load

DOCUMENTATION = """
module: openstack_schemas
short_description: Synchronises database schemas
options:
  schemas:
    description: What to synchronise; all at once.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The service.
        type: str
        required: true
      package:
        description: The package whose version the schema follows.
        type: str
        required: true
      user:
        description: Who runs the commands.
        type: str
        required: true
      commands:
        description: What to run, in order.
        type: list
        elements: str
        required: true
"""

NOTES = Path("/var/lib/cumulo/openstack/schemas")


def version(package: str) -> str:
    """The installed version; nothing if it is not installed."""
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${Version}", package],
        capture_output=True,
        text=True,
        check=False,
    )
    return query.stdout if query.returncode == 0 else ""


def outdated(schema: dict[str, Any]) -> bool:
    """Whether the schema was never synchronised by the installed version."""
    try:
        noted = (NOTES / schema["name"]).read_text()
    except FileNotFoundError:
        return True
    return bool(noted != version(schema["package"]))


def synchronise(schema: dict[str, Any]) -> str:
    """Runs the commands and notes the version; returns what went wrong, if anything."""
    environment = os.environ | {"OS_BOOTSTRAP_PASSWORD": load()["admin"], "LC_ALL": "C.UTF-8"}
    for command in schema["commands"]:
        done = subprocess.run(
            ["setpriv", f"--reuid={schema['user']}", f"--regid={schema['user']}", "--init-groups",
             "sh", "-c", command],
            env=environment, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            return f"{schema['name']}: {command!r} failed:\n{said}"
    NOTES.mkdir(parents=True, exist_ok=True)
    (NOTES / schema["name"]).write_text(version(schema["package"]))
    return ""


def main() -> None:
    """Runs the module."""
    options = {
        "name": {"type": "str", "required": True},
        "package": {"type": "str", "required": True},
        "user": {"type": "str", "required": True},
        "commands": {"type": "list", "elements": "str", "required": True},
    }
    module = AnsibleModule(
        argument_spec={
            "schemas": {"type": "list", "elements": "dict", "required": True, "options": options}
        },
        supports_check_mode=True,
    )
    todo = [schema for schema in module.params["schemas"] if outdated(schema)]
    if todo and not module.check_mode:
        with ThreadPoolExecutor(len(todo)) as pool:
            errors = [error for error in pool.map(synchronise, todo) if error]
        if errors:
            module.fail_json(msg="\n".join(errors))
    module.exit_json(changed=bool(todo), synchronised=[schema["name"] for schema in todo])


if __name__ == "__main__":
    main()
