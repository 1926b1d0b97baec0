"""Runs the Ansible playbooks that cumulo ships, and tells what they are at."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from cumulo.local import files, progress
from cumulo.local.errors import CumuloError

_TASK = re.compile(r"^TASK \[(?:\S+ : )?(?P<name>.*?)\] \*")
_FAILED = re.compile(r"^fatal: \[[^\]]*\]: (?P<why>.*)$", re.MULTILINE)


def directory() -> Path:
    """The playbooks: beside this package where it is installed, else in the checkout."""
    installed = Path(__file__).parent / "ansible"
    checkout = Path(__file__).parents[3] / "ansible"
    for place in (installed, checkout):
        if (place / "openstack.yml").is_file():
            return place
    raise CumuloError(f"the playbooks are missing: {checkout}/openstack.yml")


def run(
    playbook: str,
    inventory: dict[str, Any],
    told: dict[str, Any],
    home: Path,
    log: Path,
    *,
    within: Sequence[str] = (),
    arguments: Sequence[str] = (),
    again: str = "",
) -> None:
    """Runs a playbook to its end, telling its tasks as they start.

    Args:
        playbook: Its file, in the folder of the playbooks.
        inventory: The hosts.
        told: Its variables.
        home: Where Ansible may keep files of its own.
        log: Where everything it says is written.
        within: A command that runs the one that follows it.
        arguments: Further options of ansible-playbook.
        again: What to do where it fails, besides reading the log.

    Raises:
        CumuloError: A task failed.
    """
    files.write(home / "inventory.json", json.dumps(inventory))
    files.write(home / "variables.json", json.dumps(told))
    environment = {
        "ANSIBLE_CONFIG": str(directory() / "ansible.cfg"),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(home / "tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_NOCOWS": "1",
        # No longer than that does a connection outlive the run.
        "ANSIBLE_SSH_ARGS": "-F none -o ControlMaster=auto -o ControlPersist=10s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(home / "cp"),
        "ANSIBLE_SSH_RETRIES": "3",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    command = [
        *within,
        *(_ansible_playbook(), "--inventory", str(home / "inventory.json")),
        *("--extra-vars", f"@{home / 'variables.json'}", *arguments, str(directory() / playbook)),
    ]
    with contextlib.suppress(FileNotFoundError):
        log.replace(log.with_suffix(".log.1"))
    with (
        log.open("w") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **environment},
        ) as process,
    ):
        try:
            task = _follow(process, written)
        except BaseException:
            # Ansible has a session of its own, which an interrupt of ours does not reach.
            process.kill()
            raise
    if process.returncode:
        raise CumuloError(
            f"{playbook} failed in the task {task!r}: {_reason(log)}",
            f"all of it is in {log}{f'; {again}' if again else ''}",
        )


def _follow(process: "subprocess.Popen[str]", log: TextIO) -> str:
    """Writes down what Ansible says, tells its tasks, and returns the last one."""
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    task = ""
    for line in process.stdout:
        log.write(f"{time.strftime('%H:%M:%S')} {line}")
        log.flush()
        if match := _TASK.match(line):
            task = match["name"]
            progress.say(f"  {task}")
    return task


def _reason(log: Path) -> str:
    text = re.sub(r"^\d\d:\d\d:\d\d ", "", log.read_text(errors="replace"), flags=re.MULTILINE)
    match = _FAILED.search(text)
    if not match:
        return "\n  ".join(text.strip().splitlines()[-10:])
    try:
        result = json.loads(match["why"].partition("=> ")[2])
        said = str(result.get("stderr") or result.get("msg") or result)
    except ValueError:
        said = match["why"]
    return "\n  ".join(said.strip().splitlines()[-15:])


def _ansible_playbook() -> str:
    beside = Path(sys.executable).with_name("ansible-playbook")
    found = str(beside) if beside.exists() else shutil.which("ansible-playbook")
    if not found:
        raise CumuloError("ansible-playbook is missing", "install cumulo with its extra `local`")
    return found
