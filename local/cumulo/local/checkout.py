"""What cumulo does to the checkout it is run in."""

import shutil
import subprocess
from pathlib import Path

from cumulo.local import cli

FILTER = "cumulo-salt"
"""The filter that .gitattributes names for the local stack's settings."""

SETTINGS = "stacks/Pulumi.local.yaml"


def hide_salts() -> None:
    """Keeps this machine's salt for the local stack out of git.

    Pulumi writes `encryptionsalt` into the stack's settings file. For an environment that a team
    shares it belongs into git; the local stack's fits no other machine, so git is told to see that
    file without it. Where there is no git, there is nothing to hide it from.
    """
    project = cli.find_project(Path.cwd())
    git = shutil.which("git")
    if project is None or git is None:
        return
    command = [git, "-C", str(project)]
    for name, filtered in {"clean": "sed '/^encryptionsalt:/d'", "smudge": "cat"}.items():
        _quietly([*command, "config", "--local", f"filter.{FILTER}.{name}", filtered])
    # Git takes a file whose size has changed for modified, until it is told to look inside.
    if _quietly([*command, "diff", "--quiet", "--", SETTINGS]):
        _quietly([*command, "add", "--", SETTINGS])


def _quietly(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
