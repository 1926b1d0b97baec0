"""The keys and certificates of a cluster, made before any of its servers.

So the kubeconfig is known when the servers are not, nobody has to log in to fetch it, and a node
carries its own identity instead of a secret that would let others join.

    cluster CA ─┬─ admin (kubeconfig)        front-proxy CA    etcd CA    service accounts' key
                └─ each node                 └───────── on the control plane only ────────┘
"""

from dataclasses import dataclass

import pulumi
import pulumi_tls as tls

# As long as kubeadm gives its authorities. Kubelet renews a node's certificate by itself.
_HOURS = 10 * 365 * 24


@dataclass(frozen=True)
class Credential:
    """A certificate and its private key, as PEM."""

    certificate: pulumi.Output[str]
    key: pulumi.Output[str]


class Authority:
    """A certificate authority of a cluster."""

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


class Pki:
    """What a cluster's servers and its administrator trust and are trusted by."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        self.cluster = Authority(f"{name}-ca", "kubernetes", opts)
        self.front_proxy = Authority(f"{name}-front-proxy-ca", "front-proxy-ca", opts)
        self.etcd = Authority(f"{name}-etcd-ca", "etcd-ca", opts)
        # Not all that verify service accounts' tokens know elliptic curves.
        accounts = tls.PrivateKey(
            f"{name}-service-accounts", algorithm="RSA", rsa_bits=2048, opts=opts
        )
        self.service_accounts = Credential(accounts.public_key_pem, accounts.private_key_pem)
        self.admin = self.cluster.client(
            f"{name}-admin", "kubernetes-admin", "system:masters", opts
        )

    def node(self, name: str, hostname: str, opts: pulumi.ResourceOptions) -> Credential:
        """A node's identity: Kubernetes lets it do what concerns that node, and nothing else."""
        return self.cluster.client(name, f"system:node:{hostname}", "system:nodes", opts)


def _key(name: str, opts: pulumi.ResourceOptions) -> tls.PrivateKey:
    return tls.PrivateKey(f"{name}-key", algorithm="ECDSA", ecdsa_curve="P256", opts=opts)
