"""What cumulo does to the checkout it is run in."""

import shutil
import subprocess
from pathlib import Path

from cumulo.local import cli

FILTER = "cumulo-salt"
"""The filter that .gitattributes names for the local stack's settings."""


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
    settings = {"clean": "sed '/^encryptionsalt:/d'", "smudge": "cat"}
    for name, command in settings.items():
        key = f"filter.{FILTER}.{name}"
        subprocess.run(
            [git, "-C", project, "config", "--local", key, command],
            capture_output=True,
            check=False,
        )
