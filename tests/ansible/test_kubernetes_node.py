"""The role that makes nodes, as far as it shows without making one; `tests/images` makes one."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FILES = {"kubernetes_node_source": "files", "kubernetes_node_version": "1.35.4"}


def _play(playbook: Path, host: dict[str, Any], *arguments: str, **told: Any) -> str:
    inventory = playbook.parent / "inventory.json"
    inventory.write_text(json.dumps({"kubernetes_node": {"hosts": {"node": host}}}))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", str(playbook)),
            *("--inventory", str(inventory), "--extra-vars", json.dumps(told), *arguments),
        ],
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(playbook.parent / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


@pytest.fixture
def role(tmp_path: Path, playbooks: Path) -> Path:
    """The playbook, in a folder that a test may write to."""
    for part in ("roles", "connection_plugins", "kubernetes-node.yml"):
        (tmp_path / part).symlink_to(playbooks / part)
    return tmp_path / "kubernetes-node.yml"


HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({}, "missing required arguments: kubernetes_node_version"),
        ({"kubernetes_node_version": "1.35"}, "'1.35' is no version such as 1.35.4"),
        (
            {"kubernetes_node_version": "1.35.4", "kubernetes_node_source": "docker"},
            "value of kubernetes_node_source must be one of: upstream, files",
        ),
        (FILES, "needs kubernetes_node_commands and kubernetes_node_archive"),
    ],
)
def test_bad_settings_stop_the_run_before_anything_is_touched(
    role: Path, told: dict[str, Any], error: str
) -> None:
    said = _play(role, HERE, "--check", ansible_become=False, **told)

    assert error in " ".join(said.split())
    assert "changed=0" in said


def test_a_play_runs_in_a_folder_as_on_a_machine(tmp_path: Path, playbooks: Path) -> None:
    (tmp_path / "connection_plugins").symlink_to(playbooks / "connection_plugins")
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    for part in ("bin", "lib", "lib64", "usr", "tmp", "root", "dev", "proc"):
        (root / part).mkdir()
    playbook = tmp_path / "play.yml"
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.command": "cat /etc/issue", "register": "said"},
        {"ansible.builtin.copy": {"content": "{{ said.stdout }}", "dest": "/etc/copied"}},
        {"ansible.builtin.fetch": {"src": "/etc/copied", "dest": f"{tmp_path}/", "flat": True}},
    ]
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))
    (root / "etc/issue").write_text("in the folder")
    host = {
        "ansible_host": str(root),
        "ansible_connection": "tree",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    inside = ["unshare", "--mount", "--propagation=private", "sh", "-c"]
    # The machine's own programs, but files of the folder's own.
    mounts = "".join(
        f"mount --rbind /{part} {root}/{part}; "
        for part in ("bin", "lib", "lib64", "usr", "dev", "proc")
    )
    inventory = tmp_path / "inventory.json"
    inventory.write_text(json.dumps({"all": {"hosts": {"node": host}}}))
    done = subprocess.run(
        [
            *(*inside, f'{mounts} exec "$@"', "sh", sys.executable, "-m", "ansible", "playbook"),
            *(str(playbook), "--inventory", str(inventory)),
        ],
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert "failed=0" in done.stdout, done.stdout + done.stderr
    assert (root / "etc/copied").read_text() == "in the folder"
    assert (tmp_path / "copied").read_text() == "in the folder"


def test_a_folder_that_is_missing_is_named(role: Path) -> None:
    host = {"ansible_host": "/nowhere", "ansible_connection": "tree"}

    told = {"kubernetes_node_commands": "/commands", "kubernetes_node_archive": "/images.tar"}

    said = _play(role, host, **FILES, **told)

    assert "/nowhere is no folder" in said


@pytest.mark.parametrize("script", ["prepare", "in-cgroup"])
def test_a_script_of_the_image_is_posix_shell(playbooks: Path, script: str) -> None:
    file = playbooks / "roles/kubernetes_node/files/nested" / script

    checked = subprocess.run(["sh", "-n", str(file)], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")


def test_a_virtual_machine_keeps_systemd_s_cgroups_and_a_container_does_not(
    tmp_path: Path, playbooks: Path, play: Callable[..., str]
) -> None:
    template = playbooks / "roles/kubernetes_node/templates/containerd.toml.j2"
    tasks = [
        {
            "ansible.builtin.template": {"src": str(template), "dest": str(tmp_path / name)},
            "vars": {"nested": nested, "kubernetes_node_pause_image": "pause:1"},
            "check_mode": False,
        }
        for name, nested in (("machine.toml", False), ("container.toml", True))
    ]
    playbook = tmp_path / "render.yml"
    playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]))

    said = play(playbook)

    assert "failed=0" in said, said
    import tomllib

    plugin = "io.containerd.grpc.v1.cri"
    machine, container = (
        tomllib.loads((tmp_path / name).read_text())["plugins"][plugin]
        for name in ("machine.toml", "container.toml")
    )
    systemd = [
        one["containerd"]["runtimes"]["runc"]["options"]["SystemdCgroup"]
        for one in (machine, container)
    ]
    assert systemd == [True, False]
    assert [one.get("disable_apparmor", False) for one in (machine, container)] == [False, True]
    assert machine["sandbox_image"] == container["sandbox_image"] == "pause:1"
