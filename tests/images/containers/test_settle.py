import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cumulo.images.containers import settle

AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")


def test_names_of_passing_files_are_no_more_in_debconf_s_answers(tmp_path: Path) -> None:
    answers = tmp_path / "var/cache/debconf/config.dat"
    answers.parent.mkdir(parents=True)
    answers.write_text("Name: ucf/diff\nVariables:\n NEW = /tmp/postgresql-common.m3xt6Z\n")

    settle.settle(tmp_path)

    assert answers.read_text() == "Name: ucf/diff\nVariables:\n NEW = /tmp/postgresql-common\n"


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
@pytest.mark.skipif(not shutil.which("keytool"), reason="there is no Java on this machine")
def test_java_reads_a_store_without_times_and_finds_its_certificates(tmp_path: Path) -> None:
    found = x509.load_pem_x509_certificates(AUTHORITIES.read_bytes())[:2]
    stores: list[Path] = []
    for order in (found, found[::-1]):
        store = tmp_path / f"store-{len(stores)}"
        for certificate in order:
            _keytool(
                *("-importcert", "-noprompt", "-storetype", "jks", "-keystore", str(store)),
                *("-storepass", "changeit", "-alias", f"{certificate.serial_number:x}"),
                content=certificate.public_bytes(Encoding.PEM),
            )
        stores.append(store)
    settled = [settle.trust_store(store.read_bytes()) for store in stores]

    assert stores[0].read_bytes() != stores[1].read_bytes()
    assert settled[0] == settled[1]
    stores[0].write_bytes(settled[0])
    # It compares the checksum with the password.
    said = _keytool("-list", "-keystore", str(stores[0]), "-storepass", "changeit")
    for certificate in found:
        assert f"{certificate.serial_number:x}, Jan 1, 1970, trustedCertEntry" in said


def test_a_store_of_another_form_stays_as_it_is() -> None:
    content = b"\x30\x82\x01\x02 something of PKCS 12"
    assert settle.trust_store(content) == content


def _keytool(*arguments: str, content: bytes = b"") -> str:
    done = subprocess.run(
        ["keytool", "-J-Duser.language=en", "-J-Duser.timezone=UTC", *arguments],
        input=content,
        capture_output=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.decode()
