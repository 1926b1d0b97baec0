"""Paths into objects: as Pulumi writes them, and as `kubectl wait` does."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]


class ParseError(ValueError):
    """Something wrong with a path, to complete the sentence "the annotation ..."."""


def pulumi_path(path: Sequence[str | int]) -> str:
    """A path as the engine writes it: `spec.ports[0]["a.b"]`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.search(r'[."\[\]]', step):
            quoted = step.replace('"', '\\"')
            text += f'["{quoted}"]'
        else:
            text += f".{step}" if text else step
    return text


_STEP = re.compile(r'\.?([^.\[\]"]+)|\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]')


def parse_path(text: str) -> Path:
    """A path that the engine wrote; `*` stands for any step."""
    steps: list[str | int] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            raise ParseError(f"{text!r} is not a property path")
        plain, quoted, index = match.groups()
        if index is not None:
            steps.append(index if index == "*" else int(index))
        else:
            steps.append(plain if plain is not None else quoted.replace('\\"', '"'))
        position = match.end()
    return tuple(steps)


def contains(outer: Path, inner: Path) -> bool:
    """Whether a path is another one's or lies below it."""
    return len(outer) <= len(inner) and all(
        step in ("*", other) for step, other in zip(outer, inner, strict=False)
    )


@dataclass(frozen=True)
class Wait:
    """What to wait for in an object.

    Attributes:
        text: How the program says it.
        path: Where the value lies.
        value: What it must be; `None` if it only has to be there.
        condition: The condition that must have the value; empty for a path.
    """

    text: str
    path: tuple["_Step", ...] = ()
    value: str | None = None
    condition: str = ""


def parse_wait(text: str) -> Wait:
    """Parses `jsonpath={.status.phase}=Running` and `condition=Ready`, as `kubectl wait` has them.

    Raises:
        ParseError: It is neither.
    """
    if text.startswith("condition="):
        kind, _, status = text.removeprefix("condition=").partition("=")
        if not kind:
            raise ParseError(f"{text!r} names no condition: condition=Ready")
        return Wait(text, condition=kind, value=status or "True")
    if not text.startswith("jsonpath="):
        raise ParseError(
            f"{text!r} must be condition=Type, condition=Type=Status or jsonpath={{.path}}=value"
        )
    match = re.fullmatch(r"jsonpath=\{\s*\$?(.*?)\s*\}(?:=(.+))?", text, re.DOTALL)
    if match is None:
        raise ParseError(f"{text!r} must be jsonpath={{.path}} or jsonpath={{.path}}=value")
    return Wait(text, tuple(_steps(match[1], text)), match[2])


@dataclass(frozen=True)
class _Step:
    """One step: a key, an index, everything, or the items that have a value at a key."""

    key: str | None = None
    index: int | None = None
    where: tuple[str, str] | None = None


_JSONPATH = re.compile(
    r"""\.(?P<key>(?:[\w-]|\\.)+)|\[['"](?P<quoted>[^'"]+)['"]\]|\[(?P<index>-?\d+)\]|(?P<all>\[\*\]|\.\*)
    |\[\?\(\s*@\.(?P<field>[\w.-]+)\s*==\s*['"]?(?P<value>[^'"]*?)['"]?\s*\)\]""",
    re.VERBOSE,
)


def _steps(path: str, text: str) -> Iterator[_Step]:
    position = 0
    while position < len(path):
        match = _JSONPATH.match(path, position)
        if match is None:
            raise ParseError(f"{text!r} is not understood from {path[position:]!r} on")
        position = match.end()
        if match["key"] is not None:
            yield _Step(key=match["key"].replace("\\", ""))
        elif match["quoted"] is not None:
            yield _Step(key=match["quoted"])
        elif match["index"] is not None:
            yield _Step(index=int(match["index"]))
        elif match["field"] is not None:
            yield _Step(where=(match["field"], match["value"]))
        else:
            yield _Step()


def select(item: Any, path: Sequence[_Step]) -> list[Any]:
    """What lies at a path."""
    found = [item]
    for step in path:
        found = [value for one in found for value in _select(one, step)]
    return found


def _select(item: Any, step: _Step) -> list[Any]:
    if step.key is not None:
        return [item[step.key]] if isinstance(item, dict) and step.key in item else []
    values = list(item.values()) if isinstance(item, dict) else item
    if not isinstance(values, list):
        return []
    if step.index is not None:
        return values[step.index :][:1] if step.index >= -len(values) else []
    if step.where is not None:
        field, value = step.where
        keys = [_Step(key=key) for key in field.split(".")]
        return [one for one in values if [as_text(it) for it in select(one, keys)] == [value]]
    return values


def as_text(value: Any) -> str:
    """A value as an expression writes it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
