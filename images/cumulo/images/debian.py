"""Images that servers boot: a Debian that an Ansible role has changed, as Glance takes it.

The local cloud's Debian 13 ──▶ a role, on the unpacked tree ──▶ a tarball and its description

Two builds of the same give the same bytes.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from cumulo.local import files, image, playbook, progress, rootfs, tree
from cumulo.local.apt import Archives
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

_SUFFIX = ".tar.zst"

# What differs between two equal systems, and what one system must not have of another.
_CLEAN = r"""
rm -rf usr/sbin/policy-rc.d etc/resolv.conf root/.ansible root/.cache tmp/* var/tmp/*
rm -rf var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old var/cache/ldconfig/aux-cache
rm -rf etc/*- var/lib/dpkg/*-old var/lib/systemd/random-seed var/lib/dbus/machine-id
ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
find var/log usr/share/doc -type f ! -name copyright -delete
find usr/share/doc -type l -delete
find usr/share/doc -type d -empty -delete
rm -rf usr/share/info/* usr/share/locale/* usr/share/man/*
: > etc/machine-id
sed -i -E "s/^([^:]*:[^:]*):[0-9]+:/\1:$day:/" etc/shadow
"""


def file_name(name: str) -> str:
    """The file of an image that Glance knows by this name."""
    return f"{name}{_SUFFIX}"


def name(built: Path) -> str:
    """What an image is called in Glance."""
    return built.name.removesuffix(_SUFFIX)


def description(built: Path) -> Path:
    """The file that says what is in an image."""
    return built.with_name(f"{name(built)}.json")


def sources(archives: Archives, role: str, python: Iterable[Path], *made_of: str) -> str:
    """A short name for all that an image depends on.

    Args:
        archives: Where Debian's packages come from.
        role: The role, whose playbook has its name with hyphens.
        python: The code that makes the image.
        *made_of: Names of whatever else is in it, which change with its content.
    """
    ansible = playbook.directory()
    own = Path(__file__).parent
    return rootfs.digest(
        [
            image.path(archives).name,
            *made_of,
            digest(own, [Path(__file__), *python]),
            digest(
                ansible,
                [
                    ansible / "ansible.cfg",
                    ansible / _playbook(role),
                    *(ansible / "connection_plugins").glob("*.py"),
                    *(ansible / "roles" / role).rglob("*"),
                ],
            ),
        ]
    )


def build(
    finished: Path, archives: Archives, title: str, make: Callable[[Path, Path], None]
) -> Path:
    """Makes an image where the cache does not have it yet.

    Args:
        finished: The file that it becomes.
        archives: Where Debian's packages come from.
        title: What progress calls it.
        make: Makes it of the Debian image, the first path, and its description too.
    """
    if _is_whole(finished):
        return finished
    base = image.build(archives)
    finished.parent.mkdir(parents=True, exist_ok=True)
    with files.lock(finished.with_name("lock"), f"waiting for another build of {title}"):
        if not _is_whole(finished):
            rootfs.discard_partial(finished.parent)
            with progress.step(f"building {title}"):
                make(base, finished)
    return finished


def unpacked(base: Path, finished: Path) -> Path:
    """The root file system that an image is made in: a folder in `build`, beside the file."""
    root = rootfs.fresh_directory(finished.with_name("build")) / "root"
    root.mkdir()
    rootfs.unpack(base, root)
    return root


def play(role: str, root: Path, told: dict[str, Any], *arguments: str) -> None:
    """Runs a role in the root file system, as on a machine whose services are all stopped.

    Args:
        role: The role, whose playbook has its name with hyphens.
        root: The root file system.
        told: The role's variables.
        *arguments: Further options of ansible-playbook.
    """
    host = {
        "ansible_host": str(root),
        "ansible_connection": "tree",
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    playbook.run(
        _playbook(role),
        {role: {"hosts": {"image": host}}},
        told,
        root.with_name("ansible"),
        root.with_name("role.log"),
        within=tree.within(root),
        arguments=arguments,
    )


def epoch(root: Path) -> int:
    """When the newest list of Debian's packages was made: nothing in the image is younger.

    Files keep their own times where they are older, since Python compares them with what it has
    compiled.
    """
    dates = [
        parsedate_to_datetime(found[1]).timestamp()
        for file in (root / "var/lib/apt/lists").glob("*Release")
        if (found := re.search(r"^Date: (.+)$", file.read_text(errors="replace"), re.MULTILINE))
    ]
    if not dates:
        raise CumuloError(f"{root}/var/lib/apt/lists names no date")
    return int(max(dates))


def clean(root: Path, since: int, further: str = "") -> None:
    """Leaves nothing that another build of the same would do otherwise.

    Args:
        root: The root file system.
        since: The image's `epoch`.
        further: A shell script that runs after the rest, in its folder.
    """
    tree.run(root, f"day={since // 86400}\n{_CLEAN}{further}")


def finish(root: Path, finished: Path, since: int, said: Mapping[str, Any]) -> None:
    """Packs an image, describes it, and removes what it was made in.

    Args:
        root: The root file system.
        finished: The file that it becomes.
        since: The image's `epoch`.
        said: What the description says besides names, sizes, checksum and Debian's packages.
    """
    packages = run(
        *("dpkg-query", f"--admindir={root}/var/lib/dpkg", "--show"),
        *("--showformat", "${Package} ${Version}\n"),
    )
    with progress.step("packing the image"):
        _pack(root, finished, since)
    with finished.open("rb") as opened:
        checksum = hashlib.file_digest(opened, "sha256").hexdigest()
    unpacked_size = int(run("du", "--summarize", "--block-size=1", str(root)).split()[0])
    whole = {
        "name": name(finished),
        "file": finished.name,
        "sha256": checksum,
        "bytes": finished.stat().st_size,
        "bytes_unpacked": unpacked_size,
        **said,
        "packages": dict(line.split(" ", 1) for line in packages.splitlines()),
    }
    files.write(description(finished), json.dumps(whole, indent=2) + "\n")
    files.remove_tree(root.parent)


def discard(keep: Path) -> None:
    """Removes images of the same release that are made of something older."""
    release = keep.name.rpartition("-")[0]
    for other in keep.parent.glob(f"{release}-*"):
        if other not in (keep, description(keep)):
            other.unlink()
    shutil.rmtree(keep.with_name("build"), ignore_errors=True)


def show(file: Path, **said: str) -> dict[str, Any]:
    """What lists say of an image that can be built."""
    return {
        "name": name(file),
        **said,
        "built": file.exists(),
        "file": str(file),
        "bytes": file.stat().st_size if file.exists() else 0,
    }


def digest(root: Path, paths: Iterable[Path]) -> str:
    """A checksum of files, by their paths from `root` and their content."""
    whole = hashlib.sha256()
    for file in sorted(paths):
        if file.is_file() and file.suffix != ".pyc":
            whole.update(f"{file.relative_to(root)}\0".encode())
            whole.update(file.read_bytes())
    return whole.hexdigest()


def _playbook(role: str) -> str:
    return f"{role.replace('_', '-')}.yml"


def _is_whole(finished: Path) -> bool:
    return finished.exists() and description(finished).exists()


def _pack(root: Path, finished: Path, since: int) -> None:
    part = finished.with_name(f".{finished.name}.part")
    run(
        *("tar", "-C", str(root), "--numeric-owner", "--xattrs", "--exclude=./dev/*"),
        *("--sort=name", "--format=posix", f"--mtime=@{since}", "--clamp-mtime"),
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
        *("-I", "zstd -3 -T0", "-cf", str(part), "."),
        timeout=1800,
    )
    files.settle(part, finished)
