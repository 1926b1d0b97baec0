"""Random bytes, in every encoding."""

import base64
import binascii
import secrets

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import INTEGER, Field
from cumulo.providers.core.values import Properties
from cumulo.providers.random.inputs import KEEPERS, OUT, OUT_SECRET, at_least


class RandomId(Generated):
    """`random.RandomId`."""

    token = "random:index/randomId:RandomId"
    fields = {
        "byteLength": Field(INTEGER, required=True, replace=True, check=at_least(1)),
        "keepers": KEEPERS,
        "prefix": Field(replace=True),
        "b64Std": OUT,
        "b64Url": OUT,
        "dec": OUT,
        "hex": OUT,
    }

    def generate(self, inputs: Properties) -> Observed:
        return _identifier(secrets.token_bytes(inputs["byteLength"]), inputs.get("prefix") or "")

    def restore(self, identity: str) -> Observed:
        prefix, _, text = identity.rpartition(",")
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        except (ValueError, binascii.Error) as error:
            raise ProviderError(
                f"cannot import {identity!r}: it must be the id in URL-safe base64, as in b64Url, "
                "after the prefix and a comma if there is a prefix"
            ) from error
        known = {"byteLength": len(data), "prefix": prefix or None}
        return {**known, **_identifier(data, prefix)}


class RandomBytes(Generated):
    """`random.RandomBytes`."""

    token = "random:index/randomBytes:RandomBytes"
    fields = {
        "keepers": KEEPERS,
        "length": Field(INTEGER, required=True, replace=True, check=at_least(1)),
        "base64": OUT_SECRET,
        "hex": OUT_SECRET,
    }

    def generate(self, inputs: Properties) -> Observed:
        return _secret(secrets.token_bytes(inputs["length"]))

    def restore(self, identity: str) -> Observed:
        try:
            data = base64.b64decode(identity, validate=True)
        except (ValueError, binascii.Error) as error:
            raise ProviderError("cannot import: what is imported must be base64") from error
        return {"length": len(data), **_secret(data)}


def _identifier(data: bytes, prefix: str) -> Observed:
    identity = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return {
        "id": identity,
        "b64Url": prefix + identity,
        "b64Std": prefix + base64.b64encode(data).decode(),
        "hex": prefix + data.hex(),
        "dec": prefix + str(int.from_bytes(data)),
    }


def _secret(data: bytes) -> Observed:
    # The official provider has the bytes as the id, which no state encrypts.
    return {"id": "none", "base64": base64.b64encode(data).decode(), "hex": data.hex()}
