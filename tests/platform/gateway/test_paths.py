"""Where a path leads, however it is written."""

import pytest

from tests.platform.gateway.client import Answer
from tests.platform.gateway.conftest import Gateway


def engineer(gateway: Gateway, path: str) -> Answer:
    """What somebody gets who may use /models/ and not /models/admin/."""
    return gateway.client.ask("GET", path, gateway.issuer.token("ml-engineers"))


@pytest.mark.parametrize(
    "path",
    [
        "/models/admin/x",
        "/models//admin/x",
        "//models/admin/x",
        "/models/./admin/x",
        "/models/x/../admin/x",
        "/models/x/%2e%2e/admin/x",
        "/models/%61dmin/x",
        "/x/../models/admin/x",
    ],
)
def test_a_path_is_what_it_comes_to(gateway: Gateway, path: str) -> None:
    assert engineer(gateway, path).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/models/x/..;/admin/x",
        "/models/.;x=y/admin/x",
        "/models/x%5c..%5cadmin/x",
        "/models/x%2f..%2fadmin/x",
        "/models/x%0a",
        "/models/x%00",
        "/models/%252e%252e%2fadmin/x",
    ],
)
def test_what_a_service_could_read_otherwise_is_refused(gateway: Gateway, path: str) -> None:
    gateway.echo.seen.clear()
    assert engineer(gateway, path).status in (400, 404)
    assert gateway.echo.seen == []


@pytest.mark.parametrize(
    "path", ["/-/", "/-/answer/403", "/-/answer/401-invalid", "/-/secrets/client-secret", "/-/x"]
)
def test_nothing_of_the_gateway_s_own_is_shown(gateway: Gateway, path: str) -> None:
    assert engineer(gateway, path).status == 404


@pytest.mark.parametrize("path", ["/etc/cumulo/gateway/httpd.conf", "/httpd.conf", "/403.json"])
def test_files_are_no_routes(gateway: Gateway, path: str) -> None:
    answer = engineer(gateway, path)
    # The service at `/` is asked, and no file is looked for.
    assert answer.json()["path"] == path


def test_no_route_is_not_found(gateway: Gateway) -> None:
    assert engineer(gateway, "/models").status == 308
    assert engineer(gateway, "/models?x=y").header("Location").endswith("/models/?x=y")


def test_another_host_is_not_served(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    for host in ("evil.test", "admin.gateway.test", "127.0.0.1"):
        answer = gateway.client.ask("GET", "/models/x", token, host=host)
        assert (answer.status, answer.json()["error"]) == (421, "unknown host")


def test_a_subdomain_is_a_place_of_its_own(gateway: Gateway) -> None:
    answer = gateway.client.ask("GET", "/models/x", gateway.issuer.token(), subdomain="notebooks")
    assert answer.status == 200
    assert answer.told("X-Forwarded-Host") == [gateway.site.authority_of("notebooks")]
