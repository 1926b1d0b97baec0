"""The parts together."""

from typing import NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import check_at_least, check_fields, title
from cumulo.infra.kubernetes import readiness
from cumulo.infra.kubernetes.addons.flannel import flannel
from cumulo.infra.kubernetes.addons.gpus import gpu_device_plugin
from cumulo.infra.kubernetes.arguments import READY_SECONDS, KubernetesHandle


class ClusterAddonsArgs(TypedDict):
    """Arguments of `ClusterAddons`."""

    cluster: KubernetesHandle
    """The cluster."""
    gpus: NotRequired[bool]
    """Whether to count GPUs out to pods on nodes that have them in the cloud's books only, as in
    the local cloud. Default: no."""
    ready_seconds: NotRequired[int]
    """How long nodes may take to become Ready; 0 does not wait. Default: 900."""


class ClusterAddons(pulumi.ComponentResource):
    """What makes a cluster's nodes Ready and keeps them so.

    That is the network between pods, and leave for nodes to renew their certificates.
    It needs a provider that reaches the cluster, among `opts`.

    Example:
        >>> import pulumi_kubernetes
        >>> from cumulo.infra import ClusterAddons, KubernetesCluster, Network
        >>> network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        >>> cluster = KubernetesCluster(
        ...     "lab",
        ...     {
        ...         "network": network.handle,
        ...         "image": "kubernetes-node",
        ...         "control_plane": {"count": 1, "flavor": "k8s.control"},
        ...         "pools": {"cpu": {"count": 2, "flavor": "k8s.node"}},
        ...         "api_clients": ["10.0.0.0/8"],
        ...     },
        ... )
        >>> api = pulumi_kubernetes.Provider("lab", kubeconfig=cluster.handle.kubeconfig)
        >>> addons = ClusterAddons(
        ...     "lab", {"cluster": cluster.handle}, pulumi.ResourceOptions(provider=api)
        ... )
    """

    network: pulumi.Resource
    """What pods need before they can run."""

    def __init__(
        self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(ClusterAddons, name)
        check_fields(component, ClusterAddonsArgs, args)
        seconds = args.get("ready_seconds", READY_SECONDS)
        check_at_least(component, "ready_seconds", seconds, 0)
        super().__init__("cumulo:index:ClusterAddons", name, {}, opts)
        cluster = args["cluster"]
        child = pulumi.ResourceOptions(parent=self, depends_on=cluster.needs)
        k8s.rbac.v1.ClusterRoleBinding(
            f"{name}-certificate-renewal",
            metadata={"name": "cumulo:node-certificate-renewal"},
            role_ref={
                "api_group": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            },
            subjects=[
                {
                    "kind": "Group",
                    "name": "system:nodes",
                    "api_group": "rbac.authorization.k8s.io",
                }
            ],
            opts=child,
        )
        self.network = flannel(f"{name}-flannel", cluster.pod_range, child)
        if args.get("gpus", False):
            gpu_device_plugin(name, child)
        readiness.ready(component, cluster.kubeconfig, cluster.nodes, seconds)
        self.register_outputs({})
