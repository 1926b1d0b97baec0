"""Requests and certificates: what they say, whom they convince, and when they are made anew."""

import hashlib
import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.handshake import shake_hands
from tests.providers.driver import Entry, RefusedError, Stack
from tests.providers.settled import assert_settled
from tests.providers.tls.tokens import (
    CERT_REQUEST,
    GET_CERTIFICATE,
    LOCALLY_SIGNED,
    SELF_SIGNED,
    ca_inputs,
    make_key,
    needs_openssl,
)

Kind = TypeVar("Kind", bound=x509.ExtensionType)

SERVER = {
    "subject": {"commonName": "api.example.org"},
    "dnsNames": ["api.example.org", "*.api.example.org"],
    "ipAddresses": ["10.0.0.1", "fd00::1"],
    "uris": ["spiffe://example.org/api"],
}


def parsed(entry: Entry) -> x509.Certificate:
    return x509.load_pem_x509_certificate(entry["certPem"].encode())


def extension(certificate: x509.Certificate, kind: type[Kind]) -> x509.Extension[Kind]:
    return certificate.extensions.get_extension_for_class(kind)


def has(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> bool:
    return any(isinstance(one.value, kind) for one in certificate.extensions)


def make_ca(stack: Stack, **inputs: Any) -> tuple[Entry, Entry]:
    key = make_key(stack, "ca-key")
    return key, stack.create(SELF_SIGNED, "ca", **ca_inputs(key, **inputs))


def leaf_inputs(stack: Stack, key: Entry, ca: Entry, **inputs: Any) -> dict[str, Any]:
    own = make_key(stack, "own-key", "ECDSA", ecdsaCurve="P256")
    request = stack.create(CERT_REQUEST, "request", privateKeyPem=own["privateKeyPem"], **SERVER)
    return {
        "certRequestPem": request["certRequestPem"],
        "caCertPem": ca["certPem"],
        "caPrivateKeyPem": key["privateKeyPem"],
        "validityPeriodHours": 24,
        "allowedUses": ["key_encipherment", "digital_signature", "server_auth", "client_auth"],
        **inputs,
    }


def openssl_verify(folder: Path, root: Entry, leaf: Entry, *between: Entry) -> str:
    for name, entries in {"root": [root], "leaf": [leaf], "between": between}.items():
        (folder / name).write_text("".join(entry["certPem"] for entry in entries))
    untrusted = ["-untrusted", "between"] if between else []
    run = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-CAfile", "root", *untrusted, "leaf"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return run.stdout + run.stderr


def test_a_request_says_whom_it_is_for(stack: Stack) -> None:
    key = make_key(stack, "key")
    subject = {
        "commonName": "api",
        "country": "DE",
        "emailAddress": "ops@example.org",
        "locality": "Köln",
        "organization": "Example",
        "organizationalUnit": "ML",
        "postalCode": "50667",
        "province": "NRW",
        "serialNumber": "7",
        "streetAddresses": ["Street 1", "Backyard"],
    }
    wanted = {**SERVER, "privateKeyPem": key["privateKeyPem"], "subject": subject}
    entry = stack.create(CERT_REQUEST, "request", **wanted)
    request = x509.load_pem_x509_csr(entry["certRequestPem"].encode())
    assert request.is_signature_valid
    said = {
        attribute.oid: attribute.value
        for attribute in request.subject
        if attribute.oid != NameOID.STREET_ADDRESS
    }
    assert said == {
        NameOID.COMMON_NAME: "api",
        NameOID.COUNTRY_NAME: "DE",
        NameOID.EMAIL_ADDRESS: "ops@example.org",
        NameOID.LOCALITY_NAME: "Köln",
        NameOID.ORGANIZATION_NAME: "Example",
        NameOID.ORGANIZATIONAL_UNIT_NAME: "ML",
        NameOID.POSTAL_CODE: "50667",
        NameOID.STATE_OR_PROVINCE_NAME: "NRW",
        NameOID.SERIAL_NUMBER: "7",
    }
    streets = request.subject.get_attributes_for_oid(NameOID.STREET_ADDRESS)
    assert {one.value for one in streets} == {"Street 1", "Backyard"}
    names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == SERVER["dnsNames"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ip_address("10.0.0.1"),
        ip_address("fd00::1"),
    ]
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == SERVER["uris"]
    assert entry["keyAlgorithm"] == "ED25519"
    assert isinstance(entry.outputs["privateKeyPem"], Secret)
    assert isinstance(entry.inputs["privateKeyPem"], Secret)
    assert_settled(stack, entry, **wanted)
    assert stack.changes(entry, **{**wanted, "dnsNames": ["other"]}) == {"dnsNames": True}
    other = {**wanted, "subject": {**subject, "commonName": "other"}}
    assert stack.changes(entry, **other) == {"subject": True}


@needs_openssl
def test_openssl_reads_a_request(stack: Stack) -> None:
    key = make_key(stack, "key", "RSA", rsaBits=2048)
    entry = stack.create(CERT_REQUEST, "request", privateKeyPem=key["privateKeyPem"], **SERVER)
    run = subprocess.run(
        ["openssl", "req", "-noout", "-verify", "-subject", "-text"],
        input=entry["certRequestPem"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert "verify OK" in run.stderr
    assert "api.example.org" in run.stdout


def test_a_ca_of_its_own(stack: Stack) -> None:
    key = make_key(stack, "key")
    wanted = ca_inputs(key, maxPathLength=1, setAuthorityKeyId=True)
    entry = stack.create(SELF_SIGNED, "ca", **wanted)
    certificate = parsed(entry)
    certificate.verify_directly_issued_by(certificate)
    assert entry.id == str(certificate.serial_number)
    constraints = extension(certificate, x509.BasicConstraints)
    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 1)
    usage = extension(certificate, x509.KeyUsage)
    assert usage.critical
    assert usage.value.key_cert_sign
    assert not usage.value.key_encipherment
    own = extension(certificate, x509.SubjectKeyIdentifier).value.digest
    assert extension(certificate, x509.AuthorityKeyIdentifier).value.key_identifier == own
    assert not has(certificate, x509.SubjectAlternativeName)
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert end - start == timedelta(hours=48)
    assert datetime.fromisoformat(entry["validityStartTime"]) == start
    assert datetime.fromisoformat(entry["validityEndTime"]) == end
    assert entry["readyForRenewal"] is False
    assert entry["keyAlgorithm"] == "ED25519"
    assert_settled(stack, entry, **wanted)


def test_what_is_implied_is_in_the_outputs_only(stack: Stack) -> None:
    key, ca = make_ca(stack)
    assert "earlyRenewalHours" not in ca.inputs
    assert ca["earlyRenewalHours"] == 0
    assert ca["setSubjectKeyId"] is False
    assert ca["setAuthorityKeyId"] is False
    assert ca["maxPathLength"] is None
    assert extension(parsed(ca), x509.BasicConstraints).value.path_length is None
    assert not has(parsed(ca), x509.AuthorityKeyIdentifier)
    # The path length stays what it is when the program drops it, the flags do not.
    assert stack.changes(ca, **ca_inputs(key, setSubjectKeyId=True)) == {"setSubjectKeyId": True}
    assert stack.changes(ca, **ca_inputs(key, maxPathLength=0)) == {"maxPathLength": True}
    limited = ca_inputs(key, maxPathLength=0)
    entry = stack.create(SELF_SIGNED, "limited", **limited)
    assert extension(parsed(entry), x509.BasicConstraints).value.path_length == 0
    assert stack.changes(entry, **ca_inputs(key)) == {}


@needs_openssl
def test_a_server_certificate_convinces_clients(stack: Stack, tmp_path: Path) -> None:
    key, ca = make_ca(stack)
    wanted = leaf_inputs(stack, key, ca)
    entry = stack.create(LOCALLY_SIGNED, "server", **wanted)
    certificate = parsed(entry)
    certificate.verify_directly_issued_by(parsed(ca))
    assert "leaf: OK" in openssl_verify(tmp_path, ca, entry)
    purposes = extension(certificate, x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    names = extension(certificate, x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == SERVER["dnsNames"]
    issuer_key = extension(certificate, x509.AuthorityKeyIdentifier).value.key_identifier
    assert issuer_key == extension(parsed(ca), x509.SubjectKeyIdentifier).value.digest
    assert not has(certificate, x509.SubjectKeyIdentifier)
    assert not extension(certificate, x509.BasicConstraints).value.ca
    assert entry["caKeyAlgorithm"] == "ED25519"
    assert isinstance(entry.outputs["caPrivateKeyPem"], Secret)
    assert_settled(stack, entry, **wanted)


def test_a_client_talks_to_a_server_by_its_names_only(stack: Stack, tmp_path: Path) -> None:
    key, ca = make_ca(stack)
    own = make_key(stack, "own", "ECDSA", ecdsaCurve="P256")
    request = stack.create(CERT_REQUEST, "own", privateKeyPem=own["privateKeyPem"], **SERVER)
    wanted = leaf_inputs(stack, key, ca, certRequestPem=request["certRequestPem"])
    leaf = stack.create(LOCALLY_SIGNED, "leaf", **wanted)
    chain = tmp_path / "chain.pem"
    chain.write_text(own["privateKeyPem"] + leaf["certPem"])
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    client = ssl.create_default_context(cadata=ca["certPem"])
    for name in ("api.example.org", "x.api.example.org", "10.0.0.1", "fd00::1"):
        assert shake_hands(client, server, name) == int(leaf.id)
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake_hands(client, server, "example.org")


@needs_openssl
@pytest.mark.parametrize("algorithm", ["RSA", "ECDSA", "ED25519"])
def test_a_chain_over_an_intermediate(stack: Stack, algorithm: str, tmp_path: Path) -> None:
    options = {"ECDSA": {"ecdsaCurve": "P384"}, "RSA": {}, "ED25519": {}}[algorithm]
    root_key = make_key(stack, "root-key", algorithm, **options)
    root = stack.create(SELF_SIGNED, "root", **ca_inputs(root_key, maxPathLength=1))
    key = make_key(stack, "key", algorithm, **options)
    request = stack.create(
        CERT_REQUEST,
        "between-request",
        privateKeyPem=key["privateKeyPem"],
        subject={"commonName": "intermediate"},
    )
    between = stack.create(
        LOCALLY_SIGNED,
        "between",
        certRequestPem=request["certRequestPem"],
        caCertPem=root["certPem"],
        caPrivateKeyPem=root_key["privateKeyPem"],
        isCaCertificate=True,
        maxPathLength=0,
        validityPeriodHours=24,
        allowedUses=["cert_signing", "digital_signature"],
    )
    assert between["caKeyAlgorithm"] == algorithm
    leaf = stack.create(LOCALLY_SIGNED, "leaf", **leaf_inputs(stack, key, between))
    assert "leaf: OK" in openssl_verify(tmp_path, root, leaf, between)
    assert "error" in openssl_verify(tmp_path, root, leaf)
    constraints = extension(parsed(between), x509.BasicConstraints).value
    assert (constraints.ca, constraints.path_length) == (True, 0)


@needs_openssl
def test_an_impostors_certificate_does_not_convince(stack: Stack, tmp_path: Path) -> None:
    key, ca = make_ca(stack)
    _, other = make_ca(stack)
    leaf = stack.create(LOCALLY_SIGNED, "leaf", **leaf_inputs(stack, key, ca))
    assert "error" in openssl_verify(tmp_path, other, leaf)


def test_without_a_subject_the_names_are_critical(stack: Stack) -> None:
    key = make_key(stack, "key")
    entry = stack.create(
        SELF_SIGNED,
        "nameless",
        privateKeyPem=key["privateKeyPem"],
        dnsNames=["localhost"],
        validityPeriodHours=1,
        allowedUses=[],
    )
    certificate = parsed(entry)
    assert extension(certificate, x509.SubjectAlternativeName).critical
    assert not certificate.subject.rdns
    assert not has(certificate, x509.KeyUsage)
    assert not has(certificate, x509.ExtendedKeyUsage)


def test_what_needs_a_new_certificate(stack: Stack) -> None:
    key, ca = make_ca(stack)
    wanted = leaf_inputs(stack, key, ca)
    entry = stack.create(LOCALLY_SIGNED, "leaf", **wanted)
    for changed, value in {
        "allowedUses": ["server_auth"],
        "validityPeriodHours": 25,
        "isCaCertificate": True,
        "maxPathLength": 2,
        "setSubjectKeyId": True,
        "certRequestPem": UNKNOWN,
        "caCertPem": UNKNOWN,
        "caPrivateKeyPem": UNKNOWN,
    }.items():
        assert stack.changes(entry, **{**wanted, changed: value}) == {changed: True}
    assert not stack.diff(entry, **{**wanted, "validityPeriodHours": 25}).delete_first


def test_early_renewal_changes_in_place_and_asks_for_a_new_one_in_time(stack: Stack) -> None:
    key, ca = make_ca(stack)
    wanted = ca_inputs(key, earlyRenewalHours=12)
    before = ca["certPem"]
    assert stack.update(ca, **wanted) == {"earlyRenewalHours"}
    assert (ca["certPem"], ca["earlyRenewalHours"]) == (before, 12)
    assert not ca["readyForRenewal"]
    assert_settled(stack, ca, **wanted)

    # Eleven hours before its end.
    ca.outputs["validityEndTime"] = (datetime.now(UTC) + timedelta(hours=11)).isoformat()
    assert stack.changes(ca, **wanted) == {"readyForRenewal": True}
    assert stack.changes(ca, **ca_inputs(key)) == {"earlyRenewalHours": False}
    assert stack.refresh(ca)
    assert ca["readyForRenewal"]
    assert stack.changes(ca, **wanted) == {"readyForRenewal": True}


def test_an_expired_certificate_is_made_anew(stack: Stack) -> None:
    key, ca = make_ca(stack)
    ca.outputs["validityEndTime"] = "2020-01-01T00:00:00.123456789+01:00"
    assert stack.changes(ca, **ca_inputs(key)) == {"readyForRenewal": True}


def test_a_certificate_that_never_lasts_says_so(stack: Stack) -> None:
    key = make_key(stack, "key")
    for name, hours in {"validityPeriodHours": 0, "earlyRenewalHours": 48}.items():
        wanted = ca_inputs(key, **{name: hours})
        entry = stack.create(SELF_SIGNED, name, **wanted)
        assert entry["readyForRenewal"] is True
        assert stack.changes(entry, **wanted) == {"readyForRenewal": True}


def test_a_write_only_key_is_not_in_the_outputs(stack: Stack) -> None:
    key = make_key(stack, "key")
    wanted = ca_inputs(key, privateKeyPemWo=key["privateKeyPem"], privateKeyPemWoVersion=1)
    del wanted["privateKeyPem"]
    entry = stack.create(SELF_SIGNED, "ca", **wanted)
    parsed(entry).verify_directly_issued_by(parsed(entry))
    assert "PRIVATE KEY" not in str(entry.outputs)
    assert "privateKeyPemWo" not in entry.outputs
    assert entry["privateKeyPemWoVersion"] == 1
    assert isinstance(entry.inputs["privateKeyPemWo"], Secret)
    assert_settled(stack, entry, **wanted)
    other = make_key(stack, "other")["privateKeyPem"]
    assert stack.changes(entry, **{**wanted, "privateKeyPemWo": other}) == {}
    raised = {**wanted, "privateKeyPemWoVersion": 2}
    assert stack.changes(entry, **raised) == {"privateKeyPemWoVersion": True}
    del wanted["privateKeyPemWoVersion"]
    with pytest.raises(RefusedError, match="privateKeyPemWoVersion is required beside"):
        stack.check(SELF_SIGNED, "ca", wanted)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"privateKeyPem": "hunter2"}, "privateKeyPem must be a private key in PEM form"),
        ({"privateKeyPem": None}, "privateKeyPem is required, or 'privateKeyPemWo'"),
        ({"allowedUses": ["cert_sign"]}, "allowedUses has 'cert_sign', which is none of any_ext"),
        ({"allowedUses": ["encipher_only"]}, "allowedUses has 'encipher_only', which means"),
        ({"allowedUses": None}, "allowedUses is required"),
        ({"validityPeriodHours": -1}, "validityPeriodHours must be at least 0, not -1"),
        ({"validityPeriodHours": 10**8}, "validityPeriodHours is too long"),
        ({"earlyRenewalHours": -1}, "earlyRenewalHours must be at least 0, not -1"),
        ({"maxPathLength": -2}, "maxPathLength must be at least 0, or -1 for no limit, not -2"),
        ({"dnsNames": ["köln.de"]}, "dnsNames has 'köln.de', which is no DNS name; .* xn--"),
        ({"ipAddresses": ["10.0.0.256"]}, "ipAddresses has '10.0.0.256', which is no IP"),
        ({"uris": ["example.org"]}, "uris has 'example.org', which is no URI"),
        ({"subject": {"country": "Sweden"}}, "subject.country must be a country's two letters"),
        ({"subject": {"commonName": "a" * 65}}, "subject.commonName must have at most 64"),
        ({"subject": {}}, "subject is required of a CA: set its commonName"),
        ({"subject": None}, "subject is required of a CA: set its commonName"),
        ({"subject": {"cn": "x"}}, "subject.cn is not a property"),
        (
            {"isCaCertificate": False, "setAuthorityKeyId": True},
            "setAuthorityKeyId needs 'setSubjectKeyId'",
        ),
    ],
)
def test_bad_input_names_the_property(stack: Stack, inputs: dict[str, Any], message: str) -> None:
    wanted = ca_inputs(make_key(stack, "key"), **inputs)
    with pytest.raises(RefusedError, match=message) as refused:
        stack.check(SELF_SIGNED, "ca", wanted)
    assert "hunter2" not in str(refused.value)


@needs_openssl
def test_a_key_with_a_passphrase_is_refused(stack: Stack) -> None:
    run = subprocess.run(
        ["openssl", "genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:secret"],
        check=True,
        capture_output=True,
        text=True,
    )
    with pytest.raises(RefusedError, match="privateKeyPem must be a private key"):
        stack.check(CERT_REQUEST, "request", {"privateKeyPem": run.stdout})


def test_what_does_not_belong_together_is_refused(stack: Stack) -> None:
    key, ca = make_ca(stack)
    wanted = leaf_inputs(stack, key, ca)
    for name, noun in {"caCertPem": "certificate", "certRequestPem": "certificate request"}.items():
        with pytest.raises(RefusedError, match=f"{name} must be a {noun} in PEM form"):
            stack.check(LOCALLY_SIGNED, "leaf", {**wanted, name: key["publicKeyPem"]})
    stranger = make_key(stack, "stranger")["privateKeyPem"]
    with pytest.raises(ProviderError, match="'caPrivateKeyPem' is not the key of"):
        stack.create(LOCALLY_SIGNED, "leaf", **{**wanted, "caPrivateKeyPem": stranger})
    plain = stack.create(SELF_SIGNED, "plain", **ca_inputs(key, isCaCertificate=False))
    with pytest.raises(ProviderError, match="'caCertPem' is not a CA's certificate"):
        stack.create(LOCALLY_SIGNED, "leaf", **{**wanted, "caCertPem": plain["certPem"]})


def test_a_preview_without_the_key(stack: Stack) -> None:
    wanted = {
        "privateKeyPem": UNKNOWN,
        "isCaCertificate": True,
        "subject": UNKNOWN,
        "validityPeriodHours": UNKNOWN,
        "allowedUses": ["cert_signing"],
    }
    checked = stack.check(SELF_SIGNED, "ca", wanted)
    urn = stack.urn(SELF_SIGNED, "ca")
    _, outputs = stack.provider.create(urn, checked, preview=True)
    assert outputs["certPem"] is UNKNOWN
    assert outputs["privateKeyPem"] == Secret(UNKNOWN)
    assert outputs["isCaCertificate"] is True
    assert outputs["earlyRenewalHours"] == 0


def test_what_a_certificate_says(stack: Stack) -> None:
    key, ca = make_ca(stack, maxPathLength=2)
    leaf = stack.create(LOCALLY_SIGNED, "leaf", **leaf_inputs(stack, key, ca))
    (said,) = stack.invoke(GET_CERTIFICATE, content=ca["certPem"])["certificates"]
    assert said["certPem"] == ca["certPem"]
    assert (said["isCa"], said["maxPathLength"], said["version"]) == (True, 2, 3)
    assert said["subject"] == said["issuer"] == "CN=test CA,O=cumulo"
    assert said["serialNumber"] == ca.id
    assert said["notAfter"] == ca["validityEndTime"]
    assert said["publicKeyAlgorithm"] == said["signatureAlgorithm"] == "Ed25519"
    der = ssl.PEM_cert_to_DER_cert(ca["certPem"])
    assert said["sha1Fingerprint"] == hashlib.sha1(der, usedforsecurity=False).hexdigest()
    (said,) = stack.invoke(GET_CERTIFICATE, content=leaf["certPem"])["certificates"]
    assert (said["isCa"], said["maxPathLength"]) == (False, -1)
    assert said["publicKeyAlgorithm"] == "ECDSA"
    assert said["issuer"] == "CN=test CA,O=cumulo"


@pytest.mark.parametrize(
    ("algorithm", "options", "name"),
    [
        ("RSA", {}, "SHA256-RSA"),
        ("ECDSA", {"ecdsaCurve": "P256"}, "ECDSA-SHA256"),
        ("ECDSA", {"ecdsaCurve": "P384"}, "ECDSA-SHA384"),
        ("ECDSA", {"ecdsaCurve": "P521"}, "ECDSA-SHA512"),
    ],
)
def test_the_hash_is_as_strong_as_the_key(
    stack: Stack, algorithm: str, options: dict[str, Any], name: str
) -> None:
    key = make_key(stack, "key", algorithm, **options)
    entry = stack.create(SELF_SIGNED, "ca", **ca_inputs(key))
    (said,) = stack.invoke(GET_CERTIFICATE, content=entry["certPem"])["certificates"]
    assert said["signatureAlgorithm"] == name


def test_a_certificate_of_a_site_is_refused_by_name(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="'url' is not supported by cumulo's tls provider"):
        stack.invoke(GET_CERTIFICATE, url="https://example.org")
    with pytest.raises(ProviderError, match="'content' is required"):
        stack.invoke(GET_CERTIFICATE)
    with pytest.raises(ProviderError, match="'content' must be a certificate in PEM form"):
        stack.invoke(GET_CERTIFICATE, content="nothing")
