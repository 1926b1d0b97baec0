"""The Debian 13 image for the cloud's instances: the server's base with cloud-init."""

import shlex
from pathlib import Path

from cumulo.local import files, paths, progress, rootfs
from cumulo.local.apt import Archives
from cumulo.local.command import run

NAME = "debian-13"
_PACKAGES = ("systemd-resolved", "cloud-init", "netcat-openbsd", "linux-sysctl-defaults")
# cloud-init writes the network configuration for ifupdown where it finds it.
_UNWANTED = ("ifupdown",)
_REVISION = 1

_SCRIPT = """
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
printf '#!/bin/sh\\nexit 101\\n' > usr/sbin/policy-rc.d
chmod 755 usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
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
    key = rootfs.digest([_REVISION, rootfs.key(archives), _PACKAGES, _UNWANTED, _SCRIPT])
    return paths.cache() / "images" / f"{NAME}-{key}.tar.zst"


def build(archives: Archives) -> Path:
    """Builds the image where the cache does not have it yet."""
    finished = path(archives)
    if finished.exists():
        return finished
    with progress.step("building the Debian 13 image for instances"):
        tree = finished.with_name("image.part")
        rootfs.base(archives, tree)
        files.write(tree / "etc/apt/sources.list", archives.sources_list())
        proxy = archives.configuration()
        options = "".join(f'{name} "{value}";\n' for name, value in proxy.items())
        files.write(tree / "etc/apt/apt.conf.d/90cumulo", options)
        script = _SCRIPT.format(install=shlex.join(_PACKAGES), purge=shlex.join(_UNWANTED))
        # In namespaces of their own its mounts end with it, also when it is killed.
        run(
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"),
            *("nice", "sh", "-c", script, "image", str(tree)),
            timeout=1800,
            remedy="see `cumulo doctor`; run it again",
        )
        rootfs.pack(tree, finished)
        files.remove_tree(tree)
    return finished
