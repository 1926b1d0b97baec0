"""Puts off importing modules until something in them is used.

gRPC, protobuf and the SDK import much that few programs ever use, and starting Python processes is
most of what a small preview takes. Python's own LazyLoader makes each of the named modules an
object that loads itself at the first look into it, so whoever does use it finds all of it.

It stands alone, because program.py does: neither may import anything of ours.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from types import ModuleType

GRPC = frozenset({"grpc.aio", "google.protobuf.internal.python_message"})
"""The asynchronous half of gRPC, and the half of protobuf for machines without its C library."""

SDK = frozenset({"pulumi.automation", "pulumi.dynamic", "pulumi.policy"})
"""What `import pulumi` brings along besides resources, outputs and configuration."""


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, names: Iterable[str]) -> None:
        self._names = set(names)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._names:
            return None
        self._names.discard(fullname)
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


def import_later(names: Iterable[str]) -> None:
    """Has the named modules imported when they are first used."""
    sys.meta_path.insert(0, _Finder(names))
