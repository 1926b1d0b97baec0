"""flannel: a network between pods, in VXLAN packets between their nodes."""

import json

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.versions import FLANNEL, FLANNEL_CNI

NAMESPACE = "kube-flannel"
_LABELS = {"app": "flannel", "k8s-app": "flannel", "tier": "node"}
_CONFIG = "/etc/kube-flannel"


def flannel(name: str, pods: pulumi.Input[str], opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Puts flannel on every node.

    Args:
        name: What the resources' names begin with.
        pods: The range of pods' addresses.
        opts: The resources' options.

    Returns:
        The daemon set: once it is ready, so are the nodes.
    """
    namespace = k8s.core.v1.Namespace(
        f"{name}-namespace",
        metadata={
            "name": NAMESPACE,
            "labels": {"pod-security.kubernetes.io/enforce": "privileged"},
        },
        opts=opts,
    )
    within = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[namespace]))
    account = k8s.core.v1.ServiceAccount(
        f"{name}-account", metadata={"name": "flannel", "namespace": NAMESPACE}, opts=within
    )
    role = k8s.rbac.v1.ClusterRole(
        f"{name}-role",
        metadata={"name": "flannel"},
        rules=[
            {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]},
            {"api_groups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
            {"api_groups": [""], "resources": ["nodes/status"], "verbs": ["patch"]},
        ],
        opts=opts,
    )
    binding = k8s.rbac.v1.ClusterRoleBinding(
        f"{name}-binding",
        metadata={"name": "flannel"},
        role_ref={
            "api_group": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "flannel",
        },
        subjects=[{"kind": "ServiceAccount", "name": "flannel", "namespace": NAMESPACE}],
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[role, account])),
    )
    settings = k8s.core.v1.ConfigMap(
        f"{name}-settings",
        metadata={"name": "kube-flannel-cfg", "namespace": NAMESPACE, "labels": _LABELS},
        data={
            "cni-conf.json": json.dumps(
                {
                    "name": "cbr0",
                    "cniVersion": "1.0.0",
                    "plugins": [
                        {
                            "type": "flannel",
                            "delegate": {"hairpinMode": True, "isDefaultGateway": True},
                        },
                        {"type": "portmap", "capabilities": {"portMappings": True}},
                    ],
                }
            ),
            "net-conf.json": pulumi.Output.json_dumps(
                {"Network": pods, "EnableNFTables": True, "Backend": {"Type": "vxlan"}}
            ),
        },
        opts=within,
    )
    image = f"ghcr.io/flannel-io/flannel:v{FLANNEL}"
    mounted = {"name": "settings", "mount_path": f"{_CONFIG}/"}
    nodes: pulumi.Resource = k8s.apps.v1.DaemonSet(
        f"{name}-nodes",
        metadata={"name": "kube-flannel-ds", "namespace": NAMESPACE, "labels": _LABELS},
        spec={
            "selector": {"match_labels": {"app": "flannel"}},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "host_network": True,
                    "priority_class_name": "system-node-critical",
                    "service_account_name": "flannel",
                    # Before it runs, a node takes nothing else.
                    "tolerations": [{"operator": "Exists"}],
                    "init_containers": [
                        {
                            "name": "install-cni-plugin",
                            "image": f"ghcr.io/flannel-io/flannel-cni-plugin:{FLANNEL_CNI}",
                            "command": ["cp"],
                            "args": ["-f", "/flannel", "/opt/cni/bin/flannel"],
                            "volume_mounts": [{"name": "cni-plugin", "mount_path": "/opt/cni/bin"}],
                        },
                        {
                            "name": "install-cni",
                            "image": image,
                            "command": ["/opt/bin/install-conf"],
                            "args": [
                                f"{_CONFIG}/cni-conf.json",
                                "/etc/cni/net.d/10-flannel.conflist",
                            ],
                            "volume_mounts": [
                                {"name": "cni", "mount_path": "/etc/cni/net.d"},
                                mounted,
                            ],
                        },
                    ],
                    "containers": [
                        {
                            "name": "kube-flannel",
                            "image": image,
                            "command": ["/opt/bin/flanneld"],
                            "args": ["--ip-masq", "--kube-subnet-mgr", "--healthz-port=8081"],
                            "ports": [{"name": "healthz", "container_port": 8081}],
                            "liveness_probe": {
                                "http_get": {"path": "/healthz", "port": "healthz"},
                                "initial_delay_seconds": 10,
                                "period_seconds": 30,
                            },
                            "resources": {"requests": {"cpu": "100m", "memory": "50Mi"}},
                            "security_context": {
                                "privileged": False,
                                "capabilities": {"add": ["NET_ADMIN", "NET_RAW"]},
                            },
                            "env": [
                                _from_field("POD_NAME", "metadata.name"),
                                _from_field("POD_NAMESPACE", "metadata.namespace"),
                                {"name": "EVENT_QUEUE_DEPTH", "value": "5000"},
                            ],
                            "volume_mounts": [
                                {"name": "run", "mount_path": "/run/flannel"},
                                mounted,
                                {"name": "xtables-lock", "mount_path": "/run/xtables.lock"},
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "run", "host_path": {"path": "/run/flannel"}},
                        {"name": "cni-plugin", "host_path": {"path": "/opt/cni/bin"}},
                        {"name": "cni", "host_path": {"path": "/etc/cni/net.d"}},
                        {"name": "settings", "config_map": {"name": settings.metadata["name"]}},
                        {
                            "name": "xtables-lock",
                            "host_path": {"path": "/run/xtables.lock", "type": "FileOrCreate"},
                        },
                    ],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[binding, settings])
        ),
    )
    return nodes


def _from_field(name: str, path: str) -> dict[str, object]:
    return {"name": name, "value_from": {"field_ref": {"field_path": path}}}
