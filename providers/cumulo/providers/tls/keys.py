"""Private keys: made, read, and written in every form that the official provider knows."""

import base64
import binascii
import hashlib
import re
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
)

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

_CURVES: Final[dict[str, type[ec.EllipticCurve]]] = {
    "P224": ec.SECP224R1,
    "P256": ec.SECP256R1,
    "P384": ec.SECP384R1,
    "P521": ec.SECP521R1,
}
_PEM: Final = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")
_OPENSSH: Final = ("OPENSSH PRIVATE KEY", *_PEM)


class KeyFormError(ValueError):
    """What is wrong with a key, to complete the sentence "the property ..."; never the key."""


def make(algorithm: str, rsa_bits: int, curve: str) -> PrivateKey:
    """A new key."""
    match algorithm:
        case "RSA":
            return rsa.generate_private_key(65537, rsa_bits)
        case "ECDSA":
            return ec.generate_private_key(_CURVES[curve]())
        case _:
            return ed25519.Ed25519PrivateKey.generate()


def load(text: str) -> PrivateKey:
    """The key in a PEM block.

    Raises:
        KeyFormError: There is none.
    """
    return _load(text, _PEM, "PEM")


def load_openssh(text: str) -> PrivateKey:
    """The key in OpenSSH's own form, or in a PEM block, as `ssh-keygen` writes either.

    Raises:
        KeyFormError: There is none.
    """
    return _load(text, _OPENSSH, "OpenSSH")


def algorithm(key: PrivateKey) -> str:
    """The official provider's name for the kind of key."""
    match key:
        case rsa.RSAPrivateKey():
            return "RSA"
        case ec.EllipticCurvePrivateKey():
            return "ECDSA"
        case _:
            return "ED25519"


def private_forms(key: PrivateKey) -> dict[str, str]:
    """The private key's outputs."""
    pkcs8 = _private(key, Encoding.PEM, PrivateFormat.PKCS8)
    own = isinstance(key, ed25519.Ed25519PrivateKey)
    return {
        "privateKeyPem": (
            pkcs8 if own else _private(key, Encoding.PEM, PrivateFormat.TraditionalOpenSSL)
        ),
        "privateKeyPemPkcs8": pkcs8,
        "privateKeyOpenssh": (
            _private(key, Encoding.PEM, PrivateFormat.OpenSSH) if _is_for_ssh(key) else ""
        ),
    }


def public_forms(key: PrivateKey) -> dict[str, str]:
    """The public key's outputs, and the id: the checksum of its DER form."""
    public = key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    result = {
        "id": hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        "publicKeyPem": pem,
        "publicKeyOpenssh": "",
        "publicKeyFingerprintMd5": "",
        "publicKeyFingerprintSha256": "",
    }
    if _is_for_ssh(key):
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        blob = base64.b64decode(line.split()[1])
        sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
        result |= {
            "publicKeyOpenssh": line + "\n",
            "publicKeyFingerprintMd5": hashlib.md5(blob, usedforsecurity=False).digest().hex(":"),
            "publicKeyFingerprintSha256": f"SHA256:{sha256}",
        }
    return result


def _load(text: str, labels: tuple[str, ...], form: str) -> PrivateKey:
    block = re.search(r"^-----BEGIN ([A-Z ]+)-----$", text, re.MULTILINE)
    label = block[1] if block else ""
    if label not in labels:
        wanted = ", ".join(f"'{one}'" for one in labels)
        raise KeyFormError(f"must be a private key in {form} form, a block of {wanted}")
    reader = load_ssh_private_key if label == _OPENSSH[0] else load_pem_private_key
    try:
        key = reader(text.encode(), None)
    except TypeError as error:
        raise KeyFormError("must be a private key without a passphrase") from error
    except (ValueError, binascii.Error, UnsupportedAlgorithm) as error:
        raise KeyFormError(f"holds no private key that can be read: block '{label}'") from error
    if not isinstance(key, PrivateKey):
        raise KeyFormError("must be an RSA, ECDSA or ED25519 key")
    return key


def _private(key: PrivateKey, encoding: Encoding, form: PrivateFormat) -> str:
    return key.private_bytes(encoding, form, NoEncryption()).decode()


def _is_for_ssh(key: PrivateKey) -> bool:
    """Whether SSH has a name for this kind of key; for the smallest curve it has none."""
    return not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp224r1"
