"""The types' tokens, and what most tests need of them."""

import shutil
from typing import Any

import pytest

from tests.providers.driver import Entry, Stack

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
CERT_REQUEST = "tls:index/certRequest:CertRequest"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert"
GET_PUBLIC_KEY = "tls:index/getPublicKey:getPublicKey"
GET_CERTIFICATE = "tls:index/getCertificate:getCertificate"

needs_openssl = pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl")
needs_ssh_keygen = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="no ssh-keygen")


def make_key(stack: Stack, name: str, algorithm: str = "ED25519", **inputs: Any) -> Entry:
    return stack.create(PRIVATE_KEY, name, algorithm=algorithm, **inputs)


def ca_inputs(key: Entry, **inputs: Any) -> dict[str, Any]:
    """What makes a certificate authority's certificate."""
    return {
        "privateKeyPem": key["privateKeyPem"],
        "subject": {"commonName": "test CA", "organization": "cumulo"},
        "isCaCertificate": True,
        "validityPeriodHours": 48,
        "allowedUses": ["cert_signing", "crl_signing", "digital_signature"],
        **inputs,
    }
