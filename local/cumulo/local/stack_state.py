"""Pulumi's state of the stack that stands on the local cloud; gone with the cloud, it lies."""

from pathlib import Path

from cumulo.local import files

PROJECT = "cumulo"
STACK = "local"


def remove(backend: Path) -> None:
    """Removes the local stack from a Pulumi file backend, and the backend if that was all.

    Args:
        backend: The backend's directory; other stacks in it stay.
    """
    meta = backend / ".pulumi"
    for kind in ("stacks", "backups", "history", "locks"):
        for folder in (meta / kind / PROJECT, *(meta / kind).glob(f"*/{PROJECT}")):
            for entry in [*folder.glob(STACK), *folder.glob(f"{STACK}.*")]:
                files.remove_tree(entry)
    if backend.exists() and not any((meta / "stacks").rglob("*.json*")):
        files.remove_tree(backend)
