"""The `cumulo images` commands, and `cumulo kubectl`."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

_kubernetes = click.option(
    "--kubernetes", metavar="VERSION", default="", help="Such as 1.35; the newest if none is named."
)
_cloud = click.option(
    "--cloud", default="cumulo-local", show_default=True, help="An entry of clouds.yaml."
)


@click.group()
def images() -> None:
    """Images that are built here: what servers boot, and what runs in containers."""


class _Handed(click.Command):
    """A command whose words are another's, but for `--stack` at their beginning."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # Click would keep `--` for itself, which kubectl's `exec` needs.
        stack = ""
        if args[:1] == ["--stack"] and len(args) > 1:
            _, stack, *args = args
        elif args and args[0].startswith("--stack="):
            stack = args[0].removeprefix("--stack=")
            args = args[1:]
        ctx.params = {"stack": stack, "arguments": tuple(args)}
        return []


@click.command(cls=_Handed)
def kubectl(stack: str, arguments: tuple[str, ...]) -> None:
    """Kubernetes' own client, let into a cluster: cumulo kubectl [--stack NAME] get nodes."""
    from cumulo.images.kubectl import become

    become(stack, arguments)


_names = click.argument("names", nargs=-1, metavar="[NAME]...")
_all = click.option("--all", "every", is_flag=True, help="Every container image.")


@images.command()
@_names
@_all
@_kubernetes
def build(names: tuple[str, ...], *, every: bool, kubernetes: str) -> None:
    """Build images where they are not built yet; prints their files.

    NAME is `node`, the image that Kubernetes' nodes boot, `registry`, which registries boot, or a
    container image: `cumulo images list` names them. --kubernetes is for `node`.
    """
    from cumulo.images import containers, node, registry

    servers = {"node": lambda: node.build(kubernetes), "registry": registry.build}
    for name in _asked(names, every=every, others=tuple(servers)):
        click.echo(servers[name]() if name in servers else containers.build(name))


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, as_json: bool) -> None:
    """What can be built, and what is."""
    from cumulo.images import containers, node, registry

    servers, others = {"node": node.show(), "registry": registry.show()}, containers.show()
    if as_json:
        import json

        click.echo(json.dumps({**servers, "containers": others}, indent=2))
        return
    for one in (one for found in servers.values() for one in found):
        size = f"{one['bytes'] / 1e6:.0f} MB, {one['file']}" if one["built"] else "not built"
        click.echo(f"{one['name']}  {size}")
    for one in others:
        size = f"{one['bytes'] / 1e6:.0f} MB, {one['digest']}" if one["built"] else "not built"
        click.echo(f"{one['name']}  {one['reference']}  {size}")


@images.command()
@_names
@_all
@click.option("--registry", required=True, metavar="HOST:PORT", help="http://HOST:PORT: no TLS.")
@click.option(
    *("--ca", "authority"),
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The authority that signed the registry's certificate, where this machine knows it not.",
)
def push(names: tuple[str, ...], *, every: bool, registry: str, authority: Path | None) -> None:
    """Put container images into a registry, under the names that they have upstream.

    Those that are not built are built first; what is there already is not sent again.
    CUMULO_REGISTRY_USER and CUMULO_REGISTRY_PASSWORD say who pushes.
    """
    from cumulo.images import containers
    from cumulo.images.containers import distribution

    user = os.environ.get(distribution.USER_VARIABLE, "")
    password = os.environ.get(distribution.PASSWORD_VARIABLE, "")
    asked = _asked(names, every=every)
    for name, size in containers.push(asked, registry, user, password, authority).items():
        click.echo(f"{name}  {f'{size / 1e6:.1f} MB sent' if size else 'is there already'}")


def _asked(names: Sequence[str], *, every: bool, others: Sequence[str] = ()) -> list[str]:
    """The images that a command is about."""
    from cumulo.images.containers import names as containers
    from cumulo.local.errors import CumuloError

    known = [*others, *containers()]
    if bool(names) == every:
        raise CumuloError("name images, or --all", f"there are {', '.join(known)}")
    for name in names:
        if name not in known:
            raise CumuloError(f"there is no image {name!r}", f"there are {', '.join(known)}")
    return containers() if every else list(dict.fromkeys(names))


@images.group()
def upload() -> None:
    """Put an image into a cloud where that does not have it yet; prints its name there."""


@upload.command("node")
@_kubernetes
@_cloud
def upload_node(kubernetes: str, cloud: str) -> None:
    """The image of Kubernetes' nodes; builds it first where it is not built."""
    from cumulo.images import glance, node

    click.echo(glance.upload(node.build(kubernetes), node.properties(kubernetes), cloud))


@upload.command("registry")
@_cloud
def upload_registry(cloud: str) -> None:
    """The image of registries; builds it first where it is not built."""
    from cumulo.images import glance, registry

    click.echo(glance.upload(registry.build(), registry.properties(), cloud))
