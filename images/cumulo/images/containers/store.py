"""The cache of built images: one OCI image layout, in which equal layers are there once.

~/.cache/cumulo/images/containers/
    oci-layout, index.json, blobs/sha256/…   as the OCI image specification has it
    <name>-<tag>-<key>.json                  what is in an image, and its digest
    layers/<key>.json                        a layer by what it is made of
    commands/, debian/                       what layers are made of
"""

import hashlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, TypedDict

from cumulo.local import files, paths
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+zstd"
_CHUNK = 1 << 20
_WEEK = 7 * 24 * 3600.0


class Descriptor(TypedDict):
    """How a manifest names a blob."""

    mediaType: str
    digest: str
    size: int


class Layer(TypedDict):
    """A layer that is in the store.

    `diff_id` is the digest of what is compressed in it; `packages` are Debian's, by name, that the
    image has once this layer is on it.
    """

    digest: str
    size: int
    diff_id: str
    packages: dict[str, str]


def folder() -> Path:
    """The store's folder."""
    return paths.cache() / "images" / "containers"


def blob(digest: str) -> Path:
    """Where a blob is, or is going to be: `sha256:…`."""
    return folder() / "blobs" / digest.replace(":", "/")


def put(content: bytes, media_type: str) -> Descriptor:
    """Keeps a small blob."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    place = blob(digest)
    if not place.exists():
        files.write(place, content.decode())
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def layer(key: str, make: Callable[[IO[bytes]], dict[str, str]]) -> Layer:
    """A layer by what it is made of; makes it where the store does not have it.

    Args:
        key: The hash of all that it depends on.
        make: Writes it, as a tar archive, and tells Debian's packages in it.
    """
    known = folder() / "layers" / f"{key}.json"
    found = _read(known)
    if found is not None and blob(found["digest"]).exists():
        os.utime(known)
        return found
    scratch = folder() / "layers" / f".{key}.part"
    scratch.parent.mkdir(parents=True, exist_ok=True)
    try:
        written, packages = _compress(make, scratch)
        with scratch.open("rb") as opened:
            digest = f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"
        size = scratch.stat().st_size
        blob(digest).parent.mkdir(parents=True, exist_ok=True)
        files.settle(scratch, blob(digest))
    finally:
        scratch.unlink(missing_ok=True)
    made: Layer = {"digest": digest, "size": size, "diff_id": written, "packages": packages}
    files.write(known, json.dumps(made, indent=2) + "\n")
    return made


def _compress(
    make: Callable[[IO[bytes]], dict[str, str]], target: Path
) -> tuple[str, dict[str, str]]:
    # Always as many threads: how the work is divided shows in the bytes.
    command = ["zstd", "-q", "-6", "-T2", "-f", "-o", str(target), "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as zstd:
        assert zstd.stdin is not None  # noqa: S101 -- it was started with a pipe
        sink = _Hashed(zstd.stdin)
        try:
            packages = make(sink)  # type: ignore[arg-type]
            zstd.stdin.close()
        except BaseException:
            zstd.kill()
            raise
    if zstd.returncode:
        raise CumuloError(
            f"a layer could not be compressed into {target}", "see whether the disk is full"
        )
    return f"sha256:{sink.digest.hexdigest()}", packages


class _Hashed:
    """Passes on what is written to it, and its hash."""

    def __init__(self, target: IO[bytes]) -> None:
        self.digest = hashlib.sha256()
        self._target = target

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._target.write(data)


def archive(root: Path, names: list[str], clamp: int, sink: IO[bytes]) -> None:
    """Writes files of a root file system as a tar archive that is the same whenever it is made.

    Args:
        root: The root file system.
        names: What to write, relative to it; folders come without what is in them.
        clamp: Seconds since the epoch; nothing in the archive is younger.
        sink: Where the archive goes.
    """
    command = [
        *("tar", "-C", str(root), "--numeric-owner", "--format=posix", "--no-recursion"),
        *(f"--mtime=@{clamp}", "--clamp-mtime", "--null", "--verbatim-files-from"),
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        *("--xattrs", "--xattrs-include=security.capability", "--files-from=-", "-cf", "-"),
    ]
    # From a file: tar would wait for its output to be read before it has read all names.
    listed = root.with_name(f"{root.name}.names")
    listed.write_bytes(b"\0".join(os.fsencode(name) for name in sorted(names)))
    try:
        with (
            listed.open("rb") as given,
            subprocess.Popen(command, stdin=given, stdout=subprocess.PIPE) as tar,
        ):
            assert tar.stdout is not None  # noqa: S101 -- it was started with a pipe
            while chunk := tar.stdout.read(_CHUNK):
                sink.write(chunk)
    finally:
        listed.unlink()
    if tar.returncode:
        raise CumuloError(f"tar could not pack {root}: it ended with {tar.returncode}")


def unpack(digest: str, root: Path) -> None:
    """Lays a layer over what is in a folder."""
    run(
        *("tar", "-C", str(root), "--numeric-owner", "--xattrs", "--xattrs-include=*"),
        *("-I", "zstd", "--unlink-first", "-xpf", str(blob(digest))),
        timeout=900,
        remedy=f"if it is damaged, delete {blob(digest)}",
    )


def discard_unused(parent: Path, pattern: str, keep: Path) -> None:
    """Removes what nobody has asked for in a week; younger ones may be another checkout's."""
    for other in parent.glob(pattern):
        if other != keep and time.time() - other.stat().st_mtime > _WEEK:
            if other.is_dir():
                shutil.rmtree(other, ignore_errors=True)
            else:
                other.unlink(missing_ok=True)


def _read(file: Path) -> Layer | None:
    try:
        found: Layer = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found
