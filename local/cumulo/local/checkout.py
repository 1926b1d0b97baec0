"""What cumulo does to the checkout it is run in."""

import shutil
import subprocess
from pathlib import Path

from cumulo.local import cli, environment, files

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
    if project is None:
        return
    if not environment.has_passphrase():
        _forget_salt(project / SETTINGS)
    if git is None:
        return
    command = [git, "-C", str(project)]
    for name, filtered in {"clean": "sed '/^encryptionsalt:/d'", "smudge": "cat"}.items():
        _quietly([*command, "config", "--local", f"filter.{FILTER}.{name}", filtered])
    # Git takes a file whose size has changed for modified, until it is told to look inside.
    if _quietly([*command, "diff", "--quiet", "--", SETTINGS]):
        _quietly([*command, "add", "--", SETTINGS])


def _forget_salt(settings: Path) -> None:
    """Removes a salt of another machine, or of a passphrase that has been deleted since.

    What was encrypted with it can be read with that passphrase alone, so then it stays.
    """
    text = settings.read_text("utf-8") if settings.exists() else ""
    lines = text.splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith("encryptionsalt:")]
    if kept != lines and "secure:" not in text:
        files.write(settings, "".join(kept))


def _quietly(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
