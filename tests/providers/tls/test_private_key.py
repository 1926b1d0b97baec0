"""Key pairs: every algorithm in every form, read back by others."""

import hashlib
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
    load_ssh_private_key,
    load_ssh_public_key,
)
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled
from tests.providers.tls.tokens import (
    GET_PUBLIC_KEY,
    PRIVATE_KEY,
    make_key,
    needs_openssl,
    needs_ssh_keygen,
)

EVERY_KEY = [
    {"algorithm": "RSA"},
    {"algorithm": "RSA", "rsaBits": 1024},
    {"algorithm": "ECDSA", "ecdsaCurve": "P256"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P384"},
    {"algorithm": "ECDSA", "ecdsaCurve": "P521"},
    {"algorithm": "ED25519"},
]


@pytest.mark.parametrize("wanted", EVERY_KEY, ids=str)
def test_all_forms_are_the_same_key(stack: Stack, wanted: dict[str, object]) -> None:
    entry = stack.create(PRIVATE_KEY, "key", **wanted)
    private = load_pem_private_key(entry["privateKeyPem"].encode(), None)
    public = private.public_key()
    assert load_pem_private_key(entry["privateKeyPemPkcs8"].encode(), None).public_key() == public
    assert load_ssh_private_key(entry["privateKeyOpenssh"].encode(), None).public_key() == public
    assert load_pem_public_key(entry["publicKeyPem"].encode()) == public
    assert load_ssh_public_key(entry["publicKeyOpenssh"].encode()) == public
    assert entry["privateKeyPemPkcs8"].startswith("-----BEGIN PRIVATE KEY-----\n")
    assert entry["publicKeyOpenssh"].endswith("\n")
    assert_settled(stack, entry, **wanted)


def test_each_algorithm_has_the_pem_form_of_its_own(stack: Stack) -> None:
    rsa_key = make_key(stack, "rsa", "RSA")
    ecdsa = make_key(stack, "ecdsa", "ECDSA", ecdsaCurve="P384")
    ed25519_key = make_key(stack, "ed25519")
    assert rsa_key["privateKeyPem"].startswith("-----BEGIN RSA PRIVATE KEY-----\n")
    assert ecdsa["privateKeyPem"].startswith("-----BEGIN EC PRIVATE KEY-----\n")
    assert ed25519_key["privateKeyPem"] == ed25519_key["privateKeyPemPkcs8"]
    made = [
        load_pem_private_key(entry["privateKeyPem"].encode(), None)
        for entry in (rsa_key, ecdsa, ed25519_key)
    ]
    assert isinstance(made[0], rsa.RSAPrivateKey)
    assert made[0].key_size == 2048
    assert isinstance(made[1], ec.EllipticCurvePrivateKey)
    assert made[1].curve.name == "secp384r1"
    assert isinstance(made[2], ed25519.Ed25519PrivateKey)


@needs_ssh_keygen
@pytest.mark.parametrize("algorithm", ["RSA", "ED25519"])
def test_openssh_agrees_on_fingerprints(stack: Stack, algorithm: str, tmp_path: Path) -> None:
    entry = make_key(stack, "key", algorithm)
    private = tmp_path / "id"
    private.write_text(entry["privateKeyOpenssh"])
    private.chmod(0o600)

    def keygen(*arguments: str) -> str:
        command = ["ssh-keygen", *arguments, "-f", str(private)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert keygen("-y").split()[:2] == entry["publicKeyOpenssh"].split()
    assert keygen("-l").split()[1] == entry["publicKeyFingerprintSha256"]
    md5 = keygen("-l", "-E", "md5").split()[1]
    assert md5 == f"MD5:{entry['publicKeyFingerprintMd5']}"


@needs_openssl
def test_openssl_reads_the_key(stack: Stack) -> None:
    entry = make_key(stack, "key", "ECDSA", ecdsaCurve="P256")
    run = subprocess.run(
        ["openssl", "pkey", "-pubout"],
        input=entry["privateKeyPem"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert run.stdout == entry["publicKeyPem"]


def test_the_smallest_curve_is_the_default_and_not_for_ssh(stack: Stack) -> None:
    entry = make_key(stack, "key", "ECDSA")
    assert (entry["ecdsaCurve"], entry["rsaBits"]) == ("P224", 2048)
    for name in ("privateKeyOpenssh", "publicKeyOpenssh", "publicKeyFingerprintMd5"):
        assert entry[name] == ""
    public = load_pem_public_key(entry["publicKeyPem"].encode())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert public.curve.name == "secp224r1"


def test_the_id_is_the_checksum_of_the_public_key(stack: Stack) -> None:
    entry = make_key(stack, "key")
    public = load_pem_public_key(entry["publicKeyPem"].encode())
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert entry.id == hashlib.sha1(der, usedforsecurity=False).hexdigest()


def test_private_forms_are_secret_and_defaults_are_outputs_only(stack: Stack) -> None:
    entry = make_key(stack, "key")
    secret = {name for name, value in entry.outputs.items() if isinstance(value, Secret)}
    assert secret == {"privateKeyOpenssh", "privateKeyPem", "privateKeyPemPkcs8"}
    assert entry.inputs == {"__defaults": [], "algorithm": "ED25519"}
    assert entry["rsaBits"] == 2048
    assert entry["__meta"] == '{"schema_version":"1"}'


def test_every_change_makes_a_new_key(stack: Stack) -> None:
    wanted = {"algorithm": "RSA", "rsaBits": 1024}
    entry = stack.create(PRIVATE_KEY, "key", **wanted)
    assert stack.changes(entry, **{**wanted, "rsaBits": 2048}) == {"rsaBits": True}
    assert stack.changes(entry, algorithm="RSA") == {"rsaBits": True}
    assert stack.changes(entry, **{**wanted, "algorithm": "ED25519"}) == {"algorithm": True}
    assert stack.changes(entry, **wanted, ecdsaCurve="P256") == {"ecdsaCurve": True}
    assert stack.changes(entry, **wanted, ecdsaCurve="P224") == {}
    assert not stack.diff(entry, algorithm="ED25519").delete_first


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "algorithm is required"),
        ({"algorithm": "DSA"}, "algorithm must be one of RSA, ECDSA, ED25519, not 'DSA'"),
        ({"algorithm": "RSA", "rsaBits": 512}, "rsaBits must be at least 1024, not 512"),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P-256"}, "ecdsaCurve must be one of P224, P256"),
        ({"algorithm": "RSA", "rsaBit": 4096}, "is 'rsaBits' meant?"),
        ({"algorithm": "RSA", "privateKeyPem": "x"}, "privateKeyPem is not a property"),
    ],
)
def test_bad_input_names_the_property(
    stack: Stack, inputs: dict[str, object], message: str
) -> None:
    with pytest.raises(RefusedError, match=message.replace("?", r"\?")):
        stack.create(PRIVATE_KEY, "key", **inputs)


def test_a_preview_knows_what_is_not_made_yet(stack: Stack) -> None:
    checked = stack.check(PRIVATE_KEY, "key", {"algorithm": UNKNOWN})
    _, outputs = stack.provider.create(stack.urn(PRIVATE_KEY, "key"), checked, preview=True)
    assert outputs["privateKeyPem"] == Secret(UNKNOWN)
    assert outputs["publicKeyPem"] is UNKNOWN
    assert outputs["rsaBits"] == 2048


def test_a_key_cannot_be_imported(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="PrivateKey cannot be imported"):
        stack.imported(PRIVATE_KEY, "some-id")


def test_a_type_that_is_not_there_is_refused_by_name(stack: Stack) -> None:
    token = "tls:index/keystore:Keystore"
    with pytest.raises(ProviderError, match=f"{token} is not supported"):
        stack.create(token, "store")


@pytest.mark.parametrize("wanted", EVERY_KEY[1:], ids=str)
def test_the_public_key_of_a_private_one(stack: Stack, wanted: dict[str, object]) -> None:
    entry = stack.create(PRIVATE_KEY, "key", **wanted)
    for name in ("privateKeyPem", "privateKeyOpenssh"):
        found = stack.invoke(GET_PUBLIC_KEY, **{name: entry[name]})
        assert found["algorithm"] == wanted["algorithm"]
        assert found["id"] == entry.id
        for public in ("Pem", "Openssh", "FingerprintMd5", "FingerprintSha256"):
            assert found[f"publicKey{public}"] == entry[f"publicKey{public}"]


def test_a_public_key_needs_one_private_key(stack: Stack) -> None:
    pem = make_key(stack, "key")["privateKeyPem"]
    with pytest.raises(ProviderError, match="'privateKeyPem' is required, or 'privateKeyOpenssh'"):
        stack.invoke(GET_PUBLIC_KEY)
    with pytest.raises(RefusedError, match="cannot be set beside"):
        stack.invoke(GET_PUBLIC_KEY, privateKeyPem=pem, privateKeyOpenssh=pem)
    broken = pem[:60] + pem[70:]
    with pytest.raises(ProviderError, match="'privateKeyPem' holds no private key") as refused:
        stack.invoke(GET_PUBLIC_KEY, privateKeyPem=broken)
    assert broken[30:50] not in str(refused.value)
