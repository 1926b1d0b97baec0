"""What whoever runs the gateway sees of it."""

import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.platform.gateway.client import Browser
from tests.platform.gateway.conftest import Gateway
from tests.platform.gateway.httpd import USER
from tests.platform.gateway.issuer import CLIENT_SECRET
from tests.waiting import soon


def status_page(gateway: Gateway, path: str) -> str:
    url = f"http://127.0.0.1:{gateway.site.status_port}{path}"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def test_it_says_that_it_is_well(gateway: Gateway) -> None:
    assert status_page(gateway, "/healthz") == "ok\n"
    assert gateway.client.ask("GET", "/healthz").body == "ok\n"
    assert gateway.client.ask("GET", "/healthz", subdomain="notebooks").body == "ok\n"


def test_metrics_are_on_a_port_of_their_own(gateway: Gateway) -> None:
    gateway.client.ask("GET", "/models/x", gateway.issuer.token("ml-engineers"))
    assert soon(
        lambda: "oidc_authtype_auth_openidc{" in status_page(gateway, "/metrics"), within=20
    )
    assert "BusyWorkers: " in status_page(gateway, "/server-status?auto")
    for path in ("/metrics", "/server-status"):
        assert gateway.client.ask("GET", path).status == 401
    with pytest.raises(urllib.error.HTTPError, match="403"):
        status_page(gateway, "/models/x")


def test_it_runs_as_nobody(gateway: Gateway) -> None:
    status = Path(f"/proc/{gateway.httpd.pid}/status").read_text()
    assert f"Uid:\t{USER}\t{USER}" in status


def test_without_tls_clients_are_sent_to_it(gateway: Gateway) -> None:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    port = gateway.site.redirect_port
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/models/x?y=z", headers={"Host": "notebooks.gateway.test"}
    )
    with pytest.raises(urllib.error.HTTPError) as answer:
        urllib.request.build_opener(Stay).open(request, timeout=10)
    assert answer.value.code == 308
    place = gateway.site.authority_of("notebooks")
    assert answer.value.headers["Location"] == f"https://{place}/models/x?y=z"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2])
def test_old_tls_is_refused(gateway: Gateway, version: ssl.TLSVersion) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    url = f"https://127.0.0.1:{gateway.site.port}/healthz"
    if version is ssl.TLSVersion.TLSv1_2:
        with pytest.raises(urllib.error.HTTPError, match="421"):
            urllib.request.urlopen(url, context=context, timeout=10)
    else:
        with pytest.raises(urllib.error.URLError, match=r"SSL|TLS"):
            urllib.request.urlopen(url, context=context, timeout=10)


def test_the_log_says_who_asked_for_what_and_no_secret(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    answer = gateway.client.ask(
        "POST", "/models/x?secret=abc", token, headers=[("User-Agent", 'a "test"')]
    )
    gateway.client.ask("GET", "/models/admin/x", token)
    gateway.client.ask("GET", "/models/x", f"{token}x")
    gateway.issuer.person = gateway.issuer.claims("ml-engineers")
    browser = Browser(gateway.client)
    browser.log_in("/models/x")

    log = gateway.httpd.log()
    (line,) = [line for line in log.splitlines() if answer.header("X-Request-Id") in line]
    assert 'route=models user="ada" method=POST path="/models/x" status=200' in line
    assert 'agent="a \\"test\\""' in line
    assert 'route=models-admin user="ada" method=GET path="/models/admin/x" status=403' in log
    secrets = (token, token.rpartition(".")[2], CLIENT_SECRET, browser.cookies[""]["__Host-cumulo"])
    for text in (log, gateway.httpd.errors()):
        assert "secret=abc" not in text
        assert "code=" not in text
        for secret in secrets:
            assert secret not in text
