"""The `cumulo` command.

Every `cumulo` command that is not listed by `cumulo --help` is Pulumi's own, run in the
environment that `cumulo env` prints. Those are what users wait for most often, so this module
imports next to nothing before it knows which command it is.
"""

import os
import sys
from pathlib import Path

OURS = ("completion", "doctor", "env", "images", "kubectl", "local")


def main() -> None:
    """Runs a command and exits."""
    arguments = sys.argv[1:]
    from cumulo.local.errors import CumuloError

    try:
        if not arguments or arguments[0] in {*OURS, "--help", "-h", "--version"}:
            from cumulo.local import commands

            sys.exit(commands.run(arguments))
        elif arguments[0] in {"__complete", "__completeNoDesc"}:
            from cumulo.local import completion

            completion.answer(arguments[1:])
        else:
            pulumi(arguments)
    except CumuloError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # Nobody reads on; what is still buffered must not raise again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def pulumi(arguments: list[str]) -> None:
    """Becomes Pulumi: its streams, signals and exit code are what the caller sees."""
    from cumulo.local import environment, toolchain

    program = toolchain.ensure()
    variables = {**os.environ, **environment.environment(program)}
    if not {"destroy", "down", "dn"}.isdisjoint(arguments):
        # Hooks of what is deleted are in the program.
        variables.setdefault("PULUMI_RUN_PROGRAM", "true")
    for notice in environment.tidy(variables):
        sys.stderr.write(f"cumulo: {notice}\n")
    sys.stderr.flush()
    command = [str(program), *_folder_options(arguments), *arguments]
    os.execve(program, command, variables)  # noqa: S606


def _folder_options(arguments: list[str]) -> list[str]:
    """Has Pulumi run in the checkout's own project, unless the user is in, or names, another."""
    for argument in arguments:
        if argument in {"-C", "--cwd"} or argument.startswith(("-C=", "--cwd=")):
            return []
    here = Path.cwd()
    project = find_project(here)
    return ["--cwd", str(project)] if project and not here.is_relative_to(project) else []


def find_project(here: Path) -> Path | None:
    """The project around a folder, or else of the checkout that cumulo was installed from."""
    for folder in (here, *here.parents, *Path(__file__).resolve().parents[3:4]):
        if any((folder / f"Pulumi.{ending}").is_file() for ending in ("yaml", "yml", "json")):
            return folder
    return None
