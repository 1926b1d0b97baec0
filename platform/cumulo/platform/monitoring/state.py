"""kube-state-metrics: what the API knows of deployments, jobs, pods and nodes, as figures."""

from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from cumulo.platform.monitoring.rbac import account
from cumulo.platform.monitoring.scraping import STATE_PORT
from cumulo.platform.pods import NOBODY, SECURE, labels, probe, resources, restricted
from cumulo.platform.versions import KUBE_STATE_METRICS

_TELEMETRY_PORT = 8081

RESOURCES: Final = {
    "": ["namespaces", "nodes", "persistentvolumeclaims", "pods", "resourcequotas"],
    "apps": ["daemonsets", "deployments", "statefulsets"],
    "batch": ["cronjobs", "jobs"],
    "policy": ["poddisruptionbudgets"],
}
"""What it looks at, by API group: no secrets, and nothing that nobody asks for."""


def state_metrics(
    name: str, namespace: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Puts kube-state-metrics on the cluster, for Prometheus alone."""
    mark = labels(name, "kube-state-metrics")
    known_as = f"{name}-kube-state-metrics"
    meta: dict[str, Any] = {"name": known_as, "namespace": namespace, "labels": mark}
    allowed = account(
        known_as,
        namespace,
        [
            {"api_groups": [group], "resources": kinds, "verbs": ["list", "watch"]}
            for group, kinds in RESOURCES.items()
        ],
        opts,
    )
    k8s.networking.v1.NetworkPolicy(
        f"{known_as}-clients",
        metadata=meta,
        spec={
            "pod_selector": {"match_labels": mark},
            "policy_types": ["Ingress"],
            "ingress": [
                {
                    "from": [{"pod_selector": {"match_labels": labels(name, "prometheus")}}],
                    "ports": [{"port": STATE_PORT}],
                }
            ],
        },
        opts=opts,
    )
    kinds = sorted(kind for group in RESOURCES.values() for kind in group)
    deployment: pulumi.Resource = k8s.apps.v1.Deployment(
        known_as,
        metadata=meta,
        spec={
            "replicas": 1,
            "selector": {"match_labels": mark},
            "template": {
                "metadata": {"labels": mark},
                "spec": {
                    "service_account_name": known_as,
                    "enable_service_links": False,
                    "security_context": restricted(NOBODY),
                    "containers": [
                        {
                            "name": "kube-state-metrics",
                            "image": "registry.k8s.io/kube-state-metrics/kube-state-metrics:"
                            f"v{KUBE_STATE_METRICS}",
                            "args": [
                                f"--port={STATE_PORT}",
                                f"--telemetry-port={_TELEMETRY_PORT}",
                                f"--resources={','.join(kinds)}",
                            ],
                            "ports": [
                                {"name": "metrics", "container_port": STATE_PORT},
                                {"name": "telemetry", "container_port": _TELEMETRY_PORT},
                            ],
                            "readiness_probe": probe("/readyz", "telemetry"),
                            "liveness_probe": probe("/livez", "metrics", 6),
                            "resources": resources("10m", 256),
                            "security_context": SECURE,
                        }
                    ],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    return deployment
