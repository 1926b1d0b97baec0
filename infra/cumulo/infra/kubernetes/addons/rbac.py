"""Permissions, in the shapes that Kubernetes gives them."""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

NAMESPACE = "kube-system"


def rule(group: str, resources: list[str], *verbs: str) -> dict[str, Any]:
    """Leave to do something with kinds of objects of an API group."""
    return {"api_groups": [group], "resources": resources, "verbs": list(verbs)}


def role(kind: str, name: str) -> dict[str, str]:
    """A role, as a binding names it."""
    return {"api_group": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def account(
    name: str, known_as: str, rules: Sequence[dict[str, Any]], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """A service account in kube-system, with leave for some things in the whole cluster.

    Args:
        name: What the resources' names begin with.
        known_as: Its name in the cluster; the role's begins with `cumulo:`.
        rules: What it may do.
        opts: The resources' options.

    Returns:
        What has to be there before anything can use it.
    """
    made = k8s.core.v1.ServiceAccount(
        f"{name}-account", metadata={"name": known_as, "namespace": NAMESPACE}, opts=opts
    )
    allowed = k8s.rbac.v1.ClusterRole(
        f"{name}-role", metadata={"name": f"cumulo:{known_as}"}, rules=list(rules), opts=opts
    )
    binding: pulumi.Resource = k8s.rbac.v1.ClusterRoleBinding(
        f"{name}-binding",
        metadata={"name": f"cumulo:{known_as}"},
        role_ref=role("ClusterRole", f"cumulo:{known_as}"),
        subjects=[{"kind": "ServiceAccount", "name": known_as, "namespace": NAMESPACE}],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[made, allowed])),
    )
    return binding
