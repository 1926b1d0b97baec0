"""The parts together."""

from typing import Literal, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
    title,
)
from cumulo.infra.kubernetes import readiness
from cumulo.infra.kubernetes.addons.certificates import certificates
from cumulo.infra.kubernetes.addons.flannel import flannel
from cumulo.infra.kubernetes.addons.gpus import counting_device_plugin, nvidia_device_plugin
from cumulo.infra.kubernetes.addons.metrics import metrics_server
from cumulo.infra.kubernetes.addons.network_policies import network_policies
from cumulo.infra.kubernetes.addons.openstack import (
    OpenStackArgs,
    check_openstack,
    cloud_controller_manager,
)
from cumulo.infra.kubernetes.addons.volumes import STORAGE, Storage, volumes
from cumulo.infra.kubernetes.arguments import READY_SECONDS, KubernetesHandle


class ClusterAddonsArgs(TypedDict):
    """Arguments of `ClusterAddons`."""

    cluster: KubernetesHandle
    """The cluster."""
    openstack: NotRequired[OpenStackArgs]
    """The cloud controller manager; needed where the cluster has `cloud_provider`."""
    network_policies: NotRequired[bool]
    """Whether the cluster's network policies are enforced. Default: yes."""
    storage: NotRequired[Storage]
    """Where volumes come from: `local`, folders of the node that a pod runs on, which end with it
    and know no limits; or `cinder`, the cloud's own, which needs `openstack`. Default: `local`."""
    metrics_servers: NotRequired[int]
    """How many metrics-servers there are, for `kubectl top` and autoscaling. From two on each is
    on another node, and one is always there. Default: 1."""
    gpus: NotRequired[Literal["nvidia", "count-only"]]
    """How pods get the GPUs of their nodes: `nvidia` for NVIDIA's device plugin, which needs its
    driver and container toolkit in the node image; `count-only` where nodes have GPUs in the
    cloud's books only, as in the local cloud: pods are counted, and get no device. Default: pods
    cannot ask for any."""
    ready_seconds: NotRequired[int]
    """How long nodes may take to become Ready; 0 does not wait. Default: 900."""


class ClusterAddons(pulumi.ComponentResource):
    """What makes a cluster's nodes Ready and keeps them so.

    That is the network between pods and its policies, nodes' certificates, a budget that keeps a
    name server through the drain of a node, volumes, and metrics-server; the cloud controller
    manager and GPUs where they are asked for.
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
    cloud: pulumi.Resource | None
    """What services of type LoadBalancer need before they are made, and until they are gone."""

    def __init__(
        self, name: str, args: ClusterAddonsArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(ClusterAddons, name)
        check_fields(component, ClusterAddonsArgs, args)
        openstack = args.get("openstack")
        check_openstack(component, args["cluster"], openstack)
        replicas = args.get("metrics_servers", 1)
        check_at_least(component, "metrics_servers", replicas, 0)
        storage = args.get("storage", "local")
        check_choice(component, "storage", storage, STORAGE)
        if storage == "cinder" and openstack is None:
            raise ArgumentError(component, "storage", "cinder needs `openstack`")
        gpus = args.get("gpus")
        if gpus is not None:
            check_choice(component, "gpus", gpus, ("nvidia", "count-only"))
        seconds = args.get("ready_seconds", READY_SECONDS)
        check_at_least(component, "ready_seconds", seconds, 0)
        super().__init__("cumulo:index:ClusterAddons", name, {}, opts)
        cluster = args["cluster"]
        child = pulumi.ResourceOptions(parent=self, depends_on=cluster.needs)
        certificates(f"{name}-certificates", child)
        if args.get("network_policies", True):
            network_policies(f"{name}-policies", cluster.service_range, child)
        self.network = flannel(f"{name}-flannel", cluster.pod_range, child)
        # kubeadm's name servers come without one, and both may be on the node that goes.
        k8s.policy.v1.PodDisruptionBudget(
            f"{name}-dns-budget",
            metadata={"name": "cumulo-coredns", "namespace": "kube-system"},
            spec={
                "max_unavailable": 1,
                "selector": {"match_labels": {"k8s-app": "kube-dns"}},
            },
            opts=child,
        )
        ready = [self.network]
        self.cloud = None
        if openstack is not None:
            self.cloud = cloud_controller_manager(
                f"{name}-openstack", component, self, cluster, openstack, child
            )
            ready.append(self.cloud)
        # Cinder's driver logs in as the cloud controller manager does.
        asks = [] if self.cloud is None else [self.cloud]
        having = pulumi.ResourceOptions(parent=self, depends_on=[*cluster.needs, *asks])
        volumes(f"{name}-volumes", storage, having)
        if replicas:
            running = pulumi.ResourceOptions(parent=self, depends_on=[*cluster.needs, *ready])
            metrics_server(f"{name}-metrics", replicas, running)
        if gpus == "nvidia":
            nvidia_device_plugin(f"{name}-gpus", child)
        elif gpus == "count-only":
            counting_device_plugin(f"{name}-gpus", child)
        readiness.ready(component, cluster.kubeconfig, cluster.nodes, seconds)
        self.register_outputs({})
