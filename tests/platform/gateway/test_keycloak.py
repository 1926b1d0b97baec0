"""The gateway with a real Keycloak: its tokens, and logins by its own page."""

import html
import http.cookiejar
import os
import re
import shutil
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cumulo.images import containers
from cumulo.platform.access.matrix import matrix
from cumulo.platform.gateway.site import keycloak as keycloak_realm

from tests.images.containers.running import description, unpack
from tests.platform.gateway.client import Answer, Browser, NoRedirects
from tests.platform.gateway.conftest import Gateway, running, serving, site_of
from tests.platform.gateway.echo import Echo
from tests.platform.gateway.issuer import AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer
from tests.platform.gateway.realm import PASSWORD, PEOPLE, REALM, SDK_SECRET, representation
from tests.platform.gateway.rules import RULES
from tests.providers.keycloak.running import RunningKeycloak, keycloak


@dataclass
class Real:
    """A gateway and the Keycloak that it believes."""

    gateway: Gateway
    keycloak: RunningKeycloak

    def tokens(self, name: str, client: str = "sdk", **form: str) -> dict[str, Any]:
        """What Keycloak gives a person by their password."""
        return self.keycloak.token(
            *(REALM, client),
            client_secret=SDK_SECRET,
            username=name,
            password=PASSWORD,
            scope="openid",
            **form,
        )

    def ask(self, path: str, token: str) -> Answer:
        return self.gateway.client.ask("GET", path, token)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKeycloak]:
    """A Keycloak, from the image that the platform runs; or the one that is named."""
    named = os.environ.get("CUMULO_TEST_KEYCLOAK")
    if named:
        yield RunningKeycloak(named)
        return
    folder = tmp_path_factory.mktemp("keycloak")
    folder.chmod(0o755)
    said = description(containers.build("keycloak"))
    root = unpack(said, folder / "root")
    try:
        with keycloak(root, said) as running_server:
            yield running_server
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture(scope="module")
def real(
    httpd_root: Path, server: RunningKeycloak, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Real]:
    folder = tmp_path_factory.mktemp("real")
    issuer = f"{server.url}/realms/{REALM}"
    realm = keycloak_realm(issuer, issuer, client_id=CLIENT_ID, audience=AUDIENCE)
    with serving(Echo()) as echo, serving(Issuer()) as unused:
        site = replace(site_of(RULES, unused, echo.url), realm=realm)
        origins = [f"https://{site.authority_of(one)}" for one in ("", "notebooks")]
        server.ask("POST", "/realms", representation(*origins))
        try:
            with running(httpd_root, folder, RULES, site, unused, echo) as made:
                yield Real(made, server)
        finally:
            server.ask("DELETE", f"/realms/{REALM}")


def test_the_matrix_with_real_tokens(real: Real) -> None:
    tokens = {roles: real.tokens(name)["access_token"] for name, roles in PEOPLE.items()}
    wrong = []
    for case in matrix(RULES):
        route = RULES.routes[case.route]
        if route.login == "browser":
            continue
        answer = real.gateway.client.ask(
            case.method,
            f"{route.path}x",
            None if case.roles is None else tokens[case.roles],
            subdomain=route.subdomain,
        )
        if answer.status != case.status:
            wrong.append((case, answer.status))
    assert not wrong, f"{len(wrong)} differ: {wrong[:10]}"


def test_a_machine_has_the_roles_of_its_account(real: Real) -> None:
    token = real.keycloak.token(REALM, "sdk", client_secret=SDK_SECRET)["access_token"]
    answer = real.ask("/models/x", token)
    assert answer.told("X-Forwarded-User") == ["service-account-sdk"]
    assert answer.told("X-Forwarded-Groups") == ["data-science"]
    assert real.ask("/models/admin/x", token).status == 403


def test_other_tokens_of_keycloak_s_are_refused(real: Real) -> None:
    tokens = real.tokens("user-ml-engineers")
    assert real.ask("/models/x", tokens["access_token"]).status == 200
    # What a login gets, what renews a login, what is for somebody else, and another realm's.
    assert real.ask("/models/x", tokens["id_token"]).status == 401
    assert real.ask("/models/x", tokens["refresh_token"]).status == 401
    other = real.tokens("user-ml-engineers", "other")
    assert real.ask("/models/x", other["access_token"]).status == 401
    master = real.keycloak.token(
        "master", "admin-cli", username=real.keycloak.user, password=real.keycloak.password
    )
    assert real.ask("/models/x", master["access_token"]).status == 401
    # By the gateway's own client there is no way to an access token that counts.
    form = {"client_secret": CLIENT_SECRET, "username": "user-ml-engineers", "password": PASSWORD}
    assert "access_token" not in real.keycloak.token(REALM, CLIENT_ID, **form)


def test_a_token_ends(real: Real) -> None:
    token = real.tokens("user-ml-engineers", "brief")["access_token"]
    deadline = time.monotonic() + 20
    while (status := real.ask("/models/x", token).status) == 200 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert status == 401


class Person:
    """Somebody with a browser, who logs in by Keycloak's page."""

    def __init__(self, real: Real) -> None:
        self.browser = Browser(real.gateway.client)
        # Keycloak is on loopback here, where a cookie needs no TLS.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        cookies = http.cookiejar.CookieJar(policy)
        self._opener = urllib.request.build_opener(
            NoRedirects, urllib.request.HTTPCookieProcessor(cookies)
        )

    def log_in(self, path: str, name: str, password: str = PASSWORD) -> Answer | None:
        """Opens a page and logs in; the page, or None where Keycloak does not let them in."""
        page = self._opener.open(self.browser.get(path).header("Location"))
        if page.status == 200:
            found = re.search(r'<form[^>]* action="([^"]+)"', page.read().decode())
            assert found is not None
            form = urllib.parse.urlencode({"username": name, "password": password}).encode()
            page = self._opener.open(html.unescape(found[1]), form)
        if page.status != 302:
            return None
        back = urllib.parse.urlsplit(page.headers["Location"])
        answer = self.browser.get(f"{back.path}?{back.query}")
        assert answer.status == 302, answer
        return self.browser.get(urllib.parse.urlsplit(answer.header("Location")).path)

    def log_out(self) -> None:
        step = self.browser.get("/-/logout")
        place = urllib.parse.urlsplit(step.header("Location"))
        leave = self.browser.get(f"{place.path}?{place.query}")
        home = self._opener.open(leave.header("Location"))
        assert home.headers["Location"] == f"{self.browser.client.site.origin}/"


def test_a_login_by_keycloak_s_page(real: Real) -> None:
    person = Person(real)
    assert person.log_in("/models/x", "user-ml-engineers", "wrong") is None

    page = person.log_in("/models/x", "user-ml-engineers")
    assert page is not None
    assert page.status == 200
    assert page.told("X-Forwarded-User") == ["user-ml-engineers"]
    assert page.told("X-Forwarded-Email") == ["user-ml-engineers@example.org"]
    assert page.told("X-Forwarded-Groups") == ["ml-engineers"]
    assert person.browser.get("/models/admin/x").status == 403
    assert person.browser.get("/console/x").status == 403


def test_a_logout_ends_keycloak_s_login_too(real: Real) -> None:
    person = Person(real)
    assert person.log_in("/models/x", "user-ml-engineers")
    person.log_out()
    assert person.browser.get("/models/x").status == 302
    # Were its session still there, Keycloak would not ask for a password.
    assert person.log_in("/models/x", "user-ml-engineers", "wrong") is None


def test_the_session_fits_into_the_cookies_of_a_browser(real: Real) -> None:
    person = Person(real)
    assert person.log_in("/models/x", "user-data-science-ml-engineers")
    cookies = person.browser.cookies[""]
    assert set(cookies) == {"__Host-cumulo"}
    assert len(cookies["__Host-cumulo"]) < 4000
