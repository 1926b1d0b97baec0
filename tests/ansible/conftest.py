"""Fixtures that run the role on this machine, as far as it can run without a server.

They also make importable what the role is made of: Ansible and Nova find it by ways of their own.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ANSIBLE = Path(__file__).parents[2] / "ansible"
ROLE = ANSIBLE / "roles/openstack"

for folder in ("library", "files", "action_plugins"):
    sys.path.insert(0, str(ROLE / folder))

# Ansible serves a role's module_utils under its own package.
for part in ("openstack_passwords", "openstack_note"):
    name = f"ansible.module_utils.{part}"
    spec = importlib.util.spec_from_file_location(name, ROLE / f"module_utils/{part}.py")
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[name])

SETTINGS: dict[str, Any] = {
    "openstack_management_address": "192.0.2.10",
    "openstack_provider_interface": "ex0",
    "openstack_provider_network": {
        "cidr": "198.51.100.0/24",
        "gateway": "198.51.100.1",
        "pool_start": "198.51.100.20",
        "pool_end": "198.51.100.250",
    },
    "openstack_dns_servers": ["192.0.2.1"],
}


def _run(playbook: Path, *arguments: str, settings: dict[str, Any] | None = None) -> str:
    """Runs a playbook against this machine in check mode; returns all that it says."""
    done = subprocess.run(
        [
            sys.executable, "-m", "ansible", "playbook", str(playbook), "--check",
            "--inventory", "openstack,", "--connection", "local",
            "--extra-vars", json.dumps({"ansible_become": False} | (settings or {})), *arguments,
        ],
        cwd=playbook.parent,
        env=os.environ
        | {
            "ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )  # fmt: skip
    return done.stdout + done.stderr


def _rendered(folder: Path, **settings: Any) -> dict[str, str | None]:
    """The files that the role would write with these settings, by path; None if it removes one."""
    for part in ("templates", "files"):
        (folder / part).symlink_to(ROLE / part)
    playbook = folder / "render.yml"
    play = {
        "hosts": "all",
        "gather_facts": False,
        "vars_files": [str(ROLE / "defaults/main.yml"), str(ROLE / "vars/main.yml")],
        "tasks": [
            {
                "ansible.builtin.copy": {
                    "content": "{{ openstack__files | to_json }}",
                    "dest": str(folder / "files.json"),
                },
                "check_mode": False,
            }
        ],
    }
    playbook.write_text(json.dumps([play]))
    said = _run(playbook, settings=SETTINGS | settings)
    assert "failed=0" in said, said
    files = json.loads((folder / "files.json").read_text())
    return {file["path"]: file["content"] for file in files}


@pytest.fixture(scope="session")
def playbooks() -> Path:
    """The folder of the playbooks."""
    return ANSIBLE


@pytest.fixture
def settings() -> dict[str, Any]:
    """The role's settings, as few as it takes."""
    return dict(SETTINGS)


@pytest.fixture(scope="session")
def play() -> Callable[..., str]:
    """Runs a playbook against this machine in check mode; returns all that it says."""
    return _run


@pytest.fixture
def render(tmp_path: Path) -> Callable[..., dict[str, str | None]]:
    """The files that the role would write with some settings, by path; None if it removes one."""

    def files(**settings: Any) -> dict[str, str | None]:
        return _rendered(tmp_path, **settings)

    return files
