"""Where the local cloud keeps its data, and what it remembers between runs."""

from dataclasses import dataclass
from pathlib import Path

from cumulo.local import files, paths, rootfs


@dataclass(frozen=True)
class State:
    """The directory of the local cloud.

    Attributes:
        directory: All of it; `reset` removes it.
    """

    directory: Path

    @property
    def root(self) -> Path:
        """The server's root directory."""
        return self.directory / "root"

    @property
    def key(self) -> Path:
        """The private key that opens the server's ssh."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def ansible(self) -> Path:
        """Ansible's own files."""
        return self.directory / "ansible"

    @property
    def console(self) -> Path:
        """What the server writes to its console."""
        return self.directory / "console.log"

    @property
    def role_log(self) -> Path:
        """What the role's last run said."""
        return self.directory / "role.log"

    @property
    def lock(self) -> Path:
        """Held by the one command that changes the cloud."""
        return self.directory / "lock"

    @property
    def prefix(self) -> Path:
        """The prefix of the networks that this cloud was made with."""
        return self.directory / "prefix"

    @property
    def forwarding(self) -> Path:
        """Whether the machine forwarded packets before; absent, if it did."""
        return self.directory / "ip_forward.before"

    @property
    def applied(self) -> str | None:
        """The fingerprint of the role's last complete run."""
        return _read(self.directory / "applied")

    def set_applied(self, fingerprint: str) -> None:
        """Remembers a complete run of the role, once all it did is on the disk."""
        files.sync(self.root)
        files.write(self.directory / "applied", fingerprint)
        (self.directory / "installing").unlink(missing_ok=True)

    def begin_role(self) -> bool:
        """Remembers that the role runs; tells whether an earlier run was cut off."""
        marker = self.directory / "installing"
        cut_off = marker.exists()
        files.write(marker, rootfs.boot_id())
        return cut_off

    def is_spoiled(self) -> bool:
        """Whether the machine lost power while packages were first installed.

        dpkg does not wait for the disk there, so any file of the server may be empty: it is made
        anew. Once the role was complete there is data to keep, and everything was on the disk.
        """
        begun = _read(self.directory / "installing")
        return self.applied is None and begun not in (None, rootfs.boot_id())


def of_user() -> State:
    """The local cloud of the user who runs this."""
    return State(paths.data() / "local")


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except FileNotFoundError:
        return None
