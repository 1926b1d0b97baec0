#!/usr/bin/python3
"""Ansible module: generates, once, the passwords of the server's services."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_passwords import generate, load, save

DOCUMENTATION = """
module: openstack_passwords
short_description: Generates the passwords of the server's services, once
description:
  - Passwords that exist are kept. None is ever returned.
options:
  names:
    description: What there must be a password for.
    type: list
    elements: str
    required: true
"""


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}},
        supports_check_mode=True,
    )
    passwords = load()
    missing = [name for name in module.params["names"] if name not in passwords]
    if missing and not module.check_mode:
        save(passwords | generate(missing))
    module.exit_json(changed=bool(missing), generated=missing)


if __name__ == "__main__":
    main()
