"""Signs requests and certificates."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.values import Properties
from cumulo.providers.tls import names
from cumulo.providers.tls.keys import PrivateKey, PublicKey
from cumulo.providers.tls.uses import EXTENDED_USES, KEY_USES


@dataclass(frozen=True)
class Holder:
    """Whom a certificate is for.

    Attributes:
        subject: The distinguished name.
        alternatives: The other names.
        key: The public key.
    """

    subject: x509.Name
    alternatives: x509.SubjectAlternativeName | None
    key: PublicKey


@dataclass(frozen=True)
class Issuer:
    """Who signs a certificate.

    Attributes:
        subject: The distinguished name.
        key: The private key.
        key_id: What certificates of this issuer name its key by; `None` where they do not.
    """

    subject: x509.Name
    key: PrivateKey
    key_id: bytes | None


def request(inputs: Properties, key: PrivateKey) -> Observed:
    """A certificate request's outputs."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(
        names.subject(inputs.get("subject"))
    )
    others = names.alternatives(inputs)
    if others is not None:
        builder = builder.add_extension(others, critical=False)
    made = builder.sign(key, _digest(key))
    der = made.public_bytes(Encoding.DER)
    return {
        "id": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "certRequestPem": made.public_bytes(Encoding.PEM).decode(),
    }


def certificate(inputs: Properties, holder: Holder, issuer: Issuer) -> Observed:
    """A certificate's outputs.

    Args:
        inputs: What the program says of uses, validity and authority.
        holder: Whom it is for.
        issuer: Who signs it.
    """
    start = datetime.now(UTC).replace(microsecond=0)
    end = start + timedelta(hours=inputs["validityPeriodHours"])
    builder = (
        x509.CertificateBuilder()
        .subject_name(holder.subject)
        .issuer_name(issuer.subject)
        .public_key(holder.key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    for extension, critical in _extensions(inputs, holder, issuer):
        builder = builder.add_extension(extension, critical=critical)
    made = builder.sign(issuer.key, _digest(issuer.key))
    return {
        "id": str(made.serial_number),
        "certPem": made.public_bytes(Encoding.PEM).decode(),
        "validityStartTime": _rfc3339(start),
        "validityEndTime": _rfc3339(end),
    }


def key_id(key: PublicKey) -> bytes:
    """What a certificate names its own key by."""
    return x509.SubjectKeyIdentifier.from_public_key(key).digest


def _extensions(
    inputs: Properties, holder: Holder, issuer: Issuer
) -> list[tuple[x509.ExtensionType, bool]]:
    uses = inputs["allowedUses"]
    is_ca = inputs["isCaCertificate"]
    length = inputs.get("maxPathLength")
    result: list[tuple[x509.ExtensionType, bool]] = []
    if any(use in KEY_USES for use in uses):
        bits = {bit: use in uses for use, bit in KEY_USES.items()}
        result.append((x509.KeyUsage(**bits), True))
    purposes = [EXTENDED_USES[use] for use in dict.fromkeys(uses) if use in EXTENDED_USES]
    if purposes:
        usage = x509.ExtendedKeyUsage([x509.ObjectIdentifier(one) for one in purposes])
        result.append((usage, False))
    limit = length if is_ca and length is not None and length >= 0 else None
    result.append((x509.BasicConstraints(ca=is_ca, path_length=limit), True))
    if is_ca or inputs["setSubjectKeyId"]:
        result.append((x509.SubjectKeyIdentifier(key_id(holder.key)), False))
    if issuer.key_id is not None:
        result.append((x509.AuthorityKeyIdentifier(issuer.key_id, None, None), False))
    if holder.alternatives is not None:
        # Without a subject these are all there is to tell the holder by.
        result.append((holder.alternatives, not holder.subject.rdns))
    return result


def _digest(key: PrivateKey) -> hashes.SHA256 | hashes.SHA384 | hashes.SHA512 | None:
    """The hash that goes with a key: one as strong as its curve."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return None
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.key_size > 384:
            return hashes.SHA512()
        return hashes.SHA384() if key.curve.key_size > 256 else hashes.SHA256()
    return hashes.SHA256()


def _rfc3339(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
