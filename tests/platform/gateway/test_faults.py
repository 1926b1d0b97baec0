"""What clients see while something behind the gateway is broken."""

import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cumulo.platform.access.rules import SIGNED_IN, AccessRules, Route, allow

from tests.platform.gateway.client import Answer, Browser
from tests.platform.gateway.conftest import Gateway, running, serving, site_of
from tests.platform.gateway.echo import Echo
from tests.platform.gateway.httpd import free_ports
from tests.platform.gateway.issuer import Issuer
from tests.platform.gateway.rules import BACKEND
from tests.waiting import soon

RULES = AccessRules(
    roles={},
    routes={"service": Route(backend=BACKEND, rules=[allow(SIGNED_IN)], timeout=1)},
)


@pytest.fixture
def lonely(httpd_root: Path, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway whose service is not there, with a provider of its own."""
    (port,) = free_ports(1)
    with serving(Issuer()) as issuer:
        echo = Echo(port)
        echo.server_close()
        site = site_of(RULES, issuer, echo.url)
        with running(httpd_root, tmp_path, RULES, site, issuer, echo) as made:
            yield made


def test_a_service_that_is_gone_is_said_to_be_and_found_when_it_is_back(lonely: Gateway) -> None:
    token = lonely.issuer.token()
    for _ in range(3):
        answer = lonely.client.ask("GET", "/x", token)
        assert (answer.status, answer.json()["error"]) == (503, "service unavailable")
    assert lonely.client.ask("GET", "/healthz").status == 200

    port = int(lonely.echo.url.rpartition(":")[2])
    with serving(Echo(port)):
        assert lonely.client.ask("GET", "/x", token).status == 200
        slow = lonely.client.ask("GET", "/x", token, headers=[("X-Sleep", "3")])
        assert slow.status in (502, 504)
        assert slow.json()["error"].startswith("service")


def test_what_was_begun_ends_before_it_stops(lonely: Gateway) -> None:
    port = int(lonely.echo.url.rpartition(":")[2])
    answers: list[Answer] = []
    token = lonely.issuer.token()

    def ask() -> None:
        slow = [("X-Sleep", "0.9")]
        answers.append(lonely.client.ask("GET", "/x", token, headers=slow))

    with serving(Echo(port)) as echo:
        lonely.client.ask("GET", "/x", token)
        echo.seen.clear()
        asking = threading.Thread(target=ask)
        asking.start()
        assert soon(lambda: echo.seen, within=10)
        lonely.httpd.ask_to_stop()
        asking.join(30)
    assert [answer.status for answer in answers] == [200]
    lonely.httpd.process.wait(30)


def test_without_its_provider_those_who_are_known_go_on(lonely: Gateway) -> None:
    lonely.issuer.person = lonely.issuer.claims()
    token = lonely.issuer.token()
    port = int(lonely.echo.url.rpartition(":")[2])
    with serving(Echo(port)):
        known, unknown = Browser(lonely.client), Browser(lonely.client)
        assert known.log_in("/x").status == 200
        assert lonely.client.ask("GET", "/x", token).status == 200
        lonely.issuer.shutdown()
        lonely.issuer.server_close()

        assert known.get("/x").status == 200
        assert lonely.client.ask("GET", "/x", token).status == 200
        sent = unknown.get("/x")
        assert sent.status == 302
        state = parse_qs(urlsplit(sent.header("Location")).query)["state"][0]
        failed = unknown.get(f"/-/callback?code=x&state={state}")
        assert failed.status in (400, 401, 500, 502)
        assert unknown.get("/x").status == 302


def test_a_wrong_client_secret_lets_nobody_in_and_is_logged(
    httpd_root: Path, tmp_path: Path
) -> None:
    with serving(Issuer()) as issuer, serving(Echo()) as echo:
        site = site_of(RULES, issuer, echo.url)
        wrong = "wrong-secret"
        with running(httpd_root, tmp_path, RULES, site, issuer, echo, secret=wrong) as made:
            issuer.person = issuer.claims()
            browser = Browser(made.client)
            assert browser.come_back(browser.get("/x")).status in (400, 401, 500)
            assert browser.get("/x").status == 302
            assert "invalid_client" in made.httpd.errors()
            assert wrong not in made.httpd.errors()
            # Tokens need no secret.
            assert made.client.ask("GET", "/x", issuer.token()).status == 200
