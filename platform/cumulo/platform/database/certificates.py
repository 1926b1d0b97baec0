"""The database's own authority: its server's certificate, and the one of who asks for backups."""

from dataclasses import dataclass

import pulumi
import pulumi_tls as tls
from cumulo.platform.database.server_files import CONTROL_USER

_YEAR = 365 * 24
_HOURS = 10 * _YEAR


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


class Certificates:
    """An authority of the database's own, and what it has signed."""

    def __init__(
        self, name: str, hosts: list[pulumi.Input[str]], opts: pulumi.ResourceOptions
    ) -> None:
        key = _key(f"{name}-ca", opts)
        authority = tls.SelfSignedCert(
            f"{name}-ca-certificate",
            private_key_pem=key.private_key_pem,
            is_ca_certificate=True,
            set_subject_key_id=True,
            subject={"common_name": f"{name} database"},
            validity_period_hours=_HOURS,
            allowed_uses=["cert_signing", "crl_signing", "digital_signature"],
            opts=opts,
        )
        self.authority: pulumi.Output[str] = authority.cert_pem

        def signed(
            part: str,
            common_name: pulumi.Input[str],
            names: list[pulumi.Input[str]],
            uses: list[str],
        ) -> Pair:
            own = _key(f"{name}-{part}", opts)
            request = tls.CertRequest(
                f"{name}-{part}-request",
                private_key_pem=own.private_key_pem,
                subject={"common_name": common_name},
                dns_names=names,
                opts=opts,
            )
            certificate = tls.LocallySignedCert(
                f"{name}-{part}-certificate",
                cert_request_pem=request.cert_request_pem,
                ca_cert_pem=authority.cert_pem,
                ca_private_key_pem=key.private_key_pem,
                validity_period_hours=_HOURS,
                # The next `up` renews it a month before its end.
                early_renewal_hours=30 * 24,
                allowed_uses=["digital_signature", *uses],
                opts=opts,
            )
            return Pair(certificate.cert_pem, own.private_key_pem)

        self.server = signed("server", name, hosts, ["server_auth"])
        self.control = signed("backup", CONTROL_USER, [], ["client_auth"])


def _key(name: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    return tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
