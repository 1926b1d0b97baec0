"""One instance: its folder, its root file system and its systemd-nspawn unit."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .commands import Run

CONSOLE_LIMIT = 4 << 20


@dataclass(frozen=True)
class Wishes:
    """What an image asks of this driver, in its `/etc/nova-nspawn.json`."""

    legacy_cgroups: bool = False
    volumes: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, root: Path) -> Wishes:
        """The wishes of the image whose root file system this is; none if it has no such file.

        Raises:
            ValueError: The file is there but says nothing that can be understood.
        """
        file = root / "etc/nova-nspawn.json"
        # Never by a link that leads out of the instance.
        if file.is_symlink() or not file.is_file():
            return cls()
        try:
            wishes: dict[str, Any] = json.loads(file.read_text())
            volumes = tuple(str(volume) for volume in wishes.get("volumes", ()))
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"/etc/nova-nspawn.json cannot be understood: {error}") from error
        for volume in volumes:
            if not volume.startswith("/") or ".." in volume.split("/"):
                raise ValueError(f"/etc/nova-nspawn.json: {volume!r} is not an absolute path")
        return cls(wishes.get("cgroup") == "v1", volumes)


class Machine:
    """One instance on this host.

    Args:
        uuid: The instance's id.
        instances: The folder of all instances.
        run: Runs the host's tools.
    """

    def __init__(self, uuid: str, instances: Path, run: Run) -> None:
        self.uuid = uuid
        self.folder = instances / uuid
        self.root = self.folder / "root"
        self.console = self.folder / "console.log"
        self.unit = f"nova-{uuid}.service"
        self._run = run

    @property
    def exists(self) -> bool:
        """Whether the instance lives on this host."""
        return (self.folder / "name").is_file()

    @property
    def name(self) -> str:
        """What Nova calls it."""
        return (self.folder / "name").read_text()

    @property
    def image(self) -> Path:
        """The unpacked image that it was made from."""
        return Path((self.folder / "lower").read_text())

    @property
    def running(self) -> bool:
        """Whether it runs, or is about to."""
        state = self._run("systemctl", "is-active", self.unit, check=False).strip()
        return state in ("active", "activating", "reloading")

    def create(self, name: str, image: Path) -> None:
        """Makes the folder; from its first file on the instance is one that Nova can delete."""
        for part in ("up", "work", "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        _write(self.folder / "name", name)
        _write(self.folder / "lower", str(image))

    def mount(self) -> None:
        """Mounts its root file system, if it is not."""
        if not self.root.is_mount():
            layers = f"lowerdir={self.image},upperdir={self.folder}/up,workdir={self.folder}/work"
            self._run("mount", "-t", "overlay", self.name, "-o", layers, str(self.root))

    def start(self, network: Path, properties: list[str], groups: list[Path]) -> None:
        """Boots it.

        Args:
            network: The network namespace that it lives in.
            properties: Properties of its unit.
            groups: The legacy cgroups that it lives in.
        """
        wishes = Wishes.read(self.root)
        binds = [self._volume(volume) for volume in wishes.volumes]
        if self.console.exists() and self.console.stat().st_size > CONSOLE_LIMIT:
            self.console.write_bytes(b"")
        self._run("systemctl", "reset-failed", self.unit, check=False)
        self._run(*self.command(network, properties, groups, wishes, binds))

    def command(
        self,
        network: Path,
        properties: list[str],
        groups: list[Path],
        wishes: Wishes,
        binds: list[str],
    ) -> list[str]:
        """The command that boots it as a transient unit, which outlives nova-compute."""
        unit = [
            "Delegate=yes",
            "KillMode=mixed",
            "TimeoutStopSec=15",
            "TasksMax=infinity",
            # What systemd-nspawn returns when the instance reboots itself.
            "RestartForceExitStatus=133",
            "SuccessExitStatus=133",
            f"NetworkNamespacePath={network}",
            "StandardInput=null",
            f"StandardOutput=append:{self.console}",
            "StandardError=inherit",
            *properties,
        ]
        # Its own network's sysctls are writable, the host's are not.
        environment = {"SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        extra = binds
        if wishes.legacy_cgroups:
            extra = [*extra, "--system-call-filter=@keyring bpf perf_event_open"]
            # Elsewhere the controllers are on the unified hierarchy, and it gets its part of that.
            if groups:
                environment["SYSTEMD_NSPAWN_UNIFIED_HIERARCHY"] = "0"
                extra.append("SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1")
        enter = "".join(f"echo $$ > {group}/cgroup.procs; " for group in groups)
        return [
            "systemd-run", "--quiet", "--expand-environment=no", "--collect",
            f"--unit={self.unit}", "--slice=machine.slice",
            *(f"--property={item}" for item in unit),
            *(f"--setenv={key}={value}" for key, value in environment.items()),
            "sh", "-c", enter + 'exec "$@"', "sh",
            "systemd-nspawn", "--quiet", "--boot", f"--directory={self.root}",
            f"--machine={self.name}", f"--uuid={self.uuid}", "--keep-unit", "--register=no",
            "--capability=CAP_NET_ADMIN", "--resolv-conf=off", "--timezone=off",
            "--link-journal=no", "--console=read-only", "--kill-signal=SIGRTMIN+3",
            *extra,
        ]  # fmt: skip

    def stop(self, *, kill: bool = False) -> None:
        """Shuts it down, or ends it at once; one that does not run is stopped already."""
        if kill:
            self._run("systemctl", "kill", "--signal=KILL", self.unit, check=False)
        self._run("systemctl", "stop", self.unit, check=False)
        self._run("systemctl", "reset-failed", self.unit, check=False)

    def remove(self) -> None:
        """Removes its root file system and its folder, as far as they are there."""
        while self.root.is_mount():
            self._run("umount", str(self.root))
        self._run("rm", "-rf", "--one-file-system", str(self.folder))

    def last_words(self, size: int = 65536) -> bytes:
        """The end of its console's log."""
        if not self.console.exists():
            return b""
        with self.console.open("rb") as file:
            file.seek(max(0, self.console.stat().st_size - size))
            return file.read()

    def _volume(self, volume: str) -> str:
        """A folder on the host's own file system, filled from the image at first; as an option."""
        inner = volume.strip("/")
        folder = self.folder / "vol" / inner.replace("/", "_")
        if not folder.is_dir():
            part = folder.with_name(folder.name + ".part")
            self._run("rm", "-rf", str(part))
            folder.parent.mkdir(exist_ok=True)
            source = self.image / inner
            if source.is_dir():
                self._run("cp", "--archive", str(source), str(part))
            else:
                part.mkdir()
            part.rename(folder)
        (self.root / inner).mkdir(parents=True, exist_ok=True)
        return f"--bind={folder}:{volume}"


def _write(file: Path, text: str) -> None:
    """Writes a small file that is whole after a power cut, or not there."""
    new = file.with_name(file.name + ".new")
    with new.open("w") as opened:
        opened.write(text)
        opened.flush()
        os.fsync(opened.fileno())
    new.rename(file)
