"""Which of Pulumi's commands runs this program.

Pulumi tells a program whether it is a preview. It does not tell an update from a destroy that runs
the program for its hooks (`--run-program`), and only the first may wait for a cluster. So this
looks at who started the program.
"""

import os
import subprocess
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

_OTHERS = {"dn": "destroy", "down": "destroy", "pre": "preview", "update": "up"}
_COMMANDS = {"up", "preview", "destroy", "refresh", "import", "watch", *_OTHERS}
_TARGETS = {"-t", "--target"}
_INSTANCE = "openstack:compute/instance:Instance::"


def updates() -> bool:
    """Whether this run, or what it is the preview of, brings resources up.

    Yes where that cannot be told.
    """
    return command(_pulumi()) not in {"destroy", "refresh", "import"}


def destroys_cluster() -> bool:
    """Whether this run deletes more than instances that it names one by one."""
    arguments = _pulumi()
    words = [word for argument in arguments for word in argument.split("=", 1)]
    targets = [target for option, target in pairwise(words) if option in _TARGETS]
    alone = bool(targets) and all(_INSTANCE in target for target in targets)
    return command(arguments) == "destroy" and not alone


def command(arguments: Sequence[str]) -> str:
    """Pulumi's command among its arguments, by its full name; empty if there is none."""
    found = next((argument for argument in arguments if argument in _COMMANDS), "")
    return _OTHERS.get(found, found)


@cache
def _pulumi() -> tuple[str, ...]:
    for program, *arguments in _ancestors():
        if Path(program).name.removesuffix(".exe") == "pulumi":
            return tuple(arguments)
    return ()


def _ancestors() -> Iterator[list[str]]:
    """The commands of the processes that this one comes from, its parent's first."""
    process = os.getppid()
    while process > 1:
        try:
            folder = Path("/proc", str(process))
            shown = folder.joinpath("cmdline").read_bytes().decode(errors="replace").split("\0")
            # The name before it may hold anything, brackets too.
            parent = (
                folder.joinpath("stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            )
        except OSError:
            asked = ["ps", "-o", "ppid=", "-o", "args=", "-p", str(process)]
            try:
                answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
            except (OSError, subprocess.CalledProcessError):
                return
            parent, *shown = answer.split()
        if shown and shown[0]:
            yield shown
        process = int(parent)
