"""Properties that many OpenStack types share, and how they are read back."""

import ipaddress
from typing import Any

from cumulo.providers.core.schema import (
    STRING,
    Field,
    Fields,
    ListOf,
    MapOf,
    Object,
    One,
    SetOf,
    Type,
    snake,
    zero,
)
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack.cloud import JSON, MARK

REGION = Field(computed=True, replace=True)
PROJECT = Field(computed=True, replace=True)
TAGS = Field(SetOf(STRING))
ALL_TAGS = Field(SetOf(STRING), output=True)
VALUE_SPECS = Field(MapOf(STRING), replace=True, local=True)


def dotted(value: str) -> str | None:
    """What is wrong with a DNS domain."""
    if value == "" or value.endswith("."):
        return None
    return f"must be fully qualified: {value}. with a dot at the end"


def cidr(value: str) -> str | None:
    """What is wrong with the address of a network."""
    try:
        interface = ipaddress.ip_interface(value)
    except ValueError:
        return f"must be a network such as 10.0.0.0/24, not {value!r}"
    if "/" not in value:
        return f"must have a prefix length, such as {value}/24"
    if interface.network.network_address != interface.ip:
        return f"has host bits set: {interface.network} is the network of {value}"
    return None


def address(value: str) -> str | None:
    """What is wrong with an IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"must be an IP address, not {value!r}"
    return None


def attributes(fields: Fields, inputs: Properties) -> JSON:
    """The inputs as the API spells them; what it does not know is left out."""
    return {
        field.api or snake(key): to_api(field.type, inputs[key])
        for key, field in fields.items()
        if key in inputs and not field.output and not field.local and key not in _NOT_SENT
    }


_NOT_SENT = frozenset({"region", "tags", "valueSpecs"})


def to_api(kind: Type, value: Any) -> Any:
    """A property's value in the API's spelling."""
    match kind:
        case ListOf() | SetOf():
            return [to_api(kind.item, item) for item in value]
        case Object() | One():
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            return {
                fields[key].api or snake(key): to_api(fields[key].type, item)
                for key, item in value.items()
                if key in fields
            }
        case _:
            return value


def from_api(kind: Type, value: Any) -> Any:
    """An attribute of the API as the property's value."""
    if value is None:
        return zero(kind)
    match kind:
        case ListOf() | SetOf():
            return [from_api(kind.item, item) for item in value]
        case Object() | One():
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            return {
                key: from_api(field.type, value.get(field.api or snake(key)))
                for key, field in fields.items()
            }
        case _:
            return value


def observe(fields: Fields, observed: JSON, known: Properties) -> Properties:
    """The properties of an object: what the API reports, and what only the state knows."""
    result: Properties = {}
    for key, field in fields.items():
        if field.local:
            result[key] = local(field, known.get(key))
        else:
            result[key] = from_api(field.type, observed.get(field.api or snake(key)))
    return result


def local(field: Field, value: Any) -> Any:
    """A value that the cloud does not report, in the shape that Terraform gives it in a state.

    What nobody set is null, but for sets and lists of blocks, which are empty.
    """
    kind = field.type
    if value is None:
        if field.default is not None:
            return field.default
        empty = isinstance(kind, SetOf) or (
            isinstance(kind, ListOf) and isinstance(kind.item, Object)
        )
        return [] if empty else None
    return _filled(kind, value)


def tags(observed: JSON, known: Properties) -> tuple[list[str], list[str]]:
    """The tags that the program asked for and that are there, and all but our marks."""
    present = [tag for tag in observed.get("tags") or [] if not tag.startswith(MARK)]
    return [tag for tag in known.get("tags") or [] if tag in present], present


def _filled(kind: Type, value: Any) -> Any:
    match kind:
        case ListOf() | SetOf():
            return [_filled(kind.item, item) for item in value]
        case Object() | One():
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            return {
                key: zero(field.type) if field.default is None else field.default
                for key, field in fields.items()
            } | {
                key: _filled(fields[key].type, item) for key, item in value.items() if key in fields
            }
        case _:
            return value
