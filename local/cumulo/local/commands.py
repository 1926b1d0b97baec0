"""Our own commands: what `cumulo --help` lists."""

import os
import shlex
import sys
import threading
from collections.abc import Callable

import click
from cumulo.local.errors import CumuloError

_SETTINGS = {"help_option_names": ["-h", "--help"]}


class _Rooms(click.Group):
    """The commands of this room, and those that other rooms bring."""

    _OTHERS = ("images", "kubectl")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *self._OTHERS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._OTHERS:
            from cumulo.images import cli

            command: click.Command = getattr(cli, cmd_name)
            return command
        return super().get_command(ctx, cmd_name)


@click.group(
    cls=_Rooms,
    context_settings=_SETTINGS,
    epilog="Every other command is Pulumi's own, in the environment that `cumulo env` prints: "
    "`cumulo up`, `cumulo preview`, `cumulo stack`, … (`cumulo help` lists them).",
)
@click.version_option(package_name="cumulo")
def cumulo() -> None:
    """Infrastructure as code that turns your own servers into an ML cloud."""


@cumulo.command()
@click.option("--shell", is_flag=True, help="Start a shell in it instead of printing it.")
def env(*, shell: bool) -> None:
    """Print the environment in which plain `pulumi` works: eval "$(cumulo env)"."""
    from cumulo.local import environment, toolchain

    variables = environment.environment(toolchain.ensure())
    if shell:
        command = os.environ.get("SHELL") or "/bin/sh"
        os.execve(command, [command], {**os.environ, **variables})  # noqa: S606
    for name, value in sorted(variables.items()):
        click.echo(f"export {name}={shlex.quote(value)}")


@cumulo.command()
def doctor() -> None:
    """Check that this machine has what the local cloud and the toolchain need."""
    from cumulo.local import doctor as checks

    results = checks.run()
    for result in results:
        click.echo(str(result))
    sys.exit(0 if all(result.ok for result in results) else 1)


@cumulo.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell's completion script: eval "$(cumulo completion bash)"."""
    from cumulo.local.completion import SCRIPTS

    click.echo(SCRIPTS[shell].strip())


@cumulo.group()
def local() -> None:
    """The local cloud: a real OpenStack on this machine."""


@local.command()
def up() -> None:
    """Bring the local cloud up; where it already is, this takes no time."""
    from cumulo.local import checkout, cloud, toolchain

    checkout.hide_salts()
    if toolchain.ready():
        cloud.up()
    else:
        # It compiles while the cloud's packages install.
        together(cloud.up, toolchain.ensure)


@local.command()
def down() -> None:
    """Stop the local cloud; its data stays."""
    from cumulo.local import cloud

    cloud.down()


@local.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(*, as_json: bool) -> None:
    """Tell what of the local cloud is up; exits with 1 if it is not ready."""
    from cumulo.local import cloud

    found = cloud.status()
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), indent=2))
    else:
        click.echo(str(found))
    sys.exit(0 if found.ready else 1)


@local.command(context_settings={"ignore_unknown_options": True})
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def ssh(command: tuple[str, ...]) -> None:
    """Run a command on the cloud's server, or a shell."""
    from cumulo.local import cloud

    sys.exit(cloud.ssh(command))


@local.command()
@click.argument("service", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on until interrupted.")
@click.option("-n", "--lines", default=100, show_default=True, help="How many to begin with.")
def logs(service: str | None, *, follow: bool, lines: int) -> None:
    """Show the logs of the server, or of one service: role, console, nova and so on."""
    from cumulo.local import cloud

    sys.exit(cloud.logs(service, follow=follow, lines=lines))


@local.command()
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--cache", is_flag=True, help="Remove what was downloaded for it, too.")
def reset(*, yes: bool, cache: bool) -> None:
    """Remove the local cloud with all that stands on it."""
    from cumulo.local import cloud

    if not yes:
        click.confirm("Remove the local cloud, its servers and their data?", abort=True)
    cloud.reset(cache=cache)


def together(main: Callable[[], object], aside: Callable[[], object]) -> None:
    """Does two things at once, one of them in this thread; reports the errors of both."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            aside()
        except BaseException as error:  # noqa: BLE001 -- it is raised below
            failed.append(error)

    # A daemon: an interrupt ends this command without waiting for it.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        main()
    except CumuloError as error:
        thread.join()
        if failed:
            click.echo(f"error: {error}", err=True)
            raise failed[0] from error
        raise
    thread.join()
    if failed:
        raise failed[0]


def run(arguments: list[str]) -> int:
    """Runs one of our own commands; returns the exit code."""
    try:
        result = cumulo(arguments, prog_name="cumulo", standalone_mode=False)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0
