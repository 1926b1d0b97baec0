"""Keycloak's admin API over HTTP, shared by all threads."""

import json
import os
import ssl
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties
from cumulo.providers.keycloak.login import Login
from cumulo.providers.keycloak.settings import Settings, settings

if TYPE_CHECKING:
    import urllib3

JSON = dict[str, Any]

_CONNECTIONS: Final = 32
_CHANGE_SECONDS: Final = 120.0
_PAGE: Final = 100
# With the pauses between them, about 20 s.
_TRIES = 8


class Unreachable(ProviderError):
    """Keycloak did not answer."""


class KeycloakError(ProviderError):
    """Keycloak refused a request.

    Attributes:
        status: The HTTP status.
        reason: What Keycloak said.
    """

    def __init__(self, request: str, status: int, reason: str) -> None:
        super().__init__(f"Keycloak refused {request}: {reason} (HTTP {status})")
        self.status = status
        self.reason = reason


class Server:
    """A Keycloak, as the configuration and the environment say."""

    def __init__(self, options: Properties) -> None:
        self.settings: Settings = settings(options)
        self._login = Login(self.settings, self._form)
        self._lock = threading.Lock()
        self._pool: urllib3.PoolManager | None = None
        self._locks: dict[str, threading.RLock] = {}

    def get(self, path: str, **query: str) -> JSON:
        """The object at a path."""
        answer: JSON = self._request("GET", path, query=query)[0]
        return answer

    def find(self, path: str, **query: str) -> JSON | None:
        """The object at a path, or `None` where there is none."""
        try:
            return self.get(path, **query)
        except KeycloakError as error:
            if error.status == 404:
                return None
            raise

    def items(self, path: str, **query: str) -> list[JSON]:
        """The objects of a list that comes whole."""
        answer: list[JSON] = self._request("GET", path, query=query)[0] or []
        return answer

    def pages(self, path: str, **query: str) -> list[JSON]:
        """The objects of a list that comes in pages."""
        found: list[JSON] = []
        while True:
            page = self.items(path, **query, first=str(len(found)), max=str(_PAGE))
            found += page
            if len(page) < _PAGE:
                return found

    def post(self, path: str, body: Any = None) -> str:
        """Makes an object; what its address ends with: the id, or the name of a role."""
        location = self._request("POST", path, body)[1]
        return location.rstrip("/").rsplit("/", 1)[-1]

    def ask(self, path: str, body: Any = None) -> JSON:
        """The answer to a POST that makes no object."""
        answer: JSON = self._request("POST", path, body)[0] or {}
        return answer

    def put(self, path: str, body: Any = None) -> None:
        """Changes an object."""
        self._request("PUT", path, body)

    def delete(self, path: str, body: Any = None) -> bool:
        """Deletes; whether there was anything to delete."""
        try:
            self._request("DELETE", path, body)
        except KeycloakError as error:
            if error.status == 404:
                return False
            raise
        return True

    def renew(self) -> None:
        """Takes a new token, which knows of a realm that was just made."""
        self._login.refused(self._login.current())

    def lock(self, name: str) -> threading.RLock:
        """A lock for what is read, changed and written back."""
        with self._lock:
            return self._locks.setdefault(name, threading.RLock())

    def _request(
        self, method: str, path: str, body: Any = None, query: dict[str, str] | None = None
    ) -> tuple[Any, str]:
        url = self.settings.admin + path + (f"?{urlencode(query)}" if query else "")
        data = None if body is None else json.dumps(body).encode()
        again = True
        while True:
            token = self._login.current()
            headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
            if data is not None:
                headers["Content-Type"] = "application/json"
            status, text, location = self._send(method, url, data, headers)
            # A token may be older than the realm that it is to be used in, and the rights there.
            if status in (401, 403) and again and self._login.refused(token):
                again = False
                continue
            break
        if status >= 400:
            raise KeycloakError(f"{method} {path}", status, _reason(text))
        try:
            return (json.loads(text) if text else None), location
        except ValueError:
            raise ProviderError(
                f"what answers at {self.settings.admin} is no Keycloak: {method} {path} gave no "
                "JSON; correct the keycloak provider's url or basePath"
            ) from None

    def _form(self, url: str, form: dict[str, str]) -> tuple[int, str]:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        # Nothing is made by it, so that it may be asked for again.
        status, text, _ = self._send("POST", url, urlencode(form).encode(), headers, again=True)
        return status, text

    def _send(
        self,
        method: str,
        url: str,
        data: bytes | None,
        headers: dict[str, str],
        *,
        again: bool = False,
    ) -> tuple[int, str, str]:
        import urllib3

        # The SDK fills in a clientTimeout of 5 s. To make a realm's keys, or to delete one, takes
        # a small server longer, and what is given up halfway goes on there: it is waited for.
        seconds = self.settings.seconds
        patient = method != "GET" and not again
        timeout = urllib3.Timeout(
            connect=seconds, read=max(seconds, _CHANGE_SECONDS) if patient else seconds
        )
        # A Keycloak, or the proxy in front of it, that was made a moment ago may not listen yet.
        retries = urllib3.Retry(
            connect=_TRIES,
            read=0 if patient else 3,
            other=1,
            status=_TRIES,
            redirect=0,
            backoff_factor=0.2,
            backoff_max=5.0,
            # Behind a 502, the request may have been carried out.
            status_forcelist={429, 503} if patient else {429, 502, 503},
            allowed_methods=None,
            raise_on_status=False,
        )
        try:
            response = self._pooled().request(
                method,
                url,
                body=data,
                headers={"User-Agent": "cumulo", **self.settings.headers, **headers},
                retries=retries,
                timeout=timeout,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(
                f"cannot reach Keycloak at {self.settings.root}: {_why(error)}; correct the "
                "keycloak provider's url, or give it a longer clientTimeout"
            ) from error
        text = response.data.decode("utf-8", "replace")
        return response.status, text, response.headers.get("Location") or ""

    def _pooled(self) -> "urllib3.PoolManager":
        with self._lock:
            if self._pool is None:
                self._pool = _pool(self.settings)
            return self._pool


def segment(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="")


def in_realm(realm: str) -> str:
    """The path of a realm."""
    return f"/realms/{segment(realm)}"


def _pool(settings: Settings) -> "urllib3.PoolManager":
    import urllib3

    options: dict[str, Any] = {"num_pools": 4, "maxsize": _CONNECTIONS}
    if not settings.verify:
        # It is what the configuration asks for; a warning for each request tells nobody anything.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if settings.root.startswith("https:") or settings.admin.startswith("https:"):
        options["ssl_context"] = _tls(settings)
    return urllib3.PoolManager(**options)


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    try:
        if settings.authority:
            context.load_verify_locations(cadata=settings.authority)
            # Authorities of one's own without a key identifier are common.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    except (ssl.SSLError, ValueError) as error:
        raise ProviderError(
            "the keycloak provider's rootCaCertificate is no PEM certificate"
        ) from error
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        try:
            # The standard library reads it from a file only, which lives no longer than that.
            with tempfile.TemporaryDirectory(prefix="cumulo-") as folder:
                file = Path(folder) / "client.pem"
                with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600), "w") as pem:
                    pem.write(f"{settings.certificate}\n{settings.key}\n")
                context.load_cert_chain(file)
        except ssl.SSLError as error:
            raise ProviderError(
                "the keycloak provider's tlsClientCertificate and tlsClientPrivateKey cannot be "
                f"used: {error.reason or error}"
            ) from error
    return context


def _reason(text: str) -> str:
    """What Keycloak said, out of the shapes in which it says it."""
    try:
        answer = json.loads(text)
    except ValueError:
        return " ".join(text.split())[:500] or "no reason given"
    if not isinstance(answer, dict):
        return text[:500]
    several = answer.get("errors")
    if isinstance(several, list) and several:
        return "; ".join(_one(item) for item in several if isinstance(item, dict))
    return _one(answer)


def _one(answer: JSON) -> str:
    said = answer.get("errorMessage") or answer.get("error_description") or answer.get("error")
    text = str(said or json.dumps(answer)[:500]).rstrip(".")
    field = answer.get("field")
    parameters = ", ".join(str(item) for item in answer.get("params") or [] if item != field)
    detail = f" ({parameters})" if parameters else ""
    return f"{field}: {text}{detail}" if field else text


def _why(error: Exception) -> str:
    """The reason at the bottom of urllib3's wrappers."""
    reason = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split())
    return text.rsplit(": ", 1)[-1] if "object at 0x" in text else text
