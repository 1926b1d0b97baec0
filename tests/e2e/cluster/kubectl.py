"""kubectl, for what a client of the API has to speak more than HTTP for."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from cumulo.images.node import commands
from cumulo.images.node.release import releases


def found() -> list[str]:
    """The command, or the one in a node image's binary that was built here; empty without any."""
    installed = shutil.which("kubectl")
    if installed:
        return [installed]
    for release in releases():
        binary = commands.path(release) / "kubernetes"
        if binary.is_file():
            return [str(binary), "kubectl"]
    return []


@dataclass(frozen=True)
class Kubectl:
    """kubectl, of a cluster's administrator."""

    command: list[str]
    kubeconfig: str

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts it, with pipes to talk with it."""
        return subprocess.Popen(
            [*self.command, *arguments],
            env={**os.environ, "KUBECONFIG": self.kubeconfig},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """How it ends, and what it says."""
        with self.start(*arguments) as process:
            said, _ = process.communicate(timeout=60)
            return process.returncode, said
