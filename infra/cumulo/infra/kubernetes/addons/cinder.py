"""Cinder's CSI driver: the cloud's volumes for pods."""

from typing import Any

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.kubernetes.addons.rbac import NAMESPACE, account, rule
from cumulo.infra.versions import (
    CINDER_CSI,
    CSI_ATTACHER,
    CSI_NODE_DRIVER_REGISTRAR,
    CSI_PROVISIONER,
    CSI_RESIZER,
)

DRIVER = "cinder.csi.openstack.org"
_IMAGE = f"registry.k8s.io/provider-os/cinder-csi-plugin:v{CINDER_CSI}"
_SOCKET = {"name": "socket", "mount_path": "/csi"}
_CONFIG = "/etc/config"
_KUBELET = "/var/lib/kubelet"


def cinder(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Puts Cinder's driver on the cluster.

    It asks the cloud as the cloud controller manager does, by the secret `cloud-config`.

    Args:
        name: What the resources' names begin with.
        opts: The resources' options.

    Returns:
        The driver, as the API knows it.
    """
    nodes = k8s.apps.v1.DaemonSet(
        f"{name}-cinder-nodes", **_workload("csi-cinder-nodeplugin", _node()), opts=opts
    )
    allowed = account(f"{name}-cinder", "csi-cinder-controller", _RULES, opts)
    controller = k8s.apps.v1.Deployment(
        f"{name}-cinder-controller",
        **_workload("csi-cinder-controllerplugin", _controller(), replicas=1),
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    driver: pulumi.Resource = k8s.storage.v1.CSIDriver(
        f"{name}-cinder-driver",
        metadata={"name": DRIVER},
        spec={
            "attach_required": True,
            "pod_info_on_mount": True,
            "volume_lifecycle_modes": ["Persistent"],
            "fs_group_policy": "File",
        },
        opts=pulumi.ResourceOptions.merge(
            opts, pulumi.ResourceOptions(depends_on=[nodes, controller])
        ),
    )
    return driver


def _workload(known_as: str, pod: dict[str, Any], **more: Any) -> dict[str, Any]:
    labels = {"app": known_as}
    return {
        "metadata": {"name": known_as, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "selector": {"match_labels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
            **more,
        },
    }


def _controller() -> dict[str, Any]:
    return {
        "priority_class_name": "system-cluster-critical",
        "service_account_name": "csi-cinder-controller",
        "containers": [
            _beside("csi-attacher", CSI_ATTACHER, "--default-fstype=ext4"),
            _beside(
                "csi-provisioner",
                CSI_PROVISIONER,
                "--default-fstype=ext4",
                "--feature-gates=Topology=true",
                "--extra-create-metadata",
            ),
            _beside("csi-resizer", CSI_RESIZER, "--handle-volume-inuse-error=false"),
            {
                "name": "cinder-csi-plugin",
                "image": _IMAGE,
                "args": [
                    "/bin/cinder-csi-plugin",
                    "--endpoint=unix://csi/csi.sock",
                    "--provide-node-service=false",
                    f"--cloud-config={_CONFIG}/cloud.conf",
                ],
                "volume_mounts": [
                    _SOCKET,
                    {"name": "config", "mount_path": _CONFIG, "read_only": True},
                ],
            },
        ],
        "volumes": [
            {"name": "socket", "empty_dir": {}},
            {"name": "config", "secret": {"secret_name": "cloud-config"}},
        ],
    }


def _beside(image: str, version: str, *arguments: str) -> dict[str, Any]:
    return {
        "name": image,
        "image": f"registry.k8s.io/sig-storage/{image}:v{version}",
        "args": [
            "--csi-address=/csi/csi.sock",
            "--timeout=3m",
            # For the time that a new one runs beside the old one.
            "--leader-election=true",
            *arguments,
        ],
        "volume_mounts": [_SOCKET],
    }


def _node() -> dict[str, Any]:
    # It has no credentials: which server this is, it reads from the server's metadata.
    return {
        "host_network": True,
        "priority_class_name": "system-node-critical",
        "automount_service_account_token": False,
        "tolerations": [{"operator": "Exists"}],
        "containers": [
            {
                "name": "node-driver-registrar",
                "image": "registry.k8s.io/sig-storage/csi-node-driver-registrar"
                f":v{CSI_NODE_DRIVER_REGISTRAR}",
                "args": [
                    "--csi-address=/csi/csi.sock",
                    f"--kubelet-registration-path={_KUBELET}/plugins/{DRIVER}/csi.sock",
                ],
                "volume_mounts": [_SOCKET, {"name": "registry", "mount_path": "/registration"}],
            },
            {
                "name": "cinder-csi-plugin",
                "image": _IMAGE,
                "args": [
                    "/bin/cinder-csi-plugin",
                    "--endpoint=unix://csi/csi.sock",
                    "--provide-controller-service=false",
                ],
                # It formats disks and mounts them.
                "security_context": {"privileged": True},
                "volume_mounts": [
                    _SOCKET,
                    {
                        "name": "kubelet",
                        "mount_path": _KUBELET,
                        "mount_propagation": "Bidirectional",
                    },
                    {
                        "name": "devices",
                        "mount_path": "/dev",
                        "mount_propagation": "HostToContainer",
                    },
                ],
            },
        ],
        "volumes": [
            _folder("socket", f"{_KUBELET}/plugins/{DRIVER}", "DirectoryOrCreate"),
            _folder("registry", f"{_KUBELET}/plugins_registry"),
            _folder("kubelet", _KUBELET),
            _folder("devices", "/dev"),
        ],
    }


def _folder(name: str, path: str, kind: str = "Directory") -> dict[str, Any]:
    return {"name": name, "host_path": {"path": path, "type": kind}}


_RULES = [
    rule("", ["persistentvolumes"], "get", "list", "watch", "create", "delete", "patch"),
    rule("", ["persistentvolumeclaims"], "get", "list", "watch", "update"),
    rule("", ["persistentvolumeclaims/status"], "patch"),
    rule("", ["pods", "nodes"], "get", "list", "watch"),
    rule("", ["events"], "list", "watch", "create", "update", "patch"),
    rule("storage.k8s.io", ["storageclasses", "csinodes"], "get", "list", "watch"),
    rule("storage.k8s.io", ["volumeattachments"], "get", "list", "watch", "patch"),
    rule("storage.k8s.io", ["volumeattachments/status"], "patch"),
    rule(
        "coordination.k8s.io",
        ["leases"],
        *("get", "list", "watch", "create", "update", "delete"),
    ),
]
