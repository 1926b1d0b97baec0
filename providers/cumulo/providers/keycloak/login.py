"""Access tokens: got when the first is needed, and again before one ends."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.keycloak.settings import Settings

_MARGIN: Final = 0.25
"""The part of a token's life in which a new one is asked for already."""
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Send = Callable[[str, dict[str, str]], tuple[int, str]]
"""Posts a form to a URL; the status and the body of the answer."""


@dataclass(frozen=True)
class Token:
    """An access token.

    Attributes:
        value: The token.
        until: When to ask for another, on the monotonic clock.
    """

    value: str = field(repr=False)
    until: float


class Login:
    """Who the provider is to Keycloak, for all threads."""

    def __init__(self, settings: Settings, send: Send) -> None:
        self._settings = settings
        self._send = send
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> Token:
        """A token that is good for a while.

        Raises:
            ProviderError: Keycloak refused the login.
        """
        with self._lock:
            if self._token is None or time.monotonic() >= self._token.until:
                self._token = self._renewed()
            return self._token

    def refused(self, token: Token) -> bool:
        """Forgets a token that Keycloak did not take; whether there may be another."""
        if self._settings.access_token:
            return False
        with self._lock:
            if self._token is token:
                self._token = None
        return True

    def _renewed(self) -> Token:
        given = self._settings
        if given.access_token:
            return Token(given.access_token, float("inf"))
        form = {"client_id": given.client_id} if given.client_id else {}
        if given.client_secret:
            form["client_secret"] = given.client_secret
        if given.assertion:
            form |= {"client_assertion_type": _ASSERTION, "client_assertion": given.assertion}
        if given.username:
            form |= {
                "grant_type": "password",
                "username": given.username,
                "password": given.password,
            }
        else:
            form["grant_type"] = "client_credentials"
        asked = time.monotonic()
        url = f"{given.root}/realms/{given.realm}/protocol/openid-connect/token"
        status, text = self._send(url, form)
        try:
            answer = json.loads(text)
            token, seconds = str(answer["access_token"]), float(answer.get("expires_in") or 60)
        except (ValueError, KeyError, TypeError):
            raise ProviderError(self._refusal(status, text)) from None
        return Token(token, asked + seconds * (1 - _MARGIN))

    def _refusal(self, status: int, text: str) -> str:
        given = self._settings
        who = f"user '{given.username}'" if given.username else f"client '{given.client_id}'"
        try:
            answer = json.loads(text)
            reason = answer.get("error_description") or answer.get("error") or text
        except (ValueError, AttributeError):
            reason = " ".join(text.split())[:200] or "no reason given"
        remedy = "correct the keycloak provider's configuration"
        if status == 404:
            remedy = "correct the keycloak provider's url, basePath or realm"
        return (
            f"Keycloak at {given.root} refused the login of {who} in realm '{given.realm}': "
            f"{reason} (HTTP {status}); {remedy}"
        )
