"""Names that people remember."""

import secrets

from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import INTEGER, Field
from cumulo.providers.core.values import Properties
from cumulo.providers.random.inputs import KEEPERS, at_least
from cumulo.providers.random.words import ADJECTIVES, ADVERBS, ANIMALS


class RandomPet(Generated):
    """`random.RandomPet`."""

    token = "random:index/randomPet:RandomPet"
    fields = {
        "keepers": KEEPERS,
        "length": Field(INTEGER, replace=True, implied=2, check=at_least(1)),
        "prefix": Field(replace=True),
        "separator": Field(replace=True, implied="-"),
    }

    def generate(self, inputs: Properties) -> Observed:
        length = inputs["length"]
        words = [secrets.choice(ADVERBS) for _ in range(length - 2)]
        words += [secrets.choice(ADJECTIVES)] if length > 1 else []
        prefix = [inputs["prefix"]] if inputs.get("prefix") else []
        parts = [*prefix, *words, secrets.choice(ANIMALS)]
        return {"id": inputs["separator"].join(parts)}
