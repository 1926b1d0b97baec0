"""The local server: a systemd-nspawn machine, a real Debian 13 with its own systemd.

No file says whether it runs: the process itself is looked for, so that neither a killed run nor a
process id used anew can mislead.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from cumulo.local import cgroups, files, network
from cumulo.local.addresses import Addresses
from cumulo.local.command import run, succeeds
from cumulo.local.errors import CumuloError

NAME = "cumulo"
_PROC = Path("/proc")
_NSPAWN_STATE = Path("/run/systemd/nspawn")
_UNIT = "cumulo-server.service"
_INOTIFY = Path("/proc/sys/fs/inotify")
# The kernel counts them for the server and all its instances together, and its own limit of 128
# ends at about six nodes of Kubernetes.
_INOTIFY_LIMITS = {"max_user_instances": 8192, "max_user_watches": 1_048_576}


def find(root: Path, proc: Path = _PROC) -> int | None:
    """The process id of the server's systemd-nspawn; None while it is off.

    Args:
        root: The server's root directory.
        proc: Where processes are listed.

    Raises:
        CumuloError: A server of this name runs from another directory.
    """
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            argv = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if Path(argv[0]).name != "systemd-nspawn" or f"--machine={NAME}" not in argv:
                continue
            if f"--directory={root}" not in argv:
                elsewhere = next((a for a in argv if a.startswith("--directory=")), "?")
                raise CumuloError(
                    f"another local cloud runs on this machine ({elsewhere})",
                    "stop it as the user, or with the XDG_DATA_HOME, that started it: "
                    "`cumulo local down`",
                )
            return int(entry.name)
    return None


def leader(nspawn: int) -> int | None:
    """The server's own first process, seen from the machine."""
    with contextlib.suppress(OSError):
        children = (_PROC / str(nspawn) / "task" / str(nspawn) / "children").read_text().split()
        return int(children[0]) if children else None
    return None


def started_at(nspawn: int) -> float:
    """When the server was switched on, in seconds since the epoch."""
    fields = (_PROC / str(nspawn) / "stat").read_text().rpartition(")")[2].split()
    uptime = float((_PROC / "uptime").read_text().split()[0])
    return time.time() - uptime + int(fields[19]) / os.sysconf("SC_CLK_TCK")


def boot(root: Path, addresses: Addresses, console: Path, deadline: float = 300) -> None:
    """Switches the server on, if it is off, and waits until its ssh answers.

    Raises:
        CumuloError: It stops again, or does not answer in time.
    """
    raise_limits()
    process = _switch_on(root, console) if find(root) is None else None
    until = time.monotonic() + deadline
    wired = False
    while time.monotonic() < until and not _ended(process):
        if not wired and network.exists(network.EXTERNAL_PORT):
            with contextlib.suppress(CumuloError):  # nspawn is still renaming it
                network.wire()
                wired = True
        if wired and answers(addresses.server, 22):
            return
        time.sleep(0.05)
    said = "\n  ".join(console.read_text(errors="replace").strip().splitlines()[-10:])
    short = f"did not answer ssh within {deadline:.0f} s"
    what = "stopped while booting" if _ended(process) else short
    raise CumuloError(f"the local server {what}: {said}", "see `cumulo doctor`")


def raise_limits(inotify: Path = _INOTIFY) -> None:
    """Raises the kernel's limits of watched files to what the server's instances need.

    Args:
        inotify: Where the kernel tells them.
    """
    for name, least in _INOTIFY_LIMITS.items():
        limit = inotify / name
        if int(limit.read_text()) < least:
            limit.write_text(str(least))


def _switch_on(root: Path, console: Path) -> "subprocess.Popen[bytes]":
    sweep(root)
    with contextlib.suppress(FileNotFoundError):
        console.replace(console.with_suffix(".log.1"))
    with console.open("wb") as log:
        return subprocess.Popen(
            [*_launcher(), *_nspawn(root)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={
                **os.environ,
                "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
                "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            },
        )


def _ended(process: "subprocess.Popen[bytes] | None") -> bool:
    return process is not None and process.poll() is not None


def stop(root: Path, deadline: float = 300) -> None:
    """Switches the server off in good order, by force where that takes too long."""
    nspawn = find(root)
    if nspawn is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(nspawn, signal.SIGTERM)
        until = time.monotonic() + deadline
        while find(root) == nspawn and time.monotonic() < until:
            _reap(nspawn)
            time.sleep(0.05)
    sweep(root)


def kill(root: Path) -> None:
    """Switches the server off as a power cut would."""
    nspawn = find(root)
    if nspawn is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(nspawn, signal.SIGKILL)
        while find(root) == nspawn:
            _reap(nspawn)
            time.sleep(0.02)
    sweep(root)


def sweep(root: Path) -> None:
    """Removes what a server that is off has left on the machine, but for its data.

    Raises:
        CumuloError: The server is on.
    """
    if find(root) is not None:
        raise CumuloError("the local server still runs")
    cgroups.kill()
    cgroups.remove()
    network.unplug()
    for kind in ("propagate", "unix-export"):
        left = _NSPAWN_STATE / kind / NAME
        for mount in files.mounts_below(left):
            run("umount", "--lazy", str(mount))
        shutil.rmtree(left, ignore_errors=True)
    with contextlib.suppress(FileNotFoundError):
        inode = root.stat()
        lock = _NSPAWN_STATE / "locks" / f"inode-{inode.st_dev}:{inode.st_ino}"
        lock.unlink(missing_ok=True)
    root.with_name(f".#{root.name}.lck").unlink(missing_ok=True)


def end_sessions() -> None:
    """Ends what runs in the server on behalf of somebody who logged in, such as a killed role."""
    for path in cgroups.hierarchies():
        for unit in ("system.slice/ssh.service", "user.slice"):
            for file in (path / cgroups.NAME / "payload" / unit).rglob("cgroup.procs"):
                with contextlib.suppress(OSError):
                    for pid in map(int, file.read_text().split()):
                        if b"sshd -D" not in (_PROC / str(pid) / "cmdline").read_bytes():
                            os.kill(pid, signal.SIGKILL)


def answers(host: str, port: int, timeout: float = 1) -> bool:
    """Tells whether something accepts connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout):
        return True
    return False


def under_systemd() -> bool:
    """Tells whether systemd runs this machine, and so owns its control groups."""
    return Path("/run/systemd/system").is_dir() and shutil.which("systemd-run") is not None


def _launcher() -> list[str]:
    if under_systemd():
        if succeeds("systemctl", "is-failed", "--quiet", _UNIT):
            run("systemctl", "reset-failed", _UNIT)
        keep = ("SYSTEMD_NSPAWN_API_VFS_WRITABLE=network", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
        return [
            *("systemd-run", "--quiet", "--pipe", "--wait", "--collect", f"--unit={_UNIT}"),
            *("--slice=machine.slice", "-p", "Delegate=yes", "-p", "TasksMax=infinity"),
            *(f"--setenv={variable}" for variable in keep),
        ]
    joins = " ".join(f"'{file}'" for file in cgroups.create())
    return ["sh", "-c", f'for f in {joins}; do echo $$ > "$f"; done; exec "$@"', "sh"]


def _nspawn(root: Path) -> list[str]:
    devices = [Path("/dev/fuse"), Path("/dev/net/tun"), Path("/dev/loop-control")]
    devices += [Path(f"/dev/loop{number}") for number in range(8)]
    return [
        *("systemd-nspawn", "--quiet", "--boot", f"--machine={NAME}", f"--directory={root}"),
        *("--register=no", "--keep-unit", "--link-journal=no", "--resolv-conf=off"),
        *("--console=pipe", "--kill-signal=SIGRTMIN+3", "--capability=all"),
        f"--network-bridge={network.MANAGEMENT}",
        f"--network-veth-extra={network.EXTERNAL_PORT}:ex0",
        *(f"--bind={device}" for device in devices if device.exists()),
        # What nested machines and Open vSwitch ask of the kernel.
        "--system-call-filter=@keyring @mount @privileged @module @raw-io bpf perf_event_open",
    ]


def _reap(pid: int) -> None:
    # Only where this very process switched the server on is it a child that must be waited for.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
