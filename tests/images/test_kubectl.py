"""Which cluster `cumulo kubectl` talks to. What it then says is the client's own, so a script that
repeats what it was told stands in for it here; the cluster's tests use the real one."""

import os
import stat
from pathlib import Path

import pytest

from tests.local.project import Project


@pytest.fixture
def project(tmp_path: Path, pulumi: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder, tmp_path / "data")
    client = made.write("bin/kubectl", '#!/bin/sh\ncat "$KUBECONFIG"\necho " $*"\nexit 7\n')
    client.chmod(0o755)
    made.env["PATH"] = f"{client.parent}:{pulumi.parent}:{os.environ['PATH']}"
    # Where none was built for nodes.
    made.env["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    made.ok("stack", "init", "dev")
    return made


def test_the_client_is_let_into_the_cluster_of_the_stack(project: Project, tmp_path: Path) -> None:
    project.program("import pulumi\npulumi.export('kubeconfig', pulumi.Output.secret('{}'))")
    project.ok("up", "--yes", "--skip-preview")

    run = project.run("kubectl", "--stack", "dev", "get", "nodes", "--output", "name")

    assert run.stdout == "{}\n get nodes --output name\n"
    assert run.returncode == 7
    run = project.run("kubectl", "exec", "pod", "--", "ls", "--help")
    assert run.stdout == "{}\n exec pod -- ls --help\n"
    for written in (tmp_path / "data" / "cumulo").glob("kubeconfig*"):
        assert stat.S_IMODE(written.stat().st_mode) == 0o600


def test_a_stack_without_a_cluster_is_named(project: Project, tmp_path: Path) -> None:
    run = project.run("kubectl", "get", "nodes")

    assert run.returncode == 1
    assert "gives no kubeconfig" in run.stderr
    assert "cumulo kubectl --stack NAME" in run.stderr
    assert not list((tmp_path / "data" / "cumulo").glob("kubeconfig*"))
