"""The outputs in the state: the live object, and beside it what made it so.

The official provider's shape: `__inputs` are the checked inputs, `__fieldManager` is who applied
them, `__initialApiVersion` is the version the object was first written in.
"""

from collections.abc import Mapping
from typing import Any, Final

from cumulo.providers.core.values import Properties, Secret, plain
from cumulo.providers.kubernetes.objects import Object

INPUTS: Final = "__inputs"
FIELD_MANAGER: Final = "__fieldManager"
INITIAL_API_VERSION: Final = "__initialApiVersion"

# A program cannot write a dash in a property's name; only these keys of CRD schemas have one.
_DASHED: Final[Mapping[str, str]] = {
    f"x-kubernetes-{name.replace('_', '-')}": f"x_kubernetes_{name}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
_UNDERSCORED: Final = {value: key for key, value in _DASHED.items()}


def to_state(
    live: Object, inputs: Object, said: Properties, manager: str, first: str
) -> Properties:
    """The outputs.

    Args:
        live: The object as the cluster has it.
        inputs: The checked inputs.
        said: The inputs with their secrets.
        manager: The field manager.
        first: The `apiVersion` that the object was first written in.
    """
    outputs: Properties = _renamed(live, _DASHED)
    kept: Properties = _renamed(inputs, _DASHED)
    with_secrets(outputs, said)
    with_secrets(kept, said)
    return {**outputs, INPUTS: kept, FIELD_MANAGER: manager, INITIAL_API_VERSION: first}


def from_state(state: Properties) -> tuple[Object, Object]:
    """The checked inputs and the live object of a state."""
    live: Object = _renamed(plain(state), _UNDERSCORED)
    inputs = live.pop(INPUTS, None) or {}
    live.pop(FIELD_MANAGER, None)
    live.pop(INITIAL_API_VERSION, None)
    return inputs, live


def from_program(properties: Properties) -> Object:
    """An object as the program says it, without secrets around its values."""
    item: Object = _renamed(plain(properties), _UNDERSCORED)
    return item


def to_program(item: Object) -> Properties:
    """An object's properties under the names that a program has for them."""
    properties: Properties = _renamed(item, _DASHED)
    return properties


def with_secrets(outputs: Properties, said: Properties) -> None:
    """Marks what a program said is secret, and what always is, in place.

    In a list one secret makes the whole list one: clusters reorder lists.
    """
    if outputs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if outputs.get(key) is not None and not isinstance(outputs[key], Secret):
                outputs[key] = Secret(outputs[key])
        return
    for key, value in said.items():
        if key not in outputs:
            continue
        if isinstance(value, dict) and isinstance(outputs[key], dict):
            with_secrets(outputs[key], value)
        elif _has_secret(value) and not isinstance(outputs[key], Secret):
            outputs[key] = Secret(outputs[key])


def _has_secret(value: Any) -> bool:
    if isinstance(value, Secret):
        return True
    if isinstance(value, dict):
        return any(_has_secret(item) for item in value.values())
    return isinstance(value, list) and any(_has_secret(item) for item in value)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _renamed(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, names) for item in value]
    return value
