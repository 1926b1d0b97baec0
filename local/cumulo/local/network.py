"""The local cloud's networks on this machine: two bridges, and NAT out of it.

machine ── cumulo-mgmt ── server (endpoints, ssh)
        └─ cumulo-ext ─── server's provider interface ── floating IPs
"""

import contextlib
import ipaddress
import json
from pathlib import Path

from cumulo.local import files
from cumulo.local.addresses import VARIABLE, Addresses
from cumulo.local.command import run, succeeds
from cumulo.local.errors import CumuloError

MANAGEMENT = "cumulo-mgmt"
EXTERNAL = "cumulo-ext"
# The machine's ends of the server's two cables; nspawn makes the first name from the server's.
MANAGEMENT_PORT = "vb-cumulo"
EXTERNAL_PORT = "cumulo-ext-s"
TABLE = "cumulo"

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_LINKS = Path("/sys/class/net")


def up(addresses: Addresses, record: Path) -> None:
    """Makes the bridges and the NAT, or mends what of them is missing.

    Args:
        addresses: The networks.
        record: Where to remember whether the machine forwarded packets before.
    """
    for bridge, address in ((MANAGEMENT, addresses.machine), (EXTERNAL, addresses.gateway)):
        if not exists(bridge):
            run("ip", "link", "add", bridge, "type", "bridge")
        run("ip", "address", "replace", f"{address}/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        _without_offload(bridge)
    before = _FORWARD.read_text().strip()
    if before != "1":
        if not record.exists():
            files.write(record, before)
        _FORWARD.write_text("1")
    run("nft", "-f", "-", stdin=_rules(addresses), remedy="see `cumulo doctor`")


def wire() -> None:
    """Plugs the server's provider interface into the external bridge; call it after each boot."""
    _without_offload(MANAGEMENT_PORT)
    run("ip", "link", "set", EXTERNAL_PORT, "master", EXTERNAL, "up")
    _without_offload(EXTERNAL_PORT)


def unplug() -> None:
    """Removes the machine's ends of cables whose server is gone."""
    for port in (MANAGEMENT_PORT, EXTERNAL_PORT):
        _remove(port)


def down(record: Path) -> None:
    """Leaves nothing of it, whatever there was."""
    unplug()
    if succeeds("nft", "list", "table", "ip", TABLE):
        run("nft", "delete", "table", "ip", TABLE)
    for bridge in (EXTERNAL, MANAGEMENT):
        _remove(bridge)
    if record.exists():
        _FORWARD.write_text(record.read_text())
        record.unlink()


def exists(link: str) -> bool:
    """Tells whether there is a network interface of this name."""
    return (_LINKS / link).exists()


def in_place() -> bool:
    """Tells whether everything that `up` and `wire` make is there."""
    return (
        _FORWARD.read_text().strip() == "1"
        and (_LINKS / EXTERNAL / "brif" / EXTERNAL_PORT).exists()
        and (_LINKS / MANAGEMENT / "brif" / MANAGEMENT_PORT).exists()
        and succeeds("nft", "list", "table", "ip", TABLE)
    )


def check_free(addresses: Addresses) -> None:
    """Refuses networks that this machine already uses for something else.

    Raises:
        CumuloError: An address or a route of the machine overlaps with them.
    """
    routes = json.loads(run("ip", "-json", "-4", "route", "show", "table", "all"))
    conflict = overlapping(addresses, routes)
    if conflict:
        raise CumuloError(
            f"the network {conflict} of this machine overlaps with the local cloud's "
            f"{addresses.management} and {addresses.provider}",
            f"choose two other octets: {VARIABLE}=10.<number>",
        )


def overlapping(addresses: Addresses, routes: list[dict[str, object]]) -> str | None:
    """Finds a route into the local cloud's networks that does not lead to its own bridges."""
    ours = [ipaddress.ip_network(net) for net in (addresses.management, addresses.provider)]
    for route in routes:
        device = route.get("dev")
        if device in (MANAGEMENT, EXTERNAL) or route.get("dst") == "default":
            continue
        with contextlib.suppress(ValueError):
            network = ipaddress.ip_network(str(route.get("dst")))
            # A route to more than a whole prefix is a route to elsewhere, as the default one is.
            if network.prefixlen >= 12 and any(network.overlaps(net) for net in ours):
                return f"{network} ({device})"
    return None


def _rules(addresses: Addresses) -> str:
    bridges = f'{{ "{MANAGEMENT}", "{EXTERNAL}" }}'
    networks = f"{{ {addresses.management}, {addresses.provider} }}"
    # The first line lets the second succeed; all of it takes effect at once.
    # An instance's call for metadata must never leave through the machine, where another cloud
    # might answer it.
    return f"""
table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        ip saddr {networks} oifname != {bridges} masquerade
    }}
    chain forward {{
        type filter hook forward priority filter - 10;
        iifname {bridges} ip daddr 169.254.0.0/16 drop
    }}
}}
"""


def _without_offload(link: str) -> None:
    # Checksums left to a network card that does not exist reach Open vSwitch unfinished.
    run("ethtool", "-K", link, "tx", "off")


def _remove(link: str) -> None:
    if exists(link):
        # It may vanish by itself meanwhile, together with the server's end.
        with contextlib.suppress(CumuloError):
            run("ip", "link", "delete", link)
    if exists(link):
        raise CumuloError(f"the network interface {link} cannot be removed")
