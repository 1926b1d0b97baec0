"""UUIDs."""

import secrets
import time
import uuid

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.values import Properties
from cumulo.providers.random.inputs import KEEPERS, OUT


class RandomUuid(Generated):
    """`random.RandomUuid`."""

    token = "random:index/randomUuid:RandomUuid"
    fields = {"keepers": KEEPERS, "result": OUT}

    def make(self) -> uuid.UUID:
        """A new one."""
        return uuid.uuid4()

    def generate(self, inputs: Properties) -> Observed:
        return _observed(self.make())

    def restore(self, identity: str) -> Observed:
        try:
            return _observed(uuid.UUID(identity))
        except ValueError as error:
            raise ProviderError(f"cannot import {identity!r}: it is no UUID") from error


class RandomUuid4(RandomUuid):
    """`random.RandomUuid4`."""

    token = "random:index/randomUuid4:RandomUuid4"


class RandomUuid7(RandomUuid):
    """`random.RandomUuid7`, whose order is that of creation."""

    token = "random:index/randomUuid7:RandomUuid7"

    def make(self) -> uuid.UUID:
        milliseconds = time.time_ns() // 1_000_000
        value = milliseconds << 80 | secrets.randbits(80)
        value = value & ~(0xF << 76) | 7 << 76
        value = value & ~(0b11 << 62) | 0b10 << 62
        return uuid.UUID(int=value)


def _observed(made: uuid.UUID) -> Observed:
    return {"id": str(made), "result": str(made)}
