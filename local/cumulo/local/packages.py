"""The tools that the local cloud needs on this machine, installed where they are missing."""

import os
import shutil

from cumulo.local import progress
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

# The command that shows that a package is there.
TOOLS = {
    "systemd-nspawn": "systemd-container",
    "mmdebstrap": "mmdebstrap",
    "nft": "nftables",
    "ethtool": "ethtool",
    "ip": "iproute2",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "tar": "tar",
    "zstd": "zstd",
    "unshare": "util-linux",
}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def missing() -> list[str]:
    """The Debian packages that this machine lacks."""
    lacking = {package for tool, package in TOOLS.items() if not shutil.which(tool)}
    if not os.path.exists(KEYRING):  # noqa: PTH110 - one path, on every start
        lacking.add("debian-archive-keyring")
    return sorted(lacking)


def ensure() -> None:
    """Installs what is missing.

    Raises:
        CumuloError: apt cannot.
    """
    lacking = missing()
    if not lacking:
        return
    names = " ".join(lacking)
    remedy = f"install them yourself: apt-get install {names}"
    if not shutil.which("apt-get"):
        raise CumuloError(f"this machine lacks {names}, and has no apt-get", remedy)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    with progress.step(f"installing {names} on this machine"):
        # An installation that was killed leaves dpkg in a state in which it refuses new ones.
        run("dpkg", "--configure", "-a", env=quiet, timeout=600, remedy=remedy)
        install = [
            *("apt-get", "install", "--yes", "-qq", "--no-install-recommends"),
            *("-o", "DPkg::Lock::Timeout=300", *lacking),
        ]
        try:
            run(*install, env=quiet, timeout=900)
        except CumuloError:
            run("apt-get", "update", "-qq", env=quiet, timeout=300, remedy=remedy)
            run(*install, env=quiet, timeout=900, remedy=remedy)
