"""Whom a certificate is for: its subject and its alternative names."""

import ipaddress
from typing import Final

from cryptography import x509
from cryptography.x509.oid import NameOID, ObjectIdentifier
from cumulo.providers.core.values import Properties

# In the order in which Go, and so the official provider, writes them.
_PARTS: Final[tuple[tuple[str, ObjectIdentifier], ...]] = (
    ("country", NameOID.COUNTRY_NAME),
    ("organization", NameOID.ORGANIZATION_NAME),
    ("organizationalUnit", NameOID.ORGANIZATIONAL_UNIT_NAME),
    ("locality", NameOID.LOCALITY_NAME),
    ("province", NameOID.STATE_OR_PROVINCE_NAME),
    ("streetAddresses", NameOID.STREET_ADDRESS),
    ("postalCode", NameOID.POSTAL_CODE),
    ("commonName", NameOID.COMMON_NAME),
    ("serialNumber", NameOID.SERIAL_NUMBER),
    ("emailAddress", NameOID.EMAIL_ADDRESS),
)


def subject(given: Properties | None) -> x509.Name:
    """The distinguished name of a `subject` property."""
    parts = []
    for key, identifier in _PARTS:
        value = (given or {}).get(key) or []
        texts = value if isinstance(value, list) else [value]
        attributes = [x509.NameAttribute(identifier, text) for text in texts if text]
        if attributes:
            parts.append(x509.RelativeDistinguishedName(attributes))
    return x509.Name(parts)


def alternatives(inputs: Properties) -> x509.SubjectAlternativeName | None:
    """The extension for `dnsNames`, `ipAddresses` and `uris`."""
    names: list[x509.GeneralName] = [
        *(x509.DNSName(name) for name in inputs.get("dnsNames") or ()),
        *(x509.IPAddress(ipaddress.ip_address(one)) for one in inputs.get("ipAddresses") or ()),
        *(x509.UniformResourceIdentifier(uri) for uri in inputs.get("uris") or ()),
    ]
    return x509.SubjectAlternativeName(names) if names else None
