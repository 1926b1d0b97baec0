"""What cloud-init does on the servers of a cluster: each file, and the one unit that it starts.

Plain functions of plain values: what they return is all that a server is ever told. The unit runs
at every boot until it has succeeded once, and says on the console what it is at, so that Nova's
console log tells why a node is missing.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cumulo.infra.kubernetes import mirror as registry_mirror
from cumulo.infra.kubernetes.mirror import Mirror
from cumulo.infra.versions import COREDNS

API_PORT = 6443
_ETCD_PKI = "/etc/kubernetes/pki/etcd"
ETCDCTL = (
    "etcdctl",
    f"--cacert={_ETCD_PKI}/ca.crt",
    f"--cert={_ETCD_PKI}/healthcheck-client.crt",
    f"--key={_ETCD_PKI}/healthcheck-client.key",
)
"""How to talk to etcd from within its container."""

_SOCKET = "unix:///run/containerd/containerd.sock"
_SEED = "/etc/kubernetes/seed"
_DISCOVERY = f"{_SEED}/admin.conf"
# Flavors are chosen by whoever declares the cluster, and instances may be containers.
_IGNORED = ["SystemVerification", "Mem", "NumCPU"]

_API_ARGUMENTS = {
    # kubeadm's one, and leave for pods that ask for a GPU to pass the taint of nodes with some.
    "enable-admission-plugins": "NodeRestriction,ExtendedResourceToleration",
    # What a kubelet is asked for, such as secrets on their way into a pod, is for no one else.
    "kubelet-certificate-authority": "/etc/kubernetes/pki/ca.crt",
}

_UNIT = """\
[Unit]
Description=Makes this server a part of its Kubernetes cluster
ConditionPathExists=!/var/lib/kubernetes-join/done
Wants=network-online.target containerd.service
After=network-online.target containerd.service
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/kubernetes-join
Restart=on-failure
RestartSec=5

[Install]
WantedBy=multi-user.target
"""

# Pods are forwarded; only root on the node itself may ask who the node is.
_GUARD = """\
table inet metadata_guard
delete table inet metadata_guard
table inet metadata_guard {
  chain forward {
    type filter hook forward priority -10;
    ip daddr 169.254.169.254 drop
  }
  chain output {
    type filter hook output priority -10;
    ip daddr 169.254.169.254 meta skuid != 0 drop
  }
}
"""

_GUARD_UNIT = """\
[Unit]
Description=Keeps pods away from the server's metadata
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft --file /etc/kubernetes/metadata-guard.nft

[Install]
WantedBy=multi-user.target
"""

_BEGIN = """\
#!/bin/sh
set -eu
say() {{ echo "kubernetes-join: $*" | tee /dev/console; }}
trap 'code=$?; [ $code = 0 ] || {{ say "failed ($code); the last of it:"; \
tail -n 20 /var/log/kubernetes-join.log | tee /dev/console; }}' EXIT
run() {{ say "$1"; shift; "$@" >> /var/log/kubernetes-join.log 2>&1; }}
address=$(ip -4 route get {endpoint} | sed -n 's/.* src \\([0-9.]*\\).*/\\1/p')
[ -n "$address" ] || {{ say "no way to {endpoint} yet"; exit 1; }}
mkdir -p /var/lib/kubernetes-join
"""

_END = """\
touch /var/lib/kubernetes-join/done
say "done"
"""

_CONTROL_PLANE = """\
mkdir -p /etc/kubernetes/pki/etcd
cp {seed}/pki/*.* /etc/kubernetes/pki/
cp {seed}/pki/etcd/* /etc/kubernetes/pki/etcd/
sed "s/@ADDRESS@/$address/g" {seed}/init.yaml > /run/kubernetes-init.yaml
sed "s/@ADDRESS@/$address/g" {seed}/join.yaml > /run/kubernetes-join.yaml
kubectl="kubectl --kubeconfig {discovery}"
answers() {{
    $kubectl --request-timeout 2s get --raw /readyz >/dev/null 2>&1
}}
# Of a server that was lost, etcd still counts the vote; its successor has its address and its name.
forget() {{
    for peer in $($kubectl -n kube-system get pods -l component=etcd -o name); do
        [ "$peer" != "pod/etcd-{host}" ] || continue
        etcdctl="timeout 20 $kubectl -n kube-system exec $peer -- {etcdctl}"
        members=$($etcdctl member list 2>/dev/null) || continue
        member=$(echo "$members" | sed -n "s|^\\([0-9a-f]*\\), .*, https://$address:2380, .*|\\1|p")
        [ -z "$member" ] ||
            run "taking its predecessor out of etcd" $etcdctl member remove "$member"
        break
    done
    run "forgetting its predecessor" $kubectl delete node {host} --ignore-not-found
}}
join() {{
    if [ -e /var/lib/kubernetes-join/joins ]; then
        run "clearing away a first try" kubeadm reset --force
        mkdir -p /etc/kubernetes/pki/etcd
        cp {seed}/pki/*.* /etc/kubernetes/pki/
        cp {seed}/pki/etcd/* /etc/kubernetes/pki/etcd/
    fi
    touch /var/lib/kubernetes-join/joins
    forget
    # It waits for this to be there, and needs nothing that would be in it.
    $kubectl -n kube-public create configmap cluster-info >/dev/null 2>&1 || true
    run "joining the control plane" kubeadm join --config /run/kubernetes-join.yaml
}}
"""

# Whoever was first may come back to a cluster that others have kept. To make a second one would
# lose the first, and one question in three comes back to this server as long as the load balancer
# has not missed its predecessor: so it is asked more than once.
_FIRST = """\
kept() {{
    [ ! -e /var/lib/kubernetes-join/initializes ] || return 1
    for _ in 1 2 3 4 5 6 7 8; do
        ! answers || return 0
    done
    return 1
}}
if kept; then
    join
else
    # What a first try has left is in nobody's way.
    again=DirAvailable--var-lib-etcd,Port-6443,Port-10259,Port-10257,Port-10250,Port-2379,Port-2380
    for part in kube-apiserver kube-controller-manager kube-scheduler etcd; do
        again=$again,FileAvailable--etc-kubernetes-manifests-$part.yaml
    done
    [ -e /var/lib/kubernetes-join/initializes ] || again=none
    touch /var/lib/kubernetes-join/initializes
    run "making the cluster" kubeadm init --config /run/kubernetes-init.yaml \
--ignore-preflight-errors "$again"
fi
"""

_OTHER = """\
say "waiting for the API at {endpoint}"
until answers; do sleep 1; done
join
"""

_WORKER = """\
sed "s/@ADDRESS@/$address/g" {seed}/kubelet.env > /var/lib/kubelet/kubeadm-flags.env
mkdir -p /var/lib/kubelet/pki
[ -e /var/lib/kubelet/pki/kubelet-client-current.pem ] || \
install -m 600 {seed}/node.pem /var/lib/kubelet/pki/kubelet-client-current.pem
install -m 644 {seed}/kubelet.yaml /var/lib/kubelet/config.yaml
"""

# Kubelet would take up the node of the server before this one, and have none as soon as the cloud
# controller manager removes it for that server's sake.
_PREDECESSOR = """\
server=$(cat /var/lib/cloud/data/instance-id)
predecessor() {{
    known=$(timeout 5 kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 2s \
get node {host} --ignore-not-found --output 'jsonpath={{.spec.providerID}}' 2>/dev/null) || known=
    [ -n "$known" ] && [ "${{known##*/}}" != "$server" ]
}}
if predecessor; then
    say "waiting for the cluster to forget the server before this one, for 300 s at most"
    tries=150
    while [ $tries -gt 0 ] && predecessor; do sleep 2; tries=$((tries - 1)); done
fi
"""

_KUBELET = """\
run "starting kubelet" systemctl restart kubelet
"""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """What all servers of a cluster know.

    Attributes:
        name: Its name.
        version: Of Kubernetes, without a `v`.
        endpoint: The address of the API that servers use: the load balancer's private one.
        names: Further addresses and names that clients use for the API.
        pods: The range of pods' addresses.
        services: The range of services' addresses.
        dns: The address of the cluster's name server.
        ca: The cluster's authority's certificate.
        cloud_provider: Whether a cloud controller manager is going to run on it.
        mirror: The registry that nodes pull from, if it is not everybody's own.
    """

    name: str
    version: str
    endpoint: str
    names: tuple[str, ...]
    pods: str
    services: str
    dns: str
    ca: str
    cloud_provider: bool
    mirror: Mirror | None = None


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """The files below /etc/kubernetes/pki of a control plane's servers, and an administrator."""

    pki: Mapping[str, str]
    admin_certificate: str
    admin_key: str


def control_plane(
    cluster: Cluster,
    secrets: Secrets,
    hostname: str,
    *,
    first: bool,
    api_arguments: Mapping[str, str],
) -> str:
    """User data of a server of the control plane.

    Args:
        cluster: What all servers know.
        secrets: What only these servers know.
        hostname: The server's name.
        first: Whether it makes the cluster where there is none.
        api_arguments: Further arguments of the API server.
    """
    registration = {
        "name": hostname,
        "criSocket": _SOCKET,
        "imagePullPolicy": "IfNotPresent",
        "ignorePreflightErrors": _IGNORED,
        "kubeletExtraArgs": _arguments(_kubelet_arguments(cluster)),
    }
    here = {"advertiseAddress": "@ADDRESS@", "bindPort": API_PORT}
    api = "kubeadm.k8s.io/v1beta4"
    init = [
        {
            "apiVersion": api,
            "kind": "InitConfiguration",
            "nodeRegistration": registration,
            "localAPIEndpoint": here,
            # Nobody joins with a token here.
            "skipPhases": ["bootstrap-token", "show-join-command"],
        },
        {
            "apiVersion": api,
            "kind": "ClusterConfiguration",
            "clusterName": cluster.name,
            "kubernetesVersion": f"v{cluster.version}",
            "controlPlaneEndpoint": f"{cluster.endpoint}:{API_PORT}",
            "dns": {"imageTag": f"v{COREDNS}"},
            "networking": {"podSubnet": cluster.pods, "serviceSubnet": cluster.services},
            "apiServer": {
                "certSANs": [cluster.endpoint, *cluster.names],
                "extraArgs": _arguments({**_API_ARGUMENTS, **api_arguments}),
            },
        },
        _kubelet(cluster),
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            # A container may not set these, and the kernel's own values do.
            "oomScoreAdj": 0,
            "conntrack": {"maxPerCore": 0, "min": 0},
        },
    ]
    join = [
        {
            "apiVersion": api,
            "kind": "JoinConfiguration",
            "discovery": {"file": {"kubeConfigPath": _DISCOVERY}},
            "controlPlane": {"localAPIEndpoint": here},
            "nodeRegistration": registration,
        }
    ]
    words = {
        "seed": _SEED,
        "discovery": _DISCOVERY,
        "endpoint": cluster.endpoint,
        "host": hostname,
        "etcdctl": " ".join(ETCDCTL),
    }
    steps = _CONTROL_PLANE + (_FIRST if first else _OTHER)
    admin = kubeconfig(
        cluster.name,
        f"https://{cluster.endpoint}:{API_PORT}",
        cluster.ca,
        secrets.admin_certificate,
        secrets.admin_key,
    )
    return _render(
        {
            **{f"{_SEED}/pki/{path}": text for path, text in secrets.pki.items()},
            f"{_SEED}/init.yaml": _documents(init),
            f"{_SEED}/join.yaml": _documents(join),
            _DISCOVERY: admin,
            **registry_mirror.files(cluster.mirror),
        },
        _BEGIN.format(**words) + steps.format(**words) + _END,
    )


def worker(
    cluster: Cluster,
    certificate: str,
    key: str,
    *,
    hostname: str,
    labels: Mapping[str, str],
    taints: Sequence[str],
) -> str:
    """User data of a node that runs workloads.

    Args:
        cluster: What all servers know.
        certificate: The node's own, by which Kubernetes knows it.
        key: The certificate's key.
        hostname: The node's name, which the certificate names too.
        labels: The node's labels.
        taints: Its taints, as `key=value:effect`.
    """
    arguments = {
        **_kubelet_arguments(cluster),
        "container-runtime-endpoint": _SOCKET,
        "hostname-override": hostname,
        "node-labels": ",".join(f"{name}={value}" for name, value in sorted(labels.items())),
        "register-with-taints": ",".join(taints),
    }
    given = " ".join(f"--{name}={value}" for name, value in arguments.items() if value)
    words = {"seed": _SEED, "endpoint": cluster.endpoint, "host": hostname}
    steps = _BEGIN + _WORKER + (_PREDECESSOR if cluster.cloud_provider else "") + _KUBELET
    return _render(
        {
            "/etc/kubernetes/pki/ca.crt": cluster.ca,
            # Kubelet puts its next certificate there before this one ends.
            f"{_SEED}/node.pem": certificate + key,
            "/etc/kubernetes/kubelet.conf": _node_kubeconfig(cluster),
            f"{_SEED}/kubelet.yaml": json.dumps(_kubelet(cluster)),
            f"{_SEED}/kubelet.env": f'KUBELET_KUBEADM_ARGS="{given}"\n',
            **registry_mirror.files(cluster.mirror),
        },
        steps.format(**words) + _END,
    )


def kubeconfig(name: str, server: str, ca: str, certificate: str, key: str) -> str:
    """A kubeconfig, as JSON (which is YAML), of whoever has this certificate."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": name,
                    "cluster": {"server": server, "certificate-authority-data": _base64(ca)},
                }
            ],
            "users": [
                {
                    "name": f"{name}-admin",
                    "user": {
                        "client-certificate-data": _base64(certificate),
                        "client-key-data": _base64(key),
                    },
                }
            ],
            "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-admin"}}],
            "current-context": name,
        }
    )


def _node_kubeconfig(cluster: Cluster) -> str:
    file = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "cluster",
                    "cluster": {
                        "server": f"https://{cluster.endpoint}:{API_PORT}",
                        "certificate-authority": "/etc/kubernetes/pki/ca.crt",
                    },
                }
            ],
            "users": [{"name": "node", "user": {"client-certificate": file, "client-key": file}}],
            "contexts": [{"name": "node", "context": {"cluster": "cluster", "user": "node"}}],
            "current-context": "node",
        }
    )


def _kubelet(cluster: Cluster) -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "cgroupDriver": "systemd",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": "/etc/kubernetes/pki/ca.crt"},
        },
        "authorization": {"mode": "Webhook"},
        "clusterDNS": [cluster.dns],
        "clusterDomain": "cluster.local",
        "containerRuntimeEndpoint": _SOCKET,
        "rotateCertificates": True,
        # Or each would sign its own, which nobody can check.
        "serverTLSBootstrap": True,
        "staticPodPath": "/etc/kubernetes/manifests",
    }


def _kubelet_arguments(cluster: Cluster) -> dict[str, str]:
    # Without it, a node takes the address of a pod network for its own.
    own = {"node-ip": "@ADDRESS@"}
    return {**own, "cloud-provider": "external"} if cluster.cloud_provider else own


def _arguments(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _documents(documents: Sequence[Mapping[str, Any]]) -> str:
    return "---\n".join(json.dumps(document) + "\n" for document in documents)


def _render(files: Mapping[str, str], script: str) -> str:
    """Cloud-config, which is YAML, and so may be JSON."""
    every = {
        **files,
        "/etc/kubernetes/metadata-guard.nft": _GUARD,
        "/etc/systemd/system/kubernetes-metadata-guard.service": _GUARD_UNIT,
        "/etc/systemd/system/kubernetes-join.service": _UNIT,
    }
    written = [
        {"path": path, "permissions": "0600", "content": text} for path, text in every.items()
    ]
    program = {
        "path": "/usr/local/sbin/kubernetes-join",
        "permissions": "0700",
        "content": script,
    }
    units = ["kubernetes-metadata-guard.service", "kubernetes-join.service"]
    config = {
        "write_files": [*written, program],
        "runcmd": [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", *units],
            ["systemctl", "start", "--no-block", *units],
        ],
    }
    return "#cloud-config\n" + json.dumps(config)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
