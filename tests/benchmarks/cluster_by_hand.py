"""A Kubernetes cluster made by hand: servers, and then kubeadm over ssh, as its manual says.

The peer of `KubernetesCluster`: tokens instead of certificates made beforehand, no load balancer,
nothing kept. The servers' time and kubeadm's are told apart.
"""

import json
import secrets
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from cumulo.infra.kubernetes.addons.flannel import flannel
from openstack.connection import Connection

from tests.fake_cloud import FakeCloud

PREFIX = "cluster-by-hand"
CIDR = "192.168.62.0/24"
PODS = "10.244.0.0/16"
FLAVOR = "m1.medium"
DEADLINE = 600


@dataclass(frozen=True)
class Took:
    """Seconds.

    Attributes:
        servers: From the first server's create to an answer of every one's ssh.
        kubeadm: From `kubeadm init` on running servers to all nodes Ready.
    """

    servers: float
    kubeadm: float


@dataclass(frozen=True)
class _Server:
    name: str
    address: str
    private: str
    key: Path

    def run(self, command: str, stdin: str | None = None) -> str:
        options = ("StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR")
        words = [word for option in options for word in ("-o", option)]
        run = subprocess.run(
            [
                "ssh",
                *words,
                "-i",
                str(self.key),
                f"debian@{self.address}",
                f"sudo sh -c '{command}'",
            ],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if run.returncode:
            raise RuntimeError(f"{self.name}: {command}:\n{run.stdout}{run.stderr}")
        return run.stdout


def make(
    cloud: Connection, image: str, version: str, control: int, workers: int, folder: Path
) -> Took:
    """Makes a cluster in a project of its own, whose purge takes it away; says what it took.

    Args:
        cloud: The project.
        image: The node image's name.
        version: The image's Kubernetes.
        control: How many servers the control plane has.
        workers: How many other nodes there are.
        folder: For the key.
    """
    key = folder / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    names = [f"{PREFIX}-control-{n}" for n in range(control)]
    names += [f"{PREFIX}-worker-{n}" for n in range(workers)]
    ports = _network(cloud, key, names)
    with ThreadPoolExecutor(len(names)) as pool:
        began = time.monotonic()
        servers = list(pool.map(lambda name: _server(cloud, image, key, name, *ports[name]), names))
        ready = time.monotonic()
        _kubeadm(servers[:control], servers[control:], version, pool)
        cloud.compute.delete_keypair(PREFIX)
        return Took(ready - began, time.monotonic() - ready)


def _network(cloud: Connection, key: Path, names: list[str]) -> dict[str, tuple[str, str, str]]:
    """Ports on a network that lets everything in: id, private and public address, by name."""
    external = cloud.network.find_network("public", ignore_missing=False)
    cloud.compute.create_keypair(name=PREFIX, public_key=key.with_suffix(".pub").read_text())
    network = cloud.network.create_network(name=PREFIX)
    subnet = cloud.network.create_subnet(
        name=PREFIX, network_id=network.id, cidr=CIDR, ip_version=4
    )
    router = cloud.network.create_router(
        name=PREFIX, external_gateway_info={"network_id": external.id}
    )
    cloud.network.add_interface_to_router(router, subnet=subnet.id)
    group = cloud.network.create_security_group(name=PREFIX)
    cloud.network.create_security_group_rule(
        security_group_id=group.id, direction="ingress", ethertype="IPv4"
    )
    ports = {}
    for name in names:
        port = cloud.network.create_port(
            name=name, network_id=network.id, security_group_ids=[group.id]
        )
        address = cloud.network.create_ip(floating_network_id=external.id, port_id=port.id)
        ports[name] = (port.id, port.fixed_ips[0]["ip_address"], address.floating_ip_address)
    return ports


def _server(
    cloud: Connection, image: str, key: Path, name: str, port: str, private: str, address: str
) -> _Server:
    created: Any = cloud.compute.create_server(
        name=name,
        image_id=cloud.image.find_image(image, ignore_missing=False).id,
        flavor_id=cloud.compute.find_flavor(FLAVOR, ignore_missing=False).id,
        networks=[{"port": port}],
        key_name=PREFIX,
        config_drive=True,
    )
    cloud.compute.wait_for_server(created, interval=0.3, wait=DEADLINE)
    server = _Server(name, address, private, key)
    end = time.monotonic() + DEADLINE
    while True:
        try:
            with socket.create_connection((address, 22), timeout=2):
                pass
            server.run("systemctl is-active containerd")
        except (OSError, RuntimeError):
            if time.monotonic() > end:
                raise
            time.sleep(0.3)
        else:
            return server


def _kubeadm(
    control: list[_Server], workers: list[_Server], version: str, pool: ThreadPoolExecutor
) -> None:
    first, *others = control
    token = f"{secrets.token_hex(3)}.{secrets.token_hex(8)}"
    certificates = secrets.token_hex(32)
    first.run("cat > /root/init.yaml", _init(first, version, token, certificates))
    upload = "--upload-certs" if others else ""
    first.run(f"kubeadm init --config /root/init.yaml {upload}")
    manifests = "".join(f"---\n{json.dumps(each)}\n" for each in _flannel())
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
    first.run(f"{kubectl} apply -f -", manifests)

    def join(server: _Server, key: str | None) -> None:
        server.run("cat > /root/join.yaml", _join(server, first, token, key))
        server.run("kubeadm join --config /root/join.yaml")

    joining = [pool.submit(join, worker, None) for worker in workers]
    # etcd takes one new member at a time.
    for other in others:
        join(other, certificates)
    for one in joining:
        one.result()
    first.run(f"{kubectl} wait --for=condition=Ready node --all --timeout={DEADLINE}s")


def _registration(server: _Server) -> dict[str, Any]:
    return {
        "name": server.name,
        "imagePullPolicy": "IfNotPresent",
        "ignorePreflightErrors": ["SystemVerification", "Mem", "NumCPU"],
        "kubeletExtraArgs": [{"name": "node-ip", "value": server.private}],
    }


def _init(server: _Server, version: str, token: str, certificates: str) -> str:
    api = "kubeadm.k8s.io/v1beta4"
    return _documents(
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "bootstrapTokens": [{"token": token}],
            "certificateKey": certificates,
            "localAPIEndpoint": {"advertiseAddress": server.private},
            "nodeRegistration": _registration(server),
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "kubernetesVersion": f"v{version}",
            "controlPlaneEndpoint": f"{server.private}:6443",
            "networking": {"podSubnet": PODS},
        },
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "oomScoreAdj": 0,
            "conntrack": {"maxPerCore": 0, "min": 0},
        },
    )


def _join(server: _Server, first: _Server, token: str, key: str | None) -> str:
    here = {"localAPIEndpoint": {"advertiseAddress": server.private}, "certificateKey": key}
    return _documents(
        {
            "apiVersion": "kubeadm.k8s.io/v1beta4",
            "kind": "JoinConfiguration",
            "discovery": {
                "bootstrapToken": {
                    "apiServerEndpoint": f"{first.private}:6443",
                    "token": token,
                    "unsafeSkipCAVerification": True,
                }
            },
            "nodeRegistration": _registration(server),
            **({"controlPlane": here} if key else {}),
        }
    )


def _documents(*documents: dict[str, Any]) -> str:
    return "---\n".join(json.dumps(document) + "\n" for document in documents)


def _flannel() -> list[dict[str, Any]]:
    """The manifests of the add-on, which are no other by hand."""
    declared = FakeCloud()
    declared.run(lambda: flannel("flannel", PODS, pulumi.ResourceOptions()))
    return [dict(each.inputs) for each in declared.resources.values()]
