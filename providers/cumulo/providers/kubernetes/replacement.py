"""Which changes need a new object: the official provider's rules, and what the cluster says."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cumulo.providers.kubernetes.api import ApiError
from cumulo.providers.kubernetes.objects import Kind, Object
from cumulo.providers.kubernetes.paths import Path
from cumulo.providers.kubernetes.settings import Settings

_CONTAINER: Final = """
args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources
securityContext stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices
volumeMounts workingDir
"""

_POD: Final = """
affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC
hostNetwork hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy
priority priorityClassName readinessGates restartPolicy runtimeClassName schedulerName
securityContext serviceAccount serviceAccountName shareProcessNamespace subdomain
terminationGracePeriodSeconds volumes
"""

_VOLUME_SOURCES: Final = """
awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk
glusterfs hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO
storageos vsphereVolume
"""


def _spec(*names: str) -> list[Path]:
    return [("spec", name) for name in names]


_RULES: Final[Mapping[tuple[str, str], list[Path]]] = {
    ("", "PersistentVolume"): _spec(*_VOLUME_SOURCES.split()),
    ("", "PersistentVolumeClaim"): _spec(
        "accessModes", "selector", "storageClassName", "volumeName"
    ),
    ("", "Pod"): [
        *_spec(*_POD.split()),
        *(("spec", "containers", "*", name) for name in _CONTAINER.split()),
        *(("spec", "initContainers", "*", name) for name in _CONTAINER.split()),
    ],
    ("", "ResourceQuota"): _spec("scopes"),
    ("", "Secret"): [("type",)],
    ("", "Service"): _spec("clusterIP"),
    ("apps", "DaemonSet"): _spec("selector"),
    ("apps", "Deployment"): _spec("selector"),
    ("apps", "StatefulSet"): _spec(
        "podManagementPolicy",
        "revisionHistoryLimit",
        "selector",
        "serviceName",
        "volumeClaimTemplates",
    ),
    ("batch", "Job"): _spec("completions", "parallelism", "selector", "template"),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): [("roleRef",)],
    ("rbac.authorization.k8s.io", "RoleBinding"): [("roleRef",)],
    ("storage.k8s.io", "StorageClass"): [("parameters",), ("provisioner",)],
}

IDENTITY: Final[list[Path]] = [("metadata", "name"), ("metadata", "namespace")]
"""What makes an object the one it is."""


def rules(kind: Kind, item: Object, settings: Settings) -> list[Path]:
    """The paths of an object whose change needs a new one."""
    immutable = item.get("immutable") is True
    if kind.is_("", "Secret") and (immutable or not settings.secret_mutable):
        return [*IDENTITY, ("type",), ("stringData",), ("data",)]
    if kind.is_("", "ConfigMap") and (immutable or not settings.config_map_mutable):
        return [*IDENTITY, ("binaryData",), ("data",)]
    return [*IDENTITY, *_RULES.get((kind.group, kind.name), [])]


def replaces(path: Path, value: Any, rule: Path) -> bool:
    """Whether a value that is new at a path is, or has, what a rule is about."""
    for step, wanted in zip(path, rule, strict=False):
        if wanted not in ("*", step):
            return False
    below = rule[len(path) :]
    return _has(value, below)


def _has(value: Any, path: Path) -> bool:
    if not path:
        return True
    step, *rest = path
    if step == "*":
        return isinstance(value, list) and any(_has(item, tuple(rest)) for item in value)
    return isinstance(value, dict) and step in value and _has(value[step], tuple(rest))


_IMMUTABLE: Final = re.compile(
    r"\bis immutable\b|\bupdates to .* are forbidden\b|\bmay not (change|update|be changed)\b"
)


def refused(error: ApiError) -> Iterator[Path]:
    """The paths that the cluster says cannot change in an object that exists."""
    if error.status != 422:
        return
    for cause in error.causes:
        if _IMMUTABLE.search(str(cause.get("message") or "")):
            yield _field(str(cause.get("field") or ""))


def _field(text: str) -> Path:
    """A field as the cluster writes it: `spec.ports[0].name`, `data[a.b]`."""
    steps: list[str | int] = []
    for match in re.finditer(r"\[([^\]]*)\]|([^.\[\]]+)", text):
        bracketed, plain = match.groups()
        if plain is not None:
            steps.append(plain)
        else:
            steps.append(int(bracketed) if bracketed.isdecimal() else bracketed)
    return tuple(steps)
