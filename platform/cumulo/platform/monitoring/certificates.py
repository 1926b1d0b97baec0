"""Who may ask the exporters on nodes, where no network policy holds: a certificate says so."""

from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

SERVER: str = "node-exporter"
"""The name in the exporters' certificate: they are asked by their nodes' addresses."""
CLIENT: str = "prometheus"
_HOURS = 10 * 365 * 24


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


class Certificates:
    """An authority of the exporters' own, their certificate, and the one of who may ask them."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        key = _key(f"{name}-nodes-ca", opts)
        authority = tls.SelfSignedCert(
            f"{name}-nodes-ca-certificate",
            private_key_pem=key.private_key_pem,
            is_ca_certificate=True,
            set_subject_key_id=True,
            subject={"common_name": f"{name} nodes"},
            validity_period_hours=_HOURS,
            allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
            opts=opts,
        )
        self.authority: pulumi.Output[str] = authority.cert_pem

        def signed(common_name: str, use: str) -> Pair:
            own = _key(f"{name}-nodes-{common_name}", opts)
            request = tls.CertRequest(
                f"{name}-nodes-{common_name}-request",
                private_key_pem=own.private_key_pem,
                subject={"common_name": common_name},
                dns_names=[common_name],
                opts=opts,
            )
            certificate = tls.LocallySignedCert(
                f"{name}-nodes-{common_name}-certificate",
                cert_request_pem=request.cert_request_pem,
                ca_cert_pem=authority.cert_pem,
                ca_private_key_pem=key.private_key_pem,
                validity_period_hours=_HOURS,
                # The next `up` renews it a month before its end.
                early_renewal_hours=30 * 24,
                allowed_uses=["digital_signature", use],
                opts=opts,
            )
            return Pair(certificate.cert_pem, own.private_key_pem)

        self.server = signed(SERVER, "server_auth")
        self.client = signed(CLIENT, "client_auth")


def _key(name: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    return tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
