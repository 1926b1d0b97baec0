"""Certificate requests."""

from cumulo.providers.core.check import Failure
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import Properties
from cumulo.providers.tls.inputs import NAMES, SUBJECT, check_key, given_key, key_fields


class CertRequest(Generated):
    """`tls.CertRequest`."""

    token = "tls:index/certRequest:CertRequest"
    fields = {
        **key_fields("privateKeyPem"),
        **NAMES,
        "subject": SUBJECT,
        "certRequestPem": Field(output=True),
        "keyAlgorithm": Field(output=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        return check_key("privateKeyPem", inputs)

    def generate(self, inputs: Properties) -> Observed:
        from cumulo.providers.tls import keys, signing

        key = keys.load(given_key("privateKeyPem", inputs))
        return {**signing.request(inputs, key), "keyAlgorithm": keys.algorithm(key)}
