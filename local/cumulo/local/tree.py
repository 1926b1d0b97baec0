"""A root file system that nobody has booted: what runs in it, runs as on a machine at rest."""

from pathlib import Path

from cumulo.local.command import run as command

ENTER = r"""
set -eu
cd "$1"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev
for device in null zero full random urandom; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
ln -s /proc/self/fd dev/fd
cat /etc/resolv.conf > etc/resolv.conf
printf '#!/bin/sh\nexit 101\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
"""
"""Gives it a /proc, a /dev, an empty /run and a resolver, and forbids packages to start services.

The resolver and usr/sbin/policy-rc.d are for the caller to remove.
"""

# In namespaces of their own its mounts end with it, also when it is killed.
_UNSHARE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private")


def run(root: Path, script: str) -> None:
    """Runs a shell script in the folder of a root file system.

    Raises:
        CumuloError: It failed.
    """
    command(*_entered(root, script), timeout=1800, remedy="see `cumulo doctor`; run it again")


def within(root: Path) -> list[str]:
    """The beginning of a command that runs outside, while the root file system is entered."""
    return _entered(root, 'shift\nexec "$@"')


def _entered(root: Path, script: str) -> list[str]:
    # Where it is a link, it leads to what only a running system has.
    before = 'rm -f "$1/etc/resolv.conf"\n'
    return [*_UNSHARE, "nice", "sh", "-c", before + ENTER + script, "image", str(root)]
