"""Websockets, through the gateway."""

import socket

import pytest

from tests.platform.gateway.client import Browser
from tests.platform.gateway.conftest import Gateway
from tests.platform.gateway.echo import masked


def upgrade(
    gateway: Gateway, path: str, *headers: str, subdomain: str = ""
) -> tuple[bytes, socket.socket]:
    """Asks for a websocket; the head of the answer, and the connection."""
    plain = socket.create_connection(("127.0.0.1", gateway.site.port), 10)
    tls = gateway.client.tls.wrap_socket(plain, server_hostname=gateway.site.host)
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: {gateway.site.authority_of('')}",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    tls.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while b"\r\n\r\n" not in head:
        head += tls.recv(1)
    return head, tls


def test_with_a_token(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    head, connection = upgrade(
        gateway, "/models/ws", f"Authorization: Bearer {token}", "X_Forwarded_User: root"
    )
    with connection:
        assert head.startswith(b"HTTP/1.1 101")
        assert b"X-User: ada\r\n" in head
        for message in (b"hello", b"again"):
            connection.sendall(masked(message))
            assert connection.recv(64) == bytes([0x81, len(message)]) + message


def test_with_a_login(gateway: Gateway) -> None:
    gateway.issuer.person = gateway.issuer.claims("data-science")
    browser = Browser(gateway.client)
    browser.log_in("/models/x")
    cookie = f"Cookie: __Host-cumulo={browser.cookies['']['__Host-cumulo']}"
    head, connection = upgrade(gateway, "/models/ws", cookie, f"Origin: {gateway.site.origin}")
    with connection:
        assert head.startswith(b"HTTP/1.1 101")


@pytest.mark.parametrize("roles", [None, (), ("platform-admins",)])
def test_not_without(gateway: Gateway, roles: tuple[str, ...] | None) -> None:
    gateway.echo.seen.clear()
    headers = []
    if roles is not None:
        headers.append(f"Authorization: Bearer {gateway.issuer.token(*roles)}")
    head, connection = upgrade(gateway, "/models/ws", *headers)
    connection.close()
    assert head.split()[1] == (b"401" if roles is None else b"403")
    assert gateway.echo.seen == []


def test_a_route_without_websockets_has_none(gateway: Gateway) -> None:
    token = gateway.issuer.token("ml-engineers")
    head, connection = upgrade(gateway, "/api/ws", f"Authorization: Bearer {token}")
    connection.close()
    assert head.startswith(b"HTTP/1.1 200")
