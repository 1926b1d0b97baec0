"""Properties that several types have, and what is wrong with their values."""

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.schema import INTEGER, STRING, Field, ListOf, Object, One
from cumulo.providers.core.values import Properties

PEM_LABELS: Final = {
    "certificate": "CERTIFICATE",
    "certificate request": "CERTIFICATE REQUEST",
}


def hours(value: int) -> str | None:
    """What is wrong with a number of hours."""
    if value < 0:
        return f"must be at least 0, not {value}"
    try:
        datetime.now(UTC) + timedelta(hours=value)
    except OverflowError:
        return f"is too long: {value} hours from now the year has more than four digits"
    return None


def private_key(value: str) -> str | None:
    """What is wrong with a private key in PEM form."""
    from cumulo.providers.tls import keys

    try:
        keys.load(value)
    except keys.KeyFormError as error:
        return str(error)
    return None


def pem(noun: str) -> Callable[[str], str | None]:
    """Says what is wrong with a PEM block of a kind."""
    label = PEM_LABELS[noun]

    def check(value: str) -> str | None:
        from cryptography import x509

        load = {
            "CERTIFICATE": x509.load_pem_x509_certificate,
            "CERTIFICATE REQUEST": x509.load_pem_x509_csr,
        }[label]
        try:
            load(value.encode())
        except ValueError:
            return f"must be a {noun} in PEM form, a block of '{label}'"
        return None

    return check


def _each(wrong: Callable[[str], str | None]) -> Callable[[list[Any]], str | None]:
    def check(values: list[Any]) -> str | None:
        for value in values:
            if reason := wrong(value):
                return f"has {value!r}, which {reason}"
        return None

    return check


def _dns_name(value: str) -> str | None:
    if value.isascii() and re.fullmatch(r"[^\s]+", value):
        return None
    return "is no DNS name; write international names in their xn-- form"


def _ip_address(value: str) -> str | None:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return "is no IP address"
    return None


def _uri(value: str) -> str | None:
    if value.isascii() and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*:\S+", value):
        return None
    return "is no URI: it needs a scheme, as in https://example.org/"


def _at_most(count: int) -> Callable[[str], str | None]:
    # X.509 sets these bounds, and readers of certificates rely on them.
    def check(value: str) -> str | None:
        return None if len(value) <= count else f"must have at most {count} characters"

    return check


def _country(value: str) -> str | None:
    if not value or re.fullmatch(r"[A-Za-z]{2}", value):
        return None
    return f"must be a country's two letters, not {value!r}"


def _ascii(value: str) -> str | None:
    return None if value.isascii() else "must be ASCII"


NAMES: Final = {
    "dnsNames": Field(ListOf(STRING), replace=True, check=_each(_dns_name)),
    "ipAddresses": Field(ListOf(STRING), replace=True, check=_each(_ip_address)),
    "uris": Field(ListOf(STRING), replace=True, check=_each(_uri)),
}

_PART = Field(replace=True)

SUBJECT: Final = Field(
    One(
        Object(
            {
                "commonName": Field(replace=True, check=_at_most(64)),
                "country": Field(replace=True, check=_country),
                "emailAddress": Field(replace=True, check=_ascii),
                "locality": _PART,
                "organization": _PART,
                "organizationalUnit": _PART,
                "postalCode": _PART,
                "province": _PART,
                "serialNumber": _PART,
                "streetAddresses": Field(ListOf(STRING), replace=True),
            }
        )
    ),
    replace=True,
)


def key_fields(name: str) -> dict[str, Field]:
    """A private key's three properties: itself, and the one that is not kept in the outputs."""
    return {
        name: Field(secret=True, replace=True, check=private_key),
        f"{name}Wo": Field(secret=True, write_only=True, excludes=(name,), check=private_key),
        f"{name}WoVersion": Field(INTEGER, replace=True),
    }


def check_key(name: str, inputs: Properties) -> list[Failure]:
    """What is wrong with the three properties together."""
    secret, version = f"{name}Wo", f"{name}WoVersion"
    if name not in inputs and secret not in inputs:
        return [Failure(name, f"is required, or '{secret}'")]
    if secret in inputs and version not in inputs:
        return [Failure(version, f"is required beside '{secret}': raise it when the key changes")]
    if version in inputs and secret not in inputs:
        return [Failure(version, f"needs '{secret}'")]
    return []


def given_key(name: str, inputs: Properties) -> str:
    """The private key that the program gave, in either property."""
    return str(inputs.get(name) or inputs[f"{name}Wo"])
