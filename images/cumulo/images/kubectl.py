"""`cumulo kubectl`: Kubernetes' own client, let into the cluster that a stack has made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from cumulo.images.node import commands
from cumulo.images.node.release import releases
from cumulo.local import files, paths
from cumulo.local.errors import CumuloError

OUTPUT = "kubeconfig"
"""What the program exports for it."""


def client() -> list[str]:
    """How to call kubectl: the one that was built for nodes, which is as new as they are.

    Raises:
        CumuloError: There is none, and none on PATH either.
    """
    for release in releases():
        built = commands.path(release) / "kubernetes"
        if built.exists():
            return [str(built), "kubectl"]
    installed = shutil.which("kubectl")
    if installed:
        return [installed]
    raise CumuloError(
        "there is no kubectl on PATH, and none was built for nodes yet",
        "install it, or `cumulo images build node`",
    )


def become(stack: str, arguments: Sequence[str]) -> NoReturn:
    """Becomes kubectl: its streams, signals and exit code are what the caller sees.

    Args:
        stack: The stack whose cluster it is; the one that is selected, if empty.
        arguments: kubectl's.

    Raises:
        CumuloError: There is no kubectl, or the stack has no cluster.
    """
    command = client()
    kubeconfig = paths.data() / f"kubeconfig-{stack or 'selected'}"
    files.write(kubeconfig, _exported(stack), 0o600)
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    os.execve(command[0], [*command, *arguments], environment)  # noqa: S606


def _exported(stack: str) -> str:
    run = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("cumulo")), "stack", "output", OUTPUT),
            "--show-secrets",
            *(("--stack", stack) if stack else ()),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode:
        raise CumuloError(
            f"stack {stack or 'that is selected'} gives no {OUTPUT}: {run.stderr.strip()}",
            "name the stack that has the cluster, `cumulo kubectl --stack NAME …`, or "
            "`cumulo up` it first",
        )
    return run.stdout
