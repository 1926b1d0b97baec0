"""Where cumulo keeps things on this machine: outside every checkout, so that all of them share it.

The two roots follow the XDG Base Directory Specification.
"""

import os
from pathlib import Path


def data() -> Path:
    """The local cloud, its keys, and Pulumi's state: what `reset` deletes and nothing else may."""
    return _root("XDG_DATA_HOME", ".local/share")


def cache() -> Path:
    """Downloads and builds, keyed by content: safe to delete, only ever costs time."""
    return _root("XDG_CACHE_HOME", ".cache")


def config() -> Path:
    """The user's own configuration directory, where OpenStack clients look for `clouds.yaml`."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _root(variable: str, default: str) -> Path:
    base = os.environ.get(variable) or Path.home() / default
    return Path(base) / "cumulo"
