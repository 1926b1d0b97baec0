"""The provider's configuration, as the official provider has it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain

_VARIABLES: Final[Mapping[str, str]] = {
    "accessToken": "KEYCLOAK_ACCESS_TOKEN",
    "adminUrl": "KEYCLOAK_ADMIN_URL",
    "basePath": "KEYCLOAK_BASE_PATH",
    "clientId": "KEYCLOAK_CLIENT_ID",
    "clientSecret": "KEYCLOAK_CLIENT_SECRET",
    "clientTimeout": "KEYCLOAK_CLIENT_TIMEOUT",
    "jwtToken": "KEYCLOAK_JWT_TOKEN",
    "jwtTokenFile": "KEYCLOAK_JWT_TOKEN_FILE",
    "password": "KEYCLOAK_PASSWORD",
    "realm": "KEYCLOAK_REALM",
    "url": "KEYCLOAK_URL",
    "username": "KEYCLOAK_USER",
}

CONFIG: Final = frozenset(
    {
        *_VARIABLES,
        "additionalHeaders",
        "initialLogin",
        "jwtSigningAlg",
        "jwtSigningKey",
        "keycloakVersion",
        "redHatSso",
        "rootCaCertificate",
        "tlsClientCertificate",
        "tlsClientPrivateKey",
        "tlsInsecureSkipVerify",
    }
)
"""The official provider's configuration keys."""

_UNSUPPORTED: Final[Mapping[str, str]] = {
    "jwtSigningKey": "give clientSecret, or a signed jwtToken",
    "redHatSso": "leave it out",
}
"""Keys that ask for what this provider does not do, and what to do instead."""

_SECONDS: Final = 15.0
_SCHEMES: Final = ("http://", "https://")


@dataclass(frozen=True)
class Settings:
    """Where Keycloak is, and how to log in.

    Attributes:
        root: The URL that tokens come from, with the base path, without a slash at the end.
        admin: The same of the admin API.
        realm: The realm to log in to.
        client_id: The client to log in as.
        client_secret: Its secret; empty for a public client.
        username: The user to log in as; empty to log in as the client itself.
        password: The user's password.
        access_token: A token that was got elsewhere; empty to log in.
        assertion: A signed JWT in the place of the client's secret.
        authority: PEM certificates that the server's may be signed by, beside the system's.
        certificate: The client's own certificate as PEM.
        key: Its private key as PEM.
        verify: Whether the server's certificate must be good.
        seconds: How long a connection may take, and how long the server may take for an answer
            that can be asked for again.
        headers: Headers of each request.
    """

    root: str
    admin: str
    realm: str = "master"
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    assertion: str = field(default="", repr=False)
    authority: str = ""
    certificate: str = ""
    key: str = field(default="", repr=False)
    verify: bool = True
    seconds: float = _SECONDS
    headers: Mapping[str, str] = field(default_factory=dict)


def settings(options: Properties) -> Settings:
    """The settings, where the configuration wins over the environment.

    Raises:
        ProviderError: Something is missing, wrong, or only known after an `up`.
    """
    given = plain(options)
    unknown = sorted(key for key in CONFIG if has_unknown(given.get(key)))
    if unknown:
        raise ProviderError(
            f"the keycloak provider's '{unknown[0]}' is not known yet: Keycloak cannot be asked "
            "before the resources are made that it comes from"
        )
    failures = check(given)
    if failures:
        raise ProviderError("; ".join(f"'{each.path}' {each.reason}" for each in failures))
    base = _text(given, "basePath").strip("/")
    path = f"/{base}" if base else ""
    root = _text(given, "url").rstrip("/") + path
    admin = _text(given, "adminUrl").rstrip("/")
    return Settings(
        root=root,
        admin=(admin + path if admin else root) + "/admin",
        realm=_text(given, "realm") or "master",
        client_id=_text(given, "clientId"),
        client_secret=_text(given, "clientSecret"),
        username=_text(given, "username"),
        password=_text(given, "password"),
        access_token=_text(given, "accessToken"),
        assertion=_assertion(given),
        authority=_text(given, "rootCaCertificate"),
        certificate=_text(given, "tlsClientCertificate"),
        key=_text(given, "tlsClientPrivateKey"),
        verify=not _switch(given, "tlsInsecureSkipVerify"),
        seconds=float(_text(given, "clientTimeout") or _SECONDS),
        headers=_mapping(given.get("additionalHeaders")),
    )


def check(options: Properties) -> list[Failure]:
    """What is wrong with the configuration, as far as it is known."""
    given = plain(options)
    failures = [
        Failure(key, f"is not supported by cumulo's keycloak provider: {remedy}")
        for key, remedy in _UNSUPPORTED.items()
        if given.get(key) not in (None, "", False, "false", UNKNOWN)
    ]

    def known(key: str) -> bool:
        return given.get(key) is not UNKNOWN

    for key in ("url", "adminUrl"):
        if not known(key):
            continue
        value = _text(given, key)
        if value and not value.startswith(_SCHEMES):
            failures.append(Failure(key, f"must begin with http:// or https://, unlike {value!r}"))
    if known("url") and not _text(given, "url"):
        failures.append(Failure("url", "is required: set keycloak:url or KEYCLOAK_URL"))
    seconds = given.get("clientTimeout")
    if known("clientTimeout") and not _positive(_text(given, "clientTimeout") or _SECONDS):
        failures.append(Failure("clientTimeout", f"must be a number of seconds, not {seconds!r}"))
    failures += _check_login(given)
    return failures


def _check_login(given: Properties) -> list[Failure]:
    keys = ("accessToken", "clientId", "jwtToken", "jwtTokenFile", "password", "username")
    if any(given.get(key) is UNKNOWN for key in (*keys, "clientSecret")):
        return []
    value = {key: _text(given, key) for key in (*keys, "clientSecret")}
    if value["accessToken"]:
        return []
    if bool(value["username"]) != bool(value["password"]):
        missing = "password" if value["username"] else "username"
        return [Failure(missing, f"is required beside the other: set it or {_VARIABLES[missing]}")]
    if not value["clientId"] and not (value["jwtToken"] or value["jwtTokenFile"]):
        return [
            Failure(
                "clientId",
                "is required: set it or KEYCLOAK_CLIENT_ID; admin-cli for an administrator's "
                "username and password",
            )
        ]
    ways = ("password", "clientSecret", "jwtToken", "jwtTokenFile")
    if not any(value[key] for key in ways):
        return [
            Failure(
                "clientSecret",
                "is required: set it or KEYCLOAK_CLIENT_SECRET; or username and password",
            )
        ]
    return []


def _assertion(given: Properties) -> str:
    token, file = _text(given, "jwtToken"), _text(given, "jwtTokenFile")
    if token or not file:
        return token
    try:
        return Path(file).read_text("utf-8").strip()
    except OSError as error:
        raise ProviderError(f"'jwtTokenFile' cannot be read: {error.strerror} ({file})") from error


def _text(given: Properties, key: str) -> str:
    value = given.get(key)
    if value in (None, "") and key in _VARIABLES:
        value = os.environ.get(_VARIABLES[key])
    return "" if value is None else str(value)


def _switch(given: Properties, key: str) -> bool:
    return str(given.get(key, "")).lower() == "true"


def _positive(value: Any) -> bool:
    try:
        return float(value) > 0
    except ValueError:
        return False


def _mapping(value: Any) -> dict[str, str]:
    # The engine hands a provider's configuration over as text.
    if isinstance(value, str):
        import json

        try:
            value = json.loads(value) if value else {}
        except ValueError:
            value = None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ProviderError("'additionalHeaders' must be an object of texts")
    return {str(key): str(item) for key, item in value.items()}
