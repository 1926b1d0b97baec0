"""The outputs that go into the state, in the shape the official (bridged) providers write.

That shape is what makes states interchangeable: every property is there, `null` where nobody set
it, and the deadlines lie in `__meta`. What the bridge also writes, `__pulumi_raw_state_delta`, is
left out on purpose: without it the bridge rebuilds its own state from the properties, and with one
that does not fit them it panics.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from cumulo.providers.core.check import DEFAULTS
from cumulo.providers.core.diff import diff
from cumulo.providers.core.schema import (
    Field,
    Fields,
    ListOf,
    Object,
    One,
    SetOf,
    Type,
    is_zero,
)
from cumulo.providers.core.values import UNKNOWN, Properties, Secret, plain

META: Final = "__meta"

# The key under which Terraform's plugin SDK keeps a resource's deadlines, in nanoseconds.
_TIMEOUTS: Final = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"


def outputs(
    fields: Fields,
    identity: str,
    observed: Properties,
    timeouts: Mapping[str, float],
    schema_version: int = 0,
) -> Properties:
    """What the state keeps of an object.

    Args:
        fields: What the type declares.
        identity: The resource's id.
        observed: The properties, as the type read them from the cloud.
        timeouts: The deadline of each operation that has one, in seconds.
        schema_version: The version of the properties' shape; 0 is not written.
    """
    result: Properties = {}
    for key, field in fields.items():
        if field.write_only:
            continue
        value = _sealed(field.type, observed.get(key))
        result[key] = Secret(value) if field.secret else value
    result["id"] = identity
    meta: Properties = {}
    if timeouts:
        meta[_TIMEOUTS] = {key: int(seconds * 1e9) for key, seconds in sorted(timeouts.items())}
    if schema_version:
        meta["schema_version"] = str(schema_version)
    if meta:
        result[META] = json.dumps(meta, separators=(",", ":"))
    return result


def planned(
    fields: Fields,
    inputs: Properties,
    old: Properties | None = None,
    unsettled: frozenset[str] = frozenset(),
) -> Properties:
    """What a preview can say of the outputs: the inputs, and unknowns where the cloud chooses.

    Args:
        fields: What the type declares.
        inputs: The inputs.
        old: The outputs in the state, where there is one.
        unsettled: What the cloud chooses anew, though there is a state.
    """
    result: Properties = {}
    for key, field in fields.items():
        if field.write_only:
            continue
        if key in inputs and not field.output:
            result[key] = _planned_value(field, inputs[key])
        elif field.computed or field.output:
            result[key] = UNKNOWN if old is None or key in unsettled else old.get(key)
        else:
            result[key] = field.default
        if field.secret and result[key] is not None and not isinstance(result[key], Secret):
            result[key] = Secret(result[key])
    return result


def refreshed(fields: Fields, inputs: Properties, found: Properties) -> Properties:
    """The inputs as they would have to be written to get what the cloud has now."""
    drifted = {change.key for change in diff(fields, found, inputs)}
    result = dict(inputs)
    for key in drifted & result.keys():
        field = fields[key]
        if field.stored is None and not field.local:
            result[key] = _as_input(field.type, plain(found.get(key)))
    return result


def imported(fields: Fields, found: Properties) -> Properties:
    """The inputs that describe an object which was not made by Pulumi."""
    result: Properties = {}
    for key, field in fields.items():
        value = plain(found.get(key))
        nothing = value is None or (is_zero(value) and is_zero(field.default))
        unset = not field.required and (nothing or value == field.implied)
        if field.output or unset or field.stored is not None:
            continue
        result[key] = _as_input(field.type, value)
    result[DEFAULTS] = []
    return result


def _planned_value(field: Field, value: Any) -> Any:
    bare = plain(value)
    if field.stored is not None and bare is not UNKNOWN:
        bare = field.stored(bare)
    return without_defaults(bare)


def without_defaults(value: Any) -> Any:
    """Inputs without Check's notes of what it filled in."""
    if isinstance(value, dict):
        return {key: without_defaults(item) for key, item in value.items() if key != DEFAULTS}
    if isinstance(value, list):
        return [without_defaults(item) for item in value]
    return value


def _sealed(kind: Type, value: Any) -> Any:
    """A value whose secret parts are marked as such."""
    match kind:
        case ListOf() | SetOf() if isinstance(value, list):
            return [_sealed(kind.item, item) for item in value]
        case Object() | One() if isinstance(value, dict):
            fields = kind.object.fields if isinstance(kind, One) else kind.fields
            return {key: _sealed_field(fields.get(key), item) for key, item in value.items()}
        case _:
            return value


def _sealed_field(field: Field | None, value: Any) -> Any:
    if field is None or value is None:
        return value
    return Secret(value) if field.secret else _sealed(field.type, value)


def _as_input(kind: Type, value: Any) -> Any:
    match kind:
        case ListOf() | SetOf():
            return [_as_input(kind.item, item) for item in value or []]
        case One():
            return None if value is None else _as_input(kind.object, value)
        case Object():
            result = {
                key: _as_input(field.type, value.get(key))
                for key, field in kind.fields.items()
                if not field.output and (field.required or not is_zero(value.get(key)))
            }
            return {**result, DEFAULTS: []}
        case _:
            return value
