#!/usr/bin/python3
"""Ansible module: systemd units enabled and running, on the configuration that is there now.

A unit is restarted if one of the files it reads is newer than its start. Unlike a handler, this
cannot be lost when a run is killed between writing a file and restarting what reads it. All units
are started by one call, so that systemd runs them in parallel.
"""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_note import brought, load

DOCUMENTATION = """
module: openstack_units
short_description: systemd units that run, on the files as they are now
options:
  units:
    description: The units that must run and start at boot.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The unit.
        type: str
        required: true
      reads:
        description: Files after whose change it must be restarted.
        type: list
        elements: str
        default: []
  disabled:
    description: Units that must neither run nor start at boot.
    type: list
    elements: str
    default: []
  brought:
    description:
      - Units that must neither run nor start at boot where earlier tasks have installed their
        package; else they are the server's own. By unit, the package.
    type: dict
    default: {}
  deadline_s:
    description: How long all of them together may take to start.
    type: int
    default: 900
"""

RUNNING = ("active", "activating", "reloading")


def show(unit: str) -> dict[str, str]:
    """What systemd knows of a unit."""
    properties = "LoadState,ActiveState,UnitFileState,NeedDaemonReload,InactiveExitTimestamp"
    shown = subprocess.run(
        ["systemctl", "show", "--timestamp=us+utc", f"--property={properties}", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def started(state: dict[str, str]) -> float:
    """When the unit was last started, in seconds since the epoch."""
    text = state.get("InactiveExitTimestamp", "")
    if not text:
        return 0
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()


def stale(state: dict[str, str], reads: list[str]) -> bool:
    """Whether a running unit has not yet seen its files."""
    files = [Path(file) for file in reads]
    return state.get("ActiveState") in RUNNING and any(
        file.exists() and file.stat().st_mtime > started(state) for file in files
    )


def systemctl(module: AnsibleModule, *arguments: str) -> None:
    """Runs systemctl, or ends the module with the last words of each unit that failed."""
    try:
        done = subprocess.run(
            ["systemctl", "--quiet", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=module.params["deadline_s"],
        )
    except subprocess.TimeoutExpired:
        module.fail_json(
            msg=f"systemctl {arguments[0]} did not finish within {module.params['deadline_s']} s: "
            f"{' '.join(arguments[1:])}"
        )
    if done.returncode:
        module.fail_json(
            msg=f"systemctl {arguments[0]} failed: {done.stderr.strip()}\n"
            + "\n".join(map(last_words, failing(arguments[1:])))
        )


def failing(units: tuple[str, ...]) -> list[str]:
    """Those that do not run, although they should."""
    return [unit for unit in units if show(unit).get("ActiveState") != "active"]


def last_words(unit: str) -> str:
    """What a unit logged last."""
    log = subprocess.run(
        ["journalctl", f"--unit={unit}", "--lines=8", "--no-pager", "--output=cat"],
        capture_output=True, text=True, check=False,
    ).stdout  # fmt: skip
    return f"{unit}:\n{log}"


def ours(packages: dict[str, str]) -> list[str]:
    """The units of these that the server did not have before."""
    note = load()
    new = brought(note).get("packages", []) if note else []
    # dpkg names some with their architecture.
    known = {name.partition(":")[0] for name in new}
    return [unit for unit, package in packages.items() if package in known]


def enabled(state: dict[str, str]) -> bool:
    """Whether the unit starts at boot."""
    return state.get("UnitFileState") in ("enabled", "alias", "static", "generated", "indirect")


def main() -> None:
    """Runs the module."""
    options = {
        "name": {"type": "str", "required": True},
        "reads": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            "units": {"type": "list", "elements": "dict", "required": True, "options": options},
            "disabled": {"type": "list", "elements": "str", "default": []},
            "brought": {"type": "dict", "default": {}},
            "deadline_s": {"type": "int", "default": 900},
        },
        supports_check_mode=True,
    )
    units: list[dict[str, Any]] = module.params["units"]
    states = {unit["name"]: show(unit["name"]) for unit in units}
    unwanted = {
        name: state
        for name in [*module.params["disabled"], *ours(module.params["brought"])]
        if (state := show(name)).get("LoadState") == "loaded"
    }
    disable = [
        name
        for name, state in unwanted.items()
        if state.get("UnitFileState") == "enabled" or state.get("ActiveState") in RUNNING
    ]
    enable = [name for name, state in states.items() if not enabled(state)]
    start = [name for name, state in states.items() if state.get("ActiveState") != "active"]
    restart = [unit["name"] for unit in units if stale(states[unit["name"]], unit["reads"])]
    reload = any(state.get("NeedDaemonReload") == "yes" for state in states.values())

    if not module.check_mode:
        if reload or enable or disable:
            systemctl(module, "daemon-reload")
        if disable:
            systemctl(module, "disable", "--now", *disable)
        if enable:
            systemctl(module, "enable", *enable)
        if restart:
            systemctl(module, "restart", *restart)
        if start:
            # A unit that failed too often before would be refused.
            subprocess.run(["systemctl", "reset-failed", *start], capture_output=True, check=False)
            systemctl(module, "start", *start)
    module.exit_json(
        changed=bool(disable or enable or start or restart),
        disabled=disable,
        enabled=enable,
        started=start,
        restarted=restart,
    )


if __name__ == "__main__":
    main()
