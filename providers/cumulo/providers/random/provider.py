"""The provider: which types there are."""

from cumulo.providers.core.generated import Generator
from cumulo.providers.core.provider import installed
from cumulo.providers.random.choices import RandomInteger, RandomShuffle
from cumulo.providers.random.pet import RandomPet
from cumulo.providers.random.raw import RandomBytes, RandomId
from cumulo.providers.random.text import RandomPassword, RandomString
from cumulo.providers.random.uuids import RandomUuid, RandomUuid4, RandomUuid7

_VERSION = "4.21.4"


class Random(Generator):
    """Stands in for the official `random` provider."""

    def __init__(self) -> None:
        super().__init__(
            "random",
            installed("pulumi-random", _VERSION),
            (
                RandomBytes(),
                RandomId(),
                RandomInteger(),
                RandomPassword(),
                RandomPet(),
                RandomShuffle(),
                RandomString(),
                RandomUuid(),
                RandomUuid4(),
                RandomUuid7(),
            ),
        )
