"""The local cloud's two networks on this machine, derived from one prefix."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from cumulo.local.errors import CumuloError

VARIABLE = "CUMULO_LOCAL_PREFIX"
DEFAULT = "10.231"


@dataclass(frozen=True)
class Addresses:
    """Where the machine and the server meet, and where floating IPs live.

    Attributes:
        prefix: The first two octets of all addresses.
    """

    prefix: str = DEFAULT

    def __post_init__(self) -> None:
        octets = self.prefix.split(".")
        well_formed = len(octets) == 2 and all(
            re.fullmatch(r"0|[1-9]\d{0,2}", octet) and int(octet) < 256 for octet in octets
        )
        if not well_formed or self.prefix in {"169.254", "127.0"} or not 0 < int(octets[0]) < 224:
            raise CumuloError(
                f"{VARIABLE}={self.prefix!r} is not the first two octets of an IPv4 network",
                f"set it to two octets that are free here, such as {DEFAULT}",
            )

    @property
    def management(self) -> str:
        """The network of the machine and the server."""
        return f"{self.prefix}.0.0/24"

    @property
    def machine(self) -> str:
        """This machine, as the server sees it."""
        return f"{self.prefix}.0.1"

    @property
    def server(self) -> str:
        """The server: every OpenStack endpoint, and ssh."""
        return f"{self.prefix}.0.10"

    @property
    def provider(self) -> str:
        """The external network of the cloud."""
        return f"{self.prefix}.1.0/24"

    @property
    def gateway(self) -> str:
        """This machine, as the external network sees it."""
        return f"{self.prefix}.1.1"

    @property
    def pool(self) -> tuple[str, str]:
        """The first and last floating IP."""
        return f"{self.prefix}.1.20", f"{self.prefix}.1.250"


def current(record: Path) -> Addresses:
    """The addresses of the cloud that exists, else those that the environment asks for.

    Args:
        record: Where the prefix of the existing cloud is written down.

    Raises:
        CumuloError: The environment asks for other addresses than the existing cloud has.
    """
    wanted = os.environ.get(VARIABLE)
    try:
        existing = record.read_text().strip()
    except FileNotFoundError:
        return Addresses(wanted or DEFAULT)
    if wanted and wanted != existing:
        raise CumuloError(
            f"{VARIABLE} is {wanted}, but this machine's local cloud was made with {existing}",
            f"unset {VARIABLE}, or give up that cloud first: `cumulo local reset`",
        )
    return Addresses(existing)
