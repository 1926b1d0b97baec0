#!/usr/bin/python3
"""Ansible module: databases in the server's MariaDB, each with a user that may log in.

Whether there is anything to do is decided by logging in: it costs milliseconds and proves all that
matters (the database, the user, its password and its rights).
"""

from __future__ import annotations

import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_passwords import load

DOCUMENTATION = """
module: openstack_databases
short_description: Databases in MariaDB, each with its user
options:
  databases:
    description: The user of each database, by the database's name.
    type: dict
    required: true
"""


def ready(database: str, user: str, password: str) -> bool:
    """Whether the user can log in to the database."""
    login = subprocess.run(
        ["mariadb", "--host=127.0.0.1", f"--user={user}", database, "--execute=select 1"],
        env={"MYSQL_PWD": password, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    return login.returncode == 0


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={"databases": {"type": "dict", "required": True}}, supports_check_mode=True
    )
    databases: dict[str, str] = module.params["databases"]
    passwords = load()
    try:
        missing = {
            database: user
            for database, user in databases.items()
            if user not in passwords or not ready(database, user, passwords[user])
        }
    except FileNotFoundError:
        missing = databases
    if missing and not module.check_mode:
        statements = "".join(
            f"create database if not exists `{database}`;"
            f"create or replace user '{user}'@'127.0.0.1' identified by '{passwords[user]}';"
            for database, user in missing.items()
        ) + "".join(
            # A user of several databases was replaced above: all its rights are given anew.
            f"grant all on `{database}`.* to '{user}'@'127.0.0.1';"
            for database, user in databases.items()
            if user in missing.values()
        )
        made = subprocess.run(
            ["mariadb"], input=statements, capture_output=True, text=True, check=False
        )
        if made.returncode:
            module.fail_json(msg=f"mariadb: {made.stderr.strip()}")
    module.exit_json(changed=bool(missing), made=sorted(missing))


if __name__ == "__main__":
    main()
