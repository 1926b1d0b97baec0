"""How a type declares its properties."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

# What a Terraform schema gives to a property that nobody set and that the cloud does not report.
Zero = str | int | bool | list[Any] | dict[str, Any] | None


@dataclass(frozen=True)
class Scalar:
    """A string, a whole number, a number or a boolean."""

    word: str
    python: tuple[type, ...]
    zero: Zero


@dataclass(frozen=True)
class ListOf:
    """An ordered list."""

    item: "Type"


@dataclass(frozen=True)
class SetOf:
    """A list whose order means nothing."""

    item: "Type"


@dataclass(frozen=True)
class MapOf:
    """An object whose keys are the user's."""

    item: "Type"


@dataclass(frozen=True)
class Object:
    """An object with declared fields."""

    fields: "Mapping[str, Field]"


@dataclass(frozen=True)
class One:
    """What Terraform calls a block of at most one: a single object or nothing."""

    object: Object


@dataclass(frozen=True)
class Only:
    """What Terraform calls a list of at most one: a single scalar or nothing."""

    item: Scalar


Type = Scalar | ListOf | SetOf | MapOf | Object | One | Only

STRING = Scalar("a string", (str,), "")
INTEGER = Scalar("a whole number", (int,), 0)
COUNT = Scalar("a whole number", (int,), None)
"""A whole number of which 0 says something else than nothing at all."""
NUMBER = Scalar("a number", (int, float), 0)
BOOLEAN = Scalar("true or false", (bool,), False)


@dataclass(frozen=True)
class Field:
    """One property of a type.

    Attributes:
        type: What its value looks like.
        required: The program must set it.
        computed: Without a value from the program, the cloud chooses one and no change is seen.
        output: The program cannot set it.
        replace: A change needs a new object.
        default: What Check fills in.
        implied: What the object has where the program sets nothing. Unlike a default it is not in
            the inputs, and unlike what is computed it comes back when the program drops a value.
        secret: Encrypted in the state.
        write_only: Not in the outputs, so that its changes are not seen.
        once: Counts when the object is made; later changes are not seen.
        local: The cloud does not report it; the state keeps what the program said.
        api: The attribute's name in the cloud's API, where it is not the property's in snake case.
        choices: The only values allowed.
        check: Says what is wrong with a value, or nothing.
        excludes: Properties that may not be set beside this one.
        stored: What the state holds for a value, where it is not the value itself (a hash).
        same: Whether two values mean the same to the cloud, where equality is too strict; the
            second is `None` where the program sets nothing.
    """

    type: Type = STRING
    required: bool = False
    computed: bool = False
    output: bool = False
    replace: bool = False
    default: Any = None
    implied: Any = None
    secret: bool = False
    write_only: bool = False
    once: bool = False
    local: bool = False
    api: str | None = None
    choices: tuple[Any, ...] = ()
    check: Callable[[Any], str | None] | None = None
    excludes: tuple[str, ...] = ()
    stored: Callable[[Any], Any] | None = None
    same: Callable[[Any, Any], bool] | None = None


Fields = Mapping[str, Field]


@cache
def snake(name: str) -> str:
    """`adminStateUp` as the cloud's API spells it: `admin_state_up`."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def zero(kind: Type) -> Zero:
    """The value that stands for "not set" in a state."""
    match kind:
        case Scalar():
            return kind.zero
        case ListOf() | SetOf():
            return []
        case MapOf():
            return {}
        case _:
            return None


def is_zero(value: Any) -> bool:
    """Whether a value means "not set"."""
    return value is None or value is False or value in ("", 0, [], {})
