"""The server's root file system: a plain Debian 13, made from packages alone and cached as a whole.

packages ──mmdebstrap──▶ base (cached) ──▶ the server's root
                            └─────────────▶ the instance image (image.py)
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from cumulo.local import files, machine, paths, progress
from cumulo.local.addresses import Addresses
from cumulo.local.apt import SUITE, Archives
from cumulo.local.command import run
from cumulo.local.errors import CumuloError

# What an administrator finds on a Debian server before installing anything. python3-apt is what
# Ansible would install first.
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "udev", "openssh-server", "python3", "python3-apt"),
    *("iproute2", "ifupdown", "iputils-ping", "ca-certificates", "sudo", "netbase", "procps"),
    *("curl", "zstd"),
)
# Changes with anything else here that changes what the base contains.
_REVISION = 1
# Whoever cleans apt's cache in the server leaves these names of the files.
_KEPT = "var/cache/cumulo/packages"
_KEEP_PACKAGES = (
    f'DPkg::Pre-Invoke {{ "mkdir -p /{_KEPT} && '
    f'ln -f -t /{_KEPT} /var/cache/apt/archives/*.deb 2>/dev/null || true"; }};\n'
)
_REMEDY = "see `cumulo doctor`; what was done so far is kept, so just run it again"


def key(archives: Archives) -> str:
    """What the base depends on, as a name: the same name is the same content."""
    return digest([_REVISION, SUITE, PACKAGES, archives.lines])


def digest(content: object) -> str:
    """A short name for a JSON value."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def cached_base(archives: Archives) -> Path:
    """Where the base is as a tarball, once it was built."""
    return paths.cache() / "debian" / f"base-{key(archives)}.tar.zst"


def base(archives: Archives, tree: Path) -> None:
    """Fills a directory with the base, and the cache where it does not have it yet."""
    finished = cached_base(archives)
    fresh_directory(tree)
    if finished.exists():
        unpack(finished, tree)
        return
    finished.parent.mkdir(parents=True, exist_ok=True)
    with progress.step("building a Debian 13 root file system"):
        bootstrap(tree, archives, PACKAGES)
        (tree / "etc/resolv.conf").unlink(missing_ok=True)
        pack(tree, finished)


def bootstrap(tree: Path, archives: Archives, packages: tuple[str, ...], *options: str) -> None:
    """Fills a directory with Debian's essential packages, apt, and those that are named.

    Args:
        tree: An empty directory.
        archives: Where the packages come from.
        packages: What else is installed, without what these only recommend.
        *options: Further ones of mmdebstrap's.

    Raises:
        CumuloError: It cannot be done.
    """
    proxies = [f'--aptopt={name} "{value}"' for name, value in archives.configuration().items()]
    run(
        *("mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=apt"),
        # A first installation then needs no second download of the lists.
        "--skip=cleanup/apt/lists",
        '--aptopt=Acquire::Languages "none"',
        '--aptopt=Acquire::Retries "5"',
        '--aptopt=APT::Install-Recommends "false"',
        # A base that a power cut spoils is thrown away, so dpkg need not wait for the disk.
        "--dpkgopt=force-unsafe-io",
        *proxies,
        *options,
        f"--include={','.join(packages)}",
        *(SUITE, str(tree), *archives.lines),
        env={"TMPDIR": str(tree.parent), "DEBIAN_FRONTEND": "noninteractive"},
        timeout=1800,
        remedy=_REMEDY,
    )


def pack(tree: Path, finished: Path) -> None:
    """Makes a directory one compressed file, atomically."""
    part = finished.with_name(f".{finished.name}.part")
    run(
        *("tar", "-C", str(tree), "--numeric-owner", "--xattrs", "--exclude=./dev/*"),
        *("-I", "zstd -1 -T0", "-cf", str(part), "."),
        timeout=900,
        remedy=_REMEDY,
    )
    files.settle(part, finished)


def unpack(tarball: Path, tree: Path) -> None:
    """Fills a directory from a file that `pack` made."""
    run(
        *("tar", "-C", str(tree), "--numeric-owner", "--xattrs", "--xattrs-include=*"),
        *("-I", "zstd", "-xf", str(tarball)),
        timeout=900,
        remedy=f"if it is damaged, delete {tarball}",
    )


def fresh_directory(path: Path) -> Path:
    """An empty directory where a killed run may have left a half-filled one."""
    for mount in files.mounts_below(path):
        run("umount", "--lazy", str(mount))
    files.remove_tree(path)
    path.mkdir(parents=True)
    path.chmod(0o755)
    return path


def create(root: Path, archives: Archives) -> None:
    """Makes the server's root directory, if it is not there yet."""
    if root.exists():
        return
    part = root.with_name(f"{root.name}.part")
    with progress.step("making the server's root file system"):
        base(archives, part)
        files.settle(part, root)


def configure(root: Path, addresses: Addresses, archives: Archives, key_pair: Path) -> None:
    """Writes what the server must know of this machine, as far as it changed.

    Args:
        root: The server's root directory.
        addresses: The networks.
        archives: Where its packages come from.
        key_pair: The private key that opens its ssh; made here, if it is missing.
    """
    if not key_pair.exists():
        key_pair.parent.mkdir(mode=0o700, exist_ok=True)
        part = key_pair.with_name(f".{key_pair.name}.part")
        for old in (part, part.with_name(f"{part.name}.pub")):
            old.unlink(missing_ok=True)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "cumulo", "-f", str(part))
        part.with_name(f"{part.name}.pub").replace(key_pair.with_name(f"{key_pair.name}.pub"))
        part.replace(key_pair)
    public = key_pair.with_name(f"{key_pair.name}.pub").read_text()
    host_key = root / "etc/ssh/ssh_host_ed25519_key.pub"
    if not host_key.exists():
        run("ssh-keygen", "-A", "-f", str(root))
    known = f"{addresses.server} {' '.join(host_key.read_text().split()[:2])}\n"
    files.write(key_pair.with_name("known_hosts"), known)

    ssh = root / "root/.ssh"
    ssh.mkdir(mode=0o700, exist_ok=True)
    files.write(ssh / "authorized_keys", public, 0o600)
    files.write(root / "etc/default/locale", "LANG=C.UTF-8\n")
    files.write(root / "etc/hostname", f"{machine.NAME}\n")
    files.write(root / "etc/hosts", f"127.0.0.1 localhost\n{addresses.server} {machine.NAME}\n")
    files.write(
        root / "etc/network/interfaces",
        "auto lo\niface lo inet loopback\n"
        f"auto host0\niface host0 inet static\n"
        f"  address {addresses.server}/24\n  gateway {addresses.machine}\n"
        "auto ex0\niface ex0 inet manual\n  up ip link set ex0 up\n",
    )
    options = {
        **archives.configuration(addresses.machine),
        "Acquire::Languages": "none",
        "Acquire::Retries": "5",
    }
    files.write(root / "etc/apt/sources.list", archives.sources_list())
    files.write(
        root / "etc/apt/apt.conf.d/90cumulo",
        "".join(f'{name} "{value}";\n' for name, value in options.items()) + _KEEP_PACKAGES,
    )
    # Kept across boots, and small.
    files.write(
        root / "etc/systemd/journald.conf.d/cumulo.conf",
        "[Journal]\nStorage=persistent\nSystemMaxUse=64M\n",
    )
    # Under load a service may need far longer than systemd's 90 s.
    files.write(
        root / "etc/systemd/system.conf.d/cumulo.conf",
        "[Manager]\nDefaultTimeoutStartSec=600\nDefaultTimeoutStopSec=60\n",
    )
    machine_id = root / "etc/machine-id"
    if not machine_id.exists():
        machine_id.touch()


def set_name_servers(root: Path, servers: list[str]) -> None:
    """Tells the server whom to ask for names."""
    target = root / "etc/resolv.conf"
    if target.is_symlink():
        target.unlink()
    files.write(target, "".join(f"nameserver {server}\n" for server in servers))


def restore_packages(root: Path) -> None:
    """Gives the server's apt the packages that an earlier server has downloaded.

    apt takes none of them without comparing its checksum with the archive's list.
    """
    for package in _packages().glob("*.deb"):
        files.link_or_copy(package, root / "var/cache/apt/archives" / package.name)


def keep_packages(root: Path) -> None:
    """Keeps what the server's apt has downloaded for the next server."""
    _packages().mkdir(parents=True, exist_ok=True)
    for package in (root / _KEPT).glob("*.deb"):
        files.link_or_copy(package, _packages() / package.name)
        package.unlink()


def check_file_system(directory: Path) -> None:
    """Refuses a place on which nested machines could not lie.

    Raises:
        CumuloError: The directory is on an overlay or in memory.
    """
    while not directory.exists():
        directory = directory.parent
    kind = run("stat", "--file-system", "--format=%T", str(directory)).strip()
    if kind in {"overlayfs", "tmpfs", "ramfs", "nfs", "fuseblk", "fuse", "aufs"}:
        raise CumuloError(
            f"{directory} lies on {kind}, on which the cloud's instances cannot be layered",
            "name a directory on ext4 or xfs: XDG_DATA_HOME=<directory>",
        )


def boot_id() -> str:
    """Names the time between two starts of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def free_bytes(directory: Path) -> int:
    """Space left for us where a directory is or is going to be."""
    while not directory.exists():
        directory = directory.parent
    usage = os.statvfs(directory)
    return usage.f_bavail * usage.f_frsize


def discard_partial(directory: Path) -> None:
    """Removes what killed builds have left in a cache directory."""
    for left in [*directory.glob("*.part"), *directory.glob(".*.part")]:
        if left.is_dir():
            shutil.rmtree(left, ignore_errors=True)
        else:
            left.unlink(missing_ok=True)


def _packages() -> Path:
    return paths.cache() / "debian" / "packages"
