"""What a certificate says."""

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Function
from cumulo.providers.core.schema import BOOLEAN, INTEGER, Field, ListOf, Object
from cumulo.providers.core.values import Properties

if TYPE_CHECKING:
    from cryptography import x509

_OUT = Field(output=True)


class GetCertificate(Function[None]):
    """`tls.get_certificate`, of a certificate that the program has."""

    token = "tls:index/getCertificate:getCertificate"
    fields = {
        "content": Field(),
        "url": Field(excludes=("content",)),
        "verifyChain": Field(BOOLEAN, excludes=("content",)),
        "certificates": Field(
            ListOf(
                Object(
                    {
                        "certPem": _OUT,
                        "isCa": Field(BOOLEAN, output=True),
                        "issuer": _OUT,
                        "maxPathLength": Field(INTEGER, output=True),
                        "notAfter": _OUT,
                        "notBefore": _OUT,
                        "publicKeyAlgorithm": _OUT,
                        "serialNumber": _OUT,
                        "sha1Fingerprint": _OUT,
                        "signatureAlgorithm": _OUT,
                        "subject": _OUT,
                        "version": Field(INTEGER, output=True),
                    }
                )
            ),
            output=True,
        ),
        "id": _OUT,
    }

    def invoke(self, call: Call[None], arguments: Properties) -> Properties:
        from cryptography import x509

        if arguments.get("url"):
            raise ProviderError(
                "'url' is not supported by cumulo's tls provider: give the certificate as "
                "'content', or install the official provider"
            )
        if not arguments.get("content"):
            raise ProviderError("'content' is required: a certificate in PEM form")
        try:
            found = x509.load_pem_x509_certificate(arguments["content"].encode())
        except ValueError as error:
            raise ProviderError(
                "'content' must be a certificate in PEM form, a block of 'CERTIFICATE'"
            ) from error
        described = describe(found)
        return {
            "content": arguments["content"],
            "verifyChain": True,
            "certificates": [described],
            "id": hashlib.sha1(json.dumps(described).encode(), usedforsecurity=False).hexdigest(),
        }


def describe(certificate: "x509.Certificate") -> Properties:
    """A certificate's properties, in the official provider's words."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.serialization import Encoding

    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        is_ca, limit = constraints.ca, constraints.path_length
        length = -1 if limit is None else limit
    except x509.ExtensionNotFound:
        is_ca, length = False, 0
    return {
        "signatureAlgorithm": _signature_algorithm(certificate),
        "publicKeyAlgorithm": _key_algorithm(certificate),
        "serialNumber": str(certificate.serial_number),
        "isCa": is_ca,
        "maxPathLength": length,
        "version": certificate.version.value + 1,
        "issuer": _name(certificate.issuer),
        "subject": _name(certificate.subject),
        "notBefore": _rfc3339(certificate.not_valid_before_utc),
        "notAfter": _rfc3339(certificate.not_valid_after_utc),
        "sha1Fingerprint": certificate.fingerprint(SHA1()).hex(),  # noqa: S303
        "certPem": certificate.public_bytes(Encoding.PEM).decode(),
    }


def _key_algorithm(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    match certificate.public_key():
        case rsa.RSAPublicKey():
            return "RSA"
        case ec.EllipticCurvePublicKey():
            return "ECDSA"
        case ed25519.Ed25519PublicKey():
            return "Ed25519"
        case _:
            return "0"


def _signature_algorithm(certificate: "x509.Certificate") -> str:
    from cryptography.hazmat.primitives.asymmetric import ec, padding

    digest = certificate.signature_hash_algorithm
    if digest is None:
        return "Ed25519"
    name = digest.name.upper()
    match certificate.signature_algorithm_parameters:
        case ec.ECDSA():
            return f"ECDSA-{name}"
        case padding.PSS():
            return f"{name}-RSAPSS"
        case _:
            return f"{name}-RSA"


def _name(name: "x509.Name") -> str:
    from cryptography.x509.oid import NameOID

    return name.rfc4514_string(
        {NameOID.SERIAL_NUMBER: "SERIALNUMBER", NameOID.POSTAL_CODE: "POSTALCODE"}
    )


def _rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
