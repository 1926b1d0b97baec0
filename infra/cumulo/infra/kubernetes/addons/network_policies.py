"""kube-router's firewall: what enforces network policies, on the network that flannel makes."""

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.kubernetes.addons.rbac import NAMESPACE, account, rule
from cumulo.infra.versions import KUBE_ROUTER

_NAME = "kube-router"
_LABELS = {"k8s-app": _NAME}
_PORT = 20244


def network_policies(
    name: str, services: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> pulumi.Resource:
    """Puts the firewall on every node; its router and its service proxy stay off.

    Args:
        name: What the resources' names begin with.
        services: The range of services' addresses.
        opts: The resources' options.

    Returns:
        The daemon set.
    """
    allowed = account(
        name,
        _NAME,
        [
            rule("", ["pods", "namespaces"], "list", "watch"),
            rule("", ["nodes"], "get"),
            rule("networking.k8s.io", ["networkpolicies"], "list", "watch"),
        ],
        opts,
    )
    firewalls: pulumi.Resource = k8s.apps.v1.DaemonSet(
        f"{name}-nodes",
        metadata={"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS},
        spec={
            "selector": {"match_labels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "host_network": True,
                    "priority_class_name": "system-node-critical",
                    "service_account_name": _NAME,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": _NAME,
                            "image": f"docker.io/cloudnativelabs/kube-router:v{KUBE_ROUTER}",
                            "args": [
                                "--run-firewall=true",
                                "--run-router=false",
                                "--run-service-proxy=false",
                                "--run-loadbalancer=false",
                                pulumi.Output.concat("--service-cluster-ip-range=", services),
                                f"--health-port={_PORT}",
                            ],
                            "env": [
                                {
                                    "name": "NODE_NAME",
                                    "value_from": {"field_ref": {"field_path": "spec.nodeName"}},
                                }
                            ],
                            "liveness_probe": {
                                "http_get": {
                                    "path": "/healthz",
                                    "port": _PORT,
                                    "host": "127.0.0.1",
                                },
                                "initial_delay_seconds": 10,
                                "period_seconds": 30,
                            },
                            "resources": {"requests": {"cpu": "50m", "memory": "50Mi"}},
                            "security_context": {
                                "allow_privilege_escalation": False,
                                "read_only_root_filesystem": True,
                                "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]},
                            },
                            "volume_mounts": [
                                {"name": "xtables-lock", "mount_path": "/run/xtables.lock"},
                                # ipset and iptables load the kernel's modules where they are such.
                                {
                                    "name": "modules",
                                    "mount_path": "/lib/modules",
                                    "read_only": True,
                                },
                            ],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "xtables-lock",
                            "host_path": {"path": "/run/xtables.lock", "type": "FileOrCreate"},
                        },
                        {"name": "modules", "host_path": {"path": "/lib/modules"}},
                    ],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    return firewalls
