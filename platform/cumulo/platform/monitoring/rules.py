"""The alerts that come with the platform.

Each can be acted on, and says how. Where nothing is asked for what one is about, it stays silent.
"""

from collections.abc import Sequence
from typing import Final

from cumulo.platform.monitoring.alerts import Alert, Group

# Not what images, pods' own mounts and memory are.
_DISKS = 'fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*|nsfs|autofs",mountpoint!~"/run/.*"'
_SPACE = f"node_filesystem_avail_bytes{{{_DISKS}}} / node_filesystem_size_bytes{{{_DISKS}}}"
_VOLUME = "kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes"

NODES: Final = Group(
    name="nodes",
    alerts=(
        Alert(
            name="NodeDown",
            # The pod of an exporter stays known for minutes after its node has died.
            expr='max by (node) (up{job=~"kubelet|node-exporter"}) == 0',
            after="2m",
            severity="critical",
            summary="Node {{ $labels.node }} does not answer: neither its kubelet nor its "
            "exporter.",
            remedy="Look at the server's console. Pods move elsewhere after 5 minutes; a server "
            "that is gone is replaced by the next `up`.",
        ),
        Alert(
            name="KubeletDown",
            expr='up{job="kubelet"} == 0 and on (node) up{job="node-exporter"} == 1',
            after="5m",
            severity="critical",
            summary="Node {{ $labels.node }} runs, but its kubelet does not answer.",
            remedy="On the node: `journalctl --unit kubelet`.",
        ),
        Alert(
            name="KubeletStuck",
            # The API calls a node NotReady when this has lasted for 3 minutes.
            expr='time() - kubelet_pleg_last_seen_seconds{job="kubelet"} > 120',
            after="1m",
            severity="critical",
            summary="The kubelet of node {{ $labels.node }} has not looked at its pods for "
            "{{ $value | humanizeDuration }}.",
            remedy="The container runtime hangs more often than not: on the node, "
            "`crictl pods` and `journalctl --unit containerd`.",
        ),
        Alert(
            name="NodeCutOff",
            expr="sum by (node) (rate("
            'rest_client_requests_total{job="kubelet",code=~"<error>|5.."}[5m])) / '
            'sum by (node) (rate(rest_client_requests_total{job="kubelet"}[5m])) > 0.5',
            after="3m",
            severity="critical",
            summary="Node {{ $labels.node }} cannot reach the API: "
            "{{ $value | humanizePercentage }} of its requests fail.",
            remedy="See whether the API's load balancer and the node's network work; the node "
            "is NotReady for as long as this lasts.",
        ),
        Alert(
            name="NodeCertificateExpires",
            expr='kubelet_certificate_manager_client_ttl_seconds{job="kubelet"} < 7 * 24 * 3600',
            after="1h",
            severity="critical",
            summary="The certificate by which node {{ $labels.node }} logs in ends in "
            "{{ $value | humanizeDuration }} and is not renewed.",
            remedy="`kubectl get certificatesigningrequests`: what is Pending, and why does the "
            "certificate-approver not approve it?",
        ),
        Alert(
            name="NodeDiskFills",
            expr=f"{_SPACE} < 0.15",
            after="15m",
            severity="warning",
            summary="{{ $labels.mountpoint }} of node {{ $labels.node }} has "
            "{{ $value | humanizePercentage }} left.",
            remedy="At 10 % the kubelet evicts pods. On the node: `crictl rmi --prune`, "
            "`journalctl --vacuum-size=500M`; or a flavor with a larger disk.",
        ),
        Alert(
            name="NodeDiskFull",
            expr=f"{_SPACE} < 0.05",
            after="5m",
            severity="critical",
            summary="{{ $labels.mountpoint }} of node {{ $labels.node }} has "
            "{{ $value | humanizePercentage }} left.",
            remedy="Pods are being evicted, and databases may stop. Free space at once.",
        ),
        Alert(
            name="NodeInodesFill",
            expr=f"node_filesystem_files_free{{{_DISKS}}} / "
            f"(node_filesystem_files{{{_DISKS}}} > 0) < 0.05",
            after="15m",
            severity="warning",
            summary="{{ $labels.mountpoint }} of node {{ $labels.node }} has room for few more "
            "files: {{ $value | humanizePercentage }}.",
            remedy="Look for a folder with very many small files.",
        ),
        Alert(
            name="NodeMemoryShort",
            expr="node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05",
            after="10m",
            severity="warning",
            summary="Node {{ $labels.node }} has {{ $value | humanizePercentage }} of its memory "
            "left.",
            remedy="The dashboard `Pods` says who uses it; set limits, or move pods.",
        ),
        Alert(
            name="NodeKillsProcesses",
            expr="increase(node_vmstat_oom_kill[10m]) > 0",
            severity="warning",
            summary="Node {{ $labels.node }} has killed processes for want of memory.",
            remedy="`dmesg --ctime | grep -i 'out of memory'` on the node names them.",
        ),
        Alert(
            name="NodeClockOff",
            expr="abs(node_timex_offset_seconds) > 0.05 and node_timex_sync_status == 0",
            after="10m",
            severity="warning",
            summary="The clock of node {{ $labels.node }} is off by "
            "{{ $value | humanizeDuration }} and not synchronised.",
            remedy="Tokens are refused when clocks differ. On the node: "
            "`timedatectl timesync-status`.",
        ),
        Alert(
            name="NodeDiskFailed",
            expr='node_md_disks{state="failed"} > 0',
            severity="critical",
            summary="{{ $labels.device }} of node {{ $labels.node }} has lost a disk.",
            remedy="`mdadm --detail /dev/{{ $labels.device }}` names it; replace it before another "
            "fails.",
        ),
    ),
)

PODS: Final = Group(
    name="pods",
    alerts=(
        Alert(
            name="ContainerRestarts",
            # Each time it is another container, with another id.
            expr="count by (namespace, pod, container) (last_over_time("
            'container_start_time_seconds{job="cadvisor",container!=""}[15m])) > 3',
            severity="warning",
            summary="Container {{ $labels.container }} of "
            "{{ $labels.namespace }}/{{ $labels.pod }} has run {{ $value }} times within "
            "15 minutes.",
            remedy="`kubectl logs --previous --namespace {{ $labels.namespace }} {{ $labels.pod }} "
            "{{ $labels.container }}`.",
        ),
        Alert(
            name="ContainersDoNotStart",
            expr="sum by (node, code) (increase("
            'kubelet_started_containers_errors_total{job="kubelet"}[15m])) > 5',
            after="5m",
            severity="warning",
            summary="Containers on node {{ $labels.node }} do not start: {{ $labels.code }}.",
            remedy="`kubectl get events --all-namespaces --field-selector type=Warning`.",
        ),
        Alert(
            name="ImagesAreNotPulled",
            expr="sum by (node) (increase(kubelet_runtime_operations_errors_total"
            '{job="kubelet",operation_type="pull_image"}[15m])) > 3',
            after="5m",
            severity="warning",
            summary="Node {{ $labels.node }} cannot pull images.",
            remedy="Is the registry up, and has it the image? `cumulo images list`; "
            "`kubectl get events --all-namespaces --field-selector reason=Failed`.",
        ),
        Alert(
            name="ContainerKilledForMemory",
            expr="sum by (namespace, pod, container) "
            '(increase(container_oom_events_total{container!=""}[10m])) > 0',
            severity="warning",
            summary="Container {{ $labels.container }} of "
            "{{ $labels.namespace }}/{{ $labels.pod }} was killed at its limit of memory.",
            remedy="Raise its limit, or find what it holds on to.",
        ),
        Alert(
            name="ContainerNearItsLimit",
            expr="max by (namespace, pod, container) "
            '(container_memory_working_set_bytes{container!=""} / '
            '(container_spec_memory_limit_bytes{container!=""} > 0)) > 0.95',
            after="15m",
            severity="warning",
            summary="Container {{ $labels.container }} of "
            "{{ $labels.namespace }}/{{ $labels.pod }} uses {{ $value | humanizePercentage }} of "
            "its limit of memory.",
            remedy="It is killed at its limit. Raise it before that.",
        ),
        Alert(
            name="VolumeFills",
            expr=f"{_VOLUME} < 0.15",
            after="10m",
            severity="warning",
            summary="Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has "
            "{{ $value | humanizePercentage }} left.",
            remedy="Make it larger: `storage` of the component that has it.",
        ),
        Alert(
            name="VolumeFull",
            expr=f"{_VOLUME} < 0.05",
            after="2m",
            severity="critical",
            summary="Volume {{ $labels.namespace }}/{{ $labels.persistentvolumeclaim }} has "
            "{{ $value | humanizePercentage }} left.",
            remedy="What writes to it stops soon. Make it larger: `storage` of the component.",
        ),
    ),
)

CLUSTER: Final = Group(
    name="cluster",
    alerts=(
        Alert(
            name="ApiServerDown",
            expr='absent(up{job="apiserver"} == 1)',
            after="2m",
            severity="critical",
            summary="No API server answers.",
            remedy="What runs goes on, but nothing can be changed. Look at the control plane's "
            "servers: `crictl ps --name kube-apiserver`, and etcd beside it.",
        ),
        Alert(
            name="ApiServerFails",
            expr='sum(rate(apiserver_request_total{job="apiserver",code=~"5.."}[5m])) / '
            'sum(rate(apiserver_request_total{job="apiserver"}[5m])) > 0.05',
            after="10m",
            severity="critical",
            summary="{{ $value | humanizePercentage }} of requests to the API fail.",
            remedy="etcd is slow or gone more often than not: "
            "`kubectl logs --namespace kube-system --selector component=etcd`.",
        ),
        Alert(
            name="EtcdGrows",
            # kubeadm leaves etcd its own limit, at which it refuses all writes.
            expr='max(apiserver_storage_size_bytes{job="apiserver"}) > 1.5e9',
            after="1h",
            severity="warning",
            summary="The cluster's etcd holds {{ $value | humanize1024 }}B; at 2 GiB it takes no "
            "more.",
            remedy="`kubectl get --raw /metrics | grep apiserver_resource_objects` says of what "
            "there is so much; then `etcdctl defrag`.",
        ),
        Alert(
            name="DnsDown",
            expr='absent(up{job="coredns"} == 1)',
            after="2m",
            severity="critical",
            summary="No name server of the cluster answers.",
            remedy="`kubectl get pods --namespace kube-system --selector k8s-app=kube-dns`.",
        ),
        Alert(
            name="DnsFails",
            expr='sum(rate(coredns_dns_responses_total{job="coredns",rcode="SERVFAIL"}[5m])) / '
            'sum(rate(coredns_dns_responses_total{job="coredns"}[5m])) > 0.05',
            after="10m",
            severity="warning",
            summary="{{ $value | humanizePercentage }} of names asked for in the cluster cannot be "
            "looked up.",
            remedy="Do the nodes' own resolvers answer? CoreDNS asks them for what is outside.",
        ),
    ),
)

CONTROL_PLANE: Final = Group(
    name="control-plane",
    alerts=(
        Alert(
            name="PodsFindNoNode",
            # The scheduler names no node for those that it has found none for.
            expr="count by (namespace) "
            '(count by (namespace, pod) (kube_pod_resource_request{node=""})) > 0',
            after="15m",
            severity="warning",
            summary="{{ $value }} pods of {{ $labels.namespace }} wait for a node.",
            remedy="`kubectl describe pod` says what they ask for and no node has: make the pool "
            "larger, or lower the requests.",
        ),
        Alert(
            name="NodesNotReady",
            expr="sum(node_collector_unhealthy_nodes_in_zone) > 0",
            after="5m",
            severity="critical",
            summary="{{ $value }} nodes are NotReady.",
            remedy="`kubectl get nodes`, then `kubectl describe node`.",
        ),
        Alert(
            name="SchedulerDown",
            expr='absent(up{job="scheduler"} == 1)',
            after="5m",
            severity="critical",
            summary="No scheduler answers: new pods wait.",
            remedy="`kubectl get pods --namespace kube-system "
            "--selector component=kube-scheduler`.",
        ),
        Alert(
            name="ControllerManagerDown",
            expr='absent(up{job="controller-manager"} == 1)',
            after="5m",
            severity="critical",
            summary="No controller manager answers: nothing is healed or scaled.",
            remedy="`kubectl get pods --namespace kube-system "
            "--selector component=kube-controller-manager`.",
        ),
    ),
)

STATE: Final = Group(
    name="state",
    alerts=(
        Alert(
            name="NodeNotReady",
            expr='kube_node_status_condition{condition="Ready",status="true"} == 0',
            after="5m",
            severity="critical",
            summary="Node {{ $labels.node }} is NotReady.",
            remedy="`kubectl describe node {{ $labels.node }}`.",
        ),
        Alert(
            name="PodPending",
            expr='sum by (namespace, pod) (kube_pod_status_phase{phase="Pending"}) > 0',
            after="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.pod }} has not begun to run.",
            remedy="`kubectl describe pod --namespace {{ $labels.namespace }} {{ $labels.pod }}`.",
        ),
        Alert(
            name="DeploymentIncomplete",
            expr="kube_deployment_spec_replicas > kube_deployment_status_replicas_available",
            after="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.deployment }} has fewer pods than it "
            "should.",
            remedy="`kubectl describe deployment --namespace {{ $labels.namespace }} "
            "{{ $labels.deployment }}`.",
        ),
        Alert(
            name="StatefulSetIncomplete",
            expr="kube_statefulset_replicas > kube_statefulset_status_replicas_ready",
            after="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.statefulset }} has fewer pods than it "
            "should.",
            remedy="`kubectl describe statefulset --namespace {{ $labels.namespace }} "
            "{{ $labels.statefulset }}`.",
        ),
        Alert(
            name="JobFailed",
            expr="kube_job_status_failed > 0 unless kube_job_status_succeeded > 0",
            after="5m",
            severity="warning",
            summary="Job {{ $labels.namespace }}/{{ $labels.job_name }} has failed.",
            remedy="`kubectl logs --namespace {{ $labels.namespace }} job/{{ $labels.job_name }}`.",
        ),
    ),
)

MONITORING: Final = Group(
    name="monitoring",
    alerts=(
        Alert(
            name="Watchdog",
            expr="vector(1)",
            severity="none",
            summary="Alerts work.",
            remedy="Nothing. Whoever expects it and misses it looks at Prometheus.",
        ),
        Alert(
            name="TargetDown",
            expr='up{job!~"kubelet|cadvisor"} == 0',
            after="10m",
            severity="warning",
            summary="{{ $labels.instance }} of {{ $labels.job }} does not tell its figures.",
            remedy="The page `targets` of Prometheus has the reason: it is down, or a network "
            "policy is in the way.",
        ),
        Alert(
            name="TargetTooLarge",
            expr="increase(prometheus_target_scrapes_exceeded_sample_limit_total[10m]) > 0 or "
            "increase(prometheus_target_scrapes_exceeded_body_size_limit_total[10m]) > 0",
            after="10m",
            severity="warning",
            summary="Something tells more figures than it may, and none are taken.",
            remedy="The page `targets` of Prometheus names it; it has a label with too many "
            "values.",
        ),
        Alert(
            name="ConfigurationRefused",
            expr="prometheus_config_last_reload_successful == 0",
            after="5m",
            severity="critical",
            summary="{{ $labels.instance }} goes on with old settings: it refuses the new ones.",
            remedy="Its log says why.",
        ),
        Alert(
            name="RulesFail",
            expr="increase(prometheus_rule_evaluation_failures_total[10m]) > 0",
            after="5m",
            severity="critical",
            summary="Alerts of {{ $labels.rule_group }} cannot be evaluated.",
            remedy="The page `rules` of Prometheus has the reason.",
        ),
        Alert(
            name="AlertsAreLost",
            expr="increase(prometheus_notifications_dropped_total[10m]) > 0",
            after="5m",
            severity="critical",
            summary="{{ $labels.instance }} cannot hand its alerts to an Alertmanager.",
            remedy="Does Alertmanager run?",
        ),
        Alert(
            name="NotificationsFail",
            expr="sum by (integration) "
            "(increase(alertmanager_notifications_failed_total[10m])) > 0",
            after="5m",
            severity="critical",
            summary="Nobody is notified by {{ $labels.integration }}: it fails.",
            remedy="Alertmanager's log has the answer of the other side.",
        ),
        Alert(
            name="AlertmanagersDisagree",
            expr="min by (job) (alertmanager_cluster_members) "
            '< on (job) count by (job) (up{job="alertmanager"})',
            after="10m",
            severity="warning",
            summary="Alertmanagers do not see each other, and each notifies on its own.",
            remedy="Is their port 9094 open between them?",
        ),
    ),
)

GPUS: Final = Group(
    name="gpus",
    alerts=(
        Alert(
            name="GpuExporterDown",
            expr='absent(up{job="dcgm-exporter"} == 1)',
            after="10m",
            severity="warning",
            summary="Nothing is known of GPUs: no exporter answers.",
            remedy="`kubectl get pods --all-namespaces --selector "
            "app.kubernetes.io/name=dcgm-exporter`; do the nodes have their driver?",
        ),
        Alert(
            name="GpuFails",
            # Not those that a program brings about itself: 13, 31, 43, 45.
            expr="DCGM_FI_DEV_XID_ERRORS > 0 unless "
            "(DCGM_FI_DEV_XID_ERRORS == 13 or DCGM_FI_DEV_XID_ERRORS == 31 or "
            "DCGM_FI_DEV_XID_ERRORS == 43 or DCGM_FI_DEV_XID_ERRORS == 45)",
            severity="critical",
            summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} reports error "
            "XID {{ $value }}.",
            remedy="`kubectl cordon` the node, and look XID {{ $value }} up in NVIDIA's list: "
            "48, 63, 64, 74, 79 and 94 on want a reset or another card.",
        ),
        Alert(
            name="GpuMemoryBroken",
            expr="DCGM_FI_DEV_ROW_REMAP_FAILURE > 0",
            severity="critical",
            summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} has broken memory that it "
            "cannot replace.",
            remedy="Take the node out; the card has to be exchanged.",
        ),
        Alert(
            name="GpuHot",
            expr="DCGM_FI_DEV_GPU_TEMP > 87",
            after="5m",
            severity="warning",
            summary="GPU {{ $labels.gpu }} of node {{ $labels.node }} has {{ $value }} °C.",
            remedy="It slows down by itself. Look at the fans and the air.",
        ),
        Alert(
            name="GpuIdle",
            expr='avg_over_time(DCGM_FI_DEV_GPU_UTIL{pod!=""}[6h]) < 1',
            after="2h",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.pod }} has GPU {{ $labels.gpu }} of node "
            "{{ $labels.node }} and has not used it for hours.",
            remedy="Ask whose it is; others may be waiting for it.",
        ),
    ),
)

POSTGRESQL: Final = Group(
    name="postgresql",
    alerts=(
        Alert(
            name="PostgresDown",
            expr="pg_up == 0",
            after="1m",
            severity="critical",
            summary="PostgreSQL does not answer its exporter.",
            remedy="Is its disk full? `kubectl logs` of its pod says what it waits for.",
        ),
        Alert(
            name="PostgresConnectionsShort",
            expr="sum by (job, instance) (pg_stat_database_numbackends) / "
            "on (job, instance) pg_settings_max_connections > 0.9",
            after="5m",
            severity="warning",
            summary="{{ $value | humanizePercentage }} of PostgreSQL's connections are taken.",
            remedy="Raise `connections` of who needs more of them.",
        ),
        Alert(
            name="PostgresLogNotArchived",
            expr="increase(pg_stat_archiver_failed_count[15m]) > 0",
            after="5m",
            severity="critical",
            summary="PostgreSQL cannot copy its log to the object store.",
            remedy="What is committed meanwhile is lost with the volume, which fills up as well. "
            "Is the object store up, and are its keys right?",
        ),
        Alert(
            name="PostgresDeadlocks",
            expr="increase(pg_stat_database_deadlocks[10m]) > 5",
            severity="warning",
            summary="Transactions on {{ $labels.datname }} lock each other out.",
            remedy="PostgreSQL's log has the statements.",
        ),
    ),
)

KEYCLOAK: Final = Group(
    name="keycloak",
    alerts=(
        Alert(
            name="KeycloakFails",
            expr='sum by (job) (rate(http_server_requests_seconds_count{job="keycloak",'
            'outcome="SERVER_ERROR"}[5m])) / sum by (job) '
            '(rate(http_server_requests_seconds_count{job="keycloak"}[5m])) > 0.05',
            after="5m",
            severity="critical",
            summary="{{ $value | humanizePercentage }} of requests to Keycloak fail.",
            remedy="Does its database answer? Its log says more.",
        ),
        Alert(
            name="KeycloakWaitsForDatabase",
            expr='agroal_awaiting_count{job="keycloak"} > 0',
            after="2m",
            severity="warning",
            summary="{{ $value }} requests to Keycloak wait for a connection to the database.",
            remedy="The database is slow, or Keycloak needs more connections.",
        ),
        Alert(
            name="KeycloakMemoryShort",
            expr='sum by (job, instance) (jvm_memory_used_bytes{job="keycloak",area="heap"}) / '
            'sum by (job, instance) (jvm_memory_max_bytes{job="keycloak",area="heap"} > 0) > 0.95',
            after="10m",
            severity="warning",
            summary="Keycloak uses {{ $value | humanizePercentage }} of its heap.",
            remedy="Raise its `memory`.",
        ),
    ),
)

GATEWAY: Final = Group(
    name="gateway",
    alerts=(
        Alert(
            name="GatewayCannotAskKeycloak",
            expr="increase(oidc_provider_http_connect_error[5m]) > 0 or "
            "increase(oidc_provider_token_error[5m]) > 0 or "
            "increase(oidc_provider_metadata_error[5m]) > 0",
            after="2m",
            severity="critical",
            summary="Nobody can log in: the gateway gets no answer from Keycloak.",
            remedy="Is Keycloak up? Has the gateway's client secret been changed there?",
        ),
        Alert(
            name="GatewayRefusesLogins",
            expr="increase(oidc_authn_response_error_provider[10m]) > 5 or "
            "increase(oidc_authn_response_error_protocol[10m]) > 5",
            severity="warning",
            summary="Logins at the gateway fail.",
            remedy="Its error log names the reason: a client that Keycloak does not know, or "
            "clocks that differ.",
        ),
    ),
)

ALWAYS: Final = (NODES, PODS, CLUSTER, MONITORING, POSTGRESQL, KEYCLOAK, GATEWAY)
"""Those that stay silent where there is nothing that they are about."""


def services(jobs: Sequence[str]) -> Group:
    """That none of a service's pods answers, for each of some services.

    Args:
        jobs: Their names, as they are targets.
    """
    return Group(
        name="services",
        alerts=[
            Alert(
                name="ServiceDown",
                # Also when there is nothing left to ask.
                expr=f'absent(up{{job="{job}"}} == 1)',
                after="3m",
                severity="critical",
                summary=f"Nothing of {job} answers.",
                remedy="`kubectl get pods --all-namespaces | grep -v Running`; its events and log "
                "say more.",
                labels={"job": job},
            )
            for job in jobs
        ],
    )
