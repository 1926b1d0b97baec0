"""Removes from an installed system what is another each time, where deleting it would not do."""

import hashlib
import re
import struct
from pathlib import Path

REVISION = 1
"""Changes with what this leaves."""

_DEBCONF = "var/cache/debconf/config.dat"
_TRUST_STORE = "etc/ssl/certs/java/cacerts"
_MAGIC = 0xFEEDFEED
_CERTIFICATE = 2
# Whoever reads a store of public certificates is told this password by Java itself.
_PASSWORD = "changeit"  # noqa: S105


def settle(root: Path) -> None:
    """Leaves a root file system as every installation of the same leaves it."""
    debconf = root / _DEBCONF
    if debconf.exists():
        # Scripts of packages have told it the names of files that they made for a while.
        text = debconf.read_text("utf-8")
        debconf.write_text(re.sub(r"/tmp/([\w-]+)\.\w{6}\b", r"/tmp/\1", text), "utf-8")  # noqa: S108
    store = root / _TRUST_STORE
    if store.exists():
        store.write_bytes(trust_store(store.read_bytes()))


def trust_store(content: bytes) -> bytes:
    """A Java key store of certificates (JKS) without the times at which they were added.

    Its form: a magic number, a version, a count; for each a kind, an alias, a time in milliseconds,
    a type and the certificate; then the SHA-1 of the password and all that. Stores of another form
    are returned as they are.
    """
    magic, version, count = struct.unpack_from(">III", content)
    if magic != _MAGIC:
        return content
    place = 12
    entries: list[tuple[bytes, bytes]] = []
    for _ in range(count):
        (kind,) = struct.unpack_from(">I", content, place)
        if kind != _CERTIFICATE:
            return content
        alias, place = _counted(content, place + 4, 2)
        form, place = _counted(content, place + 8, 2)
        certificate, place = _counted(content, place, 4)
        entries.append((alias, form + certificate))
    parts = [struct.pack(">III", magic, version, count)]
    for alias, rest in sorted(entries):
        parts += [struct.pack(">I", _CERTIFICATE), alias, bytes(8), rest]
    body = b"".join(parts)
    salted = _PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + body
    return body + hashlib.sha1(salted, usedforsecurity=False).digest()


def _counted(content: bytes, place: int, width: int) -> tuple[bytes, int]:
    """A length of some bytes and what it counts, and where the next begins."""
    length = int.from_bytes(content[place : place + width], "big")
    end = place + width + length
    return content[place:end], end
