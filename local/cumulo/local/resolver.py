"""The name servers that the server and its instances are told to ask."""

import ipaddress
import os
from pathlib import Path

from cumulo.local.errors import CumuloError

VARIABLE = "CUMULO_DNS_SERVERS"
# The second is where systemd-resolved lists the servers behind its loopback address.
_FILES = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))


def name_servers(files: tuple[Path, ...] = _FILES) -> list[str]:
    """The machine's IPv4 name servers, without those that only the machine itself can reach.

    Raises:
        CumuloError: There is none.
    """
    given = os.environ.get(VARIABLE, "").replace(",", " ").split()
    if given:
        for address in given:
            if not _usable(address):
                raise CumuloError(
                    f"{VARIABLE}: {address!r} is not an IPv4 address that the server can reach",
                    "list IPv4 addresses, separated by commas",
                )
        return given
    for file in files:
        found = [address for address in parse(file) if _usable(address)]
        if found:
            return found
    raise CumuloError(
        f"no IPv4 name server that the server could reach is in {files[0]}",
        f"name one: {VARIABLE}=<address> (a loopback address cannot be reached from the server)",
    )


def parse(file: Path) -> list[str]:
    """The addresses on the `nameserver` lines of a resolv.conf; none where there is no file."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver"]


def _usable(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.version == 4 and not address.is_loopback and not address.is_unspecified
