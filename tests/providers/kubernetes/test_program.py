"""A whole program, run by the real engine on a real cluster."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access
from cumulo.providers.kubernetes.objects import Kind

pytestmark = pytest.mark.cluster

COMMAND = str(Path(sys.executable).with_name("cumulo"))


class Program:
    """The program in a folder of its own, with a state of its own."""

    def __init__(self, folder: Path, kubeconfig: str) -> None:
        self.folder = folder / "program"
        shutil.copytree(Path(__file__).parent / "program", self.folder)
        (folder / "state").mkdir()
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
        }
        self.run("stack", "init", "test")
        self.run("config", "set", "kubeconfig", kubeconfig)
        self.run("config", "set", "group", f"g{uuid.uuid4().hex[:8]}.test.dev")

    def run(self, *arguments: str) -> str:
        """Runs `cumulo`, which must succeed; what it said."""
        done = subprocess.run(
            [COMMAND, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(self.run("stack", "output", "--json"))
        return outputs


@pytest.fixture
def program(tmp_path: Path, kubeconfig: str) -> Iterator[Program]:
    made = Program(tmp_path, kubeconfig)
    yield made
    made.run("destroy", "--yes", "--skip-preview")


def test_it_is_previewed_made_and_then_as_the_program_says(
    program: Program, kubeconfig: str
) -> None:
    assert "to create" in program.run("preview")
    program.run("up", "--yes", "--skip-preview")
    first = program.outputs()
    assert first["address"]

    program.run("preview", "--expect-no-changes")
    program.run("preview", "--refresh", "--expect-no-changes", "--diff")

    program.run("config", "set", "text", "2")
    shown = program.run("up", "--yes", "--skip-preview", "--diff")
    assert "1 updated" in shown
    assert "2 replaced" in shown
    assert program.outputs()["uid"] != first["uid"]

    program.run("destroy", "--yes", "--skip-preview")
    cluster = Cluster(access({"kubeconfig": kubeconfig}))
    assert cluster.read(Kind("", "v1", "Namespace"), "", first["namespace"]) is None
