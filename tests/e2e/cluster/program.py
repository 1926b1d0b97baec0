"""A cluster as a test wants it: `CUMULO_TEST_CLUSTER` is its arguments."""

import json
import os
from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra import ClusterAddons, KubernetesCluster, Network

network = Network("nodes", {"cidr": "192.168.72.0/24", "external_network": "public"})
told: Any = {
    "network": network.handle,
    "api_clients": ["world"],
    "console_cloud": "e2e",
    **json.loads(os.environ["CUMULO_TEST_CLUSTER"]),
}
cluster = KubernetesCluster("nodes", told)
api = k8s.Provider("nodes", kubeconfig=cluster.handle.kubeconfig)
ClusterAddons(
    "nodes",
    {"cluster": cluster.handle, "metrics_servers": 0},
    pulumi.ResourceOptions(provider=api),
)
pulumi.export("kubeconfig", cluster.handle.kubeconfig)
pulumi.export("nodes", cluster.handle.nodes)
