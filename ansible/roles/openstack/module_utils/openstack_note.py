"""What the server had before OpenStack, noted so that the reset takes away what is new and no more.

Packages and accounts are compared around each installation, rather than once with what is there at
the reset: what an administrator adds later is theirs. An installation that is killed leaves its
`before` behind, and the next run, or the reset, compares with that.
"""

from __future__ import annotations

import contextlib
import grp
import json
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

FILE = Path("/var/lib/cumulo/openstack/before.json")
# Of people; packages make their accounts below or above.
PEOPLE = range(1000, 60000)


def look() -> dict[str, list[str]]:
    """The packages, users and groups that there are now."""
    query = subprocess.run(
        ["dpkg-query", "--show", "--showformat=${binary:Package} ${db:Status-Status}\n"],
        capture_output=True,
        text=True,
        check=True,
    )
    states = [line.split(" ", 1) for line in query.stdout.splitlines()]
    return {
        "packages": [name for name, state in states if not state.startswith(("not-", "config-"))],
        "users": [user.pw_name for user in pwd.getpwall() if user.pw_uid not in PEOPLE],
        "groups": [group.gr_name for group in grp.getgrall() if group.gr_gid not in PEOPLE],
    }


def load() -> dict[str, Any] | None:
    """The note; None on a server on which nothing was installed."""
    try:
        note: dict[str, Any] = json.loads(FILE.read_text())
    except FileNotFoundError:
        return None
    return note


def note_before(paths: list[str]) -> None:
    """Notes what there is, unless an installation that was killed has.

    Args:
        paths: Where OpenStack is going to keep things.
    """
    note = load() or {"paths": [path for path in paths if os.path.lexists(path)], "brought": {}}
    if "before" not in note:
        _save(note | {"before": look()})


def note_brought() -> None:
    """Notes what the installation has brought."""
    note = load()
    if note is not None and "before" in note:
        _save({"paths": note["paths"], "brought": brought(note)})


def brought(note: dict[str, Any]) -> dict[str, list[str]]:
    """The packages, users and groups that all installations together have brought."""
    known: dict[str, list[str]] = note["brought"]
    if "before" not in note:
        return known
    return {
        kind: sorted({*known.get(kind, ()), *(set(names) - set(note["before"][kind]))})
        for kind, names in look().items()
    }


def forget() -> None:
    """Removes the note and all else that lies with it; the note goes last."""
    for entry in sorted(FILE.parent.iterdir(), key=lambda path: path == FILE):
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    FILE.parent.rmdir()
    with contextlib.suppress(OSError):  # others may keep things there
        FILE.parent.parent.rmdir()


def _save(note: dict[str, Any]) -> None:
    FILE.parent.mkdir(parents=True, exist_ok=True)
    # Made for root alone.
    with tempfile.NamedTemporaryFile("w", dir=FILE.parent, delete=False) as file:
        json.dump(note, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(FILE)
