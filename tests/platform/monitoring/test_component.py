"""What monitoring is made of; that it works is tested with the real programs."""

from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform import Alert, Group

from tests.fake_cloud import FakeCloud
from tests.platform.monitoring.declared import (
    EVERYTHING,
    KEYCLOAK,
    KEYCLOAK_LABELS,
    declare,
    declare_grafana,
)


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()


def pods(cloud: FakeCloud) -> dict[str, dict[str, Any]]:
    return {
        name: inputs["spec"]["template"]["spec"]
        for kind in ("StatefulSet", "Deployment", "DaemonSet")
        for name, inputs in cloud.of_type(kind).items()
    }


def test_servers_are_as_pod_security_restricted_wants_them(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    servers = pods(fake_cloud)
    del servers["main-node-exporter"]
    assert set(servers) == {"main-prometheus", "main-alertmanager", "main-grafana"}
    for pod in servers.values():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not any("hostPath" in volume for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"readinessProbe", "livenessProbe", "resources"} <= set(container)


def test_only_prometheus_may_look_at_the_cluster(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    with_token = {
        name for name, pod in pods(fake_cloud).items() if "automountServiceAccountToken" not in pod
    }
    assert with_token == {"main-prometheus"}
    (role,) = fake_cloud.of_type("ClusterRole").values()
    assert {verb for rule in role["rules"] for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert "secrets" not in str(role["rules"])


def test_node_exporters_write_nothing_and_are_nobody(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(node_namespace="nodes"))
    (daemon,) = fake_cloud.of_type("DaemonSet").values()
    assert daemon["metadata"]["namespace"] == "nodes"
    pod = daemon["spec"]["template"]["spec"]
    assert pod["tolerations"] == [{"operator": "Exists"}]
    assert pod["securityContext"]["runAsUser"] == 65534
    (container,) = pod["containers"]
    assert all(mount["readOnly"] for mount in container["volumeMounts"])
    # Whoever reaches a node reaches its port, and has no certificate.
    assert "--web.config.file=/etc/cumulo/config/web.yml" in container["args"]
    web = fake_cloud.inputs("main-node-exporter-config")["data"]["web.yml"]
    assert "RequireAndVerifyClientCert" in web


def test_only_clients_reach_the_servers(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    (rule,) = fake_cloud.inputs("main-prometheus-clients")["spec"]["ingress"]
    assert rule == {
        "from": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}},
                "podSelector": {"matchLabels": {"app": "gateway"}},
            },
            {
                "podSelector": {
                    "matchLabels": {
                        "app.kubernetes.io/name": "prometheus",
                        "app.kubernetes.io/instance": "main",
                    }
                }
            },
        ],
        "ports": [{"port": 9090}],
    }


def test_prometheus_is_let_in_where_it_asks(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(targets=EVERYTHING["targets"]))
    policy = fake_cloud.inputs("main-asks-keycloak")
    assert policy["metadata"]["namespace"] == "identity"
    assert policy["spec"]["podSelector"] == {"matchLabels": KEYCLOAK_LABELS}
    (rule,) = policy["spec"]["ingress"]
    assert rule["ports"] == [{"port": 9000}]
    (asker,) = rule["from"]
    assert asker["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "watch"}
    assert "main-asks-registry" not in fake_cloud.resources


def test_only_prometheus_asks_gpus(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(gpus=True))
    policy = fake_cloud.inputs("main-dcgm-exporter-clients")
    assert policy["metadata"]["namespace"] == "kube-system"
    ((asker,),) = [rule["from"] for rule in policy["spec"]["ingress"]]
    assert asker["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "watch"}
    (daemon,) = [one for name, one in fake_cloud.of_type("DaemonSet").items() if "dcgm" in name]
    assert daemon["spec"]["template"]["spec"]["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
    counters = fake_cloud.inputs("main-dcgm-exporter-config")["data"]["counters.csv"]
    assert "DCGM_FI_DEV_GPU_UTIL, gauge, How busy it is, in %\n" in counters


def test_a_policy_is_not_made_for_pods_that_have_none(fake_cloud: FakeCloud) -> None:
    target = {"service": KEYCLOAK, "isolated": False}
    fake_cloud.run(lambda: declare(targets={"keycloak": target}))
    assert "main-asks-keycloak" not in fake_cloud.resources


@pytest.mark.parametrize(
    ("changes", "daemons", "alerts"),
    [
        ({}, {"main-node-exporter"}, ()),
        ({"gpus": True}, {"main-node-exporter", "main-dcgm-exporter"}, ("GpuExporterDown",)),
        ({"state_metrics": True}, {"main-node-exporter"}, ("NodeNotReady",)),
        ({"control_plane": True}, {"main-node-exporter"}, ("NodesNotReady",)),
    ],
)
def test_what_is_not_asked_for_is_not_there(
    fake_cloud: FakeCloud, changes: dict[str, Any], daemons: set[str], alerts: tuple[str, ...]
) -> None:
    fake_cloud.run(lambda: declare(**changes))
    assert set(fake_cloud.of_type("DaemonSet")) == daemons
    assert bool(fake_cloud.of_type("Deployment")) == bool(changes.get("state_metrics"))
    told = fake_cloud.inputs("main-prometheus-config")["data"]["rules.yml"]
    optional = ("GpuExporterDown", "NodeNotReady", "NodesNotReady")
    assert tuple(name for name in optional if f'"{name}"' in told) == alerts


def test_several_are_apart_and_never_all_gone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(replicas=2, alertmanagers=3))
    assert set(fake_cloud.of_type("PodDisruptionBudget")) == {
        "main-prometheus-disruptions",
        "main-alertmanager-disruptions",
    }
    (container,) = pods(fake_cloud)["main-alertmanager"]["containers"]
    peers = [one for one in container["args"] if one.startswith("--cluster.peer=")]
    assert peers == [
        f"--cluster.peer=main-alertmanager-{number}.main-alertmanager-peers.watch.svc:9094"
        for number in range(3)
    ]


def test_one_alertmanager_looks_for_no_others(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert not fake_cloud.of_type("PodDisruptionBudget")
    (container,) = pods(fake_cloud)["main-alertmanager"]["containers"]
    assert "--cluster.listen-address=" in container["args"]


def test_links_lead_through_the_gateway(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    (container,) = pods(fake_cloud)["main-prometheus"]["containers"]
    assert "--web.external-url=https://platform.example.org/prometheus/" in container["args"]
    assert "--web.route-prefix=/" in container["args"]


def test_a_changed_receiver_restarts_alertmanager_alone(fake_cloud: FakeCloud) -> None:
    def annotations(part: str, cloud: FakeCloud) -> Any:
        return cloud.inputs(f"main-{part}")["spec"]["template"]["metadata"]["annotations"]

    fake_cloud.run(declare)
    other = FakeCloud()
    other.run(lambda: declare(receivers=EVERYTHING["receivers"]))
    assert annotations("alertmanager", fake_cloud) != annotations("alertmanager", other)
    assert annotations("prometheus", fake_cloud) == annotations("prometheus", other)


def test_the_handle_says_where_it_is(fake_cloud: FakeCloud) -> None:
    found: list[Any] = []

    def program() -> None:
        handle = declare().handle
        pulumi.Output.all(handle.prometheus.url, handle.alertmanager.url).apply(found.append)

    fake_cloud.run(program)
    assert found == [
        ["http://main-prometheus.watch.svc:9090", "http://main-alertmanager.watch.svc:9093"]
    ]


def test_own_alerts_come_on_top(fake_cloud: FakeCloud) -> None:
    alert = Alert(name="Mine", expr="up == 2", severity="warning", summary="s", remedy="r")
    fake_cloud.run(lambda: declare(rules=[Group(name="mine", alerts=[alert])]))
    told = fake_cloud.inputs("main-prometheus-config")["data"]["rules.yml"]
    assert '"Mine"' in told
    assert '"NodeDown"' in told


TARGET: dict[str, Any] = {"addresses": ["192.0.2.7:80"]}


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"size": "large"}, "size", "unknown field"),
        ({"replicas": 0}, "replicas", "not a whole number from 1"),
        ({"storage": "20G"}, "storage", "no size such as 20Gi"),
        ({"storage": "500Mi"}, "storage", "less than 1Gi"),
        ({"clients": [{"pods": {}}]}, "clients[0].namespace", "required"),
        ({"targets": {"kubelet": TARGET}}, "targets.kubelet", "of this name already"),
        ({"targets": {"A": TARGET}}, "targets.A", "not a name"),
        ({"targets": {"a": {}}}, "targets.a", "one of `service` and `addresses`"),
        ({"targets": {"a": {"addresses": []}}}, "targets.a.addresses", "nobody to ask"),
        ({"targets": {"a": {**TARGET, "port": 1}}}, "targets.a.port", "for a `service` only"),
        ({"targets": {"a": {**TARGET, "ca": "C"}}}, "targets.a.ca", "needs `scheme` https"),
        (
            {"targets": {"a": {**TARGET, "username": "u", "password": "p"}}},
            "targets.a.password",
            "needs `scheme` https",
        ),
        ({"receivers": {"a": {}}}, "receivers.a", "`webhooks` or `email`"),
        ({"receivers": {"nobody": {"webhooks": ["x"]}}}, "receivers.nobody", "of its own"),
        (
            {"receivers": {"a": {"webhooks": ["x"], "severities": ["info"]}}},
            "receivers.a.severities",
            "'info' is not one of critical, warning",
        ),
        ({"rules": [Group(name="nodes", alerts=())]}, "rules", "two groups"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare(**changes))
    assert caught.value.field == field


def test_an_address_without_tls_is_refused(fake_cloud: FakeCloud) -> None:
    with pytest.raises(Exception, match="url: 'http://x' is no https"):
        fake_cloud.run(lambda: declare(url="http://x"))
