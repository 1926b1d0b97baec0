import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cumulo.images.containers.recipes import RECIPES
from cumulo.images.node.release import releases
from cumulo.infra.versions import REGISTRY

CUMULO = str(Path(sys.executable).with_name("cumulo"))


def _cumulo(cache: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [CUMULO, *arguments],
        env=os.environ | {"XDG_CACHE_HOME": str(cache)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_list_says_what_can_be_built_and_what_is(tmp_path: Path) -> None:
    listed = json.loads(_cumulo(tmp_path, "images", "list", "--json").stdout)
    nodes = listed["node"]

    assert [one["kubernetes"] for one in nodes] == [one.kubernetes for one in releases()]
    assert [one["registry"] for one in listed["registry"]] == [REGISTRY]
    assert [one["name"] for one in listed["containers"]] == list(RECIPES)
    assert not any(one["built"] for one in (*nodes, *listed["containers"]))
    file = Path(nodes[0]["file"])
    assert file.is_relative_to(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 2_000_000)

    said = _cumulo(tmp_path, "images", "list").stdout.splitlines()

    assert said[0] == f"{nodes[0]['name']}  2 MB, {file}"
    assert said[1] == f"{nodes[1]['name']}  not built"
    assert f"gateway  {RECIPES['gateway'].reference}  not built" in said


@pytest.mark.parametrize("command", [["build"], ["push", "--registry", "127.0.0.1:1"]])
def test_an_image_that_there_is_not_is_refused_with_those_that_there_are(
    tmp_path: Path, command: list[str]
) -> None:
    for names in (["grafana"], []):
        refused = _cumulo(tmp_path, "images", *command, *names)

        assert refused.returncode == 1
        assert refused.stderr.startswith(
            "error: there is no image 'grafana'" if names else "error: name images, or --all"
        )
        assert "distribution, postgres" in refused.stderr.splitlines()[1]
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_does_not_answer_is_named_before_anything_is_built(tmp_path: Path) -> None:
    refused = _cumulo(tmp_path, "images", "push", "--all", "--registry", "127.0.0.1:1")

    assert refused.returncode == 1
    assert refused.stderr.startswith("error: registry 127.0.0.1:1 cannot be reached")
    assert len(refused.stderr.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_version_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    refused = _cumulo(tmp_path, "images", "build", "node", "--kubernetes", "1.2")

    assert refused.returncode == 1
    assert "there is no node image of Kubernetes 1.2" in refused.stderr
    assert releases()[0].kubernetes in refused.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["images", "--help"]])
def test_help_lists_the_commands(tmp_path: Path, arguments: list[str]) -> None:
    said = _cumulo(tmp_path, *arguments).stdout

    assert ("images " in said) or ("build " in said and "list " in said)
