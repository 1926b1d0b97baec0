"""Projects whose dependencies uv or Poetry install: made, installed and run for real."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cumulo.local import versions
from cumulo.local.language_host.dependencies import find_uv

from tests.local.project import Project

PYPROJECT = """\
[project]
name = "sample"
version = "0.1.0"
requires-python = ">=3.11,<4"
dependencies = [{}]

[tool.poetry]
package-mode = false
"""
# A wheel, by its files.
NEEDED = {
    "needed.py": "",
    "needed-0.1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: needed\nVersion: 0.1.0\n",
    "needed-0.1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nTag: py3-none-any\n",
    "needed-0.1.0.dist-info/RECORD": "",
}
PROGRAM = """\
import sys

import iniconfig
import pulumi

pulumi.export("prefix", sys.prefix)
pulumi.export("package", iniconfig.__file__)
"""


@pytest.fixture(scope="module")
def poetry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a `poetry` command."""
    folder = tmp_path_factory.mktemp("poetry")
    uv = find_uv()
    assert uv
    subprocess.check_call([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")])
    python = str(folder / "venv/bin/python")
    subprocess.check_call([uv, "pip", "install", "--quiet", "--python", python, "poetry"])
    # Alone: what is beside it must not be found in its place.
    (folder / "bin").mkdir()
    (folder / "bin/poetry").symlink_to(folder / "venv/bin/poetry")
    return folder / "bin"


def lay_out(project: Project, **options: str) -> None:
    """Writes a project with its program in a folder below, as ours is."""
    named = "".join(f"\n    {name}: {value}" for name, value in options.items())
    project.write(
        "Pulumi.yaml",
        f"name: sample\nmain: program\nruntime:\n  name: python\n  options:{named}\n",
    )
    project.write("program/__main__.py", PROGRAM)


@pytest.mark.parametrize("named", ["", "environments/ours"])
def test_uv_installs_a_project_which_then_runs_in_its_own_environment(
    project: Project, named: str
) -> None:
    lay_out(project, toolchain="uv", **({"virtualenv": named} if named else {}))
    needed = f'"pulumi=={versions.PULUMI}", "iniconfig"'
    project.write("pyproject.toml", PYPROJECT.format(needed))

    project.ok("install")

    assert (project.folder / "uv.lock").is_file()
    project.ok("up", "--yes", "--skip-preview")
    exported = json.loads(project.ok("stack", "output", "--json"))
    assert exported["prefix"] == str(project.folder / (named or ".venv"))
    assert exported["package"].startswith(exported["prefix"])


def test_poetry_installs_a_project_and_its_environment_is_the_projects(
    project: Project, poetry: Path
) -> None:
    lay_out(project, toolchain="poetry")
    # Poetry asks the package index in a way that mirrors need not answer: what is needed lies here.
    wheel = "needed-0.1.0-py3-none-any.whl"
    project.write("pyproject.toml", PYPROJECT.format(f'"needed @ ./{wheel}"'))
    with zipfile.ZipFile(project.folder / wheel, "w") as file:
        for name, text in NEEDED.items():
            file.writestr(name, text)
    project.env |= {
        "PATH": f"{poetry}:{project.env['PATH']}",
        "POETRY_CACHE_DIR": str(project.folder.with_name("poetry")),
        # As in a shell in which our own environment is activated.
        "VIRTUAL_ENV": sys.prefix,
    }

    early = project.run("preview")
    assert early.returncode != 0
    assert "Run `pulumi install`" in early.stdout + early.stderr

    project.ok("install")

    assert (project.folder / "poetry.lock").is_file()
    about = json.loads(project.ok("about", "--json"))
    assert Path(about["runtime"]["executable"]).is_relative_to(project.env["POETRY_CACHE_DIR"])
    assert "needed" in {each["name"] for each in about["dependencies"]}


def test_a_toolchain_that_is_not_there_is_named(project: Project) -> None:
    lay_out(project, toolchain="poetry")
    project.env["PATH"] = "/usr/bin:/bin"

    refused = project.run("install")

    assert refused.returncode != 0
    assert "needs `poetry` on PATH" in refused.stdout + refused.stderr
