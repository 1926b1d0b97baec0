"""Kubernetes objects as they are written and answered: nested dictionaries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cumulo.providers.core.values import UNKNOWN

Object = dict[str, Any]

AUTONAMED: Final = "pulumi.com/autonamed"
SKIP_AWAIT: Final = "pulumi.com/skipAwait"
WAIT_FOR: Final = "pulumi.com/waitFor"
TIMEOUT_SECONDS: Final = "pulumi.com/timeoutSeconds"
REPLACE_UNREADY: Final = "pulumi.com/replaceUnready"
PATCH_FORCE: Final = "pulumi.com/patchForce"
PATCH_FIELD_MANAGER: Final = "pulumi.com/patchFieldManager"
DELETION_PROPAGATION: Final = "pulumi.com/deletionPropagationPolicy"

_CLUSTER_SCOPED: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "apps": frozenset(),
    "authentication.k8s.io": frozenset({"SelfSubjectReview", "TokenReview"}),
    "authorization.k8s.io": frozenset(
        {"SelfSubjectAccessReview", "SelfSubjectRulesReview", "SubjectAccessReview"}
    ),
    "autoscaling": frozenset(),
    "batch": frozenset(),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "coordination.k8s.io": frozenset(),
    "discovery.k8s.io": frozenset(),
    "events.k8s.io": frozenset(),
    "extensions": frozenset({"PodSecurityPolicy"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "internal.apiserver.k8s.io": frozenset({"StorageVersion"}),
    "networking.k8s.io": frozenset({"IPAddress", "IngressClass", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "policy": frozenset({"PodSecurityPolicy"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "DeviceTaintRule", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset(
        {"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}
    ),
    "storagemigration.k8s.io": frozenset({"StorageVersionMigration"}),
}
"""The groups that Kubernetes itself has, and which of their kinds lie in no namespace."""


@dataclass(frozen=True)
class Kind:
    """What an object is.

    Attributes:
        group: The API group; empty for the core.
        version: The version in that group.
        name: The kind's name.
    """

    group: str
    version: str
    name: str

    @property
    def api_version(self) -> str:
        """The `apiVersion` of such objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def builtin(self) -> bool:
        """Whether Kubernetes itself has the group."""
        return self.group in _CLUSTER_SCOPED

    @property
    def namespaced(self) -> bool | None:
        """Whether such objects lie in namespaces; `None` if only the cluster can know."""
        known = _CLUSTER_SCOPED.get(self.group)
        return None if known is None else self.name not in known

    def is_(self, group: str, *names: str) -> bool:
        """Whether it is one of a group's kinds, in any version."""
        return self.group == group and self.name in names

    def __str__(self) -> str:
        return f"{self.api_version} {self.name}"


def kind_of(item: Object) -> Kind:
    """What an object says it is."""
    api_version, name = item.get("apiVersion"), item.get("kind")
    return parse_kind(
        api_version if isinstance(api_version, str) else "", name if isinstance(name, str) else ""
    )


def parse_kind(api_version: str, name: str) -> Kind:
    """A kind from the two fields that say it."""
    group, _, version = api_version.rpartition("/")
    return Kind("" if group == "core" else group, version, name)


def metadata(item: Object) -> Object:
    """The object's metadata; empty where there is none or it is not known yet."""
    found = item.get("metadata")
    return found if isinstance(found, dict) else {}


def name_of(item: Object) -> str:
    """The object's name; empty where there is none or it is not known yet."""
    name = metadata(item).get("name")
    return name if isinstance(name, str) else ""


def namespace_of(item: Object) -> str:
    """The object's namespace; empty where there is none or it is not known yet."""
    namespace = metadata(item).get("namespace")
    return namespace if isinstance(namespace, str) else ""


def has_name(item: Object) -> bool:
    """Whether the object has a name, be it one that is not known yet."""
    return metadata(item).get("name") is UNKNOWN or bool(name_of(item))


def annotation(item: Object, key: str) -> str:
    """An annotation; empty where there is none or it is not known yet."""
    annotations = metadata(item).get("annotations")
    value = annotations.get(key) if isinstance(annotations, dict) else None
    return value if isinstance(value, str) else ""


def is_annotated(item: Object, key: str) -> bool:
    """Whether an annotation is "true"."""
    return annotation(item, key) == "true"


def identity_of(item: Object) -> str:
    """The id in the state: `namespace/name`, or the name alone."""
    namespace = namespace_of(item)
    return f"{namespace}/{name_of(item)}" if namespace else name_of(item)


def at(item: Any, *path: str | int, otherwise: Any = None) -> Any:
    """What lies at a path; `otherwise` where there is nothing."""
    for step in path:
        item = child(item, step)
    return otherwise if item is None else item


def child(item: Any, step: str | int) -> Any:
    """What lies one step below; `None` where there is nothing."""
    if isinstance(item, dict):
        return item.get(step)
    if isinstance(item, list) and isinstance(step, int) and step < len(item):
        return item[step]
    return None


def condition(item: Object, kind: str) -> Object:
    """One of `status.conditions`; empty if it is not there."""
    for found in at(item, "status", "conditions", otherwise=[]):
        if str(found.get("type", "")).lower() == kind.lower():
            return dict(found)
    return {}


def pruned(item: Any, shape: Any) -> Any:
    """The parts of a value that another one has too: what the cluster adds falls away."""
    if isinstance(item, dict) and isinstance(shape, dict):
        return {key: pruned(value, shape[key]) for key, value in item.items() if key in shape}
    if isinstance(item, list) and isinstance(shape, list):
        if item and shape and isinstance(item[0], dict) != isinstance(shape[0], dict):
            return item
        return [pruned(value, like) for value, like in zip(item, shape, strict=False)]
    return item


def without_nulls(value: Any) -> Any:
    """The value without properties that are null: the program leaves them to the cluster."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value
