"""Where Keycloak's API has a property, and in which form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cumulo.providers.core.schema import (
    BOOLEAN,
    STRING,
    Field,
    Fields,
    ListOf,
    SetOf,
    zero,
)
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak import durations
from cumulo.providers.keycloak.server import JSON

_SEPARATOR: Final = "##"


@dataclass(frozen=True)
class Form:
    """How a value is written in the API, and read from it."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


AS_IT_IS: Final = Form(lambda value: value, lambda value: value)
QUOTED: Final = Form(lambda value: "true" if value else "false", _flag)
"""A flag among attributes, which are texts."""
SECONDS: Final = Form(durations.seconds, durations.text)
NUMERAL: Final = Form(lambda value: str(value) if value else "", lambda value: int(value or 0))
"""A whole number among attributes."""
JOINED: Final = Form(
    _SEPARATOR.join, lambda value: [part for part in value.split(_SEPARATOR) if part]
)
"""A list among attributes."""
MULTIPLE: Final = Form(
    lambda value: {key: item.split(_SEPARATOR) for key, item in value.items()},
    lambda value: {key: _SEPARATOR.join(items) for key, items in value.items()},
)
"""Attributes that have several values each."""


@dataclass(frozen=True)
class Setting:
    """A property, and where it is.

    Attributes:
        field: What the program may say.
        path: The keys that lead to it in the object that the API gives; none where it is not
            there, so that the type sees to it.
        form: How its value is written there.
        block: The properties of a block that is always there; their paths begin where this one
            would lie.
    """

    field: Field
    path: tuple[str, ...] = ()
    form: Form = AS_IT_IS
    block: "Settings | None" = None


Settings = Mapping[str, Setting]


def setting(field: Field, *path: str, form: Form = AS_IT_IS) -> Setting:
    """A property that lies at a path."""
    return Setting(field, path, form)


def length(*path: str) -> Setting:
    """A length of time, which Keycloak chooses where the program does not."""
    field = Field(computed=True, check=durations.good, same=durations.same)
    return Setting(field, path, SECONDS)


def fields(settings: Settings) -> Fields:
    """What the type declares."""
    return {key: each.field for key, each in settings.items()}


def write(settings: Settings, inputs: Properties, into: JSON | None = None) -> JSON:
    """The object as the program says it.

    Args:
        settings: The properties.
        inputs: The inputs.
        into: The object as it is, which is changed; without one, what a new one is made from.
            What the program does not say stays if Keycloak may choose it, and is cleared if not.
    """
    fresh = into is None
    result: JSON = {} if into is None else into
    for key, each in settings.items():
        value = inputs.get(key)
        if each.block is not None:
            if value is not None:
                write(each.block, value, result)
            continue
        if not each.path or each.field.output:
            continue
        if value is None:
            kind = each.field.type
            # Of what a new object is not told, flags and lists have other defaults in Keycloak
            # than in the official provider; what is left out of an old one is cleared.
            told = kind is BOOLEAN or isinstance(kind, ListOf | SetOf)
            if not told if fresh else each.field.computed:
                continue
            value = zero(kind) if each.field.default is None else each.field.default
        if value is not None:
            _put(result, each.path, each.form.write(value))
    return result


def read(settings: Settings, found: JSON, known: Properties) -> Properties:
    """The properties of an object, and of what it does not say what is known.

    Args:
        settings: The properties.
        found: The object as the API gives it.
        known: The inputs after a create or an update, else the state.
    """
    result: Properties = {}
    for key, each in settings.items():
        if each.block is not None:
            result[key] = read(each.block, found, known.get(key) or {})
            continue
        if not each.path:
            value = known.get(key)
            result[key] = each.field.default if value is None else value
            continue
        value = _at(found, each.path)
        if value is not None:
            result[key] = each.form.read(value)
        elif each.field.type is STRING and each.field.default is not None:
            # An older Keycloak does not have it yet, which is what the default says.
            result[key] = each.field.default
        else:
            result[key] = zero(each.field.type)
    return result


def same_values(before: Any, after: Any) -> bool:
    """Whether attributes have the same values, in whatever order."""
    old, new = before or {}, after or {}
    return old.keys() == new.keys() and all(
        sorted(old[key].split(_SEPARATOR)) == sorted(new[key].split(_SEPARATOR)) for key in new
    )


def same_values_or_none(before: Any, after: Any) -> bool:
    """The same, of attributes that are left alone where the program says none."""
    return after is None or same_values(before, after)


def _at(found: JSON, path: tuple[str, ...]) -> Any:
    value: Any = found
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def _put(into: JSON, path: tuple[str, ...], value: Any) -> None:
    *parents, last = path
    for key in parents:
        if not isinstance(into.get(key), dict):
            into[key] = {}
        into = into[key]
    into[last] = value
