#!/usr/bin/python3
"""Ansible module: installs packages in one go, without starting what they bring.

`ansible.builtin.apt` can do neither what a killed run needs (finishing dpkg's half-done work first)
nor leave the services stopped until they are configured.

Python's bytecode is made at the end for all packages together, on all cores and without their test
suites: Debian does it package by package on one core, a third of the whole installation's time.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_note import brought, load, note_before, note_brought

DOCUMENTATION = """
module: openstack_packages
short_description: Installs or removes Debian packages without starting their services
options:
  names:
    description: The packages to install.
    type: list
    elements: str
    default: []
  paths:
    description: Where they and what is made with them keep things; what is there before is noted.
    type: list
    elements: str
    default: []
  state:
    description: V(absent) purges what earlier runs have installed, dependencies included.
    type: str
    choices: [present, absent]
    default: present
"""

POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\n# Of cumulo: nothing starts before it is configured.\nexit 101\n"
END_OWED = Path("/var/lib/cumulo/openstack/installation-to-be-ended")
PYTHON_PACKAGES = Path("/usr/lib/python3/dist-packages")
# Found before the real py3compile by the packages' scripts while this module installs them.
SHADOW = Path("/run/cumulo/shadow")
CONFIGURE = ["dpkg", "--force-confold", "--configure", "--pending"]
APT = [
    "apt-get",
    "--quiet=2",
    "--yes",
    "--no-install-recommends",
    "-o", "DPkg::Lock::Timeout=600",
    "-o", "Dpkg::Use-Pty=0",
    "-o", f"DPkg::Path={SHADOW}:/usr/sbin:/usr/bin:/sbin:/bin",
    "-o", "Dpkg::Options::=--force-confold",
    "-o", "Dpkg::Options::=--force-unsafe-io",
    "-o", "Acquire::Languages=none",
    "-o", "Acquire::Retries=3",
]  # fmt: skip


def states(names: list[str]) -> dict[str, str]:
    """What dpkg knows of each package."""
    # A package may be named with its architecture.
    fields = "${db:Status-Status} ${Package} ${binary:Package}\n"
    query = subprocess.run(
        ["dpkg-query", "--show", f"--showformat={fields}", *names],
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [line.split() for line in query.stdout.splitlines()]
    known = {name: state for state, *both in rows for name in both}
    return {name: known.get(name, "not-installed") for name in names}


def run(module: AnsibleModule, command: list[str]) -> None:
    """Runs a command of dpkg's or apt's, or ends the module with what it said last."""
    done = subprocess.run(
        command,
        env=os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        module.fail_json(msg=f"{' '.join(command[:1] + command[-1:])} failed:\n{said}")


def install(module: AnsibleModule, names: list[str]) -> None:
    """Installs the packages, whatever state a killed run left dpkg in."""
    if POLICY.exists() and POLICY.read_text() != POLICY_TEXT:
        module.fail_json(msg=f"{POLICY} is there already and is not ours: remove it first")
    note_before(module.params["paths"])
    END_OWED.touch()
    shadow = SHADOW / "py3compile"
    try:
        script(POLICY, POLICY_TEXT)
        run(module, CONFIGURE)
        run(module, [*APT, "update"])
        script(shadow, "#!/bin/sh\n")
        run(module, [*APT, "install", *names])
    finally:
        POLICY.unlink(missing_ok=True)
        shadow.unlink(missing_ok=True)
    note_brought()
    run(module, ["apt-get", "clean"])


def script(path: Path, text: str) -> None:
    """Writes a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def end() -> None:
    """Does what the packages' scripts could not, or not as fast."""
    # While nothing starts, D-Bus does not read anew either, and knows neither of new services nor
    # of their users: libvirt's clients would wait in vain for polkit.
    subprocess.run(["systemctl", "reload", "dbus.service"], capture_output=True, check=False)
    command = ["python3", "-m", "compileall", "-q", "-q", "-j", "0", "-x", "/tests?/"]
    # Some packages carry examples in other dialects of Python, which do not compile.
    subprocess.run([*command, str(PYTHON_PACKAGES)], capture_output=True, check=False)
    END_OWED.unlink()


def purge(module: AnsibleModule, names: list[str]) -> None:
    """Removes the packages, their settings and data.

    By dpkg: apt would first complete what a killed installation left half-done, and would remove
    without a word what an administrator installed since and what needs one of them.
    """
    run(module, ["dpkg", "--force-remove-reinstreq", "--purge", *names])
    run(module, CONFIGURE)
    run(module, ["apt-get", "clean"])


def installed() -> list[str]:
    """What of the packages that earlier runs installed dpkg still knows."""
    note = load()
    names = brought(note).get("packages", []) if note else []
    return [name for name, state in states(names).items() if state != "not-installed"]


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "default": []},
            "paths": {"type": "list", "elements": "str", "default": []},
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        },
        required_if=[("state", "present", ("names", "paths"))],
        supports_check_mode=True,
    )
    if module.params["state"] == "present":
        known = states(module.params["names"])
        todo, act = [name for name in known if known[name] != "installed"], install
    else:
        todo, act = installed(), purge
    if todo and not module.check_mode:
        act(module, todo)
    owed = END_OWED.exists()
    if owed and not module.check_mode and module.params["state"] == "present":
        end()
    module.exit_json(changed=bool(todo) or owed, packages=todo)


if __name__ == "__main__":
    main()
