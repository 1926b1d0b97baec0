"""Where the Pulumi CLI is, and building it where it is not.

A build takes about ten minutes of two cores, once per machine: its result is kept in the cache
under a name made of everything that it depends on. Nothing here runs a command when the CLI is
there already, because every `cumulo` command passes through.
"""

import hashlib
import json
import os
import platform
import shutil
import subprocess
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import TYPE_CHECKING

from cumulo.local import paths, versions

if TYPE_CHECKING:
    from collections.abc import Iterator

MODULE = Path(__file__).parent
"""The Go module that names the CLI and all it is made of, with their checksums."""

PACKAGE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"

FLAGS = (
    "-tags=osusergo,grpcnotrace",
    f"-ldflags=-s -w -X {_VERSION_VARIABLE}=v{versions.PULUMI}",
)

MEMORY_MB = 2000
DISK_MB = 5000


def ready() -> Path | None:
    """The CLI, if there is one to use: on PATH and new enough, or built before."""
    return _installed() or _built()


def ensure() -> Path:
    """The CLI; builds it first if it must, with progress on standard error.

    Safe to call from any thread and from several processes at once: one builds, the others wait.

    Raises:
        CumuloError: It could not be built, and what to do about that.
    """
    found = ready()
    if found is not None:
        return found
    with _lock():
        found = ready()
        if found is not None:
            return found
        from cumulo.local import go

        target = _target()
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.part")
        order = go.Order(
            name=f"the Pulumi CLI {versions.PULUMI}",
            module=MODULE,
            packages=(PACKAGE,),
            flags=FLAGS,
            takes="about 10 minutes",
            memory_mb=MEMORY_MB,
            disk_mb=DISK_MB,
            instead=f"or install the Pulumi CLI {versions.PULUMI} yourself",
        )
        go.build(order, part)
        part.replace(target)
        _remove_others(target.parent)
        return target


def _folder() -> Path:
    return paths.cache() / "pulumi"


def _target() -> Path:
    made_of = hashlib.sha256()
    for part in (
        (MODULE / "go.mod").read_bytes(),
        (MODULE / "go.sum").read_bytes(),
        "\n".join(FLAGS).encode(),
        f"{platform.system()} {platform.machine()}".encode(),
    ):
        made_of.update(hashlib.sha256(part).digest())
    return _folder() / f"{versions.PULUMI}-{made_of.hexdigest()[:16]}" / "pulumi"


def _built() -> Path | None:
    target = _target()
    return target if target.is_file() else None


def _installed() -> Path | None:
    found = shutil.which("pulumi")
    if found is None:
        return None
    path = Path(found).resolve()
    if path.is_relative_to(_folder().resolve()):
        return None
    version = _version(path)
    return Path(found) if version is not None and _agrees(version) else None


def _agrees(version: str) -> bool:
    """Whether a CLI works with our SDK: one of its major version, and not older."""
    try:
        theirs = [int(part) for part in version.split("-")[0].split(".")]
    except ValueError:
        return False
    ours = [int(part) for part in versions.PULUMI.split(".")]
    return theirs[0] == ours[0] and theirs >= ours


def _version(path: Path) -> str | None:
    """The version of an installed CLI; asked once for each file, because asking takes a while."""
    stat = path.stat()
    identity = f"{path} {stat.st_size} {stat.st_mtime_ns}"
    note = _folder() / "installed.json"
    try:
        known = json.loads(note.read_text("utf-8"))
        if known["identity"] == identity:
            return str(known["version"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    environment = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        asked = subprocess.run(
            [path, "version"], env=environment, capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if asked.returncode != 0:
        return None
    version = asked.stdout.strip().removeprefix("v")
    note.parent.mkdir(parents=True, exist_ok=True)
    part = note.with_name(f".{note.name}.{os.getpid()}")
    part.write_text(json.dumps({"identity": identity, "version": version}), "utf-8")
    part.replace(note)
    return version


@contextmanager
def _lock() -> "Iterator[None]":
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


def _remove_others(kept: Path) -> None:
    """Removes builds of other versions: each is 115 MB."""
    for folder in kept.parent.iterdir():
        if folder.is_dir() and folder != kept:
            shutil.rmtree(folder, ignore_errors=True)
