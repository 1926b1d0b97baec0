"""Logins in a browser, from the first page to the logout."""

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.platform.gateway.client import Browser
from tests.platform.gateway.conftest import Gateway


@pytest.fixture
def browser(gateway: Gateway) -> Browser:
    gateway.issuer.person = gateway.issuer.claims("ml-engineers")
    gateway.issuer.problems.clear()
    return Browser(gateway.client)


def test_a_page_leads_to_the_login_and_back(gateway: Gateway, browser: Browser) -> None:
    sent = browser.get("/models/x?y=z")

    assert sent.status == 302
    asked = parse_qs(urlsplit(sent.header("Location")).query)
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{gateway.site.origin}/-/callback"]
    (cookie,) = [value for name, value in sent.headers if name == "Set-Cookie"]
    assert cookie.startswith("__Host-cumulo-state-")
    assert cookie.endswith("; Path=/; Secure; HttpOnly; SameSite=Lax")

    browser = Browser(gateway.client)
    assert browser.log_in("/models/x").json()["path"] == "/models/x"
    assert set(browser.cookies[""]) == {"__Host-cumulo"}
    # With a login, scripts of the page may ask too.
    assert browser.ask("POST", "/models/x", Accept="application/json").status == 200
    assert browser.get("/models/admin/x").status == 403
    assert "<h1>Not allowed</h1>" in browser.get("/models/admin/x").body
    assert gateway.issuer.problems == []


def test_what_cannot_log_in_is_told_so(browser: Browser) -> None:
    for headers in (
        {"Accept": "application/json"},
        {"Accept": "*/*"},
        {"Accept": "text/html", "X_Requested_With": "XMLHttpRequest"},
        {"Accept": "text/html", "Sec_Fetch_Mode": "cors"},
    ):
        assert browser.ask("GET", "/models/x", "", **headers).status == 401, headers
    assert browser.ask("POST", "/models/x", Accept="text/html").status == 401
    assert browser.cookies == {"": {}}


def test_a_session_is_for_one_host(browser: Browser) -> None:
    browser.log_in("/models/x")
    browser.cookies["notebooks"] = {}
    assert browser.get("/x", "notebooks").status == 302
    browser.log_in("/x", "notebooks")
    assert browser.get("/x", "notebooks").status == 200


def test_a_session_that_was_changed_is_none(browser: Browser) -> None:
    browser.log_in("/models/x")
    session = browser.cookies[""]["__Host-cumulo"]
    for changed in (session[:-6] + "AAAAAA", session[:40] + "x" + session[41:], "x", ""):
        browser.cookies[""] = {"__Host-cumulo": changed}
        assert browser.get("/models/x").status == 302


def test_an_answer_that_nobody_asked_for_is_no_login(gateway: Gateway, browser: Browser) -> None:
    assert browser.get("/-/callback?code=x&state=y").status in (400, 401)
    first, second = Browser(gateway.client), Browser(gateway.client)
    sent = first.get("/models/x")
    state = parse_qs(urlsplit(sent.header("Location")).query)["state"][0]
    assert second.get(f"/-/callback?code=x&state={state}").status in (400, 401)
    assert second.get("/models/x").status == 302


def test_a_login_without_the_roles_is_refused_not_sent_round_in_circles(
    gateway: Gateway, browser: Browser
) -> None:
    gateway.issuer.person = gateway.issuer.claims()
    assert browser.log_in("/models/x").status == 403


def test_other_origins_cannot_act_with_the_login(gateway: Gateway, browser: Browser) -> None:
    browser.log_in("/models/x")
    own = gateway.site.origin
    others = (f"https://{gateway.site.authority_of('notebooks')}", "https://evil.test", "null")
    assert browser.ask("POST", "/models/x", Origin=own).status == 200
    for other in others:
        assert browser.ask("POST", "/models/x", Origin=other).status == 403
        assert browser.ask("GET", "/models/x", Origin=other).status == 200
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": other}
        assert browser.ask("GET", "/models/x", "", **upgrade).status == 403


def test_a_logout_ends_the_session_and_that_of_the_provider(
    gateway: Gateway, browser: Browser
) -> None:
    browser.log_in("/models/x")
    to_callback = browser.get("/-/logout")
    assert to_callback.status == 302
    target = urlsplit(to_callback.header("Location"))
    to_provider = browser.get(f"{target.path}?{target.query}")
    assert to_provider.status == 302
    assert to_provider.header("Location").startswith(f"{gateway.issuer.url}/logout")
    assert "__Host-cumulo" not in browser.cookies[""]
    assert browser.get("/models/x").status == 302


def test_a_logout_leads_to_no_other_site(browser: Browser) -> None:
    browser.log_in("/models/x")
    answer = browser.get("/-/callback?logout=https%3A%2F%2Fevil.test%2F")
    assert "evil.test" not in answer.header("Location")
