"""What `allowedUses` may say."""

from typing import Any, Final

KEY_USES: Final = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
"""Bits of the key usage, and how `cryptography` calls them."""

EXTENDED_USES: Final = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}
"""Purposes of the extended key usage, by their object identifiers."""


def check(values: list[Any]) -> str | None:
    """What is wrong with a list of uses."""
    allowed = sorted({*KEY_USES, *EXTENDED_USES})
    unknown = [value for value in values if value not in allowed]
    if unknown:
        return f"has {unknown[0]!r}, which is none of {', '.join(allowed)}"
    for narrow in ("encipher_only", "decipher_only"):
        if narrow in values and "key_agreement" not in values:
            return f"has '{narrow}', which means nothing without 'key_agreement'"
    return None
