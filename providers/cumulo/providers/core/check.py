"""Check: is the input good, and what does it become with the defaults filled in?"""

import difflib
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from cumulo.providers.core.schema import (
    BOOLEAN,
    STRING,
    Field,
    Fields,
    ListOf,
    MapOf,
    Object,
    One,
    Only,
    Scalar,
    SetOf,
    Type,
    is_zero,
)
from cumulo.providers.core.values import UNKNOWN, Properties, Secret, has_unknown

DEFAULTS = "__defaults"
"""The list, in every object of the inputs, of the properties that Check and not the user set."""

_NAME_LENGTH = 255


@dataclass(frozen=True)
class Failure:
    """One thing wrong with the inputs.

    Attributes:
        path: The property, as the user would write it: `fixedIps[0].subnetId`.
        reason: What is wrong with it.
    """

    path: str
    reason: str


@dataclass(frozen=True)
class Autonaming:
    """The name the engine proposes for a resource without one.

    Attributes:
        name: The name.
        enforced: Whether no other name may be chosen.
    """

    name: str
    enforced: bool


def autoname(logical_name: str, seed: bytes) -> str:
    """The logical name and seven hexadecimal digits, the same for the same seed."""
    suffix = hashlib.sha256(seed + logical_name.encode()).hexdigest()[:7]
    return f"{logical_name[: _NAME_LENGTH - 8]}-{suffix}"


def check(
    fields: Fields,
    new: Properties,
    old: Properties,
    default_name: str | None,
    named: tuple[str, ...] = ("name",),
) -> tuple[Properties, list[Failure]]:
    """The inputs with defaults, and what is wrong with them.

    Args:
        fields: What the type declares.
        new: What the program says.
        old: The checked inputs of the last run; empty the first time.
        default_name: What the name becomes when the program leaves it out.
        named: The properties that are names.
    """
    failures: list[Failure] = []
    names: dict[str, str] = {}
    for key in named:
        if key in fields and not fields[key].output and default_name is not None:
            kept = old.get(key) if key in old.get(DEFAULTS, ()) else None
            names[key] = kept or default_name
    checked = _object(fields, new, "", failures, names)
    return checked, failures


def _object(
    fields: Fields,
    new: Properties,
    path: str,
    failures: list[Failure],
    names: dict[str, str],
) -> Properties:
    result: Properties = {}
    for key, value in new.items():
        if key == DEFAULTS or value is None:
            continue
        where = f"{path}.{key}" if path else key
        field = fields.get(key)
        if field is None or field.output:
            failures.append(Failure(where, _unknown_property(key, fields)))
        else:
            checked = _field(field, value, where, failures)
            # Also what the program forgot to mark is encrypted among the state's inputs.
            plain_text = field.secret and not isinstance(checked, Secret)
            result[key] = Secret(checked) if plain_text and not has_unknown(checked) else checked
    defaults = [
        key
        for key, field in fields.items()
        if key not in result
        and not is_zero(field.default)
        and not any(other in result for other in field.excludes)
    ]
    result |= {key: fields[key].default for key in defaults}
    for key, name in names.items():
        if key not in result:
            result[key] = name
            defaults.append(key)
    for key, field in fields.items():
        where = f"{path}.{key}" if path else key
        if field.required and key not in result:
            failures.append(Failure(where, "is required"))
        failures.extend(
            Failure(where, f"cannot be set beside '{other}'")
            for other in field.excludes
            if key in result
            and other in result
            and not (is_zero(result[key]) or is_zero(result[other]))
        )
    result[DEFAULTS] = sorted(defaults)
    return result


def _field(field: Field, value: Any, path: str, failures: list[Failure]) -> Any:
    count = len(failures)
    result = _value(field.type, value, path, failures)
    if len(failures) > count or has_unknown(result):
        return result
    bare = result.value if isinstance(result, Secret) else result
    if field.choices and bare not in field.choices:
        allowed = ", ".join(map(str, field.choices))
        failures.append(Failure(path, f"must be one of {allowed}, not {bare!r}"))
    elif field.check and (reason := field.check(bare)):
        failures.append(Failure(path, reason))
    return result


def _value(kind: Type, value: Any, path: str, failures: list[Failure]) -> Any:
    if value is UNKNOWN:
        return value
    if isinstance(value, Secret):
        return Secret(_value(kind, value.value, path, failures))
    match kind:
        case Scalar():
            return _scalar(kind, value, path, failures)
        case Only():
            return _scalar(kind.item, value, path, failures)
        case ListOf() | SetOf():
            if isinstance(value, list):
                return [
                    _value(kind.item, item, f"{path}[{index}]", failures)
                    for index, item in enumerate(value)
                ]
            failures.append(Failure(path, f"must be a list, not {_describe(value)}"))
        case MapOf():
            if isinstance(value, dict):
                return {
                    key: _value(kind.item, item, f"{path}.{key}", failures)
                    for key, item in value.items()
                    if key != DEFAULTS
                }
            failures.append(Failure(path, f"must be an object, not {_describe(value)}"))
        case Object() | One():
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            if isinstance(value, dict):
                return _object(fields, value, path, failures, {})
            failures.append(Failure(path, f"must be an object, not {_describe(value)}"))
    return value


def _scalar(kind: Scalar, value: Any, path: str, failures: list[Failure]) -> Any:
    if isinstance(value, bool) and bool not in kind.python:
        if kind is STRING:
            return "true" if value else "false"
    elif isinstance(value, kind.python):
        return value
    elif kind is STRING and isinstance(value, int | float):
        return str(value)
    elif kind is BOOLEAN and value in ("true", "false"):
        return value == "true"
    elif (
        kind is not BOOLEAN
        and isinstance(value, str)
        and re.fullmatch(r"-?\d{1,15}", value.strip())
    ):
        return int(value)
    failures.append(Failure(path, f"must be {kind.word}, not {_describe(value)}"))
    return value


def _describe(value: Any) -> str:
    match value:
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return repr(value)


def _unknown_property(key: str, fields: Fields) -> str:
    known = [name for name, field in fields.items() if not field.output]
    near = difflib.get_close_matches(key, known, n=1)
    return f"is not a property of this type{f'; is {near[0]!r} meant?' if near else ''}"
