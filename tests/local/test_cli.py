"""The `cumulo` command as a user calls it."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cumulo.local import versions

from .project import CUMULO, Project


def cumulo(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CUMULO, *arguments], env={**os.environ, **variables}, capture_output=True, text=True
    )


def test_other_commands_are_pulumis_with_its_streams_and_exit_codes(project: Project) -> None:
    assert json.loads(project.ok("stack", "ls", "--json"))[0]["name"] == "dev"
    run = project.run("stack", "select", "absent")
    assert run.returncode != 0
    assert run.stdout == ""
    assert "no stack named 'absent' found" in run.stderr


def test_a_command_prints_no_warning_about_our_plugins(project: Project) -> None:
    project.program("")
    run = project.run("preview")
    assert "warning" not in run.stdout + run.stderr


def test_plain_pulumi_works_in_the_printed_environment(project: Project) -> None:
    project.program("import pulumi\npulumi.export('a', 1)")
    script = f'eval "$({CUMULO} env)" && pulumi up --yes --skip-preview && pulumi stack output a'
    run = subprocess.run(
        ["sh", "-c", script], cwd=project.folder, env=project.env, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "1"


def test_outside_of_a_project_it_is_the_checkouts(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path, tmp_path / "data")
    (tmp_path / "Pulumi.yaml").unlink()
    shown = other.ok("config", "--stack", "absent", "--help")
    assert "config" in shown
    from cumulo.local.cli import find_project

    assert find_project(tmp_path) == Path(__file__).parents[2]
    assert find_project(project.folder) == project.folder


def test_a_salt_that_a_checkout_lacks_comes_from_the_state(project: Project) -> None:
    project.program("import pulumi\npulumi.export('s', pulumi.Output.secret('hush'))")
    project.ok("up", "--yes", "--skip-preview")
    salted = (project.folder / "Pulumi.dev.yaml").read_text()
    assert "encryptionsalt" in salted
    (project.folder / "Pulumi.dev.yaml").unlink()
    project.ok("up", "--yes", "--skip-preview")
    assert (project.folder / "Pulumi.dev.yaml").read_text() == salted


def test_a_wrong_passphrase_is_named(project: Project) -> None:
    project.program("import pulumi\npulumi.export('s', pulumi.Output.secret('hush'))")
    project.ok("up", "--yes", "--skip-preview")
    project.env["PULUMI_CONFIG_PASSPHRASE"] = "wrong"
    run = project.run("preview", "--non-interactive")
    assert run.returncode != 0
    assert "incorrect passphrase" in run.stdout + run.stderr


def test_help_lists_our_commands_and_says_that_the_rest_is_pulumis() -> None:
    run = cumulo("--help")
    assert run.returncode == 0
    for command in ("completion", "doctor", "env", "local"):
        assert command in run.stdout
    assert "Pulumi" in run.stdout


def test_an_unknown_command_of_ours_is_an_error_without_a_traceback() -> None:
    run = cumulo("local", "fly")
    assert run.returncode == 2
    assert "No such command 'fly'" in run.stderr
    assert "Traceback" not in run.stderr


def test_an_error_names_its_mend_and_is_no_traceback(tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.write_text(
        "#!/bin/sh\n[ $1 = env ] && echo go1.99 && exit\necho 'dial tcp: no' >&2; exit 1\n"
    )
    go.chmod(0o755)
    run = cumulo("preview", PATH=f"{tmp_path}:/usr/bin:/bin", XDG_CACHE_HOME=str(tmp_path))
    assert run.returncode == 1
    assert f"error: building the Pulumi CLI {versions.PULUMI} failed" in run.stderr
    assert "GOPROXY" in run.stderr
    assert "Traceback" not in run.stderr


def completions(*words: str) -> list[str]:
    lines = cumulo("__complete", *words).stdout.splitlines()
    assert lines[-1].startswith(":")
    return [line.partition("\t")[0] for line in lines[:-1]]


def test_pulumis_commands_and_ours_complete(pulumi: Path) -> None:
    first = completions("")
    assert {"local", "doctor", "env", "preview", "stack"} <= set(first)
    assert {"local", "login", "logout", "logs"} <= set(completions("lo"))
    assert {"up", "down", "status", "ssh", "logs", "reset"} <= set(completions("local", ""))
    assert "select" in completions("stack", "sel")


def test_bash_completes(pulumi: Path) -> None:
    script = cumulo("completion", "bash").stdout + (
        "\nCOMP_WORDS=(cumulo local st); COMP_CWORD=2\n"
        "_cumulo; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
        "COMP_WORDS=(cumulo stack --sh); COMP_CWORD=2\n"
        "_cumulo; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    folder = str(Path(CUMULO).parent)
    run = subprocess.run(
        ["bash"],
        input=script,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert run.stdout.splitlines()[0] == "status"
    assert "--show-urns" in run.stdout
    assert run.stderr == ""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_can_read_their_scripts(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    run = subprocess.run(
        [shell, "-n"], input=cumulo("completion", shell).stdout, capture_output=True, text=True
    )
    assert run.returncode == 0
    assert run.stderr == ""
