"""Programs of a Debian root file system, with everything they need to run elsewhere."""

import os
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from cumulo.images.oci import Entry, File, Link
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


def take(root: Path, *wanted: str) -> dict[str, Entry]:
    """The files at some paths, what their links lead to, and the libraries they are linked with.

    Args:
        root: The root file system.
        *wanted: Files, links and folders, as absolute paths in it. A folder is taken whole.

    Raises:
        CumuloError: One of them is not there.
    """
    found: dict[str, Entry] = {}
    todo = list(wanted)
    while todo:
        path = _real_parent(root, todo.pop(), found)
        if path in found:
            continue
        file = root / path.lstrip("/")
        if file.is_symlink():
            target = str(file.readlink())
            found[path] = Link(target)
            todo.append(str(PurePosixPath(path).parent / target))
        elif file.is_dir():
            todo += [f"{path}/{inner.name}" for inner in file.iterdir()]
        elif file.is_file():
            found[path] = File(file, file.stat().st_mode & 0o755)
            todo += _libraries(root, path)
        else:
            raise CumuloError(f"{path} is missing in {root}")
    return found


def _real_parent(root: Path, path: str, found: dict[str, Entry]) -> str:
    """The path without links in its folders; the links themselves are taken as well.

    Debian's /bin and /lib are such links: a program's libraries are asked for by both names.
    """
    real = PurePosixPath("/")
    parts = list(PurePosixPath(os.path.normpath(path)).parts[1:])
    while parts:
        step = real / parts.pop(0)
        here = root / str(step).lstrip("/")
        if parts and here.is_symlink():
            target = str(here.readlink())
            found[str(step)] = Link(target)
            whole = PurePosixPath(os.path.normpath(step.parent / target))
            parts = [*whole.parts[1:], *parts]
            real = PurePosixPath("/")
        else:
            real = step
    return str(real)


def _libraries(root: Path, path: str) -> Iterable[str]:
    with (root / path.lstrip("/")).open("rb") as opened:
        if opened.read(4) != b"\x7fELF":
            return ()
    for loader in sorted([*root.glob("lib64/ld-linux-*.so.*"), *root.glob("lib/ld-linux-*.so.*")]):
        try:
            listed = run("chroot", str(root), f"/{loader.relative_to(root)}", "--list", path)
        except CumuloError:
            continue  # It is linked statically.
        return [f"/{loader.relative_to(root)}", *_LIBRARY.findall(listed)]
    return ()
