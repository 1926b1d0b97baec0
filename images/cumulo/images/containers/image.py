"""Builds container images into the store, layer by layer.

first layer (debian.py) ─ Debian packages (debian.py) ─ all the rest (contents.py)
"""

import json
import os
import time
from pathlib import Path
from typing import Any

from cumulo.images.containers import contents, debian, store
from cumulo.images.containers.recipe import PATH, Recipe
from cumulo.images.node.contents import architecture
from cumulo.local import apt, doctor, files, packages, progress, rootfs
from cumulo.local.apt import Archives

_EPOCH = "1970-01-01T00:00:00Z"
_REVISION = 1


def description(recipe: Recipe, archives: Archives) -> Path:
    """The file that says what is in an image: its name tells all that the image depends on."""
    key = rootfs.digest(
        [
            *(_REVISION, recipe.reference, architecture(), _config(recipe)),
            *(debian.base_layer_key(archives), debian.layer_key(recipe, archives)),
            contents.key(recipe),
        ]
    )
    return store.folder() / f"{recipe.name}-{recipe.tag}-{key}.json"


def built(recipe: Recipe, archives: Archives) -> dict[str, Any] | None:
    """What is in an image, if it is built and whole."""
    try:
        said: dict[str, Any] = json.loads(description(recipe, archives).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    digests = [said["digest"], said["config"]["digest"], *(one["digest"] for one in said["layers"])]
    return said if all(store.blob(digest).exists() for digest in digests) else None


def build(recipe: Recipe) -> Path:
    """Builds an image where the store does not have it yet.

    Returns:
        The file that says what is in it.
    """
    archives = apt.archives()
    finished = description(recipe, archives)
    if built(recipe, archives) is not None:
        os.utime(finished)
        return finished
    doctor.require_root()
    packages.ensure()
    # What takes long, others need not wait for.
    contents.prepare(recipe)
    with files.lock(store.folder() / "lock", "waiting for another build of a container image"):
        if built(recipe, archives) is None:
            with progress.step(f"building {recipe.reference}"):
                said = _make(recipe, archives)
            files.write(finished, json.dumps(said, indent=2) + "\n")
            _write_index()
            _discard(finished)
    return finished


def _make(recipe: Recipe, archives: Archives) -> dict[str, Any]:
    first = debian.base_layer(archives)
    second = debian.layer(recipe, archives)
    below = [one for one in (first, second) if one is not None]
    third = contents.layer(recipe, below)
    layers = [one for one in (first, second, third) if one is not None]
    platform = {"architecture": architecture(), "os": "linux"}
    config = store.put(
        _json(
            {
                **platform,
                "created": _EPOCH,
                "config": _config(recipe),
                "rootfs": {"type": "layers", "diff_ids": [one["diff_id"] for one in layers]},
            }
        ),
        store.CONFIG,
    )
    descriptors: list[store.Descriptor] = [
        {"mediaType": store.LAYER, "digest": one["digest"], "size": one["size"]} for one in layers
    ]
    manifest = store.put(
        _json(
            {
                "schemaVersion": 2,
                "mediaType": store.MANIFEST,
                "config": config,
                "layers": descriptors,
            }
        ),
        store.MANIFEST,
    )
    return {
        "name": recipe.name,
        "reference": recipe.reference,
        "digest": manifest["digest"],
        # Everything that a registry is sent.
        "bytes": manifest["size"] + config["size"] + sum(one["size"] for one in layers),
        "architecture": architecture(),
        "manifest": manifest,
        "config": config,
        "layers": descriptors,
        "debian": (second or first)["packages"],
        **contents.described(recipe),
    }


def _config(recipe: Recipe) -> dict[str, Any]:
    """What a container engine is told: the OCI image specification's `config`."""
    environment = {"PATH": PATH, **recipe.environment}
    settings: dict[str, Any] = {
        "User": recipe.user,
        "Entrypoint": list(recipe.entrypoint),
        "Cmd": list(recipe.command),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "ExposedPorts": {f"{port}/tcp": {} for port in recipe.ports},
        "Volumes": {volume: {} for volume in recipe.volumes},
        "WorkingDir": recipe.folder,
        "StopSignal": recipe.stop_signal,
    }
    return {name: value for name, value in settings.items() if value}


def _write_index() -> None:
    """Lists what is there, so that whoever reads OCI image layouts finds it."""
    newest: dict[str, dict[str, Any]] = {}
    for said in _descriptions():
        manifest: dict[str, Any] = said["manifest"]
        names = {
            "io.containerd.image.name": said["reference"],
            "org.opencontainers.image.ref.name": said["reference"],
        }
        newest[said["reference"]] = {**manifest, "annotations": names}
    index = {"schemaVersion": 2, "mediaType": store.INDEX, "manifests": list(newest.values())}
    files.write(store.folder() / "oci-layout", '{"imageLayoutVersion":"1.0.0"}')
    files.write(store.folder() / "index.json", _json(index).decode())


def _descriptions() -> list[dict[str, Any]]:
    """Those of all images, the oldest first."""
    there = [file for file in store.folder().glob("*.json") if file.name != "index.json"]
    there.sort(key=lambda file: file.stat().st_mtime)
    return [json.loads(file.read_text("utf-8")) for file in there]


def _discard(kept: Path) -> None:
    """Removes images that nobody has asked for in a week, and what then belongs to no image."""
    for file in store.folder().glob("*.json"):
        if file.name != "index.json":
            store.discard_unused(file.parent, file.name, kept)
    store.discard_unused(store.folder() / "layers", "*", kept)
    used = set()
    for said in _descriptions():
        used |= {
            said["digest"],
            said["config"]["digest"],
            *(one["digest"] for one in said["layers"]),
        }
    for file in (store.folder() / "layers").glob("*.json"):
        used.add(json.loads(file.read_text("utf-8"))["digest"])
    for blob in (store.folder() / "blobs" / "sha256").glob("*"):
        # One that is young may be a layer that is being settled.
        if f"sha256:{blob.name}" not in used and time.time() - blob.stat().st_mtime > 3600:
            blob.unlink()


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
