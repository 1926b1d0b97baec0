"""The uppermost layer of an image: what is not Debian's."""

import hashlib
import os
import shutil
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO, Any

from cumulo.images.containers import golang, maven, python, store
from cumulo.images.containers.recipe import Artifact, Recipe
from cumulo.images.oci import Entry, File, Folder, Link, Text
from cumulo.local import files, progress, rootfs

_REVISION = 1
# Of what Python packages become.
_PYTHON_REVISION = 2


def key(recipe: Recipe) -> str:
    """What the layer depends on, as a name."""
    return rootfs.digest(
        [
            *(_REVISION, recipe.owner, recipe.owned, recipe.writable),
            {path: _said(entry) for path, entry in recipe.files.items()},
            [vars(artifact) for artifact in recipe.artifacts],
            golang.path(recipe.commands).name if recipe.commands else "",
            dict(recipe.commands.paths) if recipe.commands else {},
            [_PYTHON_REVISION, recipe.requirements.file.read_text("utf-8")]
            if recipe.requirements
            else "",
        ]
    )


def prepare(recipe: Recipe) -> None:
    """Compiles and fetches what the layer is made of, where that is not there yet."""
    if recipe.commands:
        golang.build(recipe.commands)
    for artifact in recipe.artifacts:
        maven.fetch(artifact)


def layer(recipe: Recipe, below: list[store.Layer]) -> store.Layer | None:
    """What an image has besides Debian's packages, if anything.

    Args:
        recipe: The image.
        below: Its other layers; what comes from Python's package index is compiled on them.
    """
    if not (recipe.files or recipe.commands or recipe.artifacts or recipe.requirements):
        return None
    commands = golang.build(recipe.commands) if recipe.commands else None
    archives = [maven.fetch(artifact) for artifact in recipe.artifacts]
    made_of = [key(recipe)]
    if recipe.requirements:
        made_of += [one["digest"] for one in below]

    def make(sink: IO[bytes]) -> dict[str, str]:
        root = rootfs.fresh_directory(store.folder() / "debian" / "contents.part")
        try:
            names: set[str] = set()
            if recipe.requirements:
                for one in below:
                    store.unpack(one["digest"], root)
                names |= set(python.install(recipe.requirements, root))
            for artifact, archive in zip(recipe.artifacts, archives, strict=True):
                names |= _unzip(archive, artifact, root)
            if recipe.commands and commands:
                for path, package in recipe.commands.paths.items():
                    built = commands / package.rpartition("/")[2]
                    names |= _place(path, File(built), root)
            for path, entry in recipe.files.items():
                names |= _place(path, entry, root)
            _give(recipe, names, root)
            store.archive(root, sorted(names), 0, sink)
        finally:
            files.remove_tree(root)
        return {}

    with progress.step(f"{recipe.name}: packing its own layer"):
        return store.layer(rootfs.digest(made_of), make)


def described(recipe: Recipe) -> dict[str, Any]:
    """What is in the layer, for whoever reads the image's description."""
    said: dict[str, Any] = {"go": {}, "python": {}, "maven": {}}
    if recipe.commands:
        said["go"] = golang.contents(recipe.commands)
    if recipe.requirements:
        said["python"] = python.pins(recipe.requirements)
    said["maven"] = {f"{one.group}:{one.name}": one.version for one in recipe.artifacts}
    return {name: what for name, what in said.items() if what}


def _place(path: str, entry: Entry, root: Path) -> set[str]:
    place = root / path.lstrip("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    match entry:
        case Folder(mode):
            place.mkdir(exist_ok=True)
            place.chmod(mode)
        case Link(target):
            place.symlink_to(target)
        case Text(content, mode):
            place.write_text(content, "utf-8")
            place.chmod(mode)
        case File(source, mode):
            shutil.copyfile(source, place)
            place.chmod(mode)
    return {str(place.relative_to(root))}


def _unzip(archive: Path, artifact: Artifact, root: Path) -> set[str]:
    """Unpacks what is in an archive's one top folder, with the modes that it names."""
    into = root / artifact.into.lstrip("/")
    into.mkdir(parents=True, exist_ok=True)
    names = {str(into.relative_to(root))}
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            inner = PurePosixPath(entry.filename).parts[1:]
            if not inner or ".." in inner:
                continue
            place = into.joinpath(*inner)
            if entry.is_dir():
                place.mkdir(parents=True, exist_ok=True)
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                with opened.open(entry) as source, place.open("wb") as target:
                    shutil.copyfileobj(source, target)
                # What an archive from elsewhere says of permissions is its owner's alone.
                place.chmod(0o755 if (entry.external_attr >> 16) & 0o111 else 0o644)
            names |= {
                str(one.relative_to(root))
                for one in (place, *place.parents)
                if one.is_relative_to(into)
            }
    return names


def _give(recipe: Recipe, names: set[str], root: Path) -> None:
    """Gives the image's user what belongs to it."""
    uid, gid = recipe.owner
    for path in recipe.owned:
        for name in names:
            if PurePosixPath("/", name).is_relative_to(path):
                os.chown(root / name, uid, gid, follow_symlinks=False)
    for path in recipe.writable:
        for name in names:
            place = root / name
            if PurePosixPath("/", name).is_relative_to(path) and not place.is_symlink():
                mode = place.stat().st_mode & 0o7777
                place.chmod(mode | ((mode & 0o700) >> 3))


def _said(entry: Entry) -> list[object]:
    match entry:
        case Folder(mode):
            return ["folder", mode]
        case Link(target):
            return ["link", target]
        case Text(content, mode):
            return ["text", content, mode]
        case File(source, mode):
            return ["file", hashlib.sha256(source.read_bytes()).hexdigest(), mode]
