"""The cluster's API over HTTP."""

import json
import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.credentials import Credentials, Login
from cumulo.providers.kubernetes.kubeconfig import Access

if TYPE_CHECKING:
    import urllib3

JSON = dict[str, Any]

_CONNECTIONS: Final = 128
_CONNECT_SECONDS: Final = 10.0
_READ_SECONDS: Final = 60.0


class Unreachable(ProviderError):
    """The API server did not answer."""


class ApiError(ProviderError):
    """The API server refused a request.

    Attributes:
        status: The HTTP status.
        reason: Kubernetes' word for it, like `AlreadyExists`.
        message: What the server said.
        details: Its details.
    """

    def __init__(self, request: str, status: int, answer: JSON) -> None:
        self.status = status
        self.reason = str(answer.get("reason") or "")
        self.message = str(answer.get("message") or "no reason given").strip()
        self.details: JSON = answer.get("details") or {}
        super().__init__(f"the cluster refused {request}: {self.message} (HTTP {status})")

    @property
    def causes(self) -> list[JSON]:
        """What is wrong, by field, where the server says so."""
        return list(self.details.get("causes") or [])


class Api:
    """Requests to one API server, from any thread."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._login = Login(access)
        self._lock = threading.Lock()
        self._pool: urllib3.PoolManager | None = None
        self._pool_for: tuple[str, str] = ("", "")

    def get(self, path: str, **query: str) -> JSON:
        """The answer to a GET."""
        return self.request("GET", path, query=query)

    def find(self, path: str, **query: str) -> JSON | None:
        """The answer to a GET, or `None` where there is nothing."""
        try:
            return self.request("GET", path, query=query)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def text(self, path: str, **query: str) -> str:
        """The answer to a GET of something that is no object, like a log; empty if refused."""
        status, text = self._send("GET", path, query, None, "", patient=False)
        return text if status < 400 else ""

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: dict[str, str] | None = None,
        content: str = "application/json",
        patient: bool = True,
    ) -> JSON:
        """Makes a request.

        Args:
            method: The HTTP method.
            path: The path below the server's URL.
            body: What to send.
            query: The path's query.
            content: What kind of JSON the body is.
            patient: Whether to try again for a while when the server cannot be reached.

        Raises:
            ApiError: The server refused.
            Unreachable: It did not answer.
        """
        status, text = self._send(method, path, query or {}, body, content, patient=patient)
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = {"message": " ".join(text.split())[:500]}
        if not isinstance(answer, dict):
            answer = {"message": str(answer)}
        if status >= 400:
            raise ApiError(f"{method} {path}", status, answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        query: dict[str, str],
        body: Any,
        content: str,
        *,
        patient: bool,
    ) -> tuple[int, str]:
        import urllib3

        url = self.access.server + path + (f"?{urlencode(query)}" if query else "")
        # A server that was asked too much, or that is just starting, says when to come back.
        retries = urllib3.Retry(
            connect=6 if patient else 0,
            read=3,
            other=1,
            status=8,
            redirect=0,
            backoff_factor=0.2,
            backoff_max=5.0,
            status_forcelist={429, 502, 503} if patient else (),
            allowed_methods=None,
            raise_on_status=False,
        )
        data = None if body is None else json.dumps(body).encode()
        again = True
        while True:
            credentials = self._login.current()
            headers = self._headers(credentials, content if data is not None else "")
            try:
                response = self._pooled(credentials).request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    retries=retries,
                    timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
                )
            except urllib3.exceptions.HTTPError as error:
                raise Unreachable(
                    f"cannot reach the cluster at {self.access.server} "
                    f"({self.access.source}): {_why(error)}"
                ) from error
            if response.status == 401 and again and self._login.refused(credentials):
                again = False
                continue
            if response.status == 401:
                raise ProviderError(
                    f"the cluster at {self.access.server} refused the credentials of "
                    f"{self.access.source}; correct them there"
                )
            return response.status, response.data.decode("utf-8", "replace")

    def _headers(self, credentials: Credentials, content: str) -> dict[str, str]:
        import urllib3

        headers = {"Accept": "application/json", "User-Agent": "cumulo", **self.access.impersonate}
        if content:
            headers["Content-Type"] = content
        if credentials.token:
            headers["Authorization"] = f"Bearer {credentials.token}"
        elif self.access.username:
            basic = f"{self.access.username}:{self.access.password}"
            headers["Authorization"] = urllib3.make_headers(basic_auth=basic)["authorization"]
        return headers

    def _pooled(self, credentials: Credentials) -> "urllib3.PoolManager":
        """The connections, which belong to a client certificate where there is one."""
        pool_for = (credentials.certificate, credentials.key)
        with self._lock:
            if self._pool is None or self._pool_for != pool_for:
                self._pool = _pool(self.access, credentials)
                self._pool_for = pool_for
            return self._pool


def _pool(access: Access, credentials: Credentials) -> "urllib3.PoolManager":
    import urllib3

    options: dict[str, Any] = {"num_pools": 2, "maxsize": _CONNECTIONS}
    if not access.verify:
        # It is what the kubeconfig asks for; a warning for each request tells nobody anything.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if access.server.startswith("https:"):
        options["ssl_context"] = _tls(access, credentials)
        if access.server_name:
            options["server_hostname"] = access.server_name
            options["assert_hostname"] = access.server_name
    proxy = access.proxy or _environments_proxy(access.server)
    if proxy:
        return urllib3.ProxyManager(proxy, **options)
    return urllib3.PoolManager(**options)


def _tls(access: Access, credentials: Credentials) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cadata=access.authority or None)
        # kubectl does not ask for more either: authorities without a key identifier are common.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not access.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if credentials.certificate:
            # The standard library reads it from a file only, which lives no longer than that.
            with tempfile.TemporaryDirectory(prefix="cumulo-") as folder:
                file = Path(folder) / "client.pem"
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as pem:
                    pem.write(f"{credentials.certificate}\n{credentials.key}\n")
                context.load_cert_chain(file)
    except ssl.SSLError as error:
        raise ProviderError(
            f"the certificates of {access.source} cannot be used: {error.reason or error}"
        ) from error
    return context


def _environments_proxy(server: str) -> str:
    import urllib.request

    url = urlsplit(server)
    if urllib.request.proxy_bypass(url.netloc):
        return ""
    return urllib.request.getproxies().get(url.scheme, "")


def _why(error: Exception) -> str:
    """The reason at the bottom of urllib3's wrappers."""
    reason = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split())
    return text.rsplit(": ", 1)[-1] if "object at 0x" in text else text
