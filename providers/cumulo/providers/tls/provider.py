"""The provider: which types there are."""

import importlib

from cumulo.providers.core.generated import Generator
from cumulo.providers.core.provider import installed
from cumulo.providers.tls.certificate import GetCertificate
from cumulo.providers.tls.issued import LocallySignedCert, SelfSignedCert
from cumulo.providers.tls.private_key import GetPublicKey, PrivateKey
from cumulo.providers.tls.request import CertRequest

_VERSION = "5.6.2"


class Tls(Generator):
    """Stands in for the official `tls` provider."""

    def __init__(self) -> None:
        super().__init__(
            "tls",
            installed("pulumi-tls", _VERSION),
            (CertRequest(), LocallySignedCert(), PrivateKey(), SelfSignedCert()),
            (GetCertificate(), GetPublicKey()),
            frozenset({"proxy"}),
        )

    def warm(self) -> None:
        """Imports what the first call needs, while the engine is still busy."""
        importlib.import_module("cumulo.providers.tls.signing")
