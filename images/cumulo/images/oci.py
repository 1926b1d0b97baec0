"""Container images made of plain files, written without a registry or a container engine.

The result is an OCI image layout in one tar file, which containerd, podman and skopeo read. The
same files give the same bytes: nothing of where and when they were made is in it.
"""

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Any

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_EPOCH = "1970-01-01T00:00:00Z"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class File:
    """A file whose content is another file's."""

    source: Path
    mode: int = 0o755


@dataclass(frozen=True)
class Text:
    """A small file."""

    content: str
    mode: int = 0o644


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Folder:
    """An empty folder; those that hold something need not be named."""

    mode: int = 0o755


Entry = File | Text | Link | Folder
Layer = Mapping[str, Entry]
"""What a layer holds, by absolute path."""


@dataclass(frozen=True)
class Image:
    """One container image.

    Attributes:
        name: Its full name with a tag, as manifests write it.
        layers: From the lowest to the highest; images that have one in common share it.
        entrypoint: What runs in it.
        command: The arguments, unless the pod names others.
        user: Who runs it; root, if nobody is named.
        folder: The working directory.
    """

    name: str
    layers: tuple[Layer, ...]
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    user: str = ""
    folder: str = "/"
    environment: tuple[str, ...] = field(default=(_PATH,))


def write(images: Iterable[Image], architecture: str, target: Path) -> None:
    """Writes images into one archive.

    Args:
        images: The images, each of which has another name.
        architecture: Go's word for the processor: `amd64`, `arm64`.
        target: The archive.
    """
    with tarfile.open(target, "w", format=tarfile.GNU_FORMAT) as archive:
        scratch = target.with_name(f"{target.name}.layer")
        # Kept whole meanwhile: layers are told apart by who they are.
        _Archive(archive, architecture, scratch).write(list(images))


class _Archive:
    def __init__(self, archive: tarfile.TarFile, architecture: str, scratch: Path) -> None:
        self._archive = archive
        self._architecture = architecture
        self._scratch = scratch
        self._written: set[str] = set()
        self._layers: dict[int, dict[str, Any]] = {}

    def write(self, images: Iterable[Image]) -> None:
        self._put("oci-layout", b'{"imageLayoutVersion":"1.0.0"}')
        manifests = [self._image(image) for image in images]
        index = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
        self._put("index.json", _json(index))

    def _image(self, image: Image) -> dict[str, Any]:
        platform = {"architecture": self._architecture, "os": "linux"}
        layers = [self._layer(layer) for layer in image.layers]
        settings = {
            "Entrypoint": list(image.entrypoint),
            "Cmd": list(image.command),
            "User": image.user,
            "WorkingDir": image.folder,
            "Env": list(image.environment),
        }
        config = {
            **platform,
            "created": _EPOCH,
            "config": {name: value for name, value in settings.items() if value},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self._blob(_CONFIG, _json(config)),
            "layers": layers,
        }
        names = {
            "io.containerd.image.name": image.name,
            "org.opencontainers.image.ref.name": image.name.rpartition(":")[2],
        }
        return {
            **self._blob(_MANIFEST, _json(manifest)),
            "platform": platform,
            "annotations": names,
        }

    def _layer(self, layer: Layer) -> dict[str, Any]:
        known = self._layers.get(id(layer))
        if known is None:
            try:
                with self._scratch.open("w+b") as file:
                    _write_layer(layer, file)
                    file.seek(0)
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
                    known = _descriptor(_LAYER, digest, file.tell())
                    if digest not in self._written:
                        file.seek(0)
                        self._add(f"blobs/sha256/{digest}", known["size"], file)
                        self._written.add(digest)
            finally:
                self._scratch.unlink(missing_ok=True)
            self._layers[id(layer)] = known
        return known

    def _blob(self, kind: str, content: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        if digest not in self._written:
            self._put(f"blobs/sha256/{digest}", content)
            self._written.add(digest)
        return _descriptor(kind, digest, len(content))

    def _put(self, name: str, content: bytes) -> None:
        self._add(name, len(content), io.BytesIO(content))

    def _add(self, name: str, size: int, content: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size = size
        self._archive.addfile(entry, content)


def _write_layer(layer: Layer, file: IO[bytes]) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, entry in sorted(_with_parents(layer).items()):
            info = tarfile.TarInfo(path.lstrip("/"))
            match entry:
                case Folder(mode):
                    info.type, info.mode = tarfile.DIRTYPE, mode
                    tar.addfile(info)
                case Link(target):
                    info.type, info.mode, info.linkname = tarfile.SYMTYPE, 0o777, target
                    tar.addfile(info)
                case Text(content, mode):
                    data = content.encode()
                    info.size, info.mode = len(data), mode
                    tar.addfile(info, io.BytesIO(data))
                case File(source, mode):
                    with source.open("rb") as opened:
                        info.size, info.mode = os.fstat(opened.fileno()).st_size, mode
                        tar.addfile(info, opened)


def _with_parents(layer: Layer) -> dict[str, Entry]:
    whole: dict[str, Entry] = dict(layer)
    for path in layer:
        for parent in PurePosixPath(path).parents[:-1]:
            whole.setdefault(str(parent), Folder())
    return whole


def _descriptor(kind: str, digest: str, size: int) -> dict[str, Any]:
    return {"mediaType": kind, "digest": f"sha256:{digest}", "size": size}


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
