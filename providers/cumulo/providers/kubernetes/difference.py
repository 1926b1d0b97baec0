"""Diff: what the program says now against what it said before and what came of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from cumulo.providers.core.diff import Change, Kind
from cumulo.providers.core.values import UNKNOWN
from cumulo.providers.kubernetes.paths import Path, pulumi_path


class _Missing:
    """Where there is nothing; null is something."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


@dataclass(frozen=True)
class Step:
    """One difference.

    Attributes:
        path: Where it is.
        kind: What happens there.
        value: What is wanted there.
    """

    path: Path
    kind: Kind
    value: Any

    def change(self, replace: Callable[["Step"], bool]) -> Change:
        """The change that the engine is told."""
        return Change(pulumi_path(self.path), self.kind, replace(self))


def differences(live: Any, before: Any, now: Any) -> list[Step]:
    """Where the program wants something else than it did, and than there is.

    Both have to be so: what the program says as before may be written differently by the cluster,
    and what it says anew may be there already.

    Args:
        live: The object in the state, of which only what the program speaks of counts.
        before: What the program said when the state was written.
        now: What it says.
    """
    return list(_differences((), live, before, now))


def _differences(path: Path, live: Any, before: Any, now: Any) -> Iterator[Step]:
    if now is MISSING:
        if live is not MISSING and before is not MISSING:
            yield Step(path, Kind.DELETE, None)
        return
    if isinstance(now, dict) and isinstance(live, dict):
        said = before if isinstance(before, dict) else {}
        for key in sorted(said.keys() | now.keys()):
            yield from _differences(
                (*path, key),
                live.get(key, MISSING),
                said.get(key, MISSING),
                now.get(key, MISSING),
            )
        return
    if isinstance(now, list) and isinstance(live, list):
        past = before if isinstance(before, list) else []
        # What the cluster appended to a list was never the program's.
        count = max(len(now), min(len(live), len(past)))
        for index in range(count):
            yield from _differences(
                (*path, index), _item(live, index), _item(past, index), _item(now, index)
            )
        return
    if now is UNKNOWN or not (same(now, live) or same(now, before)):
        yield Step(path, Kind.ADD if live is MISSING else Kind.UPDATE, now)


def _item(items: list[Any], index: int) -> Any:
    return items[index] if index < len(items) else MISSING


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; Python takes true for 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one is other or bool(one == other)


def value_at(item: Any, path: Path) -> Any:
    """What lies at a path, or `MISSING`."""
    for step in path:
        if isinstance(item, dict):
            item = item.get(str(step), MISSING)
        elif isinstance(item, list) and isinstance(step, int):
            item = _item(item, step)
        else:
            return MISSING
    return item
