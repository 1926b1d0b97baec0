"""Installs what a project needs, with the toolchain that it names."""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from cumulo.local.language_host.interpreter import Options, above, find_poetry

Run = Callable[..., Iterator[bytes]]
"""Runs a command in a folder, with variables in its environment: yields what it prints.

Raises InstallError when it fails.
"""


class InstallError(RuntimeError):
    """A command of the installation failed."""


def install(options: Options, run: Run, *, plugin: bool) -> Iterator[bytes]:
    """Installs the dependencies of a project; yields what is to be shown meanwhile.

    Args:
        options: The project's runtime options.
        run: How to run a command.
        plugin: Whether it is a plugin: then the package itself is installed too.
    """
    yield b"Installing dependencies...\n\n"
    if options.toolchain == "uv":
        yield from _uv(options, run)
    elif options.toolchain == "poetry":
        yield from run([find_poetry(), "install", "--no-ansi"], options.program)
    else:
        yield from _pip(options, run, plugin=plugin)
    yield b"Finished installing dependencies\n\n"


def _uv(options: Options, run: Run) -> Iterator[bytes]:
    uv = find_uv()
    if uv is None:
        raise InstallError("the uv toolchain needs `uv` on PATH; install it with `pip install uv`")
    if above(options.program, "uv.lock") or above(options.program, "pyproject.toml"):
        where = str(options.virtualenv)
        yield from run([uv, "sync"], options.program, UV_PROJECT_ENVIRONMENT=where)
    else:
        yield from _pip(options, run, plugin=False)


def _pip(options: Options, run: Run, *, plugin: bool) -> Iterator[bytes]:
    folder = options.program
    python = sys.executable
    if options.virtualenv is not None:
        if not (options.virtualenv / "bin" / "python").is_file():
            yield b"Creating virtual environment...\n"
            yield from _create(options.virtualenv, folder, run)
            yield b"Finished creating virtual environment\n"
        python = str(options.virtualenv / "bin" / "python")
    pip = _installer(python)
    if plugin and is_project(folder):
        yield from run([*pip, str(folder)], folder)
    if (folder / "requirements.txt").is_file():
        yield from run([*pip, "-r", "requirements.txt"], folder)


def _create(virtualenv: Path, folder: Path, run: Run) -> Iterator[bytes]:
    try:
        yield from run([sys.executable, "-m", "venv", str(virtualenv)], folder)
    except InstallError:
        # Debian's Python cannot make one by itself.
        uv = find_uv()
        if uv is None:
            raise
        shutil.rmtree(virtualenv, ignore_errors=True)
        yield from run([uv, "venv", "--python", sys.executable, str(virtualenv)], folder)


def _installer(python: str) -> list[str]:
    has_pip = subprocess.run([python, "-c", "import pip"], capture_output=True, check=False)
    uv = find_uv()
    if has_pip.returncode != 0 and uv is not None:
        return [uv, "pip", "install", "--python", python]
    return [python, "-m", "pip", "install", "--disable-pip-version-check"]


def find_uv() -> str | None:
    """Where uv is: on PATH, or beside our own interpreter."""
    beside = Path(sys.executable).with_name("uv")
    return shutil.which("uv") or (str(beside) if beside.is_file() else None)


def is_project(folder: Path) -> bool:
    """Whether a folder holds a package that can be built."""
    return project_name(folder) is not None


def project_name(folder: Path) -> str | None:
    """The name of the package in a folder, if it can be built."""
    try:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    except FileNotFoundError:
        return None
    except tomllib.TOMLDecodeError as error:
        raise InstallError(f"{folder / 'pyproject.toml'}: {error}") from error
    if not project.get("build-system", {}).get("build-backend"):
        return None
    name = project.get("project", {}).get("name")
    return name if isinstance(name, str) and name else None
