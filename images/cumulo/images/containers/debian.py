"""Layers of Debian packages: the one that all images begin with, and what one image adds to it.

packages ──mmdebstrap──▶ base (cached) ──▶ the first layer of every image
                            └── apt ─────▶ what an image has besides, as a second one
"""

import hashlib
import os
import re
import shlex
import stat
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO

from cumulo.images.containers import settle, store
from cumulo.images.containers.recipe import Recipe, User
from cumulo.local import files, progress, rootfs, tree
from cumulo.local.apt import SUITE, Archives
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

BASE = ("ca-certificates", "netbase", "tzdata")
"""What every image has besides Debian's essential packages and apt."""

# Changes with anything here that changes what a layer contains.
_REVISION = 1
# Nobody reads manuals in a container; licences stay.
_LEFT_OUT = (
    *("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/info/*"),
    *("path-exclude=/usr/share/doc/*", "path-include=/usr/share/doc/*/copyright"),
    *("path-exclude=/usr/share/locale/*", "path-exclude=/usr/share/lintian/*"),
)
_INSTALL = """export DEBIAN_FRONTEND=noninteractive
apt="chroot . apt-get --yes -qq -o Dpkg::Use-Pty=0"
$apt install --no-install-recommends {packages} || {{
    $apt update
    $apt install --no-install-recommends {packages}
}}
"""
# What differs between two equal systems, and what names this machine or its mirror.
_CLEAN = r"""
rm -rf usr/sbin/policy-rc.d etc/resolv.conf etc/apt/sources.list etc/apt/apt.conf.d/90cumulo
rm -rf etc/apt/apt.conf.d/99mmdebstrap etc/hostname etc/machine-id var/lib/dbus/machine-id
rm -rf root/.cache tmp/* var/tmp/* var/cache/apt/* var/cache/debconf/*-old
rm -rf var/cache/ldconfig/aux-cache etc/*- var/lib/dpkg/*-old var/lib/systemd/random-seed
rm -rf usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian/*
find var/log -type f -delete
find usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type l -delete
find usr/share/doc -type d -empty -delete
! [ -e etc/shadow ] || sed -i -E "s/^([^:]*:[^:]*):[0-9]+:/\1:$day:/" etc/shadow
"""
_LISTS = "var/lib/apt/lists"


def base_layer(archives: Archives) -> store.Layer:
    """The layer that all images begin with."""

    def make(sink: IO[bytes]) -> dict[str, str]:
        step = progress.step("packing the layer that all images begin with")
        with step, _unpacked(archives) as root:
            _write(root.path, {}, root.epoch, sink)
            return installed(root.path)

    return store.layer(base_layer_key(archives), make)


def layer(recipe: Recipe, archives: Archives) -> store.Layer | None:
    """What an image has of Debian on top of the first layer, if anything."""
    if not (recipe.packages or recipe.users):
        return None

    def make(sink: IO[bytes]) -> dict[str, str]:
        names = ", ".join(recipe.packages) or "users"
        with progress.step(f"{recipe.name}: installing {names}"), _unpacked(archives) as root:
            before = _snapshot(root.path)
            for user in recipe.users:
                _add(root.path, user)
            _install(root.path, recipe, archives, root.epoch)
            _write(root.path, before, root.epoch, sink)
            return installed(root.path)

    return store.layer(layer_key(recipe, archives), make)


def base_layer_key(archives: Archives) -> str:
    """What the first layer depends on, as a name."""
    return rootfs.digest(["base", base_key(archives), _CLEAN])


def layer_key(recipe: Recipe, archives: Archives) -> str:
    """What an image's layer of packages depends on, as a name."""
    users = [(one.name, one.uid, one.gid, one.home, one.shell) for one in recipe.users]
    return rootfs.digest(
        [
            *("packages", base_key(archives), _INSTALL, _CLEAN, settle.REVISION, users),
            *(recipe.packages, recipe.before, recipe.after),
        ]
    )


def base_key(archives: Archives) -> str:
    """What the base depends on, as a name."""
    return rootfs.digest([_REVISION, SUITE, BASE, _LEFT_OUT, archives.lines])


def installed(root: Path) -> dict[str, str]:
    """Debian's packages in a root file system, and their versions."""
    listed = run(
        *("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show"),
        *("--showformat", "${Package} ${Version}\n"),
    )
    return dict(line.split(" ", 1) for line in listed.splitlines())


class _unpacked:  # noqa: N801 -- a context manager
    """A copy of the base, to be changed; its lists of packages are there as well."""

    def __init__(self, archives: Archives) -> None:
        self._tarball = base(archives)
        self.path = store.folder() / "debian" / "root.part"
        self.epoch = 0

    def __enter__(self) -> "_unpacked":
        rootfs.fresh_directory(self.path)
        rootfs.unpack(self._tarball, self.path)
        self.epoch = _epoch(self.path)
        return self

    def __exit__(self, *_: object) -> None:
        files.remove_tree(self.path)


def base(archives: Archives) -> Path:
    """The base as a tarball; built where the cache does not have it."""
    finished = store.folder() / "debian" / f"base-{base_key(archives)}.tar.zst"
    if finished.exists():
        os.utime(finished)
        return finished
    with files.lock(finished.with_name("lock"), "waiting for another build of Debian's base"):
        if not finished.exists():
            root = rootfs.fresh_directory(finished.with_name("base.part"))
            with progress.step("building the Debian 13 that all images begin with"):
                options = [f"--dpkgopt={option}" for option in _LEFT_OUT]
                rootfs.bootstrap(root, archives, BASE, *options)
                _clean(root, _epoch(root))
                rootfs.pack(root, finished)
                files.remove_tree(root)
    store.discard_unused(finished.parent, "base-*", finished)
    return finished


def _add(root: Path, user: User) -> None:
    lines = {
        "etc/passwd": f"{user.name}:x:{user.uid}:{user.gid}::{user.home}:{user.shell}\n",
        "etc/shadow": f"{user.name}:!:0::::::\n",
    }
    if user.gid:
        lines["etc/group"] = f"{user.name}:x:{user.gid}:\n"
        lines["etc/gshadow"] = f"{user.name}:!::\n"
    for name, line in lines.items():
        file = root / name
        if file.exists():
            file.write_text(file.read_text("utf-8") + line)


def _install(root: Path, recipe: Recipe, archives: Archives, epoch: int) -> None:
    files.write(root / "etc/apt/sources.list", archives.sources_list())
    told = {**archives.configuration(), "Acquire::Languages": "none", "Acquire::Retries": "5"}
    options = "".join(f'{name} "{value}";\n' for name, value in told.items())
    files.write(root / "etc/apt/apt.conf.d/90cumulo", options)
    install = _INSTALL.format(packages=shlex.join(recipe.packages)) if recipe.packages else ""
    # Hash seeds and the clock would show in what packages compile when they are installed.
    steady = f"export PYTHONHASHSEED=0 SOURCE_DATE_EPOCH={epoch}\n"
    tree.run(root, f"{steady}{recipe.before}\n{install}\n{recipe.after}\n")
    _clean(root, epoch)
    settle.settle(root)


def _clean(root: Path, epoch: int) -> None:
    run("sh", "-euc", f'cd "$1"\nday={epoch // 86400}\n{_CLEAN}', "clean", str(root))


def _epoch(root: Path) -> int:
    """When the newest list of Debian's packages was made: nothing in a layer is younger."""
    dates = [
        parsedate_to_datetime(found[1]).timestamp()
        for file in (root / _LISTS).glob("*Release")
        if (found := re.search(r"^Date: (.+)$", file.read_text(errors="replace"), re.MULTILINE))
    ]
    if not dates:
        raise CumuloError(f"{root}/{_LISTS} names no date")
    return int(max(dates))


def _write(root: Path, before: dict[str, tuple[object, ...]], epoch: int, sink: IO[bytes]) -> None:
    """Writes what is not as it was before."""
    after = _snapshot(root)
    changed = [name for name, state in after.items() if before.get(name) != state]
    for gone in before.keys() - after.keys():
        if os.path.dirname(gone) in after:  # noqa: PTH120 -- names, not paths
            raise CumuloError(
                f"/{gone} of the first layer is removed by a later one", "leave it where it is"
            )
    store.archive(root, changed, epoch, sink)


def _snapshot(root: Path) -> dict[str, tuple[object, ...]]:
    """What is in a root file system, by relative path: all that a layer would say of it."""
    return {name: _state(root / name) for name in _names(root)}


def _names(root: Path) -> Iterator[str]:
    for folder, folders, inner in os.walk(root):
        here = os.path.relpath(folder, root)
        prefix = "" if here == "." else f"{here}/"
        # What runs in it brings its own devices; the lists are for this build.
        if here in ("dev", _LISTS):
            folders.clear()
            continue
        yield from (f"{prefix}{name}" for name in (*folders, *inner))


def _state(path: Path) -> tuple[object, ...]:
    found = path.lstat()
    owner = (found.st_mode, found.st_uid, found.st_gid)
    if stat.S_ISLNK(found.st_mode):
        return (*owner, str(path.readlink()))
    if stat.S_ISREG(found.st_mode):
        with path.open("rb") as opened:
            return (*owner, hashlib.file_digest(opened, "sha256").hexdigest())
    return owner
