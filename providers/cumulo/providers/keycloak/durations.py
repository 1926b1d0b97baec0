"""Lengths of time as the official provider writes them, which is Go's way: `1h0m0s`."""

import re
from decimal import Decimal
from typing import Any, Final

_UNITS: Final = {
    "ns": Decimal("1e-9"),
    "us": Decimal("1e-6"),
    "µs": Decimal("1e-6"),
    "μs": Decimal("1e-6"),
    "ms": Decimal("1e-3"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
}
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def seconds(text: str) -> int:
    """The whole seconds of a length of time.

    Raises:
        ValueError: It is none.
    """
    sign = -1 if text.startswith("-") else 1
    rest = text.removeprefix("-").removeprefix("+")
    if rest == "0":
        return 0
    parts = _PART.findall(rest)
    if not parts or "".join(number + unit for number, unit in parts) != rest:
        raise ValueError(f"{text!r} is no length of time")
    return sign * int(sum(Decimal(number) * _UNITS[unit] for number, unit in parts))


def text(length: int) -> str:
    """Whole seconds as a length of time."""
    hours, rest = divmod(length, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h{minutes}m{left}s"
    return f"{minutes}m{left}s" if minutes else f"{left}s"


def good(value: str) -> str | None:
    """What is wrong with a length of time."""
    try:
        if seconds(value) >= 0:
            return None
    except ValueError:
        pass
    return f"must be a length of time such as 30m or 1h30m, not {value!r}"


def same(before: Any, after: Any) -> bool:
    """Whether two are equally long; without one, Keycloak's is left as it is."""
    return after is None or seconds(before) == seconds(after)
