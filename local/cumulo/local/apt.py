"""Where Debian packages come from: the machine's own apt configuration, read for Debian 13."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from cumulo.local.command import run
from cumulo.local.errors import CumuloError

VARIABLE = "CUMULO_DEBIAN_MIRROR"
SUITE = "trixie"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
_DEBIAN_SUITES = ("buster", "bullseye", "bookworm", "trixie", "forky", "duke", "sid")
_DEBIAN_ALIASES = ("oldstable", "stable", "testing", "unstable")
_POCKETS = ("", "-updates", "-security")
_PROXY = re.compile(r'^Acquire::(?P<scheme>https?)::Proxy "(?P<url>[^"]*)";$')


@dataclass(frozen=True)
class Source:
    """One archive and one suite that apt reads from it.

    Attributes:
        uri: The archive, without a trailing slash.
        suite: The suite, as written.
        components: The parts of the suite.
        keyring: The file whose keys the archive is signed with, if one is named.
    """

    uri: str
    suite: str
    components: tuple[str, ...]
    keyring: str = ""


@dataclass(frozen=True)
class Archives:
    """What apt needs to know to install Debian 13 packages.

    Attributes:
        lines: The lines of a sources.list.
        proxies: Proxy by URL scheme.
    """

    lines: tuple[str, ...]
    proxies: dict[str, str] = field(default_factory=dict)

    def sources_list(self) -> str:
        """The content of /etc/apt/sources.list."""
        return "".join(f"{line}\n" for line in self.lines)

    def configuration(self, machine: str | None = None) -> dict[str, str]:
        """The apt options that lead to the proxies.

        Args:
            machine: The machine's address as seen by who is going to use them; a proxy on the
                machine's loopback address is looked for there instead.
        """
        return {
            f"Acquire::{scheme}::Proxy": _seen_from(url, machine) if machine else url
            for scheme, url in sorted(self.proxies.items())
        }


def archives() -> Archives:
    """Debian 13's archives at the mirror, and through the proxy, that this machine uses.

    Raises:
        CumuloError: The machine's apt configuration names no Debian mirror.
    """
    own = os.environ.get(VARIABLE)
    if own:
        return Archives((_line(own.rstrip("/"), SUITE),), proxies())
    return Archives(tuple(debian_lines(sources())), proxies())


def debian_lines(found: Iterable[Source]) -> list[str]:
    """Turns a machine's Debian sources into the same ones for Debian 13.

    Raises:
        CumuloError: None of them is Debian's.
    """
    lines: dict[str, str] = {}
    # Third parties name their suites after Debian's as well; Debian's own archives are told by
    # their keyring, else by their usual path.
    for source in sorted(found, key=_confidence, reverse=True):
        base, _, pocket = source.suite.partition("-")
        pocket = f"-{pocket}" if pocket else ""
        known = base in _DEBIAN_SUITES or base in _DEBIAN_ALIASES
        if not known or pocket not in _POCKETS or "main" not in source.components:
            continue
        if not _confidence(source):
            continue
        lines.setdefault(pocket, _line(source.uri, f"{SUITE}{pocket}"))
    if "" not in lines:
        raise CumuloError(
            "the apt configuration of this machine names no Debian mirror",
            f"name one: {VARIABLE}=<URL of a Debian mirror>",
        )
    return [lines[pocket] for pocket in _POCKETS if pocket in lines]


def sources(root: Path = Path("/etc/apt")) -> list[Source]:
    """Every binary package source in sources.list and sources.list.d, in both of apt's formats."""
    found: list[Source] = []
    parts = sorted((root / "sources.list.d").glob("*"))
    for file in [root / "sources.list", *parts]:
        if not file.is_file():
            continue
        text = file.read_text(errors="replace")
        if file.suffix == ".sources":
            found += parse_deb822(text)
        elif file.suffix == ".list":
            found += parse_one_line(text)
    return [resolved for source in found for resolved in _resolve(source)]


def parse_one_line(text: str) -> list[Source]:
    """Reads the one-line format: `deb [options] uri suite component…`."""
    found = []
    for raw in text.splitlines():
        line = raw.split("#", 1)[0].strip()
        match = re.match(r"deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<rest>\S.*)$", line)
        if not match:
            continue
        words = match["rest"].split()
        options = dict(
            option.split("=", 1) for option in (match["options"] or "").split() if "=" in option
        )
        if len(words) >= 2:
            keyring = options.get("signed-by", "")
            found.append(Source(words[0].rstrip("/"), words[1], tuple(words[2:]), keyring))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Reads the deb822 format: stanzas of fields, with continuation lines and comments."""
    found = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0] in " \t" and name:
                fields[name] += f" {line.strip()}"
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        enabled = fields.get("enabled", "yes").lower() not in {"no", "false", "0", "off", "without"}
        if not enabled or "deb" not in fields.get("types", "").split():
            continue
        keyring = fields.get("signed-by", "")
        found += [
            Source(uri.rstrip("/"), suite, tuple(fields.get("components", "").split()), keyring)
            for uri in fields.get("uris", "").split()
            for suite in fields.get("suites", "").split()
        ]
    return found


def proxies() -> dict[str, str]:
    """The proxies that apt uses here, from its configuration or from the environment."""
    found = {}
    for scheme in ("http", "https"):
        value = os.environ.get(f"{scheme}_proxy") or os.environ.get(f"{scheme.upper()}_PROXY")
        if value:
            found[scheme] = value
    return {**found, **parse_proxies(run("apt-config", "dump", "--format", '%F "%v";%n'))}


def parse_proxies(dump: str) -> dict[str, str]:
    """Reads the proxies from the output of `apt-config dump`."""
    matches = (_PROXY.match(line.strip()) for line in dump.splitlines())
    found = {match["scheme"]: match["url"] for match in matches if match}
    return {scheme: url for scheme, url in found.items() if url and url != "DIRECT"}


def _confidence(source: Source) -> int:
    path = urlsplit(source.uri).path.rstrip("/")
    by_key = "debian-archive" in source.keyring
    by_path = path.endswith(("/debian", "/debian-security"))
    # Docker and others publish below …/linux/debian, signed with their own key.
    foreign = bool(source.keyring) and not by_key
    return 0 if foreign else 2 * by_key + by_path


def _line(uri: str, suite: str) -> str:
    # This machine and the server both have Debian's keys there.
    return f"deb [signed-by={_KEYRING}] {uri} {suite} main"


def _resolve(source: Source) -> list[Source]:
    """Follows `mirror+file:` to the first mirror that the file lists."""
    if not source.uri.startswith("mirror+file:"):
        return [source]
    listed = Path(urlsplit(source.uri.removeprefix("mirror+")).path)
    try:
        lines = listed.read_text().splitlines()
    except OSError:
        return []
    for line in lines:
        words = line.split("#", 1)[0].split()
        if words:
            return [Source(words[0].rstrip("/"), source.suite, source.components, source.keyring)]
    return []


def _seen_from(url: str, machine: str) -> str:
    parts = urlsplit(url)
    if parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
        return url
    credentials, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit(parts._replace(netloc=f"{credentials}{at}{machine}{port}"))
