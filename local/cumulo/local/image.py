"""The Debian 13 image for the cloud's instances: the server's base with cloud-init."""

import shlex
from pathlib import Path

from cumulo.local import files, paths, progress, rootfs, tree
from cumulo.local.apt import Archives

NAME = "debian-13"
_PACKAGES = ("systemd-resolved", "cloud-init", "netcat-openbsd", "linux-sysctl-defaults")
# cloud-init writes the network configuration for ifupdown where it finds it.
_UNWANTED = ("ifupdown",)
_REVISION = 1

_SCRIPT = """export DEBIAN_FRONTEND=noninteractive
apt="chroot . apt-get --yes -qq -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io"
$apt install --no-install-recommends {install} || {{
    $apt update
    $apt install --no-install-recommends {install}
}}
chroot . dpkg --purge {purge}
chroot . systemctl enable systemd-networkd systemd-resolved
chroot . apt-get clean
rm -rf var/lib/apt/lists/* usr/sbin/policy-rc.d etc/ssh/ssh_host_* etc/resolv.conf
rm -rf etc/network var/lib/dbus/machine-id
ln -s ../run/systemd/resolve/stub-resolv.conf etc/resolv.conf
: > etc/machine-id
echo localhost > etc/hostname
"""


def path(archives: Archives) -> Path:
    """Where the finished image is, or is going to be: its name tells its content."""
    key = rootfs.digest(
        [_REVISION, rootfs.key(archives), _PACKAGES, _UNWANTED, tree.ENTER + _SCRIPT]
    )
    return paths.cache() / "images" / f"{NAME}-{key}.tar.zst"


def build(archives: Archives) -> Path:
    """Builds the image where the cache does not have it yet."""
    finished = path(archives)
    if finished.exists():
        return finished
    with progress.step("building the Debian 13 image for instances"):
        root = finished.with_name("image.part")
        rootfs.base(archives, root)
        files.write(root / "etc/apt/sources.list", archives.sources_list())
        proxy = archives.configuration()
        options = "".join(f'{name} "{value}";\n' for name, value in proxy.items())
        files.write(root / "etc/apt/apt.conf.d/90cumulo", options)
        script = _SCRIPT.format(install=shlex.join(_PACKAGES), purge=shlex.join(_UNWANTED))
        tree.run(root, script)
        rootfs.pack(root, finished)
        files.remove_tree(root)
    return finished
