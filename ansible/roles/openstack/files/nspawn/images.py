"""Images, each unpacked once into a folder that all its instances share."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Literal

from .commands import CommandError, Run

INIT = ("sbin/init", "usr/sbin/init", "usr/lib/systemd/systemd")
ARCHIVES = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\x00", b"BZh")


class ImageError(Exception):
    """The image cannot be used; the message says why."""


def kind(head: bytes) -> Literal["qcow2", "archive", "disk"]:
    """What a file is, by its first 512 bytes: a qcow2 disk, a tar archive or a raw disk."""
    if head.startswith(b"QFI\xfb"):
        return "qcow2"
    if head.startswith(ARCHIVES) or head[257:262] == b"ustar":
        return "archive"
    return "disk"


def root_offset(table: str) -> int:
    """Where the root file system starts in a disk: the largest partition of `sfdisk --json`.

    A disk without a partition table is a file system from its first byte.
    """
    partitions = json.loads(table or "{}").get("partitiontable", {}).get("partitions", [])
    if not partitions:
        return 0
    return int(max(partitions, key=lambda partition: partition["size"])["start"]) * 512


class Images:
    """The unpacked images of a host.

    Args:
        folder: Where they lie, by image id.
        run: Runs the host's tools.
    """

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder = folder
        self._run = run

    def recover(self) -> None:
        """Removes what an interrupted unpacking left."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for left in self.folder.glob("*.part*"):
            if left.is_mount():
                self._run("umount", str(left))
            self._remove(left)

    def get(self, image: str, download: Callable[[Path], None]) -> Path:
        """The unpacked image; the caller holds its lock.

        Raises:
            ImageError: It is no image that can be booted.
        """
        tree = self.folder / image
        if not tree.is_dir():
            self._make(tree, download)
        os.utime(tree)
        return tree

    def prune(self, used: Iterable[str], age_s: float) -> list[str]:
        """The images that no instance uses, and none has started from for so long."""
        keep = set(used)
        now = time.time()
        return [
            tree.name
            for tree in self.folder.iterdir()
            if tree.is_dir()
            and ".part" not in tree.name
            and tree.name not in keep
            and now - tree.stat().st_mtime > age_s
        ]

    def remove(self, image: str) -> None:
        """Removes an unpacked image; the caller holds its lock."""
        gone = self.folder / f"{image}.part-removed"
        (self.folder / image).rename(gone)
        self._remove(gone)

    def _make(self, tree: Path, download: Callable[[Path], None]) -> None:
        file = tree.with_name(f"{tree.name}.part")
        new = tree.with_name(f"{tree.name}.part-tree")
        try:
            self._remove(new)
            new.mkdir()
            download(file)
            self._unpack(file, new)
            if not any(os.path.lexists(new / init) for init in INIT):
                raise ImageError("it has no /sbin/init, so there is nothing to boot")
            # Else a power cut could leave the folder in place and its files empty.
            self._run("sync", "--file-system", str(new))
            new.rename(tree)
        finally:
            self._remove(file)
            self._remove(new)

    def _unpack(self, file: Path, tree: Path) -> None:
        with file.open("rb") as opened:
            what = kind(opened.read(512))
        if what == "archive":
            self._run("tar", "-C", str(tree), "--numeric-owner", "--xattrs", "-xf", str(file))
            return
        if what == "qcow2":
            self._flatten(file)
        table = self._run("sfdisk", "--json", str(file), check=False)
        mount = tree.with_name(f"{file.name}-mount")
        mount.mkdir(exist_ok=True)
        try:
            self._mount(file, root_offset(table), mount)
            self._run("cp", "--archive", f"{mount}/.", str(tree))
        finally:
            if mount.is_mount():
                self._run("umount", str(mount))
            mount.rmdir()

    def _mount(self, file: Path, offset: int, mount: Path) -> None:
        try:
            self._run("mount", "-o", f"ro,loop,offset={offset}", str(file), str(mount))
        except CommandError as error:
            raise ImageError(
                "it is neither a tar archive nor a disk with a file system that this host knows"
            ) from error

    def _flatten(self, file: Path) -> None:
        """Turns a qcow2 disk into a raw one, but never one that names files of the host."""
        info = json.loads(self._run("qemu-img", "info", "-f", "qcow2", "--output=json", str(file)))
        data_file = info.get("format-specific", {}).get("data", {}).get("data-file")
        if "backing-filename" in info or data_file:
            raise ImageError("it refers to another file: upload an image that is whole")
        raw = file.with_name(f"{file.name}-raw")
        self._run("qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(file), str(raw))
        raw.rename(file)

    def _remove(self, path: Path) -> None:
        # By a command of its own: removing a tree in this process would stop all of nova-compute.
        self._run("rm", "-rf", "--one-file-system", str(path))
