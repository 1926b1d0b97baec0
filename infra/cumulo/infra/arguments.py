"""How components refuse arguments: at construction, and by the field's own name."""

from collections.abc import Mapping

import pulumi


class ArgumentError(pulumi.RunError):
    """An argument that a component cannot work with.

    A `RunError`, because Pulumi shows those to users as they are, without a traceback.
    """

    def __init__(self, component: str, field: str, problem: str) -> None:
        super().__init__(f"{component}: {field}: {problem}")
        self.component = component
        self.field = field
        self.problem = problem


def title(resource: pulumi.Resource | type, name: str) -> str:
    """What messages call a component: its class and its name in the program."""
    kind = resource if isinstance(resource, type) else type(resource)
    return f"{kind.__name__} '{name}'"


def check_fields(component: str, shape: type, given: Mapping[str, object], at: str = "") -> None:
    """Refuses fields that `shape`, a `TypedDict`, lacks, and misses those that it requires.

    Type checkers see both; programs that run without one deserve the same words.
    """
    required: frozenset[str] = shape.__required_keys__  # type: ignore[attr-defined]
    optional: frozenset[str] = shape.__optional_keys__  # type: ignore[attr-defined]
    for field in given:
        if field not in required | optional:
            allowed = ", ".join(sorted(required | optional))
            raise ArgumentError(component, f"{at}{field}", f"unknown field; allowed: {allowed}")
    for field in sorted(required):
        if given.get(field) is None:
            raise ArgumentError(component, f"{at}{field}", "required")


def check_choice(component: str, field: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuses a value outside a closed list."""
    if value not in allowed:
        raise ArgumentError(component, field, f"{value!r} is not one of {', '.join(allowed)}")


def check_port(component: str, field: str, value: object) -> None:
    """Refuses what is no TCP or UDP port."""
    if not _is_int(value) or not 1 <= value <= 65535:  # type: ignore[operator]
        raise ArgumentError(component, field, f"{value!r} is not a port from 1 to 65535")


def check_at_least(component: str, field: str, value: object, least: int) -> None:
    """Refuses what is no whole number, or one below `least`."""
    if not _is_int(value) or value < least:  # type: ignore[operator]
        raise ArgumentError(component, field, f"{value!r} is not a whole number from {least} up")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
