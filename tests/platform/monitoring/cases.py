"""What each alert fires at, and what it keeps quiet about."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Case:
    """Figures over time, one a minute, and what is made of them.

    `series` has promtool's notation: `0x5` is six zeros, `1+2x5` counts up by two. The alert fires
    `at` that minute with these labels and this summary; it did not do so `before`.
    """

    alert: str
    series: Mapping[str, str]
    at: int
    before: int
    labels: Mapping[str, str] = field(default_factory=dict)
    summary: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """Figures that are no reason for an alert."""

    alert: str
    series: Mapping[str, str]
    at: int = 30


_ROOT = 'node="w1",device="/dev/vda",fstype="ext4",mountpoint="/"'
_POD = 'namespace="team",pod="web-0",container="web"'
_POD_LABELS = {"namespace": "team", "pod": "web-0", "container": "web"}
_CLAIM = 'namespace="data",persistentvolumeclaim="db-0"'
_CLAIM_LABELS = {"namespace": "data", "persistentvolumeclaim": "db-0"}
_GPU = 'node="g1",gpu="3",namespace="team",pod="train-0"'
_GPU_LABELS = {"node": "g1", "gpu": "3", "namespace": "team", "pod": "train-0"}
_ONE = {"job": "keycloak", "instance": "k-0"}

NODES = (
    Case(
        alert="NodeDown",
        series={
            'up{job="kubelet",node="w1",instance="w1"}': "1 0x10",
            'up{job="node-exporter",node="w1",instance="w1"}': "1 0x10",
        },
        before=2,
        at=4,
        labels={"node": "w1"},
        summary="Node w1 does not answer: neither its kubelet nor its exporter.",
    ),
    Quiet(
        alert="NodeDown",
        series={
            'up{job="kubelet",node="w1",instance="w1"}': "0x30",
            'up{job="node-exporter",node="w1",instance="w1"}': "1x30",
            # A node that was deleted is asked no more.
            'up{job="kubelet",node="w2",instance="w2"}': "1x5 0 0 stale",
        },
    ),
    Case(
        alert="KubeletDown",
        series={
            'up{job="kubelet",node="w1",instance="w1"}': "1 0x10",
            'up{job="node-exporter",node="w1",instance="w1"}': "1x11",
        },
        before=5,
        at=7,
        labels={"job": "kubelet", "node": "w1", "instance": "w1"},
        summary="Node w1 runs, but its kubelet does not answer.",
    ),
    Quiet(
        alert="KubeletDown",
        series={
            'up{job="kubelet",node="w1",instance="w1"}': "0x30",
            'up{job="node-exporter",node="w1",instance="w1"}': "0x30",
        },
    ),
    Case(
        alert="KubeletStuck",
        series={'kubelet_pleg_last_seen_seconds{job="kubelet",node="w1"}': "0 60 60 60 60 60 60"},
        before=3,
        at=5,
        labels={"job": "kubelet", "node": "w1"},
        summary="The kubelet of node w1 has not looked at its pods for 4m 0s.",
    ),
    Quiet(
        alert="KubeletStuck",
        series={'kubelet_pleg_last_seen_seconds{job="kubelet",node="w1"}': "0+60x30"},
    ),
    Case(
        alert="NodeCutOff",
        series={
            'rest_client_requests_total{job="kubelet",node="w1",code="200"}': "0+60x10 600x20",
            'rest_client_requests_total{job="kubelet",node="w1",code="<error>"}': "0x10 0+60x20",
        },
        before=10,
        at=20,
        labels={"node": "w1"},
        summary="Node w1 cannot reach the API: 100% of its requests fail.",
    ),
    Quiet(
        alert="NodeCutOff",
        series={
            'rest_client_requests_total{job="kubelet",node="w1",code="200"}': "0+60x30",
            'rest_client_requests_total{job="kubelet",node="w1",code="503"}': "0+6x30",
        },
    ),
    Case(
        alert="NodeCertificateExpires",
        series={
            'kubelet_certificate_manager_client_ttl_seconds{job="kubelet",node="w1"}': "86400x70"
        },
        before=30,
        at=65,
        labels={"job": "kubelet", "node": "w1"},
        summary="The certificate by which node w1 logs in ends in 1d 0h 0m 0s and is not renewed.",
    ),
    Quiet(
        alert="NodeCertificateExpires",
        series={
            'kubelet_certificate_manager_client_ttl_seconds{job="kubelet",node="w1"}': "900000x70"
        },
        at=70,
    ),
    Case(
        alert="NodeDiskFills",
        series={
            f"node_filesystem_avail_bytes{{{_ROOT}}}": "50 10x30",
            f"node_filesystem_size_bytes{{{_ROOT}}}": "100x31",
        },
        before=10,
        at=20,
        labels={"node": "w1", "device": "/dev/vda", "fstype": "ext4", "mountpoint": "/"},
        summary="/ of node w1 has 10% left.",
    ),
    Quiet(
        alert="NodeDiskFills",
        series={
            f"node_filesystem_avail_bytes{{{_ROOT}}}": "20x30",
            f"node_filesystem_size_bytes{{{_ROOT}}}": "100x30",
            'node_filesystem_avail_bytes{node="w1",fstype="tmpfs",mountpoint="/run"}': "0x30",
            'node_filesystem_size_bytes{node="w1",fstype="tmpfs",mountpoint="/run"}': "100x30",
        },
    ),
    Case(
        alert="NodeDiskFull",
        series={
            f"node_filesystem_avail_bytes{{{_ROOT}}}": "50 2x10",
            f"node_filesystem_size_bytes{{{_ROOT}}}": "100x31",
        },
        before=5,
        at=7,
        labels={"node": "w1", "device": "/dev/vda", "fstype": "ext4", "mountpoint": "/"},
        summary="/ of node w1 has 2% left.",
    ),
    Quiet(
        alert="NodeDiskFull",
        series={
            f"node_filesystem_avail_bytes{{{_ROOT}}}": "10x30",
            f"node_filesystem_size_bytes{{{_ROOT}}}": "100x30",
        },
    ),
    Case(
        alert="NodeInodesFill",
        series={
            f"node_filesystem_files_free{{{_ROOT}}}": "50 3x20",
            f"node_filesystem_files{{{_ROOT}}}": "100x21",
        },
        before=15,
        at=17,
        labels={"node": "w1", "device": "/dev/vda", "fstype": "ext4", "mountpoint": "/"},
        summary="/ of node w1 has room for few more files: 3%.",
    ),
    Quiet(
        alert="NodeInodesFill",
        # Some file systems do not count files.
        series={
            f"node_filesystem_files_free{{{_ROOT}}}": "0x30",
            f"node_filesystem_files{{{_ROOT}}}": "0x30",
        },
    ),
    Case(
        alert="NodeMemoryShort",
        series={
            'node_memory_MemAvailable_bytes{node="w1"}': "50 2x20",
            'node_memory_MemTotal_bytes{node="w1"}': "100x21",
        },
        before=10,
        at=12,
        labels={"node": "w1"},
        summary="Node w1 has 2% of its memory left.",
    ),
    Quiet(
        alert="NodeMemoryShort",
        series={
            'node_memory_MemAvailable_bytes{node="w1"}': "6x30",
            'node_memory_MemTotal_bytes{node="w1"}': "100x30",
        },
    ),
    Case(
        alert="NodeKillsProcesses",
        series={'node_vmstat_oom_kill{node="w1"}': "3x10 4x10"},
        before=10,
        at=12,
        labels={"node": "w1"},
        summary="Node w1 has killed processes for want of memory.",
    ),
    Quiet(alert="NodeKillsProcesses", series={'node_vmstat_oom_kill{node="w1"}': "3x10 4x30"}),
    Case(
        alert="NodeClockOff",
        series={
            'node_timex_offset_seconds{node="w1"}': "0 -2x20",
            'node_timex_sync_status{node="w1"}': "1 0x20",
        },
        before=10,
        at=12,
        labels={"node": "w1"},
        summary="The clock of node w1 is off by 2s and not synchronised.",
    ),
    Quiet(
        alert="NodeClockOff",
        # It is being mended.
        series={
            'node_timex_offset_seconds{node="w1"}': "2x30",
            'node_timex_sync_status{node="w1"}': "1x30",
        },
    ),
    Case(
        alert="NodeDiskFailed",
        series={'node_md_disks{node="w1",device="md0",state="failed"}': "0 1x5"},
        before=0,
        at=2,
        labels={"node": "w1", "device": "md0", "state": "failed"},
        summary="md0 of node w1 has lost a disk.",
    ),
    Quiet(
        alert="NodeDiskFailed",
        series={
            'node_md_disks{node="w1",device="md0",state="failed"}': "0x30",
            'node_md_disks{node="w1",device="md0",state="spare"}': "1x30",
        },
    ),
)

_RESTARTED = {
    f'container_start_time_seconds{{job="cadvisor",{_POD},id="/{number}"}}': "_ " * number + "1x1"
    for number in range(6)
}

PODS = (
    Case(
        alert="ContainerRestarts",
        series=_RESTARTED,
        before=2,
        at=5,
        labels=_POD_LABELS,
        summary="Container web of team/web-0 has run 6 times within 15 minutes.",
    ),
    Quiet(
        alert="ContainerRestarts",
        series={
            f'container_start_time_seconds{{job="cadvisor",{_POD},id="/{number}"}}': "_ "
            * number
            * 10
            + "1x10"
            for number in range(4)
        },
    ),
    Case(
        alert="ContainersDoNotStart",
        series={
            'kubelet_started_containers_errors_total{job="kubelet",node="w1",'
            'code="CreateContainerConfigError",container_type="container"}': "0x5 1+1x20"
        },
        before=5,
        at=20,
        labels={"node": "w1", "code": "CreateContainerConfigError"},
        summary="Containers on node w1 do not start: CreateContainerConfigError.",
    ),
    Quiet(
        alert="ContainersDoNotStart",
        series={
            'kubelet_started_containers_errors_total{job="kubelet",node="w1",code="x"}': "0x5 3x30"
        },
    ),
    Case(
        alert="ImagesAreNotPulled",
        series={
            'kubelet_runtime_operations_errors_total{job="kubelet",node="w1",'
            'operation_type="pull_image"}': "0x5 1+1x20"
        },
        before=5,
        at=20,
        labels={"node": "w1"},
        summary="Node w1 cannot pull images.",
    ),
    Quiet(
        alert="ImagesAreNotPulled",
        series={
            'kubelet_runtime_operations_errors_total{job="kubelet",node="w1",'
            'operation_type="pull_image"}': "0x5 2x30",
            'kubelet_runtime_operations_errors_total{job="kubelet",node="w1",'
            'operation_type="container_status"}': "0+1x30",
        },
    ),
    Case(
        alert="ContainerKilledForMemory",
        series={f'container_oom_events_total{{{_POD},id="/a"}}': "0x5 1x10"},
        before=5,
        at=7,
        labels=_POD_LABELS,
        summary="Container web of team/web-0 was killed at its limit of memory.",
    ),
    Quiet(
        alert="ContainerKilledForMemory",
        # What the whole node or a slice of it counts is there as well.
        series={'container_oom_events_total{id="/kubepods"}': "0x5 1x10"},
        at=7,
    ),
    Case(
        alert="ContainerNearItsLimit",
        series={
            f"container_memory_working_set_bytes{{{_POD}}}": "50 98x30",
            f"container_spec_memory_limit_bytes{{{_POD}}}": "100x31",
        },
        before=15,
        at=17,
        labels=_POD_LABELS,
        summary="Container web of team/web-0 uses 98% of its limit of memory.",
    ),
    Quiet(
        alert="ContainerNearItsLimit",
        series={
            f"container_memory_working_set_bytes{{{_POD}}}": "98x30",
            f"container_spec_memory_limit_bytes{{{_POD}}}": "0x30",
        },
    ),
    Case(
        alert="VolumeFills",
        series={
            f"kubelet_volume_stats_available_bytes{{{_CLAIM}}}": "50 10x20",
            f"kubelet_volume_stats_capacity_bytes{{{_CLAIM}}}": "100x21",
        },
        before=10,
        at=12,
        labels=_CLAIM_LABELS,
        summary="Volume data/db-0 has 10% left.",
    ),
    Quiet(
        alert="VolumeFills",
        series={
            f"kubelet_volume_stats_available_bytes{{{_CLAIM}}}": "20x30",
            f"kubelet_volume_stats_capacity_bytes{{{_CLAIM}}}": "100x30",
        },
    ),
    Case(
        alert="VolumeFull",
        series={
            f"kubelet_volume_stats_available_bytes{{{_CLAIM}}}": "50 1x20",
            f"kubelet_volume_stats_capacity_bytes{{{_CLAIM}}}": "100x21",
        },
        before=2,
        at=4,
        labels=_CLAIM_LABELS,
        summary="Volume data/db-0 has 1% left.",
    ),
    Quiet(
        alert="VolumeFull",
        series={
            f"kubelet_volume_stats_available_bytes{{{_CLAIM}}}": "10x30",
            f"kubelet_volume_stats_capacity_bytes{{{_CLAIM}}}": "100x30",
        },
    ),
)

CLUSTER = (
    Case(
        alert="ApiServerDown",
        series={'up{job="apiserver",instance="a"}': "1x5 0x10"},
        before=5,
        at=9,
        summary="No API server answers.",
    ),
    Quiet(
        alert="ApiServerDown",
        series={
            'up{job="apiserver",instance="a"}': "0x30",
            'up{job="apiserver",instance="b"}': "1x30",
        },
    ),
    Case(
        alert="ApiServerFails",
        series={
            'apiserver_request_total{job="apiserver",code="200"}': "0+80x30",
            'apiserver_request_total{job="apiserver",code="500"}': "0+20x30",
        },
        before=5,
        at=20,
        summary="20% of requests to the API fail.",
    ),
    Quiet(
        alert="ApiServerFails",
        series={
            'apiserver_request_total{job="apiserver",code="200"}': "0+80x30",
            # Who asks for what is not there is told so.
            'apiserver_request_total{job="apiserver",code="404"}': "0+80x30",
        },
    ),
    Case(
        alert="EtcdGrows",
        series={'apiserver_storage_size_bytes{job="apiserver"}': "1610612736x70"},
        before=30,
        at=62,
        summary="The cluster's etcd holds 1.5GiB; at 2 GiB it takes no more.",
    ),
    Quiet(
        alert="EtcdGrows",
        series={'apiserver_storage_size_bytes{job="apiserver"}': "1e8x70"},
        at=70,
    ),
    Case(
        alert="DnsDown",
        series={'up{job="coredns",instance="a"}': "1x5 0x10"},
        before=5,
        at=9,
        summary="No name server of the cluster answers.",
    ),
    Quiet(
        alert="DnsDown",
        series={
            'up{job="coredns",instance="a"}': "0x30",
            'up{job="coredns",instance="b"}': "1x30",
        },
    ),
    Case(
        alert="DnsFails",
        series={
            'coredns_dns_responses_total{job="coredns",rcode="NOERROR"}': "0+50x30",
            'coredns_dns_responses_total{job="coredns",rcode="SERVFAIL"}': "0+50x30",
        },
        before=5,
        at=20,
        summary="50% of names asked for in the cluster cannot be looked up.",
    ),
    Quiet(
        alert="DnsFails",
        series={
            'coredns_dns_responses_total{job="coredns",rcode="NOERROR"}': "0+50x30",
            'coredns_dns_responses_total{job="coredns",rcode="NXDOMAIN"}': "0+500x30",
        },
    ),
)

CONTROL_PLANE = (
    Case(
        alert="PodsFindNoNode",
        series={
            'kube_pod_resource_request{namespace="team",pod="a",node="",resource="cpu"}': "1x30",
            'kube_pod_resource_request{namespace="team",pod="a",node="",resource="memory"}': "1x30",
            'kube_pod_resource_request{namespace="team",pod="b",node="w1",resource="cpu"}': "1x30",
        },
        before=10,
        at=16,
        labels={"namespace": "team"},
        summary="1 pods of team wait for a node.",
    ),
    Quiet(
        alert="PodsFindNoNode",
        series={
            'kube_pod_resource_request{namespace="team",pod="a",node="w1",resource="cpu"}': "1x30"
        },
    ),
    Case(
        alert="NodesNotReady",
        series={'node_collector_unhealthy_nodes_in_zone{zone="a"}': "0 2x10"},
        before=4,
        at=7,
        summary="2 nodes are NotReady.",
    ),
    Quiet(
        alert="NodesNotReady",
        series={'node_collector_unhealthy_nodes_in_zone{zone="a"}': "0x30"},
    ),
    Case(
        alert="SchedulerDown",
        series={'up{job="scheduler"}': "1x5 0x10"},
        before=8,
        at=12,
        summary="No scheduler answers: new pods wait.",
    ),
    Quiet(alert="SchedulerDown", series={'up{job="scheduler"}': "1x30"}),
    Case(
        alert="ControllerManagerDown",
        series={'up{job="controller-manager"}': "1x5 0x10"},
        before=8,
        at=12,
        summary="No controller manager answers: nothing is healed or scaled.",
    ),
    Quiet(alert="ControllerManagerDown", series={'up{job="controller-manager"}': "1x30"}),
)

STATE = (
    Case(
        alert="NodeNotReady",
        series={
            'kube_node_status_condition{node="w1",condition="Ready",status="true"}': "1 0x10",
        },
        before=5,
        at=7,
        labels={"node": "w1", "condition": "Ready", "status": "true"},
        summary="Node w1 is NotReady.",
    ),
    Quiet(
        alert="NodeNotReady",
        series={
            'kube_node_status_condition{node="w1",condition="Ready",status="true"}': "1x30",
            'kube_node_status_condition{node="w1",condition="DiskPressure",status="true"}': "0x30",
        },
    ),
    Case(
        alert="PodPending",
        series={'kube_pod_status_phase{namespace="team",pod="a",phase="Pending"}': "1x30"},
        before=10,
        at=16,
        labels={"namespace": "team", "pod": "a"},
        summary="team/a has not begun to run.",
    ),
    Quiet(
        alert="PodPending",
        series={
            'kube_pod_status_phase{namespace="team",pod="a",phase="Pending"}': "1x10 0x20",
            'kube_pod_status_phase{namespace="team",pod="a",phase="Running"}': "0x10 1x20",
        },
    ),
    Case(
        alert="DeploymentIncomplete",
        series={
            'kube_deployment_spec_replicas{namespace="team",deployment="web"}': "3x30",
            'kube_deployment_status_replicas_available{namespace="team",deployment="web"}': "2x30",
        },
        before=10,
        at=16,
        labels={"namespace": "team", "deployment": "web"},
        summary="team/web has fewer pods than it should.",
    ),
    Quiet(
        alert="DeploymentIncomplete",
        series={
            'kube_deployment_spec_replicas{namespace="team",deployment="web"}': "0x30",
            'kube_deployment_status_replicas_available{namespace="team",deployment="web"}': "0x30",
        },
    ),
    Case(
        alert="StatefulSetIncomplete",
        series={
            'kube_statefulset_replicas{namespace="data",statefulset="db"}': "1x30",
            'kube_statefulset_status_replicas_ready{namespace="data",statefulset="db"}': "0x30",
        },
        before=10,
        at=16,
        labels={"namespace": "data", "statefulset": "db"},
        summary="data/db has fewer pods than it should.",
    ),
    Quiet(
        alert="StatefulSetIncomplete",
        series={
            'kube_statefulset_replicas{namespace="data",statefulset="db"}': "1x30",
            'kube_statefulset_status_replicas_ready{namespace="data",statefulset="db"}': "1x30",
        },
    ),
    Case(
        alert="JobFailed",
        series={'kube_job_status_failed{namespace="team",job_name="etl"}': "0 1x10"},
        before=5,
        at=7,
        labels={"namespace": "team", "job_name": "etl"},
        summary="Job team/etl has failed.",
    ),
    Quiet(
        alert="JobFailed",
        # It was tried again.
        series={
            'kube_job_status_failed{namespace="team",job_name="etl"}': "1x30",
            'kube_job_status_succeeded{namespace="team",job_name="etl"}': "1x30",
        },
    ),
)

_SELF = {"job": "prometheus", "instance": "p-0"}
_SELF_TEXT = 'job="prometheus",instance="p-0"'

MONITORING = (
    Case(alert="Watchdog", series={}, before=-1, at=5, summary="Alerts work."),
    Case(
        alert="TargetDown",
        series={'up{job="registry",instance="r:1"}': "1 0x20"},
        before=10,
        at=12,
        labels={"job": "registry", "instance": "r:1"},
        summary="r:1 of registry does not tell its figures.",
    ),
    Quiet(
        alert="TargetDown",
        # Nodes have alerts of their own.
        series={
            'up{job="kubelet",instance="w1"}': "0x30",
            'up{job="registry",instance="r:1"}': "1x10 0 0 0 1x20",
        },
    ),
    Case(
        alert="TargetTooLarge",
        series={f"prometheus_target_scrapes_exceeded_sample_limit_total{{{_SELF_TEXT}}}": "0+2x30"},
        before=8,
        at=14,
        labels=_SELF,
        summary="Something tells more figures than it may, and none are taken.",
    ),
    Quiet(
        alert="TargetTooLarge",
        series={
            f"prometheus_target_scrapes_exceeded_sample_limit_total{{{_SELF_TEXT}}}": "7x30",
            f"prometheus_target_scrapes_exceeded_body_size_limit_total{{{_SELF_TEXT}}}": "0x30",
        },
    ),
    Case(
        alert="ConfigurationRefused",
        series={f"prometheus_config_last_reload_successful{{{_SELF_TEXT}}}": "1 0x10"},
        before=5,
        at=7,
        labels=_SELF,
        summary="p-0 goes on with old settings: it refuses the new ones.",
    ),
    Quiet(
        alert="ConfigurationRefused",
        series={f"prometheus_config_last_reload_successful{{{_SELF_TEXT}}}": "1x30"},
    ),
    Case(
        alert="RulesFail",
        series={
            f'prometheus_rule_evaluation_failures_total{{{_SELF_TEXT},rule_group="r;nodes"}}': (
                "0+1x20"
            )
        },
        before=3,
        at=8,
        labels={**_SELF, "rule_group": "r;nodes"},
        summary="Alerts of r;nodes cannot be evaluated.",
    ),
    Quiet(
        alert="RulesFail",
        series={
            f'prometheus_rule_evaluation_failures_total{{{_SELF_TEXT},rule_group="r;nodes"}}': (
                "5x30"
            )
        },
    ),
    Case(
        alert="AlertsAreLost",
        series={f"prometheus_notifications_dropped_total{{{_SELF_TEXT}}}": "0+1x20"},
        before=3,
        at=8,
        labels=_SELF,
        summary="p-0 cannot hand its alerts to an Alertmanager.",
    ),
    Quiet(
        alert="AlertsAreLost",
        series={f"prometheus_notifications_dropped_total{{{_SELF_TEXT}}}": "1x30"},
    ),
    Case(
        alert="NotificationsFail",
        series={
            'alertmanager_notifications_failed_total{job="alertmanager",integration="email",'
            'reason="other"}': "0+1x20"
        },
        before=3,
        at=8,
        labels={"integration": "email"},
        summary="Nobody is notified by email: it fails.",
    ),
    Quiet(
        alert="NotificationsFail",
        series={
            'alertmanager_notifications_failed_total{job="alertmanager",integration="email",'
            'reason="other"}': "4x30"
        },
    ),
    Case(
        alert="AlertmanagersDisagree",
        series={
            'alertmanager_cluster_members{job="alertmanager",instance="a-0"}': "1x20",
            'alertmanager_cluster_members{job="alertmanager",instance="a-1"}': "1x20",
            'up{job="alertmanager",instance="a-0"}': "1x20",
            'up{job="alertmanager",instance="a-1"}': "1x20",
        },
        before=8,
        at=12,
        labels={"job": "alertmanager"},
        summary="Alertmanagers do not see each other, and each notifies on its own.",
    ),
    Quiet(
        alert="AlertmanagersDisagree",
        series={
            'alertmanager_cluster_members{job="alertmanager",instance="a-0"}': "2x30",
            'alertmanager_cluster_members{job="alertmanager",instance="a-1"}': "2x30",
            'up{job="alertmanager",instance="a-0"}': "1x30",
            'up{job="alertmanager",instance="a-1"}': "1x30",
        },
    ),
)

SERVICES = (
    Case(
        alert="ServiceDown",
        series={
            'up{job="keycloak",instance="k-0"}': "1x5 0x5 stale",
            'up{job="registry",instance="r:1"}': "1x30",
        },
        before=7,
        at=20,
        labels={"job": "keycloak"},
        summary="Nothing of keycloak answers.",
    ),
    Quiet(
        alert="ServiceDown",
        series={
            'up{job="keycloak",instance="k-0"}': "0x30",
            'up{job="keycloak",instance="k-1"}': "1x30",
            'up{job="registry",instance="r:1"}': "1x30",
        },
    ),
)

GPUS = (
    Case(
        alert="GpuExporterDown",
        series={'up{job="dcgm-exporter",instance="g1"}': "1 0x20"},
        before=10,
        at=12,
        summary="Nothing is known of GPUs: no exporter answers.",
    ),
    Quiet(alert="GpuExporterDown", series={'up{job="dcgm-exporter",instance="g1"}': "1x30"}),
    Case(
        alert="GpuFails",
        series={f"DCGM_FI_DEV_XID_ERRORS{{{_GPU}}}": "0 79x5"},
        before=0,
        at=2,
        labels=_GPU_LABELS,
        summary="GPU 3 of node g1 reports error XID 79.",
        value="79",
    ),
    Quiet(
        alert="GpuFails",
        # A program's own fault, and none.
        series={
            'DCGM_FI_DEV_XID_ERRORS{node="g1",gpu="3"}': "31x30",
            'DCGM_FI_DEV_XID_ERRORS{node="g1",gpu="4"}': "0x30",
        },
    ),
    Case(
        alert="GpuMemoryBroken",
        series={f"DCGM_FI_DEV_ROW_REMAP_FAILURE{{{_GPU}}}": "0 1x5"},
        before=0,
        at=2,
        labels=_GPU_LABELS,
        summary="GPU 3 of node g1 has broken memory that it cannot replace.",
    ),
    Quiet(alert="GpuMemoryBroken", series={f"DCGM_FI_DEV_ROW_REMAP_FAILURE{{{_GPU}}}": "0x30"}),
    Case(
        alert="GpuHot",
        series={f"DCGM_FI_DEV_GPU_TEMP{{{_GPU}}}": "60 90x10"},
        before=5,
        at=7,
        labels=_GPU_LABELS,
        summary="GPU 3 of node g1 has 90 °C.",
    ),
    Quiet(alert="GpuHot", series={f"DCGM_FI_DEV_GPU_TEMP{{{_GPU}}}": "80x30"}),
    Case(
        alert="GpuIdle",
        series={f"DCGM_FI_DEV_GPU_UTIL{{{_GPU}}}": "0x600"},
        before=60,
        at=130,
        labels=_GPU_LABELS,
        summary="team/train-0 has GPU 3 of node g1 and has not used it for hours.",
    ),
    Quiet(
        alert="GpuIdle",
        # Nobody has it; and somebody uses it now and then.
        series={
            'DCGM_FI_DEV_GPU_UTIL{node="g1",gpu="1"}': "0x600",
            'DCGM_FI_DEV_GPU_UTIL{node="g1",gpu="2",pod="a"}': "0x100 90x20 0x480",
        },
        at=300,
    ),
)

POSTGRESQL = (
    Case(
        alert="PostgresDown",
        series={'pg_up{job="postgresql",instance="p-0"}': "1 0x5"},
        before=1,
        at=3,
        labels={"job": "postgresql", "instance": "p-0"},
        summary="PostgreSQL does not answer its exporter.",
    ),
    Quiet(alert="PostgresDown", series={'pg_up{job="postgresql",instance="p-0"}': "1x30"}),
    Case(
        alert="PostgresConnectionsShort",
        series={
            'pg_stat_database_numbackends{job="p",instance="p-0",datname="a"}': "50x10",
            'pg_stat_database_numbackends{job="p",instance="p-0",datname="b"}': "45x10",
            'pg_settings_max_connections{job="p",instance="p-0",server="s"}': "100x10",
        },
        before=3,
        at=7,
        labels={"job": "p", "instance": "p-0"},
        summary="95% of PostgreSQL's connections are taken.",
    ),
    Quiet(
        alert="PostgresConnectionsShort",
        series={
            'pg_stat_database_numbackends{job="p",instance="p-0",datname="a"}': "50x30",
            'pg_settings_max_connections{job="p",instance="p-0",server="s"}': "100x30",
        },
    ),
    Case(
        alert="PostgresLogNotArchived",
        series={'pg_stat_archiver_failed_count{job="p",instance="p-0"}': "0x5 1+1x20"},
        before=5,
        at=14,
        labels={"job": "p", "instance": "p-0"},
        summary="PostgreSQL cannot copy its log to the object store.",
    ),
    Quiet(
        alert="PostgresLogNotArchived",
        # It failed once, and was mended.
        series={'pg_stat_archiver_failed_count{job="p",instance="p-0"}': "0x5 3x40"},
        at=40,
    ),
    Case(
        alert="PostgresDeadlocks",
        series={'pg_stat_database_deadlocks{job="p",datname="mlflow"}': "0x5 8x20"},
        before=5,
        at=7,
        labels={"job": "p", "datname": "mlflow"},
        summary="Transactions on mlflow lock each other out.",
    ),
    Quiet(
        alert="PostgresDeadlocks",
        series={'pg_stat_database_deadlocks{job="p",datname="mlflow"}': "0x5 1x20"},
        at=7,
    ),
)

KEYCLOAK = (
    Case(
        alert="KeycloakFails",
        series={
            'http_server_requests_seconds_count{job="keycloak",outcome="SUCCESS"}': "0+50x30",
            'http_server_requests_seconds_count{job="keycloak",outcome="SERVER_ERROR"}': "0+50x30",
        },
        before=3,
        at=12,
        labels={"job": "keycloak"},
        summary="50% of requests to Keycloak fail.",
    ),
    Quiet(
        alert="KeycloakFails",
        # Wrong passwords are no failure of Keycloak's.
        series={
            'http_server_requests_seconds_count{job="keycloak",outcome="SUCCESS"}': "0+50x30",
            'http_server_requests_seconds_count{job="keycloak",outcome="CLIENT_ERROR"}': "0+50x30",
        },
    ),
    Case(
        alert="KeycloakWaitsForDatabase",
        series={'agroal_awaiting_count{job="keycloak",instance="k-0"}': "0 4x10"},
        before=2,
        at=4,
        labels=_ONE,
        summary="4 requests to Keycloak wait for a connection to the database.",
    ),
    Quiet(
        alert="KeycloakWaitsForDatabase",
        series={'agroal_awaiting_count{job="keycloak",instance="k-0"}': "0x30"},
    ),
    Case(
        alert="KeycloakMemoryShort",
        series={
            'jvm_memory_used_bytes{job="keycloak",instance="k-0",area="heap",id="a"}': "97x20",
            'jvm_memory_max_bytes{job="keycloak",instance="k-0",area="heap",id="a"}': "100x20",
            'jvm_memory_used_bytes{job="keycloak",instance="k-0",area="heap",id="b"}': "0x20",
            'jvm_memory_max_bytes{job="keycloak",instance="k-0",area="heap",id="b"}': "-1x20",
        },
        before=8,
        at=12,
        labels=_ONE,
        summary="Keycloak uses 97% of its heap.",
    ),
    Quiet(
        alert="KeycloakMemoryShort",
        series={
            'jvm_memory_used_bytes{job="keycloak",instance="k-0",area="heap",id="a"}': "70x30",
            'jvm_memory_max_bytes{job="keycloak",instance="k-0",area="heap",id="a"}': "100x30",
        },
    ),
)

GATEWAY = (
    Case(
        alert="GatewayCannotAskKeycloak",
        series={'oidc_provider_token_error{job="gateway",instance="g-0"}': "0x3 1+1x20"},
        before=4,
        at=10,
        labels={"job": "gateway", "instance": "g-0"},
        summary="Nobody can log in: the gateway gets no answer from Keycloak.",
    ),
    Quiet(
        alert="GatewayCannotAskKeycloak",
        series={'oidc_provider_token_error{job="gateway",instance="g-0"}': "1x30"},
    ),
    Case(
        alert="GatewayRefusesLogins",
        series={'oidc_authn_response_error_protocol{job="gateway",instance="g-0"}': "0+1x20"},
        before=2,
        at=12,
        labels={"job": "gateway", "instance": "g-0"},
        summary="Logins at the gateway fail.",
    ),
    Quiet(
        alert="GatewayRefusesLogins",
        series={'oidc_authn_response_error_provider{job="gateway",instance="g-0"}': "0x5 2x30"},
    ),
)

CASES: tuple[Case | Quiet, ...] = (
    *(*NODES, *PODS, *CLUSTER, *CONTROL_PLANE, *STATE, *MONITORING, *SERVICES),
    *(*GPUS, *POSTGRESQL, *KEYCLOAK, *GATEWAY),
)
