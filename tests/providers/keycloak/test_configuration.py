"""The provider's configuration, and what it says when Keycloak cannot be asked."""

import time

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret
from cumulo.providers.keycloak import durations
from cumulo.providers.keycloak import server as server_module
from cumulo.providers.keycloak.login import Login
from cumulo.providers.keycloak.provider import Keycloak
from cumulo.providers.keycloak.server import KeycloakError, Server
from cumulo.providers.keycloak.settings import settings

from tests.providers.keycloak.running import RunningKeycloak

GOOD = {"url": "http://127.0.0.1:1", "clientId": "c", "clientSecret": "s"}
URN = "urn:pulumi:s::test::keycloak:index/realm:Realm::r"


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET", "USER", "PASSWORD", "REALM", "BASE_PATH"):
        monkeypatch.delenv(f"KEYCLOAK_{name}", raising=False)


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, "url"),
        ({**GOOD, "url": "keycloak.example"}, "url"),
        ({"url": "http://k"}, "clientId"),
        ({"url": "http://k", "clientId": "c"}, "clientSecret"),
        ({**GOOD, "username": "u"}, "password"),
        ({**GOOD, "password": "p"}, "username"),
        ({**GOOD, "clientTimeout": "soon"}, "clientTimeout"),
        ({**GOOD, "jwtSigningKey": Secret("k")}, "jwtSigningKey"),
        ({**GOOD, "ur1": "http://k"}, "ur1"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, object], key: str) -> None:
    assert key in {failure.path for failure in Keycloak().check_config(options)}


def test_what_is_right_passes() -> None:
    assert Keycloak().check_config(GOOD) == []
    assert Keycloak().check_config({"url": UNKNOWN, "clientId": "c", "clientSecret": UNKNOWN}) == []
    assert Keycloak().check_config({"url": "http://k", "accessToken": "t"}) == []


def test_the_configuration_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEYCLOAK_URL", "http://environment")
    monkeypatch.setenv("KEYCLOAK_REALM", "there")
    monkeypatch.setenv("KEYCLOAK_BASE_PATH", "/auth")
    found = settings({**GOOD, "url": "http://program/"})
    assert (found.root, found.realm) == ("http://program/auth", "there")
    assert found.admin == "http://program/auth/admin"
    assert settings({"clientId": "c", "clientSecret": "s"}).root == "http://environment/auth"


def test_a_preview_does_not_need_keycloak() -> None:
    provider = Keycloak()
    provider.configure("id", {**GOOD, "url": UNKNOWN})
    inputs, failures = provider.check(URN, {}, {"realm": "r"}, b"")
    assert failures == []
    identity, outputs = provider.create(URN, inputs, preview=True)
    assert (identity, outputs["realm"], outputs["internalId"]) == ("", "r", UNKNOWN)
    with pytest.raises(ProviderError, match="'url' is not known yet"):
        provider.create(URN, inputs)


def test_a_keycloak_that_is_not_there_is_named_with_its_url(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider = Keycloak()
    provider.configure("id", {**GOOD, "clientTimeout": "1"})
    monkeypatch.setattr(server_module, "_TRIES", 1)
    server = provider.cloud
    with pytest.raises(ProviderError, match=r"cannot reach Keycloak at http://127\.0\.0\.1:1: "):
        server.get("/realms/master")


def test_a_type_that_only_the_official_provider_has_is_refused_by_name() -> None:
    provider = Keycloak()
    token = "keycloak:ldap/userFederation:UserFederation"
    with pytest.raises(ProviderError, match=f"{token} is not supported.*plugin install"):
        provider.check(f"urn:pulumi:s::test::{token}::x", {}, {}, b"")


def test_certificates_that_are_none_are_named() -> None:
    for key in ("rootCaCertificate", "tlsClientCertificate"):
        server = Server({**GOOD, "url": "https://127.0.0.1:1", key: "no PEM"})
        with pytest.raises(ProviderError, match=key):
            server.get("/realms/master")


def test_a_refused_login_says_whose_and_why(login: RunningKeycloak) -> None:
    def refusal(**options: str) -> str:
        server = Server({"url": login.url, **options})
        with pytest.raises(ProviderError) as error:
            server.get("/realms/master")
        return str(error.value)

    person = {"clientId": "admin-cli", "username": "admin"}
    assert "user 'admin' in realm 'master': Invalid user credentials" in refusal(
        **person, password="wrong"
    )
    assert "Invalid client" in refusal(clientId="nobody", clientSecret="x")
    assert "url, basePath or realm" in refusal(**person, password=login.password, realm="nowhere")


def test_tokens_are_renewed(login: RunningKeycloak) -> None:
    environment = {
        "url": login.url,
        "clientId": "admin-cli",
        "username": login.user,
        "password": login.password,
    }
    server = Server(environment)
    assert server.get("/realms/master")["realm"] == "master"
    first = server._login.current()
    assert server._login.current() is first
    # It ends before it is over: at three quarters of its minute.
    assert 30 < first.until - time.monotonic() < 50
    server.renew()
    assert server._login.current().value != first.value
    # One that Keycloak does not take any more is renewed as well, within the request.
    server._login._token = type(first)("stale", first.until)
    assert server.get("/realms/master")["realm"] == "master"


def test_a_token_of_one_s_own_is_taken_as_it_is(login: RunningKeycloak) -> None:
    token = login.token("master", "admin-cli", username=login.user, password=login.password)
    server = Server({"url": login.url, "accessToken": token["access_token"]})
    assert server.get("/realms/master")["realm"] == "master"
    assert isinstance(server._login, Login)
    with pytest.raises(KeycloakError, match="401"):
        Server({"url": login.url, "accessToken": "stale"}).get("/realms/master")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("0", 0), ("300s", 300), ("1h30m", 5400), ("1.5h", 5400), ("720h0m0s", 2592000)],
)
def test_lengths_of_time_are_go_s(text: str, seconds: int) -> None:
    assert durations.seconds(text) == seconds
    assert durations.seconds(durations.text(seconds)) == seconds


@pytest.mark.parametrize("text", ["", "5", "five", "-5m", "1h 30m", "1d"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    assert "must be a length of time" in str(durations.good(text))


def test_lengths_of_time_are_written_as_go_writes_them() -> None:
    written = [durations.text(seconds) for seconds in (0, 59, 60, 3600, 86400)]
    assert written == ["0s", "59s", "1m0s", "1h0m0s", "24h0m0s"]
