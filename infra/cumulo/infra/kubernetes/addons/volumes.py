"""Where volumes come from when a pod asks for one and nobody says more."""

from typing import Literal

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.kubernetes.addons.cinder import DRIVER, cinder
from cumulo.infra.kubernetes.addons.rbac import NAMESPACE, account, rule
from cumulo.infra.versions import LOCAL_VOLUMES

Storage = Literal["local", "cinder"]
STORAGE = ("local", "cinder")

_NAME = "local-volumes"
_LABELS = {"k8s-app": _NAME}
_FOLDER = "/var/lib/local-volumes"


def volumes(name: str, storage: Storage, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    """Makes the default storage class, and what makes its volumes.

    Args:
        name: What the resources' names begin with.
        storage: Folders of the nodes, or the cloud's volumes; the class is called the same.
        opts: The resources' options.

    Returns:
        The storage class.
    """
    if storage == "cinder":
        return _storage_class(name, storage, DRIVER, opts, [cinder(name, opts)], growing=True)
    return _storage_class(name, storage, f"cumulo.local/{_NAME}", opts, [_local(name, opts)])


def _storage_class(
    name: str,
    known_as: str,
    provisioner: str,
    opts: pulumi.ResourceOptions,
    needs: list[pulumi.Resource],
    *,
    growing: bool = False,
) -> pulumi.Resource:
    made: pulumi.Resource = k8s.storage.v1.StorageClass(
        f"{name}-class",
        metadata={
            "name": known_as,
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        provisioner=provisioner,
        allow_volume_expansion=growing,
        reclaim_policy="Delete",
        # A volume is where its pod can run, so the pod is given a node first.
        volume_binding_mode="WaitForFirstConsumer",
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=needs)),
    )
    return made


def _local(name: str, opts: pulumi.ResourceOptions) -> pulumi.Resource:
    allowed = account(
        f"{name}-local",
        _NAME,
        [
            rule("", ["persistentvolumes"], "get", "list", "watch", "create", "delete"),
            # Of a node that is gone, the claim is given back to the scheduler.
            rule("", ["persistentvolumeclaims"], "get", "list", "watch", "update"),
            rule("storage.k8s.io", ["storageclasses"], "get", "list", "watch"),
            rule("", ["nodes"], "get"),
            rule("", ["events"], "create", "patch", "update"),
        ],
        opts,
    )
    makers: pulumi.Resource = k8s.apps.v1.DaemonSet(
        f"{name}-local-nodes",
        metadata={"name": _NAME, "namespace": NAMESPACE, "labels": _LABELS},
        spec={
            "selector": {"match_labels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {
                    "priority_class_name": "system-node-critical",
                    "service_account_name": _NAME,
                    "tolerations": [{"operator": "Exists"}],
                    "containers": [
                        {
                            "name": _NAME,
                            "image": f"cumulo.local/{_NAME}:{LOCAL_VOLUMES}",
                            "args": [f"--folder={_FOLDER}"],
                            "env": [
                                {
                                    "name": "NODE_NAME",
                                    "value_from": {"field_ref": {"field_path": "spec.nodeName"}},
                                }
                            ],
                            "resources": {"requests": {"cpu": "10m", "memory": "30Mi"}},
                            "security_context": {
                                "allow_privilege_escalation": False,
                                "read_only_root_filesystem": True,
                                # To remove what others have written.
                                "capabilities": {
                                    "drop": ["ALL"],
                                    "add": ["DAC_OVERRIDE", "FOWNER"],
                                },
                            },
                            "volume_mounts": [{"name": "volumes", "mount_path": _FOLDER}],
                        }
                    ],
                    "volumes": [
                        {
                            "name": "volumes",
                            "host_path": {"path": _FOLDER, "type": "DirectoryOrCreate"},
                        }
                    ],
                },
            },
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=[allowed])),
    )
    return makers
