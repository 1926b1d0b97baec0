"""Strings and passwords: characters of chosen classes."""

import secrets
import string
from typing import Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import BOOLEAN, INTEGER, Field
from cumulo.providers.core.values import UNKNOWN, Properties, plain
from cumulo.providers.random.inputs import KEEPERS, OUT, OUT_SECRET, at_least

_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
_CLASSES: Final = {
    "upper": ("minUpper", string.ascii_uppercase),
    "lower": ("minLower", string.ascii_lowercase),
    "numeric": ("minNumeric", string.digits),
    "special": ("minSpecial", _SPECIAL),
}
_BCRYPT_ROUNDS: Final = 10
_BCRYPT_BYTES: Final = 72

_YES = Field(BOOLEAN, replace=True, implied=True)
_COUNT = Field(INTEGER, replace=True, implied=0, check=at_least(0))


class Text(Generated):
    """What strings and passwords have in common."""

    shared: Final = {
        "keepers": KEEPERS,
        "length": Field(INTEGER, required=True, replace=True, check=at_least(1)),
        "lower": _YES,
        "minLower": _COUNT,
        "minNumeric": _COUNT,
        "minSpecial": _COUNT,
        "minUpper": _COUNT,
        "number": _YES,
        "numeric": _YES,
        "overrideSpecial": Field(replace=True),
        "special": _YES,
        "upper": _YES,
    }

    def complete(self, inputs: Properties) -> Properties:
        # One is the other's old name; what is said of one holds for both.
        given = inputs.get("numeric", inputs.get("number"))
        both = {} if given is None else {"number": given, "numeric": given}
        return super().complete(both | inputs)

    def check(self, inputs: Properties) -> list[Failure]:
        known = self.complete(plain(inputs))
        failures = []
        if known["number"] is not known["numeric"]:
            failures.append(Failure("number", "must be the same as 'numeric', its newer name"))
        if not any(known[name] is UNKNOWN or known[name] for name in _CLASSES):
            failures.append(Failure("special", f"or one of {', '.join(_CLASSES)} must be true"))
        counts = [known[least] for least, _ in _CLASSES.values()]
        numbers = [count for count in (*counts, known["length"]) if count is not UNKNOWN]
        if len(numbers) > len(counts) and sum(counts) > known["length"]:
            names = ", ".join(least for least, _ in _CLASSES.values())
            failures.append(Failure("length", f"must be at least the sum of {names}"))
        return failures

    def restore(self, identity: str) -> Observed:
        return {
            **self.complete({"length": len(identity.encode())}),
            "result": identity,
        }


class RandomString(Text):
    """`random.RandomString`."""

    token = "random:index/randomString:RandomString"
    schema_version = 2
    fields = {**Text.shared, "result": OUT}

    def generate(self, inputs: Properties) -> Observed:
        result = _characters(inputs)
        return {"id": result, "result": result}

    def restore(self, identity: str) -> Observed:
        return {**super().restore(identity), "id": identity}


class RandomPassword(Text):
    """`random.RandomPassword`."""

    token = "random:index/randomPassword:RandomPassword"
    schema_version = 3
    fields = {**Text.shared, "bcryptHash": OUT_SECRET, "result": OUT_SECRET}

    def generate(self, inputs: Properties) -> Observed:
        result = _characters(inputs)
        # The id is in the open, so it tells nothing.
        return {"id": "none", "result": result, "bcryptHash": _bcrypt(result)}

    def restore(self, identity: str) -> Observed:
        return {**super().restore(identity), "id": "none", "bcryptHash": _bcrypt(identity)}


def _characters(inputs: Properties) -> str:
    sets = {name: characters for name, (_, characters) in _CLASSES.items()}
    sets["special"] = inputs.get("overrideSpecial") or _SPECIAL
    chosen = [
        secrets.choice(sets[name])
        for name, (least, _) in _CLASSES.items()
        for _ in range(inputs[least])
    ]
    everything = "".join(characters for name, characters in sets.items() if inputs[name])
    chosen += [secrets.choice(everything) for _ in range(inputs["length"] - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def _bcrypt(text: str) -> str:
    import bcrypt

    salt = bcrypt.gensalt(_BCRYPT_ROUNDS, b"2a")
    # bcrypt knows no more than these, and says so; Go's cuts the rest off.
    return bcrypt.hashpw(text.encode()[:_BCRYPT_BYTES], salt).decode()
