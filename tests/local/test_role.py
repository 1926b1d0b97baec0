import json
from pathlib import Path

import pytest
from cumulo.local import playbook, role
from cumulo.local.addresses import Addresses
from cumulo.local.errors import CumuloError

TOLD = role.variables(Addresses(), ["192.0.2.1"], "/images/debian-13.tar.zst")


def test_the_fingerprint_follows_the_variables() -> None:
    assert role.fingerprint(TOLD) == role.fingerprint(json.loads(json.dumps(TOLD)))
    assert role.fingerprint(TOLD) != role.fingerprint({**TOLD, "openstack_region": "other"})


def test_the_fingerprint_follows_the_role_s_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playbook, "directory", lambda: tmp_path)
    (tmp_path / "ansible.cfg").touch()
    tasks = tmp_path / "roles/openstack/tasks"
    tasks.mkdir(parents=True)
    (tasks / "main.yml").write_text("one")
    before = role.fingerprint(TOLD)
    (tasks / "__pycache__").mkdir()
    (tasks / "__pycache__/x.pyc").write_text("compiled")
    other = tmp_path / "roles/kubernetes_node"
    other.mkdir()
    (other / "main.yml").write_text("of another role")
    assert role.fingerprint(TOLD) == before
    (tasks / "main.yml").write_text("two")
    assert role.fingerprint(TOLD) != before


def test_a_failed_task_is_named_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    playbooks = tmp_path / "ansible"
    playbooks.mkdir()
    (playbooks / "ansible.cfg").write_text("")
    (playbooks / "openstack.yml").write_text(
        "- hosts: openstack\n"
        "  gather_facts: false\n"
        "  connection: local\n"
        "  tasks:\n"
        "    - name: Look into the abyss\n"
        "      ansible.builtin.fail:\n"
        "        msg: 'the abyss looks back at {{ openstack_region }}'\n"
    )
    monkeypatch.setattr(playbook, "directory", lambda: playbooks)
    server = role.Server("192.0.2.10", tmp_path / "key", tmp_path / "home")
    with pytest.raises(CumuloError) as error:
        role.run(server, TOLD, tmp_path / "role.log")
    assert "'Look into the abyss'" in error.value.message
    assert "the abyss looks back at RegionOne" in error.value.message
    assert str(tmp_path / "role.log") in error.value.remedy
