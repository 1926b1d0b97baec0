"""The `cumulo images` commands, and `cumulo kubectl`."""

import click

_kubernetes = click.option(
    "--kubernetes", metavar="VERSION", default="", help="Such as 1.35; the newest if none is named."
)


@click.group()
def images() -> None:
    """Images that are built here: what servers boot and what nodes run."""


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


@images.group()
def build() -> None:
    """Build an image where it is not built yet; prints the file."""


@build.command("node")
@_kubernetes
def build_node(kubernetes: str) -> None:
    """The image of Kubernetes' nodes."""
    from cumulo.images import node

    click.echo(node.build(kubernetes))


@images.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(*, as_json: bool) -> None:
    """What can be built, and what is."""
    from cumulo.images import node

    found = node.show()
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))
        return
    for one in found:
        size = f"{one['bytes'] / 1e6:.0f} MB, {one['file']}" if one["built"] else "not built"
        click.echo(f"{one['name']}  {size}")


@images.group()
def upload() -> None:
    """Put an image into a cloud where that does not have it yet; prints its name there."""


@upload.command("node")
@_kubernetes
@click.option("--cloud", default="cumulo-local", show_default=True, help="An entry of clouds.yaml.")
def upload_node(kubernetes: str, cloud: str) -> None:
    """The image of Kubernetes' nodes; builds it first where it is not built."""
    from cumulo.images import glance, node

    click.echo(glance.upload(node.build(kubernetes), node.properties(kubernetes), cloud))
