"""Whether this machine can carry the local cloud; each check that fails names the mend."""

import importlib.metadata
import os
import re
import shutil
import sys
import tempfile
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cumulo.local import (
    addresses,
    apt,
    cgroups,
    network,
    packages,
    paths,
    resolver,
    rootfs,
    state,
    versions,
)
from cumulo.local.addresses import Addresses
from cumulo.local.command import run as command
from cumulo.local.errors import CumuloError

_DISK = 15 << 30
_MEMORY = 6 << 30
_NETWORK_TIMEOUT = 8.0
_CLI_MODULE = "github.com/pulumi/pulumi/pkg/v3"

# Each is tried for real, in namespaces that end with the script.
_FEATURES = {
    "overlay file systems": (
        "mkdir /tmp/l /tmp/u /tmp/w /tmp/m && mount -t overlay overlay"
        " -o lowerdir=/tmp/l,upperdir=/tmp/u,workdir=/tmp/w /tmp/m"
    ),
    "virtual network cables (veth)": "ip link add va type veth peer name vb",
    "network bridges": "ip link add br0 type bridge",
    "network taps (/dev/net/tun)": "ip tuntap add ta mode tap",
    "nftables with NAT": (
        "nft 'add table ip t; add chain ip t c { type nat hook postrouting priority 100; };"
        " add rule ip t c masquerade'"
    ),
    "network namespaces in a namespace": "unshare --net --mount true",
    "loop devices": "test -e /dev/loop-control",
}
_KERNEL_REMEDY = "use a kernel that has it (on a server of your own: Debian's), or load its module"


@dataclass(frozen=True)
class Check:
    """What was looked at, and what came of it.

    Attributes:
        name: What was looked at.
        problem: What is wrong; empty, if nothing is.
        remedy: How to mend it.
        detail: What was found, if nothing is wrong.
    """

    name: str
    problem: str = ""
    remedy: str = ""
    detail: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem

    def __str__(self) -> str:
        if self.ok:
            return f"ok    {self.name}{': ' if self.detail else ''}{self.detail}"
        mend = f"\n      {self.remedy}" if self.remedy else ""
        return f"FAIL  {self.name}: {self.problem}{mend}"


def run() -> list[Check]:
    """Looks at everything that the local cloud and its toolchain need."""
    checks: dict[str, Callable[[], str]] = {
        "root": _root,
        "commands": _commands,
        "processor": _processor,
        "disk": _disk,
        "file system": _file_system,
        "memory": _memory,
        "control groups": _control_groups,
        "kernel features": _kernel,
        "addresses": _addresses,
        "forwarding": _forwarding,
        "name servers": lambda: ", ".join(resolver.name_servers()),
        "versions": _versions,
        "Debian packages": _debian,
        "Python packages": _python_packages,
        "Go modules": _go_modules,
    }
    with ThreadPoolExecutor(len(checks)) as pool:
        results = {name: pool.submit(_checked, name, check) for name, check in checks.items()}
        return [results[name].result() for name in checks]


def preflight(where: Addresses, *, new: bool) -> None:
    """Refuses to begin what cannot succeed; asks no network.

    Args:
        where: The networks.
        new: Whether the server is still to be made.

    Raises:
        CumuloError: The first thing that is wrong.
    """
    network.check_free(where)
    _control_groups()
    _forwarding()
    if new:
        for check in (_processor, _disk, _file_system, _memory, _kernel):
            check()


def require_root() -> None:
    """Refuses users who cannot make bridges, mounts and machines.

    Raises:
        CumuloError: The user is not root.
    """
    _root()


def _checked(name: str, check: Callable[[], str]) -> Check:
    try:
        return Check(name, detail=check())
    except CumuloError as error:
        return Check(name, error.message, error.remedy)
    except OSError as error:
        return Check(name, str(error))


def _root() -> str:
    if os.geteuid():
        raise CumuloError("the local cloud needs root", "run it as root: `sudo -E …`")
    return ""


def _commands() -> str:
    lacking = packages.missing()
    if lacking and not shutil.which("apt-get"):
        raise CumuloError(f"missing: {', '.join(lacking)}", "install them with your package tool")
    return f"`cumulo local up` is going to install {', '.join(lacking)}" if lacking else ""


def _processor() -> str:
    kind = os.uname().machine
    if kind != "x86_64":
        raise CumuloError(f"the processor is {kind}; only x86_64 has been tried", "use another one")
    return f"{os.cpu_count()} x {kind}"


def _disk() -> str:
    free = {}
    for directory in (paths.data(), paths.cache()):
        free[directory] = rootfs.free_bytes(directory)
        # A server that exists has taken its share already.
        if free[directory] < _DISK and not state.of_user().root.exists():
            raise CumuloError(
                f"{directory} has {free[directory] >> 30} GB free; {_DISK >> 30} GB are needed",
                "make room, or name a larger disk: XDG_DATA_HOME, XDG_CACHE_HOME",
            )
    return ", ".join(f"{path} has {size >> 30} GB free" for path, size in free.items())


def _file_system() -> str:
    rootfs.check_file_system(paths.data())
    return ""


def _memory() -> str:
    match = re.search(r"^MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    total = int(match[1]) << 10 if match else 0
    if total < _MEMORY:
        raise CumuloError(
            f"the machine has {total >> 20} MiB of memory; {_MEMORY >> 20} MiB are needed",
            "use a machine with more memory",
        )
    return f"{total >> 30} GB"


def _control_groups() -> str:
    if not cgroups.hierarchies():
        raise CumuloError(
            "no control groups are mounted below /sys/fs/cgroup",
            "mount them: `mount -t cgroup2 cgroup2 /sys/fs/cgroup`",
        )
    kinds = set(cgroups.hierarchies().values())
    if "cgroup2" not in kinds:
        raise CumuloError(
            "there is no cgroup v2 hierarchy, which Debian 13's systemd needs",
            "mount it: `mkdir -p /sys/fs/cgroup/unified &&"
            " mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified`",
        )
    if not cgroups.has_v1_controllers():
        return "version 2 only: flavors may not be held to their memory and CPUs"
    return "version 1 controllers, version 2 beside them"


def _kernel() -> str:
    lines = ["mount -t tmpfs tmpfs /tmp"]
    for number, probe in enumerate(_FEATURES.values()):
        lines.append(f"({probe}) >/dev/null 2>&1 && echo {number}")
    namespaces = ("--mount", "--net", "--uts", "--ipc", "--pid")
    said = command(
        *("unshare", *namespaces, "--fork", "--propagation=private"),
        *("sh", "-c", "\n".join([*lines, "true"])),
        timeout=20,
        remedy="the machine must allow root to make namespaces (a container needs --privileged)",
    )
    works = {int(line) for line in said.split()}
    # Before the first `cumulo local up`, some commands may not be there to try it with.
    untried = [name for name, probe in _FEATURES.items() if not shutil.which(probe.split()[0])]
    failed = [name for number, name in enumerate(_FEATURES) if number not in works]
    lacking = [name for name in failed if name not in untried]
    if lacking:
        raise CumuloError(f"the kernel does not do {', '.join(lacking)}", _KERNEL_REMEDY)
    tried = f"{len(_FEATURES) - len(untried)} tried"
    return f"{tried}; {', '.join(untried)}: `cumulo local up` tries it" if untried else tried


def _addresses() -> str:
    where = addresses.current(state.of_user().prefix)
    if shutil.which("ip"):
        network.check_free(where)
    return f"{where.management} and {where.provider} are free for us"


def _forwarding() -> str:
    if not shutil.which("nft"):
        return ""
    try:
        chain = command("nft", "list", "chain", "ip", "filter", "FORWARD")
    except CumuloError:
        return ""
    if "policy drop" in chain and network.MANAGEMENT not in chain:
        raise CumuloError(
            "this machine's firewall (Docker's, most likely) drops what it forwards",
            f'allow it: nft insert rule ip filter FORWARD iifname "{network.MANAGEMENT}" accept,'
            f' and the same for oifname and for "{network.EXTERNAL}"',
        )
    return ""


def _versions() -> str:
    found = {"pulumi package": importlib.metadata.version("pulumi")}
    go_mod = next((Path(__file__).parent / "toolchain").glob("**/go.mod"), None)
    if go_mod is not None:
        match = re.search(rf"{re.escape(_CLI_MODULE)} v(\S+)", go_mod.read_text())
        found[go_mod.name] = match[1] if match else "absent"
    cli = shutil.which("pulumi")
    if cli:
        found[cli] = command(cli, "version", timeout=30).strip().removeprefix("v")
    for what, version in found.items():
        if version != versions.PULUMI and what != cli:
            raise CumuloError(
                f"{what} is {version}, but cumulo is made for {versions.PULUMI}",
                "make them agree: `./bootstrap.sh` installs the pinned packages",
            )
    if cli and found[cli].split(".")[0] != versions.PULUMI.split(".", maxsplit=1)[0]:
        raise CumuloError(
            f"{cli} is Pulumi {found[cli]}, but cumulo is made for {versions.PULUMI}",
            "update it, or take it off PATH: cumulo then builds its own",
        )
    return ", ".join(f"{what} {version}" for what, version in found.items())


def _debian() -> str:
    archives = apt.archives()
    words = archives.lines[0].split()
    url = f"{words[2]}/dists/{words[3]}/InRelease"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler(archives.proxies))
    try:
        with opener.open(urllib.request.Request(url, method="HEAD"), timeout=_NETWORK_TIMEOUT):  # noqa: S310
            return url
    except OSError as error:
        raise CumuloError(
            f"{url} cannot be had: {error}",
            f"check the network and apt's proxy, or name a mirror: {apt.VARIABLE}=<URL>",
        ) from None


def _python_packages() -> str:
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    if not uv:
        return "not looked at: there is no uv"
    with tempfile.TemporaryDirectory() as empty:
        arguments = ("--dry-run", "--no-cache", "--no-deps", "--target", empty, "uv")
        command(
            *(uv, "pip", "install", "--python", sys.executable, *arguments),
            timeout=3 * _NETWORK_TIMEOUT,
            remedy="check the network, or name an index: UV_INDEX_URL, PIP_INDEX_URL",
        )
    return ""


def _go_modules() -> str:
    go = shutil.which("go")
    if not go:
        return "not looked at: Go itself is going to come from the Python index"
    with tempfile.TemporaryDirectory() as empty:
        command(
            *(go, "list", "-m", f"{_CLI_MODULE}@v{versions.PULUMI}"),
            env={"GOMODCACHE": empty, "GOFLAGS": "-modcacherw -mod=mod", "GOWORK": "off"},
            timeout=3 * _NETWORK_TIMEOUT,
            remedy="check the network, or name a module proxy: GOPROXY=<URL>",
        )
    return command(go, "env", "GOPROXY").strip()
