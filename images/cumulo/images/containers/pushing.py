"""Puts built images into a registry, under the names that they have upstream."""

from collections.abc import Mapping, Sequence
from typing import Any

from cumulo.images.containers import image, store
from cumulo.images.containers.distribution import Registry
from cumulo.images.containers.recipe import Recipe
from cumulo.local import apt, progress
from cumulo.local.errors import CumuloError


def push(recipes: Sequence[Recipe], registry: Registry) -> dict[str, int]:
    """Pushes images; what the registry has already is not sent again.

    A push that was killed continues: whole blobs are there, and the rest is sent.

    Args:
        recipes: The images, all of them built.
        registry: Where they go: an image's repository and tag are the upstream's.

    Returns:
        The bytes that were sent, by image name.

    Raises:
        CumuloError: One is not built, or the registry does not take it.
    """
    archives = apt.archives()
    said = {recipe.name: image.built(recipe, archives) for recipe in recipes}
    lacking = [name for name, found in said.items() if found is None]
    if lacking:
        raise CumuloError(
            f"not built: {', '.join(lacking)}",
            f"build first: `cumulo images build {lacking[0] if len(lacking) == 1 else '--all'}`",
        )
    # Repositories in which a blob has been seen, for others to take it from.
    seen: dict[str, str] = {}
    sent: dict[str, int] = {}
    for recipe in recipes:
        described = said[recipe.name]
        assert described is not None  # noqa: S101 -- told above
        sent[recipe.name] = _push(recipe, described, registry, seen)
    return sent


def _push(recipe: Recipe, said: Mapping[str, Any], registry: Registry, seen: dict[str, str]) -> int:
    repository = recipe.repository
    where = f"{registry.address}/{repository}:{recipe.tag}"
    digests = [layer["digest"] for layer in said["layers"]]
    if registry.has_manifest(repository, recipe.tag, said["digest"], store.MANIFEST):
        progress.say(f"{where} is there already")
        seen |= dict.fromkeys(digests, repository)
        return 0
    total = 0
    with progress.step(f"pushing {where}, {said['bytes'] / 1e6:.0f} MB"):
        for descriptor in (*said["layers"], said["config"]):
            total += _settle(repository, descriptor, registry, seen)
        manifest = store.blob(said["digest"]).read_bytes()
        registry.send_manifest(repository, recipe.tag, manifest, store.MANIFEST)
    return total + len(manifest)


def _settle(
    repository: str, descriptor: store.Descriptor, registry: Registry, seen: dict[str, str]
) -> int:
    """Sees to it that a repository has a blob; returns the bytes that this took."""
    digest, size = descriptor["digest"], descriptor["size"]
    other = seen.get(digest)
    seen[digest] = repository
    if registry.has_blob(repository, digest):
        return 0
    if other and other != repository and registry.mount(repository, digest, other):
        return 0
    with store.blob(digest).open("rb") as content:
        registry.send_blob(repository, digest, content, size)
    if size > 1_000_000:
        progress.say(f"sent {size / 1e6:.0f} MB, {digest[:19]}")
    return size
