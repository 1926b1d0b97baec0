"""What Prometheus asks, how often, and what it calls the answers: its configuration as a value.

Every job leaves these labels: `job` says what kind of thing was asked, `instance` which of them;
`node` is there for what is about one node, `namespace` and `pod` for what a pod told of itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pulumi
from cumulo.platform.monitoring.arguments import Target

FOLDER: Final = "/etc/prometheus"
"""Where Prometheus has its configuration."""
TARGETS: Final = "/etc/cumulo/targets"
"""Where it has the targets' passwords and authorities, by `<job>.<kind>`."""
CERTIFICATES: Final = "/etc/cumulo/nodes"
"""Where it has the certificate by which exporters on nodes know it."""
NODE_EXPORTER_PORT: Final = 9100
DCGM_PORT: Final = 9400
STATE_PORT: Final = 8080

RESERVED: Final = (
    *("alertmanager", "annotated", "apiserver", "cadvisor", "controller-manager", "coredns"),
    *("dcgm-exporter", "kube-state-metrics", "kubelet", "node-exporter", "prometheus"),
    *("scheduler", "scheduler-resources"),
)
"""Names of jobs that are there already."""

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_CLUSTER = {
    "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
    "tls_config": {"ca_file": f"{_ACCOUNT}/ca.crt"},
}
_META = "__meta_kubernetes"
# Whoever may write a pod may have it asked; its figures must not take the room of others.
_LIMITS = {
    "sample_limit": 20_000,
    "body_size_limit": "20MB",
    "label_limit": 50,
    "label_name_length_limit": 200,
    "label_value_length_limit": 1000,
}
# A third of what a kubelet tells is about hosts' parts that nobody asks for here.
_CADVISOR_DROPPED = (
    "container_(tasks_state|memory_failures_total|network_tcp.*|network_udp.*|file_descriptors"
    "|sockets|threads.*|ulimits_soft|blkio.*|spec_cpu_(period|shares)|cpu_load.*|last_seen"
    "|memory_(cache|mapped_file|swap|max_usage_bytes)|network_.*_errors_total)"
)


@dataclass(frozen=True, kw_only=True)
class Scraping:
    """All that the configuration depends on.

    Attributes:
        interval: Seconds between two questions.
        retention_days: How long figures stay.
        retention_bytes: How much of them may stay.
        namespace: Prometheus' own namespace.
        node_namespace: The namespace of the exporters on nodes.
        instance: What the component is called; its pods' `app.kubernetes.io/instance`.
        alertmanagers: Where alerts go, as `host:port`.
        targets: What is asked besides the cluster.
        gpus: Whether DCGM exporters are asked.
        state_metrics: Whether kube-state-metrics is asked.
        control_plane: Whether the scheduler and the controller manager are asked.
    """

    interval: int
    retention_days: int
    retention_bytes: int
    namespace: pulumi.Input[str]
    node_namespace: pulumi.Input[str]
    instance: str
    alertmanagers: Sequence[pulumi.Input[str]]
    targets: Mapping[str, Target]
    gpus: bool = False
    state_metrics: bool = False
    control_plane: bool = False


def configuration(told: Scraping) -> dict[str, Any]:
    """The whole of prometheus.yml; values in it may be outputs."""
    jobs = [
        _pods("prometheus", told.namespace, _selector(told.instance, "prometheus"), 9090),
        _pods("alertmanager", told.namespace, _selector(told.instance, "alertmanager"), 9093),
        _api_server(),
        *_kubelets(),
        _name_servers(),
        _node_exporters(told),
        _annotated(),
    ]
    if told.gpus:
        jobs.append(_gpus(told))
    if told.state_metrics:
        jobs.append(_state(told))
    if told.control_plane:
        jobs += [
            _control_plane("scheduler", 10259),
            # What pods have asked for, and which of them no node was found for.
            _control_plane("scheduler-resources", 10259, "/metrics/resources"),
            _control_plane("controller-manager", 10257),
        ]
    jobs += [_target(name, target) for name, target in told.targets.items()]
    return {
        "global": {
            "scrape_interval": f"{told.interval}s",
            "scrape_timeout": f"{min(told.interval, 10)}s",
            "evaluation_interval": f"{told.interval}s",
        },
        "storage": {
            "tsdb": {
                "retention": {
                    "time": f"{told.retention_days}d",
                    "size": f"{told.retention_bytes}B",
                }
            }
        },
        "rule_files": [f"{FOLDER}/rules.yml"],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": told.alertmanagers}]}]},
        "scrape_configs": jobs,
    }


def files(targets: Mapping[str, Target]) -> dict[str, pulumi.Input[str]]:
    """What Prometheus needs to know to ask targets, by the file's name in `TARGETS`."""
    found: dict[str, pulumi.Input[str]] = {}
    for name, target in targets.items():
        if "ca" in target:
            found[f"{name}.ca"] = target["ca"]
        if "password" in target:
            found[f"{name}.password"] = target["password"]
    return found


def _selector(instance: str, name: str) -> str:
    return f"app.kubernetes.io/name={name},app.kubernetes.io/instance={instance}"


def _discovery(
    role: str,
    namespace: pulumi.Input[str] | None = None,
    label: pulumi.Input[str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """What the API is asked for; it leaves out what nobody wants, not Prometheus."""
    config: dict[str, Any] = {"role": role, **more}
    if namespace is not None:
        config["namespaces"] = {"names": [namespace]}
    if label is not None:
        config["selectors"] = [{"role": role, "label": label}]
    return {"kubernetes_sd_configs": [config]}


def _set(label: str, source: str, regex: str = "(.+)", replacement: str = "$1") -> dict[str, Any]:
    return {
        "source_labels": [source],
        "regex": regex,
        "target_label": label,
        "replacement": replacement,
    }


def _only(source: str, regex: str, action: str = "keep") -> dict[str, Any]:
    return {"source_labels": [source], "regex": regex, "action": action}


# A pod that has ended, or has no address yet, answers nobody.
_RUNNING = [
    _only(f"{_META}_pod_phase", "Pending|Succeeded|Failed|Unknown", "drop"),
    _only(f"{_META}_pod_ip", ".+"),
]
_WHICH_POD = [
    _set("namespace", f"{_META}_namespace"),
    _set("pod", f"{_META}_pod_name"),
]
_WHICH_NODE = [
    _set("node", f"{_META}_pod_node_name"),
    _set("instance", f"{_META}_pod_node_name"),
]


def _pods(
    job: str, namespace: pulumi.Input[str], label: pulumi.Input[str], port: pulumi.Input[int]
) -> dict[str, Any]:
    return {
        "job_name": job,
        **_discovery("pod", namespace, label),
        "relabel_configs": [
            *_RUNNING,
            {
                "source_labels": [f"{_META}_pod_ip"],
                "target_label": "__address__",
                "replacement": pulumi.Output.format("$1:{0}", port),
            },
            *_WHICH_POD,
            _set("instance", f"{_META}_pod_name"),
        ],
    }


def _api_server() -> dict[str, Any]:
    return {
        "job_name": "apiserver",
        "scheme": "https",
        **_CLUSTER,
        **_discovery("endpointslice", "default", "kubernetes.io/service-name=kubernetes"),
        "metric_relabel_configs": [
            # Nine tenths of its figures are how long each kind of request took.
            _only(
                "__name__",
                "apiserver_request_(body_size_bytes|sli_duration_seconds|slo_duration_seconds)_.*"
                "|apiserver_(response_sizes|watch_events_sizes|watch_list_duration_seconds)_.*"
                "|(apiserver_request|etcd_request)_duration_seconds_bucket",
                "drop",
            )
        ],
    }


def _kubelets() -> list[dict[str, Any]]:
    def job(name: str, path: str, drop: str) -> dict[str, Any]:
        return {
            "job_name": name,
            "scheme": "https",
            "metrics_path": path,
            **_CLUSTER,
            **_discovery("node"),
            "relabel_configs": [_set("node", f"{_META}_node_name")],
            "metric_relabel_configs": [_only("__name__", drop, "drop")],
        }

    return [
        job("kubelet", "/metrics", "(storage_operation|kubelet_http_requests)_duration_.*_bucket"),
        job("cadvisor", "/metrics/cadvisor", _CADVISOR_DROPPED),
    ]


def _name_servers() -> dict[str, Any]:
    return {
        "job_name": "coredns",
        **_discovery("endpointslice", "kube-system", "kubernetes.io/service-name=kube-dns"),
        "relabel_configs": [
            _only(f"{_META}_endpointslice_port_name", "metrics"),
            *_WHICH_POD,
            _set("instance", f"{_META}_pod_name"),
        ],
    }


def _node_exporters(told: Scraping) -> dict[str, Any]:
    job = _pods(
        "node-exporter",
        told.node_namespace,
        _selector(told.instance, "node-exporter"),
        NODE_EXPORTER_PORT,
    )
    return {
        **job,
        "scheme": "https",
        "tls_config": {
            "ca_file": f"{CERTIFICATES}/ca.crt",
            "cert_file": f"{CERTIFICATES}/tls.crt",
            "key_file": f"{CERTIFICATES}/tls.key",
            "server_name": "node-exporter",
        },
        "relabel_configs": [*job["relabel_configs"], *_WHICH_NODE, *_without("namespace", "pod")],
    }


def _without(*labels: str) -> list[dict[str, Any]]:
    return [{"regex": "|".join(labels), "action": "labeldrop"}]


def _gpus(told: Scraping) -> dict[str, Any]:
    job = _pods(
        "dcgm-exporter",
        told.node_namespace,
        _selector(told.instance, "dcgm-exporter"),
        DCGM_PORT,
    )
    return {
        **job,
        # It says itself which pod has a GPU; whose pod tells so is of no interest.
        "honor_labels": True,
        "relabel_configs": [*job["relabel_configs"], *_WHICH_NODE, *_without("namespace", "pod")],
    }


def _state(told: Scraping) -> dict[str, Any]:
    job = _pods(
        "kube-state-metrics",
        told.namespace,
        _selector(told.instance, "kube-state-metrics"),
        STATE_PORT,
    )
    return {
        **job,
        # It tells of others' pods and namespaces.
        "honor_labels": True,
        "relabel_configs": [*job["relabel_configs"], *_without("namespace", "pod")],
    }


def _control_plane(job: str, port: int, path: str = "/metrics") -> dict[str, Any]:
    return {
        "job_name": job,
        "metrics_path": path,
        "scheme": "https",
        "authorization": _CLUSTER["authorization"],
        # They make their own certificates, anew at each start, and only the API's token matters.
        "tls_config": {"insecure_skip_verify": True},
        # kube_pod_resource_request names others' pods.
        "honor_labels": True,
        **_discovery("node", label="node-role.kubernetes.io/control-plane"),
        "relabel_configs": [
            _set("__address__", f"{_META}_node_address_InternalIP", replacement=f"$1:{port}"),
            _set("instance", f"{_META}_node_name"),
        ],
    }


def _annotated() -> dict[str, Any]:
    """Pods that ask for it, as `prometheus.io/scrape: "true"` does everywhere."""
    annotation = f"{_META}_pod_annotation_prometheus_io"
    return {
        "job_name": "annotated",
        **_LIMITS,
        **_discovery("pod"),
        "relabel_configs": [
            _only(f"{annotation}_scrape", "true"),
            *_RUNNING,
            _set("__scheme__", f"{annotation}_scheme", "(https?)"),
            _set("__metrics_path__", f"{annotation}_path"),
            {
                "source_labels": [f"{_META}_pod_ip", f"{annotation}_port"],
                "separator": ";",
                "regex": "(.+);([0-9]+)",
                "target_label": "__address__",
                "replacement": "$1:$2",
            },
            *_WHICH_POD,
            _set("instance", f"{_META}_pod_name"),
        ],
    }


def _target(name: str, target: Target) -> dict[str, Any]:
    service = target.get("service")
    job: dict[str, Any] = {"job_name": name}
    if service is not None:
        label = pulumi.Output.from_input(service.labels).apply(
            lambda known: ",".join(f"{key}={value}" for key, value in sorted(known.items()))
        )
        job = _pods(name, service.namespace, label, target.get("port", service.pod_port))
    else:
        job["static_configs"] = [{"targets": list(target.get("addresses", ()))}]
    job |= {
        "scheme": target.get("scheme", "http"),
        "metrics_path": target.get("path", "/metrics"),
        **_LIMITS,
    }
    tls: dict[str, Any] = {}
    if "ca" in target:
        tls["ca_file"] = f"{TARGETS}/{name}.ca"
    if "server_name" in target:
        tls["server_name"] = target["server_name"]
    if tls:
        job["tls_config"] = tls
    if "username" in target:
        job["basic_auth"] = {
            "username": target["username"],
            "password_file": f"{TARGETS}/{name}.password",
        }
    return job
