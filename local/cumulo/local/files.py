"""Files that are whole or absent, and the one lock of the local cloud.

A process may be killed, or the power may go, between any two steps; nothing here is ever seen half
done: a file is written beside its place, brought to the disk, and renamed.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cumulo.local import progress
from cumulo.local.command import run
from cumulo.local.errors import CumuloError


def write(path: Path, text: str, mode: int = 0o644) -> bool:
    """Writes a file atomically, keeping it as it is where it already says the same.

    Returns:
        Whether the file changed.
    """
    try:
        if path.read_text() == text and path.stat().st_mode & 0o777 == mode:
            return False
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
        os.fchmod(file.fileno(), mode)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    settle(part, path)
    return True


def settle(part: Path, path: Path) -> None:
    """Gives a finished file or directory its name, once its content is on the disk."""
    sync(part)
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def sync(path: Path) -> None:
    """Brings a file, or everything on a directory's file system, to the disk."""
    if not path.is_dir():
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    else:
        run("sync", "-f", str(path))


def link_or_copy(source: Path, target: Path) -> None:
    """Makes a finished file known under a second name, without a second copy where possible."""
    if target.exists() and target.stat().st_size == source.stat().st_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part)
        sync(part)
    part.replace(target)


def remove_tree(path: Path) -> None:
    """Removes a directory and all it holds, but never what another file system shows in it.

    Raises:
        CumuloError: Something is mounted there.
    """
    inside = mounts_below(path)
    if inside:
        raise CumuloError(
            f"{path} is not removed: {inside[0]} is still mounted", f"run `umount {inside[0]}`"
        )
    run("rm", "-rf", "--one-file-system", "--", str(path), timeout=900)


def mounts_below(path: Path) -> list[Path]:
    """The mount points inside a directory, the innermost first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        point = Path(line.split(" ")[4].encode().decode("unicode_escape"))
        if point == path or path in point.parents:
            found.append(point)
    return sorted(found, key=lambda point: len(point.parts), reverse=True)


@contextmanager
def lock(path: Path, waiting: str) -> Iterator[None]:
    """Holds a lock that the kernel gives back when its holder dies, however it dies.

    The holder may delete the file, and everything around it: who waited then takes the lock anew.

    Args:
        path: The lock file.
        waiting: What to tell the user when somebody else holds it.
    """
    told = False
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    progress.say(waiting)
                    told = True
                fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, path):
                yield
                return
        finally:
            os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
