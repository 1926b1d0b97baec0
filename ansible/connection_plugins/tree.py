"""Runs a play in a root file system that is not booted, as `chroot` shows it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from ansible.errors import AnsibleConnectionFailure, AnsibleFileNotFound
from ansible.plugins.connection import ConnectionBase

DOCUMENTATION = """
name: tree
short_description: Runs tasks in a folder that holds a root file system
description:
  - Commands run on this machine by C(chroot), so the folder must hold a system for its processor.
  - Whoever runs the play has mounted /proc and /dev there, if what it does needs them.
author: The cumulo authors
options:
  remote_addr:
    description: The folder.
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
"""


class Connection(ConnectionBase):
    """A connection to a folder."""

    transport = "tree"
    has_pipelining = True

    def _connect(self) -> Connection:
        self._connected = Path(self._folder).is_dir()
        if not self._connected:
            raise AnsibleConnectionFailure(f"{self._folder} is no folder")
        return self

    def exec_command(
        self,
        cmd: str,
        in_data: bytes | None = None,
        sudoable: bool = True,  # noqa: ARG002 -- Ansible passes it
    ) -> tuple[int, bytes, bytes]:
        """Runs a shell command in the folder."""
        self._connect()
        done = subprocess.run(
            ["chroot", self._folder, "/bin/sh", "-c", cmd],
            input=in_data or b"",
            capture_output=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"},
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copies a file of this machine into the folder."""
        self._copy(in_path, self._inside(out_path))

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copies a file out of the folder."""
        self._copy(self._inside(in_path), out_path)

    def close(self) -> None:
        """Nothing is held open."""
        self._connected = False

    @property
    def _folder(self) -> str:
        return str(self.get_option("remote_addr"))  # type: ignore[no-untyped-call]  # as all of it

    def _inside(self, path: str) -> str:
        return f"{self._folder}/{path.lstrip('/')}"

    def _copy(self, source: str, target: str) -> None:
        try:
            shutil.copyfile(source, target)
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"{source} cannot be copied to {target}: {error}") from error
