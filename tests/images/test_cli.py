import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cumulo.images.node.release import releases

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

    assert [one["kubernetes"] for one in listed] == [one.kubernetes for one in releases()]
    assert not any(one["built"] for one in listed)
    file = Path(listed[0]["file"])
    assert file.is_relative_to(tmp_path)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x" * 2_000_000)

    said = _cumulo(tmp_path, "images", "list").stdout.splitlines()

    assert said[0] == f"{listed[0]['name']}  2 MB, {file}"
    assert said[1] == f"{listed[1]['name']}  not built"


def test_a_version_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    refused = _cumulo(tmp_path, "images", "build", "node", "--kubernetes", "1.2")

    assert refused.returncode == 1
    assert "there is no node image of Kubernetes 1.2" in refused.stderr
    assert releases()[0].kubernetes in refused.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["images", "--help"]])
def test_help_lists_the_commands(tmp_path: Path, arguments: list[str]) -> None:
    said = _cumulo(tmp_path, *arguments).stdout

    assert ("images " in said) or ("build " in said and "list " in said)
