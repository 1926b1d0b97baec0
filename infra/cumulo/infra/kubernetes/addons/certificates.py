"""Nodes' certificates: leave to renew the one they log in with, and to serve with one."""

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.kubernetes.addons.rbac import NAMESPACE, account, role, rule
from cumulo.infra.versions import CERTIFICATE_APPROVER

_NAME = "certificate-approver"
_LABELS = {"k8s-app": _NAME}
_GROUP = "certificates.k8s.io"


def certificates(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Lets nodes renew their own certificates, and approves those that they serve with.

    Args:
        name: What the resources' names begin with.
        opts: The resources' options.

    Returns:
        The approver: once it runs, logs of pods can be read.
    """
    k8s.rbac.v1.ClusterRoleBinding(
        f"{name}-renewal",
        metadata={"name": "cumulo:node-certificate-renewal"},
        role_ref=role("ClusterRole", f"system:{_GROUP}:certificatesigningrequests:selfnodeclient"),
        subjects=[
            {"kind": "Group", "name": "system:nodes", "api_group": "rbac.authorization.k8s.io"}
        ],
        opts=opts,
    )
    serving = rule(_GROUP, ["signers"], "approve")
    allowed = account(
        f"{name}-approver",
        _NAME,
        [
            rule(_GROUP, ["certificatesigningrequests"], "list"),
            rule(_GROUP, ["certificatesigningrequests/approval"], "update"),
            {**serving, "resource_names": ["kubernetes.io/kubelet-serving"]},
            rule("", ["nodes"], "list"),
        ],
        opts,
    )
    approver: pulumi.Resource = k8s.apps.v1.Deployment(
        f"{name}-approver",
        metadata={"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS},
        spec={
            "replicas": 1,
            "selector": {"match_labels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "priority_class_name": "system-cluster-critical",
                    "service_account_name": _NAME,
                    "tolerations": [
                        {
                            "key": "node-role.kubernetes.io/control-plane",
                            "operator": "Exists",
                            "effect": "NoSchedule",
                        }
                    ],
                    "containers": [
                        {
                            "name": _NAME,
                            "image": f"cumulo.local/{_NAME}:{CERTIFICATE_APPROVER}",
                            "resources": {"requests": {"cpu": "10m", "memory": "30Mi"}},
                            "security_context": {
                                "allow_privilege_escalation": False,
                                "read_only_root_filesystem": True,
                                "run_as_non_root": True,
                                "run_as_user": 65534,
                                "capabilities": {"drop": ["ALL"]},
                                "seccomp_profile": {"type": "RuntimeDefault"},
                            },
                        }
                    ],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    return approver
