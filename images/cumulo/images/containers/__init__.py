"""Container images that stand in for upstream's where only package registries are reached.

Debian, Go modules, Maven artifacts, Python packages ──▶ one OCI image layout ──▶ a registry

Manifests name the upstream images. What is built here answers under those names, with the same
software, ports, paths and variables; `docs/images.md` says where it differs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def names() -> list[str]:
    """The images that can be built."""
    from cumulo.images.containers.recipes import RECIPES

    return list(RECIPES)


def build(name: str) -> Path:
    """An image by its name, such as `postgres`; builds it where it is not built.

    Returns:
        The JSON file that says what is in it; `store.folder()` is the OCI layout that has it.

    Raises:
        CumuloError: There is no such image, or it cannot be built.
    """
    from cumulo.images.containers import image
    from cumulo.images.containers.recipes import recipe

    return image.build(recipe(name))


def registry_command() -> Path:
    """The registry's own command, `registry`, for this machine or a server like it.

    It is what the image `distribution` has: CNCF distribution, statically linked, so that it runs
    on any Linux. Builds it where it is not built, which takes a few minutes.

    Raises:
        CumuloError: It cannot be built.
    """
    from cumulo.images.containers import golang
    from cumulo.images.containers.recipes.distribution import COMMANDS

    return golang.build(COMMANDS) / "registry"


def push(
    names: Sequence[str], address: str, user: str, password: str, authority: Path | None = None
) -> dict[str, int]:
    """Pushes images to a registry, under their upstream repositories and tags.

    Args:
        names: The images; those that are not built are built first.
        address: `HOST:PORT`, by TLS; with `http://` before it, without.
        user: Who pushes; nobody, if empty.
        password: Theirs.
        authority: A PEM file of the authority that signed the registry's certificate.

    Returns:
        The bytes that were sent, by name: 0 for those that were there already.

    Raises:
        CumuloError: A name is unknown, or the registry cannot be reached or does not accept this.
    """
    from cumulo.images.containers import distribution, image, pushing
    from cumulo.images.containers.recipes import recipe

    recipes = [recipe(name) for name in names]
    # Nobody builds for an hour to learn that the password is wrong.
    registry = distribution.Registry(address, user, password, authority)
    for one in recipes:
        image.build(one)
    return pushing.push(recipes, registry)


def show() -> list[dict[str, Any]]:
    """Every image that can be built; where it is built, its digest, size and description."""
    from cumulo.images.containers import image
    from cumulo.images.containers.recipes import RECIPES
    from cumulo.local import apt

    archives = apt.archives()
    found = []
    for name, recipe in RECIPES.items():
        said = image.built(recipe, archives)
        found.append(
            {
                "name": name,
                "reference": recipe.reference,
                "built": said is not None,
                "digest": said["digest"] if said else "",
                "bytes": said["bytes"] if said else 0,
                "file": str(image.description(recipe, archives)),
            }
        )
    return found
