"""Leave to look at the whole cluster."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s


def account(
    known_as: str,
    namespace: pulumi.Input[str],
    rules: list[dict[str, Any]],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """A service account with leave for some things in the whole cluster.

    Returns:
        What has to be there before anything can use it.
    """
    made = k8s.core.v1.ServiceAccount(
        f"{known_as}-account",
        metadata={"name": known_as, "namespace": namespace},
        opts=opts,
    )
    # Cluster roles have no namespace: another's monitoring must not be called the same.
    whole = pulumi.Output.concat("cumulo:", namespace, ":", known_as)
    role = k8s.rbac.v1.ClusterRole(
        f"{known_as}-role", metadata={"name": whole}, rules=rules, opts=opts
    )
    binding: pulumi.Resource = k8s.rbac.v1.ClusterRoleBinding(
        f"{known_as}-binding",
        metadata={"name": whole},
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": whole,
        },
        subjects=[{"kind": "ServiceAccount", "name": known_as, "namespace": namespace}],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[made, role])),
    )
    return binding
