#!/usr/bin/python3
"""Images in containerd's store, also where no containerd runs."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: containerd_images
short_description: Images in containerd's store, also where no containerd runs
description:
  - They come from an archive, or else from their registries.
  - Where containerd does not run, one is started for as long as it takes.
author: The cumulo authors
options:
  names:
    description: The full names that are to be there.
    type: list
    elements: str
    required: true
  archive:
    description: An OCI archive with them. Without it, they are pulled.
    type: path
  pinned:
    description: Those of them that kubelet must never remove.
    type: list
    elements: str
    default: []
"""
RETURN = """
added:
  description: The names that were not there.
  type: list
  returned: always
"""
RUNNING = Path("/run/containerd/containerd.sock")
NAMESPACE = "k8s.io"
PATIENCE_S = 60.0
# Names that kubelet asks for are looked up among those that have this label.
MANAGED = "io.cri-containerd.image=managed"
PINNED = "io.cri-containerd.pinned=pinned"


class Store:
    """containerd's images, through its own command."""

    def __init__(self, module: AnsibleModule, socket: str) -> None:
        self._module = module
        self._socket = socket

    def ctr(self, *arguments: str, check: bool = True) -> str:
        """Runs `ctr` in Kubernetes' namespace; returns what it prints."""
        command = ["ctr", "--address", self._socket, "--namespace", NAMESPACE, *arguments]
        _, output, _ = self._module.run_command(command, check_rc=check)
        return str(output)

    def names(self) -> set[str]:
        """What is there."""
        return set(self.ctr("images", "list", "--quiet").split())

    def load(self, archive: str) -> None:
        """Imports an archive; what is unpacked is not kept packed as well."""
        self.ctr("images", "import", "--local", "--discard-unpacked-layers", archive)
        # The end of a lease is when containerd removes what nobody needs; here it is waited for.
        lease = self.ctr("leases", "create").strip()
        self.ctr("leases", "delete", "--sync", lease)

    def pull(self, name: str) -> None:
        """Fetches an image from its registry."""
        self.ctr("images", "pull", name)

    def label(self, name: str, label: str) -> None:
        """Labels an image."""
        self.ctr("images", "label", name, label)


@contextlib.contextmanager
def store(module: AnsibleModule) -> Iterator[Store]:
    """The running containerd's store, or that of one that runs meanwhile."""
    if RUNNING.exists():
        yield Store(module, str(RUNNING))
        return
    with tempfile.TemporaryDirectory(prefix="containerd-images-") as folder:
        config, log, socket = (f"{folder}/{name}" for name in ("config.toml", "log", "socket"))
        # Nobody runs containers on it.
        disabled = 'disabled_plugins = ["io.containerd.grpc.v1.cri"]'
        Path(config).write_text(f"version = 2\n{disabled}\n")
        command = ["containerd", "--config", config, "--address", socket, "--state", folder]
        with Path(log).open("w") as written, subprocess.Popen(command, stderr=written) as daemon:
            try:
                opened = Store(module, socket)
                _wait(module, opened, daemon, log)
                yield opened
            finally:
                daemon.terminate()


def _wait(module: AnsibleModule, opened: Store, daemon: subprocess.Popen[bytes], log: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while "Server:" not in opened.ctr("version", check=False):
        if daemon.poll() is not None or time.monotonic() > end:
            said = Path(log).read_text()[-2000:]
            module.fail_json(msg=f"containerd did not start within {PATIENCE_S:.0f} s", stderr=said)
        time.sleep(0.1)


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "names": {"type": "list", "elements": "str", "required": True},
            "archive": {"type": "path"},
            "pinned": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    given = module.params
    with store(module) as opened:
        missing = [name for name in given["names"] if name not in opened.names()]
        if missing and not module.check_mode:
            if given["archive"]:
                opened.load(given["archive"])
            else:
                for name in missing:
                    opened.pull(name)
            lacking = sorted(set(missing) - opened.names())
            if lacking:
                module.fail_json(msg=f"{given['archive']} lacks {', '.join(lacking)}")
            for name in missing:
                opened.label(name, MANAGED)
                if name in given["pinned"]:
                    opened.label(name, PINNED)
    module.exit_json(changed=bool(missing), added=missing)


if __name__ == "__main__":
    main()
