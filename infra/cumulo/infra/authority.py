"""Certificate authorities of a program's own, whose keys are resources like any other."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

# As long as kubeadm gives its authorities. What needs a new one sooner is replaced.
_HOURS = 10 * 365 * 24


@dataclass(frozen=True)
class Credential:
    """A certificate and its private key, as PEM."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


class Authority:
    """A certificate authority."""

    def __init__(self, name: str, common_name: str, opts: pulumi.ResourceOptions) -> None:
        key = _key(name, opts)
        certificate = tls.SelfSignedCert(
            f"{name}-certificate",
            private_key_pem=key.private_key_pem,
            is_ca_certificate=True,
            set_subject_key_id=True,
            subject={"common_name": common_name},
            validity_period_hours=_HOURS,
            allowed_uses=["cert_signing", "crl_signing", "digital_signature", "key_encipherment"],
            opts=opts,
        )
        self.certificate: pulumi.Output[str] = certificate.cert_pem
        self.key: pulumi.Output[str] = key.private_key_pem

    def client(self, name: str, user: str, group: str, opts: pulumi.ResourceOptions) -> Credential:
        """What authenticates a client as a user in a group, as Kubernetes reads certificates."""
        key = _key(name, opts)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key.private_key_pem,
            subject={"common_name": user, "organization": group},
            opts=opts,
        )
        certificate = tls.LocallySignedCert(
            f"{name}-certificate",
            cert_request_pem=request.cert_request_pem,
            ca_cert_pem=self.certificate,
            ca_private_key_pem=self.key,
            validity_period_hours=_HOURS,
            allowed_uses=["client_auth", "digital_signature", "key_encipherment"],
            opts=opts,
        )
        return Credential(certificate.cert_pem, key.private_key_pem)

    def server(
        self,
        name: str,
        common_name: str,
        opts: pulumi.ResourceOptions,
        *,
        names: Sequence[pulumi.Input[str]],
        addresses: pulumi.Input[Sequence[str]],
    ) -> Credential:
        """What shows clients that a server is who they meant, by its names and its addresses."""
        key = _key(name, opts)
        request = tls.CertRequest(
            f"{name}-request",
            private_key_pem=key.private_key_pem,
            subject={"common_name": common_name},
            dns_names=names,
            ip_addresses=addresses,
            opts=opts,
        )
        certificate = tls.LocallySignedCert(
            f"{name}-certificate",
            cert_request_pem=request.cert_request_pem,
            ca_cert_pem=self.certificate,
            ca_private_key_pem=self.key,
            validity_period_hours=_HOURS,
            allowed_uses=["server_auth", "digital_signature", "key_encipherment"],
            opts=opts,
        )
        return Credential(certificate.cert_pem, key.private_key_pem)


def _key(name: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    return tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
