"""One real gateway for all of these tests: httpd, a provider and a service that echoes."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TypeVar

import pytest
from cumulo.platform.access.rules import AccessRules
from cumulo.platform.gateway import answers, apache
from cumulo.platform.gateway.site import Realm, Site

from tests.platform.gateway.client import Client
from tests.platform.gateway.echo import Echo
from tests.platform.gateway.httpd import Httpd, free_ports, image_root
from tests.platform.gateway.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer
from tests.platform.gateway.rules import RULES
from tests.platform.gateway.tls import certificate

S = TypeVar("S", bound=ThreadingHTTPServer)


@dataclass
class Gateway:
    """A gateway that runs, and what is around it."""

    httpd: Httpd
    site: Site
    rules: AccessRules
    issuer: Issuer
    echo: Echo
    client: Client


@pytest.fixture(scope="session")
def httpd_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root file system of the gateway's image."""
    folder = tmp_path_factory.mktemp("image")
    folder.chmod(0o755)
    root = image_root(folder)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@contextmanager
def serving(server: S) -> Iterator[S]:
    """Answers until the end of the `with`."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(
    root: Path,
    folder: Path,
    rules: AccessRules,
    site: Site,
    issuer: Issuer,
    echo: Echo,
    secret: str = CLIENT_SECRET,
) -> Iterator[Gateway]:
    """A gateway, until the end of the `with`."""
    httpd = Httpd(root, folder)
    certificates, authority = certificate(site.host, f"*.{site.host}")
    (folder / "ca.crt").write_text(authority)
    httpd.write(
        {
            apache.CONFIGURATION: apache.configuration(rules, site),
            **answers.files(),
            **certificates,
            "secrets/client-secret": secret,
            "secrets/session-key": "0123456789abcdef0123456789abcdef",
        }
    )
    said = httpd.check()
    assert not said, said
    httpd.start(site.status_port)
    try:
        yield Gateway(httpd, site, rules, issuer, echo, Client(site, folder / "ca.crt"))
    finally:
        httpd.stop()


def site_of(rules: AccessRules, issuer: Issuer, upstream: str) -> Site:
    """A gateway's site on free ports of the loopback address."""
    port, redirect_port, status_port = free_ports(3)
    return Site(
        host="gateway.test",
        realm=Realm(
            issuer=issuer.url,
            authorization_endpoint=f"{issuer.url}/authorize",
            token_endpoint=f"{issuer.url}/token",
            jwks_uri=f"{issuer.url}/jwks",
            end_session_endpoint=f"{issuer.url}/logout",
            client_id=CLIENT_ID,
            audience=AUDIENCE,
        ),
        upstreams=dict.fromkeys(rules.routes, upstream),
        public_port=port,
        address="127.0.0.1:",
        port=port,
        redirect_port=redirect_port,
        status_port=status_port,
    )


@pytest.fixture(scope="session")
def issuer() -> Iterator[Issuer]:
    with serving(Issuer()) as server:
        yield server


@pytest.fixture(scope="session")
def gateway(
    httpd_root: Path, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    """The gateway that most tests share."""
    folder = tmp_path_factory.mktemp("gateway")
    with serving(Echo()) as echo:
        site = site_of(RULES, issuer, echo.url)
        with running(httpd_root, folder, RULES, site, issuer, echo) as made:
            yield made
