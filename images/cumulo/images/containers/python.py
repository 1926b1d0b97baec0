"""Packages of the Python package index, for the Python of Debian 13 and not for this machine's."""

import os
import platform
import re
import shutil
import sys
from pathlib import Path

from cumulo.images.containers.recipe import Requirements
from cumulo.local import progress, tree
from cumulo.local.command import run

VERSION = "3.13"
"""Debian 13's Python."""

_GLIBC_MINOR = 41
PACKAGES = f"usr/local/lib/python{VERSION}/dist-packages"
"""Where that Python looks for what is not Debian's."""


def install(requirements: Requirements, root: Path) -> list[str]:
    """Installs requirements into a root file system that has python3.

    Returns:
        What that has added, relative to the root.

    Raises:
        CumuloError: The package index does not have them, or has others.
    """
    target = root / PACKAGES
    machine = platform.machine()
    # pip takes a platform by its word: each that Debian 13's C library can stand in for is named.
    names = [f"manylinux_2_{minor}_{machine}" for minor in range(_GLIBC_MINOR, 4, -1)]
    names += [f"manylinux2014_{machine}", f"manylinux1_{machine}", f"linux_{machine}"]
    with progress.step(f"installing Python packages of {requirements.file.parent.name}"):
        run(
            *(sys.executable, "-m", "pip", "--no-input", "--disable-pip-version-check", "install"),
            *("--quiet", "--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"),
            *("--root-user-action=ignore", "--ignore-installed"),
            *("--python-version", VERSION, "--implementation", "cp"),
            *(option for name in names for option in ("--platform", name)),
            *("--target", str(target), "--requirement", str(requirements.file)),
            timeout=3600,
            remedy="see whether pip reaches a package index (`cumulo doctor`)",
        )
    added = _move_scripts(target / "bin", root / "usr/local/bin", root)
    # What pip notes about itself, and about where it ran.
    for note in ("direct_url.json", "REQUESTED", "INSTALLER", "RECORD"):
        for file in target.glob(f"*.dist-info/{note}"):
            file.unlink()
    # The containers' users could not write what Python compiles. By hash: files have no times here.
    # Some packages bring templates that are no Python, which is all that may fail.
    with progress.step("compiling them"):
        tree.run(
            root,
            "mkdir -m 1777 dev/shm\n"
            "PYTHONHASHSEED=0 chroot . python3 -m compileall -qq -j 2 "
            f"--invalidation-mode unchecked-hash /{PACKAGES} || test $? = 1\n"
            f"test -n \"$(find {PACKAGES} -name '*.pyc' -print -quit)\"\n",
        )
    return [PACKAGES, *_below(target, root), *added]


def pins(requirements: Requirements) -> dict[str, str]:
    """The packages and their versions."""
    text = requirements.file.read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE))


def _move_scripts(source: Path, target: Path, root: Path) -> list[str]:
    """Puts commands on PATH, to be run by the image's own Python."""
    moved = []
    target.mkdir(parents=True, exist_ok=True)
    for script in sorted(source.glob("*")):
        text = script.read_bytes()
        place = target / script.name
        if text.startswith(b"#!") and b"python" in text.partition(b"\n")[0]:
            place.write_bytes(b"#!/usr/bin/python3\n" + text.partition(b"\n")[2])
        else:
            place.write_bytes(text)
        place.chmod(0o755)
        moved.append(str(place.relative_to(root)))
    shutil.rmtree(source, ignore_errors=True)
    return moved


def _below(folder: Path, root: Path) -> list[str]:
    return [
        os.path.relpath(Path(here) / name, root)
        for here, folders, inner in os.walk(folder)
        for name in (*folders, *inner)
    ]
