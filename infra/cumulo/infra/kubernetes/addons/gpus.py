"""GPUs as something that pods can ask for, on nodes whose GPUs are in the cloud's books only."""

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.versions import GPU_DEVICE_PLUGIN

_PLUGINS = "/var/lib/kubelet/device-plugins"


def gpu_device_plugin(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Counts the GPUs of a node out to pods, from what its instance was given.

    It hands no device to a container: on nodes with real GPUs NVIDIA's own plugin does that.
    """
    labels = {"app": "gpu-device-plugin"}
    plugin: pulumi.Resource = k8s.apps.v1.DaemonSet(
        f"{name}-gpus",
        metadata={"name": "gpu-device-plugin", "namespace": "kube-system", "labels": labels},
        spec={
            "selector": {"match_labels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priority_class_name": "system-node-critical",
                    "node_selector": {"nvidia.com/gpu.present": "true"},
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": "plugin",
                            "image": f"cumulo.local/gpu-device-plugin:{GPU_DEVICE_PLUGIN}",
                            "args": ["--devices=/host/etc/nova-pci-devices"],
                            "volume_mounts": [
                                {"name": "plugins", "mount_path": _PLUGINS},
                                {"name": "etc", "mount_path": "/host/etc", "read_only": True},
                            ],
                        }
                    ],
                    "volumes": [
                        {"name": "plugins", "host_path": {"path": _PLUGINS}},
                        {"name": "etc", "host_path": {"path": "/etc"}},
                    ],
                },
            },
        },
        opts=opts,
    )
    return plugin
