"""Clients of the tests' gateway: one connection that stays, and browsers."""

import http.client
import json
import re
import socket
import ssl
import urllib.request
import urllib.response
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cumulo.platform.gateway.site import Site

from tests.platform.gateway.httpd import trusting


@dataclass
class Answer:
    """An answer, as it came."""

    status: int
    headers: list[tuple[str, str]]
    body: str

    def header(self, name: str) -> str:
        """A header's value; all of its values where it is there more than once."""
        return ", ".join(value for key, value in self.headers if key.lower() == name.lower())

    def json(self) -> Any:
        return json.loads(self.body)

    def told(self, name: str) -> list[str]:
        """What the service was told in a header, in any spelling."""
        wanted = re.sub("[^a-z]", "-", name.lower())
        return [
            value
            for key, value in self.json()["headers"]
            if re.sub("[^a-z]", "-", key.lower()) == wanted
        ]


class _Connection(http.client.HTTPSConnection):
    """To the loopback address, whatever name is asked for."""

    def __init__(self, name: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(name, port, timeout=30, context=context)
        self._tls = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)


class Client:
    """Keeps a connection to each host of the gateway."""

    def __init__(self, site: Site, authority: Path) -> None:
        self.site = site
        self.tls = trusting(authority)
        self._open: dict[str, _Connection] = {}

    def ask(
        self,
        method: str,
        path: str,
        token: str | None = None,
        *,
        subdomain: str = "",
        host: str | None = None,
        headers: list[tuple[str, str]] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """One request.

        Args:
            method: Its method.
            path: Its path and query, sent as it stands here.
            token: An access token.
            subdomain: The host below the gateway's own.
            host: What it calls the host, where that differs from the one that it reaches.
            headers: Further headers, each as it stands here.
            body: What it brings.
        """
        name = self.site.name_of(subdomain)
        if name not in self._open:
            self._open[name] = _Connection(name, self.site.port, self.tls)
        connection = self._open[name]
        for attempt in (1, 2):
            try:
                return self._ask(connection, method, path, token, subdomain, host, headers, body)
            except (http.client.HTTPException, OSError):
                connection.close()
                # httpd closes a connection that has idled for long.
                if attempt == 2:
                    raise
        raise AssertionError

    def _ask(
        self,
        connection: _Connection,
        method: str,
        path: str,
        token: str | None,
        subdomain: str,
        host: str | None,
        headers: list[tuple[str, str]] | None,
        body: bytes,
    ) -> Answer:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", host or self.site.authority_of(subdomain))
        if token is not None:
            connection.putheader("Authorization", f"Bearer {token}")
        for key, value in headers or ():
            connection.putheader(key, value)
        if body or method in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        text = answer.read().decode()
        return Answer(answer.status, answer.getheaders(), text)


class Browser:
    """A browser: it has cookies, shows pages, and goes where it is sent."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.cookies: dict[str, dict[str, str]] = {}

    def get(self, path: str, subdomain: str = "", **headers: str) -> Answer:
        """Opens a page, without following where it leads."""
        return self.ask("GET", path, subdomain, Accept="text/html,*/*", **headers)

    def ask(self, method: str, path: str, subdomain: str = "", **headers: str) -> Answer:
        """One request; headers are named with `_` for `-`."""
        jar = self.cookies.setdefault(subdomain, {})
        said = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if jar:
            said.append(("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items())))
        answer = self.client.ask(method, path, subdomain=subdomain, headers=said)
        for key, value in answer.headers:
            if key.lower() == "set-cookie":
                name, _, rest = value.partition("=")
                content = rest.partition(";")[0]
                jar.pop(name, None)
                if content and "expires=Thu, 01" not in value.replace("Expires", "expires"):
                    jar[name] = content
        return answer

    def log_in(self, path: str, subdomain: str = "") -> Answer:
        """Opens a page, logs in where it is sent, and is back at the page."""
        sent = self.get(path, subdomain)
        assert sent.status == 302, sent
        answer = self.come_back(sent, subdomain)
        assert answer.status == 302, answer
        return self.get(urlsplit(answer.header("Location")).path, subdomain)

    def come_back(self, sent: Answer, subdomain: str = "") -> Answer:
        """Logs in where a page has sent it; the gateway's answer to what the provider says."""
        with urllib.request.build_opener(NoRedirects).open(sent.header("Location")) as provider:
            back = urlsplit(provider.headers["Location"])
        return self.get(f"{back.path}?{back.query}", subdomain)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """Shows where an answer leads, and stays."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        return urllib.response.addinfourl(fp, headers, req.full_url, code)
