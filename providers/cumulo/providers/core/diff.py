"""Diff: what the program wants against what the state says there is."""

from dataclasses import dataclass
from enum import Enum
from typing import Any

from cumulo.providers.core.check import DEFAULTS
from cumulo.providers.core.schema import (
    Field,
    Fields,
    ListOf,
    MapOf,
    Object,
    One,
    Scalar,
    SetOf,
    Type,
    is_zero,
)
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain


class Kind(Enum):
    """What happens to a property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One changed property.

    Attributes:
        key: The property.
        kind: What happens to it.
        replace: Whether it needs a new object.
    """

    key: str
    kind: Kind
    replace: bool


def diff(
    fields: Fields, old: Properties, new: Properties, ignore: frozenset[str] = frozenset()
) -> list[Change]:
    """The properties whose wanted value differs from the one in the state.

    A property that the program does not set is left alone where the cloud chooses it (computed),
    and otherwise must be empty: this is what Terraform's planner does, so that both providers
    see the same changes.

    Args:
        fields: What the type declares.
        old: The outputs in the state.
        new: The checked inputs.
        ignore: Properties whose changes the user asked to ignore.
    """
    changes = []
    for key, field in fields.items():
        if field.output or field.write_only or field.once or key in ignore:
            continue
        before, after = plain(old.get(key)), plain(new.get(key))
        if _same_field(field, before, after):
            continue
        kind = Kind.DELETE if key not in new else Kind.ADD if is_zero(before) else Kind.UPDATE
        changes.append(Change(key, kind, _replaces(field, before, after)))
    return changes


def delete_before_replace(
    fields: Fields, new: Properties, named: tuple[str, ...] = ("name",)
) -> bool:
    """Whether the old object must go first, because the program gave both the same name."""
    return any(
        key in fields and not fields[key].output and key in new and key not in new.get(DEFAULTS, ())
        for key in named
    )


def _same_field(field: Field, before: Any, after: Any) -> bool:
    if after is UNKNOWN:
        return False
    if after is None:
        if field.computed:
            return True
        if field.default is not None:
            return is_zero(before) if is_zero(field.default) else bool(before == field.default)
        if field.same is not None and not is_zero(before):
            return field.same(before, None)
        return _same(field.type, before, None)
    if has_unknown(after):
        return False
    if field.stored is not None:
        after = field.stored(after)
    if field.same is not None and not is_zero(before):
        return field.same(before, after)
    return _same(field.type, before, after)


def _same(kind: Type, before: Any, after: Any) -> bool:
    match kind:
        case ListOf():
            before, after = before or [], after or []
            return len(before) == len(after) and all(
                _same(kind.item, old, new) for old, new in zip(before, after, strict=True)
            )
        case SetOf():
            return _same_set(kind, list(before or []), list(after or []))
        case MapOf():
            before, after = before or {}, after or {}
            return before.keys() == after.keys() and all(
                _same(kind.item, before[key], after[key]) for key in after
            )
        case Object() | One():
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            if before is None or after is None:
                return is_zero(before) and is_zero(after)
            return all(
                field.output or _same_field(field, before.get(key), after.get(key))
                for key, field in fields.items()
            )
        case Scalar(zero=None):
            return bool(before == after)
        case _:
            return (is_zero(before) and is_zero(after)) or bool(before == after)


def _same_set(kind: SetOf, before: list[Any], after: list[Any]) -> bool:
    if len(before) != len(after):
        return False
    left = list(before)
    for item in after:
        match = next((old for old in left if _same(kind.item, old, item)), None)
        if match is None:
            return False
        left.remove(match)
    return True


def _replaces(field: Field, before: Any, after: Any) -> bool:
    """Whether the change is in a part of the property that cannot change in place."""
    kind = field.type
    item = kind.item if isinstance(kind, ListOf | SetOf) else None
    if isinstance(item, Object) and any(part.replace for part in item.fields.values()):
        if after is UNKNOWN:
            return field.replace
        olds, news = before or [], after or []
        return len(olds) != len(news) or any(
            new is UNKNOWN or _object_replaces(item.fields, old, new)
            for old, new in zip(olds, news, strict=True)
        )
    if isinstance(kind, One) and not field.replace:
        return isinstance(after, dict) and _object_replaces(kind.object.fields, before or {}, after)
    return field.replace


def _object_replaces(fields: Fields, before: Properties, after: Properties) -> bool:
    return any(
        field.replace
        and not field.output
        and not _same_field(field, before.get(key), after.get(key))
        for key, field in fields.items()
    )
