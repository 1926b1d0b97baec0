"""Shell completion: Pulumi's own scripts and protocol, with our commands among its."""

import os
import subprocess
import sys

from click.shell_completion import ShellComplete
from cumulo.local import environment, toolchain
from cumulo.local.cli import OURS
from cumulo.local.commands import cumulo

_NO_FILES = 4
"""Cobra's directive: do not complete file names."""


def script(shell: str) -> str:
    """The completion script for a shell: Pulumi's, under our name."""
    return _pulumi(["completion", shell]).replace("pulumi", "cumulo")


def answer(words: list[str]) -> None:
    """Prints the completions of the last word, in the form that the script expects."""
    if len(words) > 1 and words[0] in OURS:
        lines = [*_ours(words[:-1], words[-1]), f":{_NO_FILES}"]
    else:
        *found, directive = _pulumi(["__complete", *words]).splitlines() or [f":{_NO_FILES}"]
        own = _ours([], words[-1]) if len(words) == 1 else []
        lines = [*own, *found, directive]
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def _ours(before: list[str], incomplete: str) -> list[str]:
    items = ShellComplete(cumulo, {}, "cumulo", "").get_completions(before, incomplete)
    return [f"{item.value}\t{item.help}" if item.help else str(item.value) for item in items]


def _pulumi(arguments: list[str]) -> str:
    program = toolchain.ready()
    if program is None:
        return ""
    run = subprocess.run(
        [program, *arguments],
        env={**os.environ, **environment.environment(program)},
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout
