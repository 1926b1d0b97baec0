import configparser
import json
from typing import Any

import pulumi
import pulumi_kubernetes
import pytest
from cumulo.infra import ArgumentError, ClusterAddons, KubernetesCluster, Network

from tests.fake_cloud import FakeCloud
from tests.infra.test_kubernetes_cluster import ARGS


def declare(*, cloud_provider: bool = False, openstack: Any = None, **args: Any) -> None:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"}).handle
    wanted: Any = {**ARGS, "network": network, "cloud_provider": cloud_provider}
    cluster = KubernetesCluster("k", wanted).handle
    api = pulumi_kubernetes.Provider("k", kubeconfig=cluster.kubeconfig)
    given: Any = {"cluster": cluster, **args}
    if openstack is not None:
        given["openstack"] = {"network": network, **openstack}
    ClusterAddons("k", given, pulumi.ResourceOptions(provider=api))


def plain(value: Any) -> Any:
    """An input without the marks of secrets."""
    if isinstance(value, dict):
        if "4dabf18193072939515e22adb298388d" in value:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def pod(cloud: FakeCloud, name: str) -> Any:
    return plain(cloud.inputs(name))["spec"]["template"]["spec"]


def conf(cloud: FakeCloud) -> configparser.ConfigParser:
    text = plain(cloud.inputs("k-openstack-config"))["stringData"]["cloud.conf"]
    parsed = configparser.ConfigParser()
    parsed.read_string(text)
    return parsed


@pytest.fixture
def cloudy(fake_cloud: FakeCloud) -> FakeCloud:
    fake_cloud.run(lambda: declare(cloud_provider=True, openstack={}))
    return fake_cloud


def test_the_cluster_has_a_login_of_its_own(cloudy: FakeCloud) -> None:
    (credential,) = cloudy.of_type("ApplicationCredential").values()
    assert credential["roles"] == ["member", "reader"]
    assert not credential.get("unrestricted")
    # Its replacement must be able to stand beside it.
    assert "name" not in credential
    told = conf(cloudy)["Global"]
    assert told["auth-url"] == '"https://RegionOne/identity"'
    assert told["region"] == '"RegionOne"'
    assert told["application-credential-id"] == '"k-openstack-credential-id"'
    assert json.loads(told["application-credential-secret"]) == 'SECRET "k-openstack-credential"'


def test_the_login_is_in_no_object_but_the_secret(cloudy: FakeCloud) -> None:
    holders = {name for name, args in cloudy.resources.items() if "SECRET" in str(args.inputs)}
    assert holders == {"k-openstack-config"}
    config = cloudy.inputs("k-openstack-config")["stringData"]
    assert "4dabf18193072939515e22adb298388d" in str(config)


def test_load_balancers_are_put_on_the_cluster_s_network(cloudy: FakeCloud) -> None:
    told = conf(cloudy)["LoadBalancer"]
    assert told["lb-provider"] == '"ovn"'
    assert told["lb-method"] == '"SOURCE_IP_PORT"'
    assert told["provider-requires-serial-api-calls"] == '"true"'
    assert told["floating-network-id"] == '"public-id"'
    assert told["subnet-id"] == '"lab-subnet-id"'
    (container,) = pod(cloudy, "k-openstack-managers")["containers"]
    assert "--cluster-name=k-lab-netw" in container["args"]


def test_it_runs_on_servers_that_wait_for_it(cloudy: FakeCloud) -> None:
    spec = pod(cloudy, "k-openstack-managers")
    assert spec["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
    assert spec["hostNetwork"] is True
    assert spec["dnsPolicy"] == "Default"
    tolerated = {toleration["key"] for toleration in spec["tolerations"]}
    assert "node.cloudprovider.kubernetes.io/uninitialized" in tolerated


def test_another_login_starts_it_anew(fake_cloud: FakeCloud) -> None:
    def mark(region: str) -> str:
        cloud = FakeCloud()
        cloud.region = region
        cloud.run(lambda: declare(cloud_provider=True, openstack={}))
        metadata = plain(cloud.inputs("k-openstack-managers"))["spec"]["template"]["metadata"]
        return str(metadata["annotations"]["cumulo.dev/cloud-config"])

    assert mark("RegionOne") == mark("RegionOne") != mark("RegionTwo")


def test_a_cloud_with_an_authority_of_its_own_and_roles_for_octavia(fake_cloud: FakeCloud) -> None:
    asked = {
        "authority": "PEM",
        "roles": ["member", "load-balancer_member"],
        "loadbalancer_provider": "amphora",
    }
    fake_cloud.run(lambda: declare(cloud_provider=True, openstack=asked))
    assert plain(fake_cloud.inputs("k-openstack-config"))["stringData"]["ca.crt"] == "PEM"
    told = conf(fake_cloud)
    assert told["Global"]["ca-file"] == '"/etc/config/ca.crt"'
    assert told["LoadBalancer"]["lb-method"] == '"ROUND_ROBIN"'
    (credential,) = fake_cloud.of_type("ApplicationCredential").values()
    assert credential["roles"] == asked["roles"]


def test_without_a_cloud_there_is_no_login(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert not fake_cloud.of_type("ApplicationCredential")
    assert "k-openstack-managers" not in fake_cloud.resources


def test_one_metrics_server_is_free_to_be_moved(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    deployment = fake_cloud.inputs("k-metrics-deployment")["spec"]
    assert deployment["replicas"] == 1
    assert fake_cloud.of_type("PodDisruptionBudget").keys() == {"k-dns-budget"}
    (container,) = pod(fake_cloud, "k-metrics-deployment")["containers"]
    assert not any("insecure" in argument for argument in container["args"])


def test_one_of_two_metrics_servers_always_stays(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(metrics_servers=2))
    budgets = fake_cloud.of_type("PodDisruptionBudget")
    (budget,) = (budgets[name] for name in budgets if name != "k-dns-budget")
    assert budget["spec"]["minAvailable"] == 1
    assert "podAntiAffinity" in pod(fake_cloud, "k-metrics-deployment")["affinity"]
    strategy = fake_cloud.inputs("k-metrics-deployment")["spec"]["strategy"]
    assert strategy["rollingUpdate"]["maxUnavailable"] == 1


def test_no_metrics_server(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(metrics_servers=0))
    assert "k-metrics-deployment" not in fake_cloud.resources


def test_policies_are_enforced_on_every_node_by_a_firewall_alone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    spec = pod(fake_cloud, "k-policies-nodes")
    assert spec["tolerations"] == [{"operator": "Exists"}]
    (container,) = spec["containers"]
    assert {"--run-firewall=true", "--run-router=false", "--run-service-proxy=false"} < set(
        container["args"]
    )
    assert "--service-cluster-ip-range=10.96.0.0/16" in container["args"]
    assert "privileged" not in container["securityContext"]
    verbs = {
        verb for rule in fake_cloud.inputs("k-policies-role")["rules"] for verb in rule["verbs"]
    }
    assert verbs == {"get", "list", "watch"}


def test_policies_can_be_left_to_somebody_else(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(network_policies=False))
    assert not [name for name in fake_cloud.resources if name.startswith("k-policies")]


def test_only_serving_certificates_are_approved(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    (signers,) = (
        rule
        for rule in fake_cloud.inputs("k-certificates-approver-role")["rules"]
        if rule["resources"] == ["signers"]
    )
    assert signers["resourceNames"] == ["kubernetes.io/kubelet-serving"]


@pytest.mark.parametrize(
    ("asked", "name", "provisioner", "grows"),
    [
        ({}, "local", "cumulo.local/local-volumes", False),
        (
            {"storage": "cinder", "cloud_provider": True, "openstack": {}},
            "cinder",
            "cinder.csi.openstack.org",
            True,
        ),
    ],
)
def test_volumes_come_from_one_default_class(
    fake_cloud: FakeCloud, asked: dict[str, Any], name: str, provisioner: str, grows: bool
) -> None:
    fake_cloud.run(lambda: declare(**asked))
    (made,) = fake_cloud.of_type("StorageClass").values()
    annotations = made["metadata"]["annotations"]
    assert annotations == {"storageclass.kubernetes.io/is-default-class": "true"}
    assert (made["metadata"]["name"], made["provisioner"]) == (name, provisioner)
    assert made["allowVolumeExpansion"] is grows
    assert made["volumeBindingMode"] == "WaitForFirstConsumer"


def test_the_cloud_s_login_is_on_no_node_for_volumes(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(storage="cinder", cloud_provider=True, openstack={}))
    controller = pod(fake_cloud, "k-volumes-cinder-controller")
    assert {"secretName": "cloud-config"} in [one.get("secret") for one in controller["volumes"]]
    node = pod(fake_cloud, "k-volumes-cinder-nodes")
    assert not [one for one in node["volumes"] if "secret" in one]
    assert "--provide-controller-service=false" in node["containers"][1]["args"]


@pytest.mark.parametrize(
    ("gpus", "image"),
    [
        ("nvidia", "nvcr.io/nvidia/k8s-device-plugin:v"),
        ("count-only", "cumulo.local/gpu-device-plugin:"),
    ],
)
def test_gpus_are_handed_out_on_nodes_that_have_some(
    fake_cloud: FakeCloud, gpus: str, image: str
) -> None:
    fake_cloud.run(lambda: declare(gpus=gpus))
    spec = pod(fake_cloud, "k-gpus")
    assert spec["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    assert spec["containers"][0]["image"].startswith(image)
    assert spec["tolerations"] == [{"operator": "Exists"}]


@pytest.mark.parametrize(
    ("args", "field", "problem"),
    [
        ({"cloud_provider": True}, "openstack", "required: cluster 'k' has cloud_provider"),
        ({"openstack": {}}, "openstack", "needs `cloud_provider: True`"),
        (
            {"cloud_provider": True, "openstack": {"network": None}},
            "openstack.network",
            "required",
        ),
        (
            {"cloud_provider": True, "openstack": {"role": "member"}},
            "openstack.role",
            "unknown field",
        ),
        (
            {"cloud_provider": True, "openstack": {"loadbalancer_provider": "f5"}},
            "openstack.loadbalancer_provider",
            "not one of ovn, amphora",
        ),
        ({"storage": "ceph"}, "storage", "not one of local, cinder"),
        ({"storage": "cinder"}, "storage", "cinder needs `openstack`"),
        ({"gpus": "amd"}, "gpus", "not one of nvidia, count-only"),
        ({"gpus": True}, "gpus", "not one of nvidia, count-only"),
        ({"metrics_servers": -1}, "metrics_servers", "from 0 up"),
        ({"metrics": 1}, "metrics", "unknown field"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, args: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as refused:
        fake_cloud.run(lambda: declare(**args))
    assert refused.value.field == field


def test_a_cloud_without_a_public_login_is_refused(fake_cloud: FakeCloud) -> None:
    fake_cloud.region = "RegionThree"
    with pytest.raises(ArgumentError, match="no public identity endpoint in region 'RegionThree'"):
        fake_cloud.run(lambda: declare(cloud_provider=True, openstack={}))


def test_a_cloud_that_does_not_answer_is_told_so(fake_cloud: FakeCloud) -> None:
    fake_cloud.reachable = False
    with pytest.raises(ArgumentError, match="could not be asked"):
        fake_cloud.run(lambda: declare(cloud_provider=True, openstack={}))
