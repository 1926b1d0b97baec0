import base64
import json
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from cumulo.infra import (
    ArgumentError,
    KubernetesCluster,
    KubernetesClusterArgs,
    Network,
)
from cumulo.infra.kubernetes import operation
from cumulo.infra.versions import KUBERNETES

from tests.fake_cloud import FakeCloud

ARGS: dict[str, Any] = {
    "image": "kubernetes-node",
    "control_plane": {"count": 3, "flavor": "k8s.control"},
    "pools": {
        "cpu": {"count": 2, "flavor": "k8s.node", "labels": {"team": "a"}},
        "gpu": {"count": 1, "gpu": {"model": "h200", "count": 2, "flavors": ["gpu.h200.2"]}},
    },
    "api_clients": ["10.0.0.0/8"],
}


def declare(**changes: Any) -> KubernetesCluster:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    args: KubernetesClusterArgs = {"network": network.handle, **(ARGS | changes)}  # type: ignore[typeddict-item]
    return KubernetesCluster("k", args)


def told(cloud: FakeCloud, server: str) -> dict[str, str]:
    """The files that a server's user data writes."""
    data = cloud.inputs(f"{server}-instance")["userData"]
    if isinstance(data, dict):  # a secret, on the wire
        data = data["value"]
    assert data.startswith("#cloud-config\n")
    return {file["path"]: file["content"] for file in json.loads(data[14:])["write_files"]}


def documents(text: str) -> dict[str, Any]:
    found = [json.loads(part) for part in text.split("---\n")]
    return {document["kind"]: document for document in found}


def doors(cloud: FakeCloud) -> set[tuple[Any, Any, Any]]:
    """Ports of nodes, and to whom they are open."""
    return {
        (rule.get("portRangeMin"), rule.get("protocol"), rule.get("remoteIpPrefix"))
        for name, rule in cloud.of_type("SecGroupRule").items()
        if name.startswith("k-nodes-")
    }


@pytest.fixture
def cluster(fake_cloud: FakeCloud) -> FakeCloud:
    fake_cloud.run(lambda: declare(api_server_arguments={"audit-log-maxage": "7"}))
    return fake_cloud


def test_the_first_server_makes_the_cluster_and_the_others_join_it(cluster: FakeCloud) -> None:
    scripts = [
        told(cluster, f"k-control-{number}")["/usr/local/sbin/kubernetes-join"]
        for number in range(3)
    ]
    assert ["kubeadm init" in script for script in scripts] == [True, False, False]
    assert all("kubeadm join" in script for script in scripts)


def test_kubeadm_is_told_what_was_asked_for(cluster: FakeCloud) -> None:
    files = told(cluster, "k-control-0")
    config = documents(files["/etc/kubernetes/seed/init.yaml"])
    wanted = config["ClusterConfiguration"]
    assert wanted["controlPlaneEndpoint"] == "192.168.60.99:6443"
    assert wanted["apiServer"]["extraArgs"] == [
        {
            "name": "enable-admission-plugins",
            "value": "NodeRestriction,ExtendedResourceToleration",
        },
        {"name": "kubelet-certificate-authority", "value": "/etc/kubernetes/pki/ca.crt"},
        {"name": "audit-log-maxage", "value": "7"},
    ]
    assert wanted["networking"] == {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"}
    (floating,) = (
        address for address in wanted["apiServer"]["certSANs"] if address.startswith("203.0.113.")
    )
    assert floating
    assert config["KubeletConfiguration"]["clusterDNS"] == ["10.96.0.10"]
    assert config["KubeletConfiguration"]["serverTLSBootstrap"] is True
    assert files["/etc/kubernetes/seed/pki/ca.key"] == "KEY k-ca-key\n"
    assert files["/etc/kubernetes/seed/pki/etcd/ca.crt"] == "CERTIFICATE k-etcd-ca-certificate\n"


def test_a_node_knows_its_own_identity_and_no_other_secret(cluster: FakeCloud) -> None:
    for node in ("k-cpu-0", "k-cpu-1", "k-gpu-0"):
        whole = json.dumps(told(cluster, node))
        keys = {word.split("\\n")[0] for word in whole.split("KEY ")[1:]}
        assert keys == {f"{node}-node-key"}
        request = cluster.inputs(f"{node}-node-request")
        assert request["subject"] == {
            "commonName": f"system:node:{node}",
            "organization": "system:nodes",
        }


def test_labels_and_taints_are_kubelets_arguments(cluster: FakeCloud) -> None:
    plain = told(cluster, "k-cpu-0")["/etc/kubernetes/seed/kubelet.env"]
    assert "--node-labels=cumulo.dev/pool=cpu,team=a" in plain
    assert "--register-with-taints" not in plain
    gpu = told(cluster, "k-gpu-0")["/etc/kubernetes/seed/kubelet.env"]
    assert "gpu.count=2,nvidia.com/gpu.present=true,nvidia.com/gpu.product=h200" in gpu
    assert "--register-with-taints=nvidia.com/gpu=present:NoSchedule" in gpu
    assert cluster.inputs("k-gpu-0-instance")["flavorName"] == "gpu.h200.2"


def test_the_kubeconfig_is_known_without_asking_a_server(fake_cloud: FakeCloud) -> None:
    seen: list[str] = []
    secret: list[bool] = []

    async def look(handle: Any) -> bool:
        secret.append(await handle.kubeconfig.is_secret())
        return True

    def program() -> None:
        handle = declare().handle
        handle.kubeconfig.apply(seen.append)
        looked: pulumi.Output[bool] = pulumi.Output.from_input(look(handle))
        pulumi.export("looked", looked)

    fake_cloud.run(program)
    config = json.loads(seen[0])
    (cluster,) = config["clusters"]
    assert cluster["cluster"]["server"].startswith("https://203.0.113.")
    authority = base64.b64decode(cluster["cluster"]["certificate-authority-data"]).decode()
    assert authority == "CERTIFICATE k-ca-certificate\n"
    assert secret == [True]


def test_the_api_is_open_to_its_own_network_and_to_those_that_are_named(
    cluster: FakeCloud,
) -> None:
    own = "192.168.60.0/24"
    assert doors(cluster) == {
        (None, None, None),
        (6443, "tcp", own),
        (6443, "tcp", "10.0.0.0/8"),
        (30000, "tcp", own),
        (30000, "udp", own),
    }


def test_node_ports_are_open_to_those_that_are_named(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(node_port_clients=["10.1.0.0/16", "world"]))
    assert {client for port, _, client in doors(fake_cloud) if port == 30000} == {
        "192.168.60.0/24",
        "10.1.0.0/16",
        "0.0.0.0/0",
    }


def test_nodes_of_a_cloud_wait_for_their_controller(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(cloud_provider=True))
    worker = told(fake_cloud, "k-cpu-0")["/etc/kubernetes/seed/kubelet.env"]
    assert "--cloud-provider=external" in worker
    script = told(fake_cloud, "k-cpu-0")["/usr/local/sbin/kubernetes-join"]
    assert "get node k-cpu-0 --ignore-not-found" in script
    config = documents(told(fake_cloud, "k-control-0")["/etc/kubernetes/seed/init.yaml"])
    arguments = config["InitConfiguration"]["nodeRegistration"]["kubeletExtraArgs"]
    assert {"name": "cloud-provider", "value": "external"} in arguments


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"control_plane": {"count": 2, "flavor": "x"}}, "control_plane.count", "not 1 or 3"),
        ({"pod_range": "192.168.0.0/16"}, "pod_range", "overlaps 192.168.60.0/24"),
        ({"service_range": "10.244.8.0/24"}, "service_range", "overlaps pod_range"),
        ({"pod_range": "10.244.0.1/16"}, "pod_range", "host bits"),
        ({"pools": {"a": {"count": 1}}}, "pools.a.flavor", "either flavor or gpu"),
        ({"pools": {"a": {"count": -1, "flavor": "x"}}}, "pools.a.count", "from 0 up"),
        (
            {"pools": {"a": {"count": 1, "flavor": "x", "taints": ["a=b:Never"]}}},
            "pools.a.taints[0]",
            "not one of",
        ),
        ({"nodes": 3}, "nodes", "unknown field"),
        ({"pools": {"control": {"count": 1, "flavor": "x"}}}, "pools.control", "are called so"),
        ({"pools": {"a": {"count": 1, "flavor": "x", "at_once": 0}}}, "pools.a.at_once", "1 up"),
        ({"drain_seconds": -1}, "drain_seconds", "from 0 up"),
        ({"version": "1.35"}, "version", "not a version such as"),
        (
            {"pools": {"a": {"count": 1, "flavor": "x", "version": "1.34.4"}}},
            "pools.a.version",
            "needs an image",
        ),
        (
            {"pools": {"a": {"count": 1, "flavor": "x", "image": "y", "version": "1.36.0"}}},
            "pools.a.version",
            "newer than the control plane's 1.35",
        ),
        (
            {"pools": {"a": {"count": 1, "flavor": "x", "image": "y", "version": "1.31.9"}}},
            "pools.a.version",
            "more than 3 minor versions older",
        ),
        ({"api_clients": ["0.0.0.0/0"]}, "api_clients[0]", "say 'world'"),
        ({"node_port_clients": ["world", "all"]}, "node_port_clients[1]", "not a range"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as refused:
        fake_cloud.run(lambda: declare(**changes))
    assert refused.value.field == field


def pool(**changes: Any) -> dict[str, Any]:
    return {"pools": {"a": {"count": 1, "flavor": "k8s.node", **changes}}}


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"image": "debian-13"}, "image", "no property kubernetes_version"),
        ({"image": "absent"}, "image", "the cloud has no image 'absent'"),
        ({"version": "1.34.4"}, "image", f"has Kubernetes {KUBERNETES}, and version is 1.34.4"),
        ({"architecture": "aarch64"}, "image", "is for x86_64, not aarch64"),
        (pool(image="old"), "pools.a.image", "1.34.4, and pools.a.version is 1.35"),
        (pool(flavor="m1.small"), "pools.a.flavor", "has 512 MB of memory; 700 are needed"),
        (
            {"control_plane": {"count": 1, "flavor": "m1.tiny"}},
            "control_plane.flavor",
            "has 1024 MB of memory; 1700 are needed",
        ),
    ],
)
def test_what_only_the_cloud_knows_is_refused_in_preview(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    fake_cloud.images.add("old")
    fake_cloud.properties["old"] = {"kubernetes_version": "1.34.4"}
    fake_cloud.properties["kubernetes-node"]["hw_architecture"] = "x86_64"
    fake_cloud.flavors["m1.tiny"] = {}
    fake_cloud.memory["m1.tiny"] = 1024
    with pytest.raises(ArgumentError, match=problem) as refused:
        fake_cloud.run(lambda: declare(**changes))
    assert refused.value.field == field


def test_an_older_pool_is_taken_with_an_older_image(fake_cloud: FakeCloud) -> None:
    fake_cloud.images.add("old")
    fake_cloud.properties["old"] = {"kubernetes_version": "1.34.4"}
    fake_cloud.run(lambda: declare(**pool(image="old", version="1.34.4")))
    assert fake_cloud.inputs("k-a-0-instance")["imageName"] == "old"


def test_ranges_are_held_against_a_network_of_another_stack(fake_cloud: FakeCloud) -> None:
    def program() -> None:
        network = Network("lab", {"cidr": "10.244.7.0/24", "external_network": "public"})
        handle = replace(network.handle, cidr=pulumi.Output.from_input("10.244.7.0/24"))
        KubernetesCluster("k", {"network": handle, **ARGS})  # type: ignore[typeddict-item]

    with pytest.raises(ArgumentError, match=r"overlaps 10\.244\.7\.0/24") as refused:
        fake_cloud.run(program)
    assert refused.value.field == "pod_range"
    assert not fake_cloud.of_type("Instance")


def test_one_more_node_leaves_the_others_as_they_are(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(**pool(count=1)))
    more = FakeCloud()
    more.run(lambda: declare(**pool(count=2)))
    assert fake_cloud.inputs("k-a-0-instance") == more.inputs("k-a-0-instance")
    assert more.resources.keys() - fake_cloud.resources.keys() == {
        "k-a-1-port",
        "k-a-1-instance",
        "k-a-1-node-key",
        "k-a-1-node-request",
        "k-a-1-node-certificate",
    }


def test_the_only_server_of_a_control_plane_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(control: dict[str, Any]) -> None:
        cloud = FakeCloud()
        cloud.run(lambda: declare(control_plane={"flavor": "k8s.control", **control}))
        hook = cloud.hooks.known["cumulo:k:keep"]
        assert hook.opts is not None
        assert hook.opts.on_dry_run
        hook(pulumi.ResourceHookArgs("urn", "id", "k-control-0-instance", "type"))

    ask({"count": 3})
    ask({"count": 1, "replaceable": True})
    for command in ("up", "preview"):
        monkeypatch.setattr(operation, "_pulumi", lambda: (command,))  # noqa: B023
        with pytest.raises(pulumi.RunError, match="the only server of the control plane of 'k'"):
            ask({"count": 1})
    monkeypatch.setattr(operation, "_pulumi", lambda: ("destroy",))
    ask({"count": 1})
