"""The passwords of the server's services.

They are generated on the server, stay there in one file that only root can read, and never travel
to the machine that runs Ansible: templates name them, and modules put them in on the server.
"""

from __future__ import annotations

import json
import os
import secrets
import string
import tempfile
from pathlib import Path

FILE = Path("/etc/cumulo/openstack-passwords.json")
MARK = "%%password:{}%%"


def load() -> dict[str, str]:
    """The passwords there are; none on a server that has not been set up."""
    try:
        return dict(json.loads(FILE.read_text()))
    except FileNotFoundError:
        return {}


def generate(names: list[str]) -> dict[str, str]:
    """Passwords by these names, of letters and digits so that every file format takes them."""
    alphabet = string.ascii_letters + string.digits
    return {name: "".join(secrets.choice(alphabet) for _ in range(32)) for name in names}


def save(passwords: dict[str, str]) -> None:
    """Writes the file whole or not at all, also if the power fails."""
    FILE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=FILE.parent, delete=False) as file:
        json.dump(passwords, file, indent=2, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).rename(FILE)


def fill(text: str, passwords: dict[str, str]) -> str:
    """The text with each `%%password:NAME%%` replaced.

    Raises:
        KeyError: A password that was never generated.
    """
    before, *rest = text.split("%%password:")
    parts = [before]
    for part in rest:
        name, _, after = part.partition("%%")
        parts += [passwords[name], after]
    return "".join(parts)
