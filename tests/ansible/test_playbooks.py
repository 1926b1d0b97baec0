from collections.abc import Callable
from pathlib import Path

import pytest
import yaml


@pytest.mark.parametrize(
    "playbook", ["kubernetes-node.yml", "openstack.yml", "openstack-reset.yml", "registry.yml"]
)
def test_a_playbook_can_be_read(play: Callable[..., str], playbooks: Path, playbook: str) -> None:
    said = play(playbooks / playbook, "--syntax-check")

    assert playbook in said
    assert "ERROR" not in said


@pytest.mark.parametrize("role", ["kubernetes_node", "openstack", "registry"])
def test_every_variable_of_the_interface_has_a_description(playbooks: Path, role: str) -> None:
    specification = yaml.safe_load(
        (playbooks / f"roles/{role}/meta/argument_specs.yml").read_text()
    )["argument_specs"]["main"]["options"]

    def described(options: dict[str, dict[str, object]], path: str) -> None:
        for name, option in options.items():
            assert option.get("description"), f"{path}{name}"
            nested = option.get("options", {})
            assert isinstance(nested, dict)
            described(nested, f"{path}{name}.")

    described(specification, "")


def test_every_variable_with_a_default_is_in_the_interface(playbooks: Path) -> None:
    role: Path = playbooks / "roles/openstack"
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text())
    options = yaml.safe_load((role / "meta/argument_specs.yml").read_text())["argument_specs"][
        "main"
    ]["options"]

    assert set(defaults) <= set(options)
    assert {name for name, option in options.items() if not option.get("required")} == set(defaults)
