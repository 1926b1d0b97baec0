"""The keys and certificates of a cluster, made before any of its servers.

So the kubeconfig is known when the servers are not, nobody has to log in to fetch it, and a node
carries its own identity instead of a secret that would let others join.

    cluster CA ─┬─ admin (kubeconfig)        front-proxy CA    etcd CA    service accounts' key
                └─ each node                 └───────── on the control plane only ────────┘
"""

import pulumi
import pulumi_tls as tls
from cumulo.infra.authority import Authority, Credential


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
