"""The registry image, booted as the local cloud boots it, but without a network or a cloud."""

import contextlib
import os
import subprocess
import time
from pathlib import Path

from cumulo.local import cgroups, files, rootfs

_NAME = "registry-test"
_PATIENCE_S = 180.0
# Nobody is going to give it an address.
_OFFLINE = "etc/systemd/system/systemd-networkd-wait-online.service"


class Machine:
    """A machine of systemd-nspawn's, told by cloud-init."""

    def __init__(self, image: Path, folder: Path, user_data: str) -> None:
        self.root = folder / "root"
        self._console = folder / "console.log"
        self._groups = [path / _NAME for path in cgroups.hierarchies()]
        self.root.mkdir()
        rootfs.unpack(image, self.root)
        seed = self.root / "var/lib/cloud/seed/nocloud"
        seed.mkdir(parents=True)
        (seed / "user-data").write_text(user_data)
        (seed / "meta-data").write_text("instance-id: i-1\nlocal-hostname: registry\n")
        (self.root / "etc/cloud/cloud.cfg.d/99-test.cfg").write_text(
            "datasource_list: [NoCloud]\nnetwork: {config: disabled}\n"
        )
        (self.root / _OFFLINE).symlink_to("/dev/null")
        with self._console.open("wb") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={
                    **os.environ,
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                    "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network",
                },
            )

    def wait(self) -> None:
        """Until cloud-init has done what it was told."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            assert self._process.poll() is None, self._console.read_text(errors="replace")
            with contextlib.suppress(subprocess.CalledProcessError, IndexError):
                if "status: done" in self.run("cloud-init", "status"):
                    return
            time.sleep(0.5)
        raise AssertionError(f"cloud-init did not end: {self._console.read_text()[-2000:]}")

    def run(self, *command: str) -> str:
        """What a command prints in the machine, as root.

        Raises:
            subprocess.CalledProcessError: It failed.
        """
        children = Path("/proc", str(self._process.pid), "task", str(self._process.pid), "children")
        leader = children.read_text().split()[0]
        enter = ["nsenter", "-t", leader, "-m", "-u", "-i", "-n", "-p", "-r", "-w"]
        done = subprocess.run(
            [*enter, *command], capture_output=True, text=True, check=True, timeout=_PATIENCE_S
        )
        return done.stdout

    def stop(self) -> None:
        self._process.terminate()  # As by its power button.
        self._process.wait(_PATIENCE_S)
        for group in self._groups:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()
        files.remove_tree(self.root)

    def _command(self) -> list[str]:
        for group in self._groups:
            group.mkdir(exist_ok=True)
            for name in ("cpuset.cpus", "cpuset.mems"):
                limit = group / name
                if limit.exists() and not limit.read_text().strip():
                    limit.write_text((group.parent / name).read_text())
        joins = "".join(f"echo $$ > {group}/cgroup.procs; " for group in self._groups)
        return [
            *("sh", "-c", f'{joins}exec "$@"', "sh"),
            *("systemd-nspawn", "--quiet", "--boot", f"--machine={_NAME}"),
            *(f"--directory={self.root}", "--register=no", "--keep-unit", "--link-journal=no"),
            *("--resolv-conf=off", "--timezone=off", "--console=pipe", "--private-network"),
            *("--capability=CAP_NET_ADMIN", "--kill-signal=SIGRTMIN+3"),
        ]
