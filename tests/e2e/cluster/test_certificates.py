"""The certificates with which kubelets serve: whom the cluster's authority signs one for."""

import base64
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from ipaddress import ip_address
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import NODE, Home, ready, wait
from tests.e2e.cluster.kubectl import Kubectl

pytestmark = pytest.mark.cluster

_REQUEST = Kind("certificates.k8s.io", "v1", "CertificateSigningRequest")
_SERVING = "kubernetes.io/kubelet-serving"


def test_logs_come_from_kubelets_that_the_authority_knows(home: Home, kubectl: Kubectl) -> None:
    for number, node in enumerate(home.cluster.all(NODE, "")):
        name = f"talks-{number}"
        home.apply(
            "Pod",
            name,
            spec={
                "nodeName": node["metadata"]["name"],
                "tolerations": [{"operator": "Exists"}],
                "containers": [
                    {"name": "c", "image": home.image, "args": ["netexec", "--http-port=8080"]}
                ],
            },
        )
        ready(home, name)

        assert "port 8080" in kubectl.ok("logs", name)


@dataclass(frozen=True)
class Asked:
    """A request for a certificate; a kubelet's own unless something is said otherwise."""

    by: str
    groups: tuple[str, ...] = ("system:nodes", "system:authenticated")
    name: str = ""
    organization: str = "system:nodes"
    addresses: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    usages: tuple[str, ...] = ("digital signature", "server auth")

    def pem(self) -> str:
        """It, as whoever asks sends it."""
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, self.organization),
                x509.NameAttribute(NameOID.COMMON_NAME, self.name or self.by),
            ]
        )
        other: list[x509.GeneralName] = [x509.DNSName(name) for name in self.names]
        other += [x509.IPAddress(ip_address(address)) for address in self.addresses]
        built = (
            x509.CertificateSigningRequestBuilder()
            .subject_name(subject)
            .add_extension(x509.SubjectAlternativeName(other), critical=False)
            .sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        )
        return base64.b64encode(built.public_bytes(serialization.Encoding.PEM)).decode()


@pytest.fixture
def ask(cluster: Cluster, kubectl: Kubectl) -> Iterator[Callable[[Asked], str]]:
    """Asks for a certificate in somebody's name; says what the request is called."""
    made: list[dict[str, Any]] = []

    def ask(asked: Asked) -> str:
        item: dict[str, Any] = {
            "apiVersion": _REQUEST.api_version,
            "kind": _REQUEST.name,
            "metadata": {"name": f"e2e-{uuid.uuid4().hex[:8]}"},
            "spec": {
                "signerName": _SERVING,
                "request": asked.pem(),
                "usages": list(asked.usages),
            },
        }
        groups = [f"--as-group={group}" for group in asked.groups]
        kubectl.ok("create", "-f", "-", f"--as={asked.by}", *groups, stdin=json.dumps(item))
        made.append(item)
        return str(item["metadata"]["name"])

    yield ask
    for item in made:
        cluster.delete(item, "Background")


def status(cluster: Cluster, name: str) -> dict[str, Any]:
    live = cluster.read(_REQUEST, "", name)
    assert live is not None
    found: dict[str, Any] = live["status"]
    return found


@pytest.fixture
def honest(cluster: Cluster) -> Asked:
    """What the kubelet of some node asks for."""
    node = cluster.all(NODE, "")[0]
    return Asked(by=f"system:node:{node['metadata']['name']}", addresses=(_address(node),))


def _address(node: Any) -> str:
    (address,) = (
        one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP"
    )
    return str(address)


def test_an_honest_request_is_granted(
    cluster: Cluster, ask: Callable[[Asked], str], honest: Asked
) -> None:
    name = ask(honest)

    signed = wait("a certificate", lambda: status(cluster, name).get("certificate"))

    parsed = x509.load_pem_x509_certificate(base64.b64decode(signed))
    names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == [*honest.addresses]


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        ({"by": "somebody", "groups": ("system:masters",)}, "somebody is not a node"),
        ({"groups": ("system:masters",)}, "is not a node"),
        ({"organization": "system:masters"}, "its organization is"),
        ({"usages": ("server auth", "client auth")}, "it is for client auth as well"),
    ],
)
def test_a_forged_request_is_denied_with_the_reason(
    cluster: Cluster,
    ask: Callable[[Asked], str],
    honest: Asked,
    forged: dict[str, Any],
    why: str,
) -> None:
    name = ask(replace(honest, **forged))

    (condition,) = wait("a decision", lambda: status(cluster, name).get("conditions"))

    assert condition["type"] == "Denied"
    assert why in condition["message"]
    assert "certificate" not in status(cluster, name)


@pytest.mark.parametrize(
    "forged",
    [{"addresses": ("10.99.99.99",)}, {"names": ("kubernetes.default.svc",)}],
    ids=["address", "name"],
)
def test_a_request_for_what_a_node_does_not_have_stays_open(
    cluster: Cluster, ask: Callable[[Asked], str], honest: Asked, forged: dict[str, Any]
) -> None:
    name = ask(replace(honest, **forged))
    later = ask(honest)

    # Each look is at all of them.
    wait("the next one to be granted", lambda: status(cluster, later).get("certificate"))
    time.sleep(5)

    assert status(cluster, name) == {}
