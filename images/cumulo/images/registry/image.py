"""Builds the registry image: Debian with the command that the image `distribution` has too."""

from pathlib import Path

from cumulo.images import containers, debian
from cumulo.images.containers import golang
from cumulo.images.containers.recipes.distribution import COMMANDS
from cumulo.local import paths
from cumulo.local.apt import Archives

_ROLE = "registry"


def version() -> str:
    """The version of distribution, without a `v`."""
    return golang.version(COMMANDS.module, COMMANDS.main)


def path(archives: Archives) -> Path:
    """Where the finished image is, or is going to be: its name tells its content."""
    python = Path(__file__).parent.glob("*.py")
    made_of = debian.sources(archives, _ROLE, python, golang.path(COMMANDS).name)
    name = f"registry-{version()}-{made_of}"
    return paths.cache() / "images" / "registry" / debian.file_name(name)


def build(archives: Archives) -> Path:
    """Builds the image where the cache does not have it yet."""
    return debian.build(path(archives), archives, "the registry image", make)


def make(base: Path, finished: Path) -> None:
    """Makes the image and its description.

    Args:
        base: The Debian image that it starts from.
        finished: The file that it becomes; a folder `build` beside it is used meanwhile.
    """
    command = containers.registry_command()
    root = debian.unpacked(base, finished)
    debian.play(_ROLE, root, {"registry_command": str(command)})
    epoch = debian.epoch(root)
    debian.clean(root, epoch)
    debian.finish(root, finished, epoch, {"versions": {"registry": version()}})
