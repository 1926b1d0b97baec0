"""metrics-server: what nodes and pods use, for `kubectl top` and for autoscaling."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.kubernetes.addons.rbac import role, rule
from cumulo.infra.versions import METRICS_SERVER

_LABELS = {"k8s-app": "metrics-server"}
_IN = {"name": "metrics-server", "namespace": "kube-system"}
_PORT = 10250


def metrics_server(name: str, replicas: int, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Puts metrics-server on nodes that run workloads.

    It believes kubelets whose certificate the cluster's authority has signed.

    Args:
        name: What the resources' names begin with.
        replicas: How many of it; from two on, each on another node, and one always stays.
        opts: The resources' options.

    Returns:
        The API that it serves.
    """
    account = k8s.core.v1.ServiceAccount(
        f"{name}-account", metadata={**_IN, "labels": _LABELS}, opts=opts
    )
    allowed = _permissions(name, account, opts)
    if replicas > 1:
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata={**_IN, "labels": _LABELS},
            spec={"min_available": 1, "selector": {"match_labels": _LABELS}},
            opts=opts,
        )
    deployment = k8s.apps.v1.Deployment(
        f"{name}-deployment",
        metadata={**_IN, "labels": _LABELS},
        spec={
            "replicas": replicas,
            "selector": {"match_labels": _LABELS},
            # With as many nodes as replicas there is no room for one more.
            "strategy": {"rolling_update": {"max_unavailable": min(1, replicas - 1)}},
            "template": {"metadata": {"labels": _LABELS}, "spec": _pod(replicas)},
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=allowed)),
    )
    # Once there is somebody to answer.
    service = k8s.core.v1.Service(
        f"{name}-service",
        metadata={**_IN, "labels": _LABELS},
        spec={
            "selector": _LABELS,
            "ports": [
                {
                    "name": "https",
                    "port": 443,
                    "protocol": "TCP",
                    "target_port": "https",
                    "app_protocol": "https",
                }
            ],
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[deployment])),
    )
    api: pulumi.Resource = k8s.apiregistration.v1.APIService(
        f"{name}-api",
        metadata={"name": "v1beta1.metrics.k8s.io", "labels": _LABELS},
        spec={
            "service": _IN,
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            # Its certificate is its own, made anew at each start.
            "insecure_skip_tls_verify": True,
            "group_priority_minimum": 100,
            "version_priority": 100,
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[service])),
    )
    return api


def _pod(replicas: int) -> dict[str, Any]:
    apart = {
        "pod_anti_affinity": {
            "required_during_scheduling_ignored_during_execution": [
                {
                    "label_selector": {"match_labels": _LABELS},
                    "topology_key": "kubernetes.io/hostname",
                }
            ]
        }
    }
    return {
        "service_account_name": "metrics-server",
        "priority_class_name": "system-cluster-critical",
        "affinity": apart if replicas > 1 else None,
        "containers": [
            {
                "name": "metrics-server",
                "image": f"registry.k8s.io/metrics-server/metrics-server:v{METRICS_SERVER}",
                "args": [
                    "--cert-dir=/tmp",
                    f"--secure-port={_PORT}",
                    "--kubelet-preferred-address-types=InternalIP,ExternalIP,Hostname",
                    "--kubelet-use-node-status-port",
                    "--metric-resolution=15s",
                ],
                "ports": [{"name": "https", "container_port": _PORT, "protocol": "TCP"}],
                "readiness_probe": _probe("/readyz", 5),
                "liveness_probe": _probe("/livez", 10),
                "resources": {"requests": {"cpu": "100m", "memory": "200Mi"}},
                "security_context": {
                    "allow_privilege_escalation": False,
                    "read_only_root_filesystem": True,
                    "run_as_non_root": True,
                    "run_as_user": 1000,
                    "seccomp_profile": {"type": "RuntimeDefault"},
                    "capabilities": {"drop": ["ALL"]},
                },
                "volume_mounts": [{"name": "certificates", "mount_path": "/tmp"}],  # noqa: S108
            }
        ],
        "volumes": [{"name": "certificates", "empty_dir": {}}],
    }


def _probe(path: str, seconds: int) -> dict[str, Any]:
    return {
        "http_get": {"path": path, "port": "https", "scheme": "HTTPS"},
        "period_seconds": seconds,
        "failure_threshold": 3,
    }


def _permissions(
    name: str, account: pulumi.Resource, opts: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    readers = k8s.rbac.v1.ClusterRole(
        f"{name}-readers",
        metadata={
            "name": "system:aggregated-metrics-reader",
            "labels": {
                f"rbac.authorization.k8s.io/aggregate-to-{reader}": "true"
                for reader in ("view", "edit", "admin")
            },
        },
        rules=[rule("metrics.k8s.io", ["pods", "nodes"], "get", "list", "watch")],
        opts=opts,
    )
    rules = k8s.rbac.v1.ClusterRole(
        f"{name}-role",
        metadata={"name": "system:metrics-server"},
        rules=[
            rule("", ["nodes/metrics"], "get"),
            rule("", ["pods", "nodes"], "get", "list", "watch"),
        ],
        opts=opts,
    )
    within = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[rules, account]))
    subjects = [{"kind": "ServiceAccount", **_IN}]
    return [
        readers,
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata={"name": "system:metrics-server"},
            role_ref=role("ClusterRole", "system:metrics-server"),
            subjects=subjects,
            opts=within,
        ),
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-delegator",
            metadata={"name": "metrics-server:system:auth-delegator"},
            role_ref=role("ClusterRole", "system:auth-delegator"),
            subjects=subjects,
            opts=within,
        ),
        k8s.rbac.v1.RoleBinding(
            f"{name}-reader",
            metadata={"name": "metrics-server-auth-reader", "namespace": "kube-system"},
            role_ref=role("Role", "extension-apiserver-authentication-reader"),
            subjects=subjects,
            opts=within,
        ),
    ]
