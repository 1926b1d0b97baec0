"""Key pairs, and the public key of a private one."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Function, Observed
from cumulo.providers.core.schema import INTEGER, Field
from cumulo.providers.core.values import Properties

_OUT = Field(output=True)
_OUT_SECRET = Field(output=True, secret=True)

_PUBLIC = {
    "publicKeyFingerprintMd5": _OUT,
    "publicKeyFingerprintSha256": _OUT,
    "publicKeyOpenssh": _OUT,
    "publicKeyPem": _OUT,
}


def _bits(value: int) -> str | None:
    return None if value >= 1024 else f"must be at least 1024, not {value}"


class PrivateKey(Generated):
    """`tls.PrivateKey`."""

    token = "tls:index/privateKey:PrivateKey"
    schema_version = 1
    fields = {
        "algorithm": Field(required=True, replace=True, choices=("RSA", "ECDSA", "ED25519")),
        "ecdsaCurve": Field(replace=True, implied="P224", choices=("P224", "P256", "P384", "P521")),
        "rsaBits": Field(INTEGER, replace=True, implied=2048, check=_bits),
        "privateKeyOpenssh": _OUT_SECRET,
        "privateKeyPem": _OUT_SECRET,
        "privateKeyPemPkcs8": _OUT_SECRET,
        **_PUBLIC,
    }

    def generate(self, inputs: Properties) -> Observed:
        from cumulo.providers.tls import keys

        key = keys.make(inputs["algorithm"], inputs["rsaBits"], inputs["ecdsaCurve"])
        return {**keys.private_forms(key), **keys.public_forms(key)}


class GetPublicKey(Function[None]):
    """`tls.get_public_key`."""

    token = "tls:index/getPublicKey:getPublicKey"
    fields = {
        "privateKeyOpenssh": Field(secret=True, excludes=("privateKeyPem",)),
        "privateKeyPem": Field(secret=True),
        "algorithm": _OUT,
        "id": _OUT,
        **_PUBLIC,
    }

    def invoke(self, call: Call[None], arguments: Properties) -> Properties:
        from cumulo.providers.tls import keys

        readers = {"privateKeyPem": keys.load, "privateKeyOpenssh": keys.load_openssh}
        name = next((name for name in readers if arguments.get(name)), None)
        if name is None:
            raise ProviderError("'privateKeyPem' is required, or 'privateKeyOpenssh'")
        try:
            key = readers[name](arguments[name])
        except keys.KeyFormError as error:
            raise ProviderError(f"'{name}' {error}") from error
        return {**arguments, "algorithm": keys.algorithm(key), **keys.public_forms(key)}
