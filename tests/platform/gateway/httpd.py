"""The gateway's image, run where it was unpacked: as its user, and on loopback alone."""

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from cumulo.images import containers

from tests.images.containers.running import description, unpack

USER = 65532

# As in a pod: all is read-only but the folder to write in, and nothing outlives the process.
_ENTER = """
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$2" etc/cumulo/gateway
mount -t tmpfs -o "uid=$3,gid=$3,mode=0700" tmpfs run/gateway
mount -o remount,ro,bind "$1"
exec chroot --userspec="$3:$3" --groups= . \\
    /usr/bin/env -i PATH=/usr/bin TMPDIR=/run/gateway \\
    /usr/sbin/apache2 -f /etc/cumulo/gateway/httpd.conf $4
"""


def image_root(folder: Path) -> Path:
    """The gateway's image, unpacked; built where it is not."""
    return unpack(description(containers.build("gateway")), folder / "root")


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody uses."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in taken]
    for one in taken:
        one.close()
    return ports


class Httpd:
    """One httpd, with the files of a gateway."""

    def __init__(self, root: Path, folder: Path) -> None:
        self.root = root
        self.folder = folder / "gateway"
        self.access_log = folder / "access.log"
        self.error_log = folder / "error.log"
        for log in (self.access_log, self.error_log):
            log.touch()
            os.chown(log, USER, USER)

    def write(self, contents: Mapping[str, str]) -> None:
        for name, text in contents.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o400)
            os.chown(path, USER, USER)
        for path in self.folder.rglob("*"):
            os.chown(path, USER, USER)

    def check(self) -> str:
        """What httpd says of its configuration; empty if it would start."""
        done = subprocess.run(self._command("-t"), capture_output=True, text=True, timeout=60)
        return "" if done.returncode == 0 else done.stdout + done.stderr

    def start(self, port: int) -> None:
        with self.access_log.open("ab") as access, self.error_log.open("ab") as errors:
            self.process = subprocess.Popen(
                self._command("-DFOREGROUND"), stdout=access, stderr=errors
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), 1):
                    return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"httpd does not answer: {self.errors()}")

    @property
    def pid(self) -> int:
        """The process of httpd itself."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def ask_to_stop(self) -> None:
        """Asks as a cluster does: what was begun may end."""
        os.kill(self.pid, signal.SIGWINCH)

    def stop(self) -> None:
        # All of it, at once: it is alone in its namespace of processes.
        self.process.kill()
        self.process.wait(30)

    def errors(self) -> str:
        return self.error_log.read_text()

    def log(self) -> str:
        return self.access_log.read_text()

    def _command(self, *arguments: str) -> list[str]:
        return [
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"),
            *("sh", "-euc", _ENTER, "httpd"),
            *(str(self.root), str(self.folder), str(USER), *arguments),
        ]


def trusting(authority: Path) -> ssl.SSLContext:
    """A client's TLS that believes one authority."""
    return ssl.create_default_context(cafile=str(authority))
