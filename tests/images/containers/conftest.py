"""The registry, made from its image and running as the image says."""

import datetime
import ipaddress
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cumulo.images import containers

from tests.images.containers.running import (
    Container,
    description,
    free_port,
    listens,
    unpack,
)

USER, PASSWORD = "pusher", "correct horse"


@dataclass
class RunningRegistry:
    """A registry with TLS and one user."""

    address: str
    authority: Path
    log: Path
    said: dict[str, Any]

    def get(self, path: str, **headers: str) -> urllib3.BaseHTTPResponse:
        """Asks it as its user."""
        context = ssl.create_default_context(cafile=str(self.authority))
        basic = urllib3.make_headers(basic_auth=f"{USER}:{PASSWORD}")
        with urllib3.PoolManager(ssl_context=context, retries=False, timeout=20) as pool:
            return pool.request("GET", f"https://{self.address}{path}", headers=basic | headers)


@pytest.fixture(scope="session")
def registry_image() -> dict[str, Any]:
    """The description of the registry's image; built where it is not."""
    return description(containers.build("distribution"))


@pytest.fixture(scope="module")
def registry(
    registry_image: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningRegistry]:
    folder = tmp_path_factory.mktemp("registry")
    folder.chmod(0o755)
    root = unpack(registry_image, folder / "root")
    _certificate(root / "etc/distribution")
    told = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (root / "etc/distribution/users").write_text(f"{USER}:{told}\n")
    port = free_port()
    environment = {
        "REGISTRY_HTTP_ADDR": f"127.0.0.1:{port}",
        "REGISTRY_HTTP_TLS_CERTIFICATE": "/etc/distribution/tls.crt",
        "REGISTRY_HTTP_TLS_KEY": "/etc/distribution/tls.key",
        "REGISTRY_AUTH": "htpasswd",
        "REGISTRY_AUTH_HTPASSWD_REALM": "tests",
        "REGISTRY_AUTH_HTPASSWD_PATH": "/etc/distribution/users",
    }
    with Container(root, registry_image, environment) as running:
        running.wait(lambda: listens(port))
        authority = root / "etc/distribution/tls.crt"
        yield RunningRegistry(f"127.0.0.1:{port}", authority, running.log, registry_image)


def _certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # As in a secret that is mounted for the container's user alone.
    (folder / "tls.key").write_bytes(private)
    (folder / "tls.key").chmod(0o400)
    os.chown(folder / "tls.key", 65534, 65534)
