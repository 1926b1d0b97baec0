"""Properties that several types have, and what is wrong with their values."""

from collections.abc import Callable
from typing import Final

from cumulo.providers.core.schema import STRING, Field, MapOf

KEEPERS: Final = Field(MapOf(STRING), replace=True)
"""Values that have nothing to do with the result, but whose change asks for another one."""

OUT: Final = Field(output=True)
OUT_SECRET: Final = Field(output=True, secret=True)


def at_least(least: int) -> Callable[[int], str | None]:
    """Says what is wrong with a number that is too small."""

    def check(value: int) -> str | None:
        return None if value >= least else f"must be at least {least}, not {value}"

    return check
