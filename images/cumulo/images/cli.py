"""The `cumulo images` commands, and `cumulo kubectl`."""

import click

_kubernetes = click.option(
    "--kubernetes", metavar="VERSION", default="", help="Such as 1.35; the newest if none is named."
)


@click.group()
def images() -> None:
    """Images that are built here: what servers boot and what nodes run."""


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.option("--stack", default="", help="The stack whose cluster it is.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def kubectl(stack: str, arguments: tuple[str, ...]) -> None:
    """Kubernetes' own client, let into a stack's cluster: cumulo kubectl get nodes."""
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
