"""GPUs as something that pods can ask for."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.versions import GPU_DEVICE_PLUGIN, NVIDIA_DEVICE_PLUGIN

_PLUGINS = "/var/lib/kubelet/device-plugins"
_MOUNT = {"name": "plugins", "mount_path": _PLUGINS}


def nvidia_device_plugin(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """NVIDIA's own: it hands a node's GPUs to the pods that ask for them."""
    return _on_gpu_nodes(
        name,
        "nvidia-device-plugin",
        {
            "image": f"nvcr.io/nvidia/k8s-device-plugin:v{NVIDIA_DEVICE_PLUGIN}",
            # A node whose driver is broken keeps saying so, instead of starting it over and over.
            "env": [{"name": "FAIL_ON_INIT_ERROR", "value": "false"}],
            "security_context": {
                "allow_privilege_escalation": False,
                "capabilities": {"drop": ["ALL"]},
            },
            "volume_mounts": [_MOUNT],
        },
        {},
        opts,
    )


def counting_device_plugin(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Counts the GPUs of a node out to pods, from what its instance was given.

    It hands no device to a container.
    """
    return _on_gpu_nodes(
        name,
        "gpu-device-plugin",
        {
            "image": f"cumulo.local/gpu-device-plugin:{GPU_DEVICE_PLUGIN}",
            "args": ["--devices=/host/etc/nova-pci-devices"],
            "volume_mounts": [
                _MOUNT,
                {"name": "etc", "mount_path": "/host/etc", "read_only": True},
            ],
        },
        {"etc": "/etc"},
        opts,
    )


def _on_gpu_nodes(
    name: str,
    called: str,
    container: dict[str, Any],
    paths: dict[str, str],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    labels = {"app": called}
    plugin: pulumi.Resource = k8s.apps.v1.DaemonSet(
        name,
        metadata={"name": called, "namespace": "kube-system", "labels": labels},
        spec={
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priority_class_name": "system-node-critical",
                    "node_selector": {"nvidia.com/gpu.present": "true"},
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [{"name": "plugin", **container}],
                    "volumes": [
                        {"name": volume, "host_path": {"path": path}}
                        for volume, path in {"plugins": _PLUGINS, **paths}.items()
                    ],
                },
            },
        },
        opts=opts,
    )
    return plugin
