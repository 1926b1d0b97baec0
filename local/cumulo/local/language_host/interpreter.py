"""Which Python a project runs in: the `virtualenv` and `toolchain` options of its runtime."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TOOLCHAINS = ("pip", "poetry", "uv")
TYPECHECKERS = ("mypy", "pyright")


class OptionError(ValueError):
    """An option under `runtime.options` in Pulumi.yaml that cannot be used."""


@dataclass(frozen=True)
class Interpreter:
    """A Python interpreter.

    Attributes:
        executable: Its path.
        virtualenv: Its virtual environment, if the project names one.
    """

    executable: str
    virtualenv: Path | None = None

    @property
    def is_ours(self) -> bool:
        """Whether it is the interpreter that runs the language host."""
        if self.virtualenv is None:
            return self.executable == sys.executable
        return self.virtualenv.resolve() == Path(sys.prefix).resolve()

    def environment(self, given: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a process in it: what is given over ours, and activated."""
        environment = {**os.environ, **(given or {})}
        if self.virtualenv is not None:
            path = environment.get("PATH")
            binaries = str(self.virtualenv / "bin")
            environment["PATH"] = f"{binaries}{os.pathsep}{path}" if path else binaries
            environment["VIRTUAL_ENV"] = str(self.virtualenv)
            environment.pop("PYTHONHOME", None)
        return environment

    def ask(self, script: str, *arguments: str) -> Any:
        """Runs a script in it that prints JSON, and returns what it printed."""
        run = subprocess.run(
            [self.executable, "-c", script, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if run.returncode != 0:
            raise RuntimeError(f"{self.executable} failed:\n{run.stderr.strip()}")
        return json.loads(run.stdout)


@dataclass(frozen=True)
class Options:
    """The runtime options of a project.

    Attributes:
        root: The folder of Pulumi.yaml, which `virtualenv` is relative to.
        program: The folder of the program.
        virtualenv: The option of that name, made absolute.
        named: The option as the user wrote it.
        toolchain: `pip`, `poetry` or `uv`.
        typechecker: `mypy`, `pyright` or empty.
    """

    root: Path
    program: Path
    virtualenv: Path | None
    named: str
    toolchain: str
    typechecker: str

    def interpreter(self) -> Interpreter:
        """The Python of the project; raises OptionError when its virtual environment is missing."""
        if self.virtualenv is not None:
            python = self.virtualenv / "bin" / "python"
            if not python.is_file():
                raise OptionError(
                    f"The 'virtualenv' option in Pulumi.yaml is set to \"{self.named}\", but "
                    f"{self.virtualenv} doesn't appear to be a virtual environment.\n"
                    "Run `pulumi install` to create it and install the project's dependencies."
                )
            return Interpreter(str(python), self.virtualenv)
        if self.toolchain == "poetry":
            virtualenv = self._of_poetry()
            return Interpreter(str(virtualenv / "bin" / "python"), virtualenv)
        return Interpreter(os.environ.get("PULUMI_PYTHON_CMD") or sys.executable)

    def _of_poetry(self) -> Path:
        asked = subprocess.run(
            [find_poetry(), "env", "info", "--path"],
            cwd=self.program,
            env=outside(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if asked.returncode != 0 or not asked.stdout.strip():
            said = asked.stderr.strip()
            raise OptionError(
                f"poetry has no virtual environment for {self.program}{said and f': {said}'}\n"
                "Run `pulumi install` to create it and install the project's dependencies."
            )
        return Path(asked.stdout.strip())


def find_poetry() -> str:
    """Where poetry is; raises OptionError where it is not."""
    poetry = shutil.which("poetry")
    if poetry is None:
        raise OptionError(
            "the poetry toolchain needs `poetry` on PATH; install it with `pipx install poetry`"
        )
    return poetry


def outside() -> dict[str, str]:
    """Our environment as if our own virtual environment were not activated.

    Poetry installs into the one that is, and the project's packages have no business in ours.
    """
    environment = dict(os.environ)
    active = environment.get("VIRTUAL_ENV")
    if active and Path(active).resolve() == Path(sys.prefix).resolve():
        del environment["VIRTUAL_ENV"]
    return environment


def parse(root: str, program: str, values: Mapping[str, Any], *, plugin: bool = False) -> Options:
    """Reads the options of a project or plugin.

    Args:
        root: The folder of Pulumi.yaml or PulumiPlugin.yaml.
        program: The folder of the program.
        values: What stands under `runtime.options`.
        plugin: Whether it is a plugin: those run in a virtual environment of their own, if they
            need anything that is not installed beside us.
    """
    for name in ("virtualenv", "toolchain", "typechecker"):
        if not isinstance(values.get(name, ""), str):
            raise OptionError(f"{name} option must be a string")
    named: str = values.get("virtualenv", "")
    toolchain: str = values.get("toolchain", "")
    typechecker: str = values.get("typechecker", "")
    if toolchain and toolchain not in TOOLCHAINS:
        raise OptionError(f"unsupported toolchain option: {toolchain}")
    if typechecker and typechecker not in TYPECHECKERS:
        raise OptionError(f"unsupported typechecker option: {typechecker}")
    folder = Path(program)
    if not toolchain:
        toolchain = _detected(folder)
    if toolchain == "uv" and not named:
        # uv's own rule: the environment stands beside the project file or its workspace's lock.
        base = above(folder, "uv.lock") or above(folder, "pyproject.toml") or folder
        virtualenv: Path | None = base / ".venv"
        named = ".venv"
    elif named:
        virtualenv = Path(root, named)
    elif plugin and _has_requirements(folder):
        virtualenv = Path(root, "venv")
        named = "venv"
    else:
        virtualenv = None
    if toolchain == "poetry":
        # Poetry decides where the environment is, by settings of its own.
        virtualenv = None
    if virtualenv is not None:
        virtualenv = Path(os.path.abspath(virtualenv))  # noqa: PTH100 -- keeps symlinks
    return Options(Path(root), folder, virtualenv, named, toolchain, typechecker)


def _detected(folder: Path) -> str:
    if above(folder, "uv.lock"):
        return "uv"
    if above(folder, "poetry.lock"):
        return "poetry"
    return "pip"


def _has_requirements(folder: Path) -> bool:
    return (folder / "requirements.txt").is_file() or (folder / "pyproject.toml").is_file()


def above(folder: Path, name: str) -> Path | None:
    """The nearest folder, this one or one above, that has a file of this name."""
    for candidate in (folder, *folder.parents):
        if (candidate / name).is_file():
            return candidate
    return None
