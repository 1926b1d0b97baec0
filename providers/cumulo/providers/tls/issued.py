"""Certificates: signed by their own key, or by an authority's."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change, Kind
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import BOOLEAN, COUNT, INTEGER, STRING, Field, ListOf
from cumulo.providers.core.values import UNKNOWN, Properties, plain
from cumulo.providers.tls import uses
from cumulo.providers.tls.inputs import (
    NAMES,
    SUBJECT,
    check_key,
    given_key,
    hours,
    key_fields,
    pem,
)

if TYPE_CHECKING:
    from cryptography import x509

_FLAG = Field(BOOLEAN, replace=True, implied=False)
_OUT = Field(output=True)


def _path_length(value: int) -> str | None:
    return None if value >= -1 else f"must be at least 0, or -1 for no limit, not {value}"


class Certificate(Generated):
    """A certificate, which is made anew when it is about to end."""

    shared: Final = {
        "allowedUses": Field(ListOf(STRING), required=True, replace=True, check=uses.check),
        "earlyRenewalHours": Field(INTEGER, implied=0, check=hours),
        "isCaCertificate": _FLAG,
        "maxPathLength": Field(COUNT, computed=True, replace=True, check=_path_length),
        "setSubjectKeyId": _FLAG,
        "validityPeriodHours": Field(INTEGER, required=True, replace=True, check=hours),
        "certPem": _OUT,
        "readyForRenewal": Field(BOOLEAN, output=True),
        "validityEndTime": _OUT,
        "validityStartTime": _OUT,
    }

    def outdated(self, state: Properties, inputs: Properties) -> list[Change]:
        early_hours = inputs["earlyRenewalHours"]
        if early_hours is UNKNOWN or not _is_ending(state, early_hours):
            return []
        return [Change("readyForRenewal", Kind.UPDATE, replace=True)]

    def fetch(self, call: Call[None], identity: str, state: Properties) -> Observed:
        found = super().fetch(call, identity, state)
        if _is_ending(state, state.get("earlyRenewalHours") or 0):
            found["readyForRenewal"] = True
        return found

    def update(
        self,
        call: Call[None],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        return {"id": identity, "readyForRenewal": _never_lasts(new)}


class SelfSignedCert(Certificate):
    """`tls.SelfSignedCert`."""

    token = "tls:index/selfSignedCert:SelfSignedCert"
    fields = {
        **Certificate.shared,
        **key_fields("privateKeyPem"),
        **NAMES,
        "setAuthorityKeyId": _FLAG,
        "subject": SUBJECT,
        "keyAlgorithm": _OUT,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        failures = check_key("privateKeyPem", inputs)
        known = self.complete(plain(inputs))
        subject = known.get("subject")
        named = subject is UNKNOWN or any(
            value is UNKNOWN or bool(value)
            for key, value in (subject or {}).items()
            if not key.startswith("__")
        )
        if known["isCaCertificate"] is True and not named:
            failures.append(Failure("subject", "is required of a CA: set its commonName"))
        if (
            known["setAuthorityKeyId"] is True
            and known["setSubjectKeyId"] is False
            and known["isCaCertificate"] is False
        ):
            failures.append(Failure("setAuthorityKeyId", "needs 'setSubjectKeyId'"))
        return failures

    def generate(self, inputs: Properties) -> Observed:
        from cumulo.providers.tls import keys, names, signing

        key = keys.load(given_key("privateKeyPem", inputs))
        public = key.public_key()
        holder = signing.Holder(
            names.subject(inputs.get("subject")), names.alternatives(inputs), public
        )
        own_id = signing.key_id(public) if inputs["setAuthorityKeyId"] else None
        issuer = signing.Issuer(holder.subject, key, own_id)
        return {
            **signing.certificate(inputs, holder, issuer),
            "keyAlgorithm": keys.algorithm(key),
            "readyForRenewal": _never_lasts(inputs),
        }


class LocallySignedCert(Certificate):
    """`tls.LocallySignedCert`."""

    token = "tls:index/locallySignedCert:LocallySignedCert"
    fields = {
        **Certificate.shared,
        **key_fields("caPrivateKeyPem"),
        "caCertPem": Field(required=True, replace=True, check=pem("certificate")),
        "certRequestPem": Field(required=True, replace=True, check=pem("certificate request")),
        "caKeyAlgorithm": _OUT,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        return check_key("caPrivateKeyPem", inputs)

    def generate(self, inputs: Properties) -> Observed:
        from cryptography import x509
        from cumulo.providers.tls import keys, signing

        key = keys.load(given_key("caPrivateKeyPem", inputs))
        authority = x509.load_pem_x509_certificate(inputs["caCertPem"].encode())
        request = x509.load_pem_x509_csr(inputs["certRequestPem"].encode())
        public = request.public_key()
        if not request.is_signature_valid or not isinstance(public, keys.PublicKey):
            raise ProviderError(
                "'certRequestPem' is not signed by the RSA, ECDSA or ED25519 key that it names"
            )
        if authority.public_key() != key.public_key():
            raise ProviderError("'caPrivateKeyPem' is not the key of the certificate 'caCertPem'")
        if not _is_authority(authority):
            raise ProviderError(
                "'caCertPem' is not a CA's certificate; set isCaCertificate where it is made"
            )
        holder = signing.Holder(request.subject, _alternatives(request), public)
        if inputs["isCaCertificate"] and not request.subject.rdns:
            raise ProviderError(
                "'certRequestPem' has no subject, which a CA needs: set its commonName"
            )
        distinct = authority.subject != request.subject
        issuer = signing.Issuer(
            authority.subject, key, _subject_key_id(authority) if distinct else None
        )
        return {
            **signing.certificate(inputs, holder, issuer),
            "caKeyAlgorithm": keys.algorithm(key),
            "readyForRenewal": _never_lasts(inputs),
        }


def _is_ending(state: Properties, early_hours: int) -> bool:
    end = state.get("validityEndTime")
    if not isinstance(end, str) or not end:
        return False
    return datetime.fromisoformat(end) - datetime.now(UTC) <= timedelta(hours=early_hours)


def _never_lasts(inputs: Properties) -> bool:
    """Whether the certificate is to be renewed as soon as it is there."""
    return bool(inputs["validityPeriodHours"] <= inputs["earlyRenewalHours"])


def _is_authority(certificate: "x509.Certificate") -> bool:
    from cryptography import x509

    if certificate.version is x509.Version.v1:
        # From before there was a way to say so.
        return True
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return constraints.value.ca


def _subject_key_id(certificate: "x509.Certificate") -> bytes | None:
    from cryptography import x509

    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    except x509.ExtensionNotFound:
        return None
    return found.value.digest


def _alternatives(
    request: "x509.CertificateSigningRequest",
) -> "x509.SubjectAlternativeName | None":
    from cryptography import x509

    try:
        found = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return None
    names = [
        name
        for kind in (x509.DNSName, x509.IPAddress, x509.UniformResourceIdentifier)
        for name in found.value
        if isinstance(name, kind)
    ]
    return x509.SubjectAlternativeName(names) if names else None
