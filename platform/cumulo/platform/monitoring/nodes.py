"""Exporters on nodes: node-exporter on all of them, NVIDIA's DCGM exporter on those with GPUs."""

import json
from collections.abc import Mapping
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from cumulo.platform.monitoring.certificates import Certificates
from cumulo.platform.monitoring.scraping import DCGM_PORT, NODE_EXPORTER_PORT
from cumulo.platform.pods import NOBODY, SECURE, digest, labels, resources
from cumulo.platform.versions import DCGM_EXPORTER, NODE_EXPORTER

_CERTIFICATES = "/etc/cumulo/certificates"
_CONFIG = "/etc/cumulo/config"

WEB: Final = {
    "tls_server_config": {
        "cert_file": f"{_CERTIFICATES}/tls.crt",
        "key_file": f"{_CERTIFICATES}/tls.key",
        "client_auth_type": "RequireAndVerifyClientCert",
        "client_ca_file": f"{_CERTIFICATES}/ca.crt",
    }
}
"""Who may ask a node-exporter: whoever has a certificate of its authority."""

_MOUNTS = "^/(dev|proc|sys|run/.+|var/lib/(containerd|kubelet)/.+)($|/)"
NODE_ARGUMENTS: Final = (
    # Pods' mounts and links come and go; their figures are cAdvisor's.
    f"--collector.filesystem.mount-points-exclude={_MOUNTS}",
    "--collector.netclass.ignored-devices=^(veth.*|cni.*|flannel.*|lo)$",
    "--collector.netdev.device-exclude=^(veth.*|cni.*|flannel.*|lo)$",
    "--no-collector.wifi",
    "--no-collector.ipvs",
)
"""What a node-exporter leaves out."""

GPU_FIGURES: Final[Mapping[str, tuple[str, str]]] = {
    "DCGM_FI_DEV_GPU_UTIL": ("gauge", "How busy it is, in %"),
    "DCGM_FI_DEV_MEM_COPY_UTIL": ("gauge", "How busy its memory is, in %"),
    "DCGM_FI_DEV_FB_USED": ("gauge", "Memory that is used, in MiB"),
    "DCGM_FI_DEV_FB_FREE": ("gauge", "Memory that is free, in MiB"),
    "DCGM_FI_DEV_GPU_TEMP": ("gauge", "Its temperature, in °C"),
    "DCGM_FI_DEV_MEMORY_TEMP": ("gauge", "The temperature of its memory, in °C"),
    "DCGM_FI_DEV_POWER_USAGE": ("gauge", "The power it draws, in W"),
    "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": ("counter", "The energy it has taken, in mJ"),
    "DCGM_FI_DEV_SM_CLOCK": ("gauge", "The clock of its processors, in MHz"),
    "DCGM_FI_DEV_XID_ERRORS": ("gauge", "The last error it has reported"),
    "DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS": ("counter", "Rows of memory replaced in time"),
    "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS": ("counter", "Rows of memory replaced too late"),
    "DCGM_FI_DEV_ROW_REMAP_FAILURE": ("gauge", "Whether a row could not be replaced"),
    "DCGM_FI_DEV_PCIE_REPLAY_COUNTER": ("counter", "Packets sent again over PCIe"),
    "DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL": ("counter", "What has gone over NVLink"),
}
"""What is asked of a GPU: DCGM's fields, their kinds and meanings. None wants to profile, so that
programs may."""


def counters() -> str:
    """The file by which a DCGM exporter knows what to ask."""
    return "".join(f"{field}, {kind}, {said}\n" for field, (kind, said) in GPU_FIGURES.items())


def node_exporter(
    name: str,
    namespace: pulumi.Input[str],
    certificates: Certificates,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """A node-exporter on every node.

    It sees its node, as it must: the host's network, and its files without leave to write. It runs
    as nobody, and tells its figures only to who has a certificate for that.
    """
    mark = labels(name, "node-exporter")
    meta = {"name": f"{name}-node-exporter", "namespace": namespace, "labels": mark}
    web = json.dumps(WEB, indent=1)
    secret = k8s.core.v1.Secret(
        f"{name}-node-exporter-tls",
        metadata=meta,
        string_data={
            "ca.crt": certificates.authority,
            "tls.crt": certificates.server.certificate,
            "tls.key": certificates.server.key,
        },
        opts=opts,
    )
    config = k8s.core.v1.ConfigMap(
        f"{name}-node-exporter-config", metadata=meta, data={"web.yml": web}, opts=opts
    )
    host = {"proc": "/proc", "sys": "/sys", "root": "/"}
    container = {
        "name": "node-exporter",
        "image": f"quay.io/prometheus/node-exporter:v{NODE_EXPORTER}",
        "args": [
            "--path.procfs=/host/proc",
            "--path.sysfs=/host/sys",
            "--path.rootfs=/host/root",
            f"--web.listen-address=:{NODE_EXPORTER_PORT}",
            f"--web.config.file={_CONFIG}/web.yml",
            *NODE_ARGUMENTS,
        ],
        "ports": [{"name": "metrics", "container_port": NODE_EXPORTER_PORT}],
        # kubelet has no certificate to ask it with.
        "readiness_probe": {"tcp_socket": {"port": "metrics"}, "period_seconds": 10},
        "liveness_probe": {
            "tcp_socket": {"port": "metrics"},
            "period_seconds": 20,
            "failure_threshold": 6,
        },
        "resources": resources("10m", 64),
        "security_context": SECURE,
        "volume_mounts": [
            {"name": "certificates", "mount_path": _CERTIFICATES, "read_only": True},
            {"name": "config", "mount_path": _CONFIG, "read_only": True},
            *(
                {
                    "name": volume,
                    "mount_path": f"/host/{volume}",
                    "read_only": True,
                    "mount_propagation": "HostToContainer",
                }
                for volume in host
            ),
        ],
    }
    pod = {
        "host_network": True,
        "host_pid": True,
        "dns_policy": "Default",
        "priority_class_name": "system-node-critical",
        "automount_service_account_token": False,
        "enable_service_links": False,
        # Every node has figures, whatever else it takes.
        "tolerations": [{"operator": "Exists"}],
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": NOBODY,
            "run_as_group": NOBODY,
            "fs_group": NOBODY,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {
                "name": "certificates",
                "secret": {"secret_name": meta["name"], "default_mode": 0o440},
            },
            {"name": "config", "config_map": {"name": meta["name"]}},
            *({"name": volume, "host_path": {"path": path}} for volume, path in host.items()),
        ],
    }
    return _daemon(f"{name}-node-exporter", meta, mark, pod, web, [secret, config], opts)


def dcgm_exporter(
    name: str,
    namespace: pulumi.Input[str],
    asker: dict[str, Any],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """NVIDIA's DCGM exporter on the nodes with GPUs; it tells which pod has which.

    Args:
        name: What the resources' names begin with.
        namespace: Where it runs.
        asker: Who may ask it, as a network policy names them.
        opts: The resources' options.
    """
    mark = labels(name, "dcgm-exporter")
    meta = {"name": f"{name}-dcgm-exporter", "namespace": namespace, "labels": mark}
    k8s.networking.v1.NetworkPolicy(
        f"{name}-dcgm-exporter-clients",
        metadata=meta,
        spec={
            "pod_selector": {"match_labels": mark},
            "policy_types": ["Ingress"],
            "ingress": [{"from": [asker], "ports": [{"port": DCGM_PORT}]}],
        },
        opts=opts,
    )
    config = k8s.core.v1.ConfigMap(
        f"{name}-dcgm-exporter-config",
        metadata=meta,
        data={"counters.csv": counters()},
        opts=opts,
    )
    probe = {"http_get": {"path": "/health", "port": "metrics"}, "period_seconds": 10}
    container = {
        "name": "dcgm-exporter",
        "image": f"nvcr.io/nvidia/k8s/dcgm-exporter:{DCGM_EXPORTER}",
        "args": ["-f", f"{_CONFIG}/counters.csv"],
        "env": [
            {"name": "DCGM_EXPORTER_LISTEN", "value": f":{DCGM_PORT}"},
            {"name": "DCGM_EXPORTER_KUBERNETES", "value": "true"},
            {"name": "NODE_NAME", "value_from": {"field_ref": {"field_path": "spec.nodeName"}}},
            # The toolkit's word for: all of them, to look at.
            {"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"},
            {"name": "NVIDIA_DRIVER_CAPABILITIES", "value": "utility"},
        ],
        "ports": [{"name": "metrics", "container_port": DCGM_PORT}],
        # DCGM takes half a minute to look at eight GPUs.
        "startup_probe": {**probe, "failure_threshold": 30},
        "readiness_probe": probe,
        "liveness_probe": {**probe, "failure_threshold": 6},
        "resources": resources("50m", 512),
        # kubelet's list of who has which GPU is root's.
        "security_context": {
            "run_as_user": 0,
            "allow_privilege_escalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        "volume_mounts": [
            {"name": "config", "mount_path": _CONFIG, "read_only": True},
            {
                "name": "pods",
                "mount_path": "/var/lib/kubelet/pod-resources",
                "read_only": True,
            },
        ],
    }
    pod = {
        "node_selector": {"nvidia.com/gpu.present": "true"},
        "priority_class_name": "system-node-critical",
        "automount_service_account_token": False,
        "enable_service_links": False,
        "tolerations": [{"operator": "Exists"}],
        "security_context": {"seccomp_profile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [
            {"name": "config", "config_map": {"name": meta["name"]}},
            {"name": "pods", "host_path": {"path": "/var/lib/kubelet/pod-resources"}},
        ],
    }
    return _daemon(f"{name}-dcgm-exporter", meta, mark, pod, counters(), [config], opts)


def _daemon(
    name: str,
    meta: dict[str, Any],
    mark: dict[str, str],
    pod: dict[str, Any],
    told: str,
    needs: list[pulumi.Resource],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    made: pulumi.Resource = k8s.apps.v1.DaemonSet(
        name,
        metadata=meta,
        spec={
            "selector": {"match_labels": mark},
            "update_strategy": {"rolling_update": {"max_unavailable": "20%"}},
            "template": {
                "metadata": {
                    "labels": mark,
                    # They read their settings at their start.
                    "annotations": {"cumulo.dev/configuration": digest(told)},
                },
                "spec": pod,
            },
        },
        opts=pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(depends_on=needs)),
    )
    return made
