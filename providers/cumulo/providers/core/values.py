"""Pulumi's wire values as plain Python, and back.

The wire is a protobuf `Struct` in which special values are objects with a signature key. Here an
unknown is `UNKNOWN`, a secret is a `Secret`, and everything else is what `json` would make of it.
"""

from dataclasses import dataclass
from typing import Any, Final, final

from google.protobuf.struct_pb2 import ListValue, Struct
from google.protobuf.struct_pb2 import Value as Wire

Properties = dict[str, Any]

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
# One sentinel per type of the value that is not known yet; all mean the same to a provider.
_UNKNOWNS: Final = frozenset(
    {
        "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
        "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
        "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
        "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
        "030794c1-ac77-496b-92df-f27374a8bd58",
        "e48ece36-62e2-4504-bad9-02848725956a",
        "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
    }
)
_UNKNOWN_ON_THE_WIRE: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


def reference(urn: str, version: str) -> Properties:
    """A resource as a property's value."""
    return {_SIGNATURE: _RESOURCE, "urn": urn, "packageVersion": version}


@final
class Unknown:
    """A value that only exists after an `up`; there is one, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false")


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the engine must encrypt in the state and hide in its output."""

    value: Any


def plain(value: Any) -> Any:
    """The value without any `Secret` around it or inside it."""
    if isinstance(value, Secret):
        return plain(value.value)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Any) -> bool:
    """Whether the value is unknown or holds an unknown one."""
    if value is UNKNOWN:
        return True
    if isinstance(value, Secret):
        return has_unknown(value.value)
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return False


def from_wire(struct: Struct) -> Properties:
    """A request's properties."""
    return {key: _read(value) for key, value in struct.fields.items()}


def to_wire(properties: Properties) -> Struct:
    """A response's properties."""
    struct = Struct()
    for key, value in properties.items():
        _write(struct.fields[key], value)
    return struct


def _read(value: Wire) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        text = value.string_value
        return UNKNOWN if text in _UNKNOWNS else text
    if kind == "number_value":
        number = value.number_value
        return int(number) if number.is_integer() else number
    if kind == "bool_value":
        return value.bool_value
    if kind == "list_value":
        return [_read(item) for item in value.list_value.values]
    if kind == "struct_value":
        return _read_object(value.struct_value)
    return None


def _read_object(struct: Struct) -> Any:
    fields = struct.fields
    signature = fields[_SIGNATURE].string_value if _SIGNATURE in fields else ""
    if signature == _SECRET:
        return Secret(_read(fields["value"]))
    if signature == _OUTPUT:
        inner = _read(fields["value"]) if "value" in fields else UNKNOWN
        return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
    if signature == _RESOURCE:
        # Who takes a resource where a string is meant, means its id.
        return _read(fields["id"]) if "id" in fields else UNKNOWN
    return {key: _read(item) for key, item in fields.items()}


def _write(wire: Wire, value: Any) -> None:
    if value is None:
        wire.null_value = 0
    elif value is UNKNOWN:
        wire.string_value = _UNKNOWN_ON_THE_WIRE
    elif isinstance(value, bool):
        wire.bool_value = value
    elif isinstance(value, str):
        wire.string_value = value
    elif isinstance(value, int | float):
        wire.number_value = value
    elif isinstance(value, Secret):
        wire.struct_value.fields[_SIGNATURE].string_value = _SECRET
        _write(wire.struct_value.fields["value"], value.value)
    elif isinstance(value, dict):
        wire.struct_value.SetInParent()
        for key, item in value.items():
            _write(wire.struct_value.fields[key], item)
    elif isinstance(value, list | tuple):
        items = ListValue()
        for item in value:
            _write(items.values.add(), item)
        wire.list_value.CopyFrom(items)
    else:
        raise TypeError(f"no wire form for a {type(value).__name__}")
