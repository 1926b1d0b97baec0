"""Choices: a number of a range, an order of a list."""

import random
import secrets
from typing import Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import COUNT, INTEGER, STRING, Field, ListOf
from cumulo.providers.core.values import UNKNOWN, Properties, plain
from cumulo.providers.random.inputs import KEEPERS, at_least

# Pulumi's numbers are floating point, which is not exact beyond.
_LARGEST: Final = 2**53


def _exact(value: int) -> str | None:
    if abs(value) <= _LARGEST:
        return None
    return f"must be between -{_LARGEST} and {_LARGEST}, not {value}"


class RandomInteger(Generated):
    """`random.RandomInteger`."""

    token = "random:index/randomInteger:RandomInteger"
    fields = {
        "keepers": KEEPERS,
        "max": Field(INTEGER, required=True, replace=True, check=_exact),
        "min": Field(INTEGER, required=True, replace=True, check=_exact),
        "seed": Field(replace=True),
        "result": Field(INTEGER, output=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        least, most = plain(inputs["min"]), plain(inputs["max"])
        if UNKNOWN in (least, most) or least <= most:
            return []
        return [Failure("min", f"must be at most 'max', which is {most}, not {least}")]

    def generate(self, inputs: Properties) -> Observed:
        result = _source(inputs).randint(inputs["min"], inputs["max"])
        return {"id": str(result), "result": result}

    def restore(self, identity: str) -> Observed:
        parts = identity.split(",")
        try:
            result, least, most = (int(part) for part in parts[:3])
        except ValueError as error:
            raise _not_importable(identity) from error
        if len(parts) > 4:
            raise _not_importable(identity)
        seed = parts[3] if len(parts) == 4 else None
        return {"id": parts[0], "result": result, "min": least, "max": most, "seed": seed}


class RandomShuffle(Generated):
    """`random.RandomShuffle`."""

    token = "random:index/randomShuffle:RandomShuffle"
    fields = {
        "inputs": Field(ListOf(STRING), required=True, replace=True),
        "keepers": KEEPERS,
        "resultCount": Field(COUNT, replace=True, check=at_least(0)),
        "seed": Field(replace=True),
        "results": Field(ListOf(STRING), output=True),
    }

    def generate(self, inputs: Properties) -> Observed:
        source, items = _source(inputs), inputs["inputs"]
        count = inputs.get("resultCount")
        count = len(items) if count is None else count
        results: list[str] = []
        # Whole orders one after the other, so that no item is there twice more than another.
        while items and len(results) < count:
            results += source.sample(items, len(items))
        return {"id": "-", "results": results[:count]}


def _source(inputs: Properties) -> random.Random:
    """The system's randomness; with a seed, what gives the same result each time."""
    seed = inputs.get("seed")
    return random.Random(seed) if seed else secrets.SystemRandom()  # noqa: S311


def _not_importable(identity: str) -> ProviderError:
    return ProviderError(
        f"cannot import {identity!r}: it must be RESULT,MIN,MAX or RESULT,MIN,MAX,SEED"
    )
