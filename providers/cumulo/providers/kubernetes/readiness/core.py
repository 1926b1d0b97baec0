"""Readiness of storage, quotas and tokens."""

from cumulo.providers.kubernetes.objects import Kind, at
from cumulo.providers.kubernetes.readiness.events import warning
from cumulo.providers.kubernetes.readiness.look import Look, Progress

_STORAGE_CLASS = Kind("storage.k8s.io", "v1", "StorageClass")


def volume(look: Look) -> Progress:
    """A PersistentVolume can be claimed or is."""
    phase = at(look.live, "status", "phase", otherwise="Pending")
    if phase in ("Available", "Bound"):
        return Progress(ready=True)
    why = at(look.live, "status", "message", otherwise="")
    return Progress(message=f"waiting to be available: it is {phase} {why}".rstrip())


def volume_claim(look: Look) -> Progress:
    """A PersistentVolumeClaim has its volume, or gets it with its first pod."""
    phase = at(look.live, "status", "phase", otherwise="Pending")
    if phase == "Bound":
        return Progress(ready=True)
    if phase == "Lost":
        return Progress(message="its volume is lost", failed=True)
    name = at(look.live, "spec", "storageClassName", otherwise="")
    storage = look.cluster.read(_STORAGE_CLASS, "", name) if name else None
    if at(storage, "volumeBindingMode") == "WaitForFirstConsumer":
        return Progress(ready=True)
    if name and storage is None:
        return Progress(message=f"waiting for a volume: there is no StorageClass {name}")
    why = warning(look.cluster, look.live)
    if not name and not why:
        why = "it names no StorageClass, and the cluster has no default"
    return Progress(message=f"waiting for a volume{f': {why}' if why else ''}")


def quota(look: Look) -> Progress:
    """A ResourceQuota is in force."""
    if at(look.live, "spec", "hard") == at(look.live, "status", "hard"):
        return Progress(ready=True)
    return Progress(message="waiting to be in force")


def secret(look: Look) -> Progress:
    """A service account's token is there; all other Secrets are what the program says."""
    if look.live.get("type") != "kubernetes.io/service-account-token" or look.live.get("data"):
        return Progress(ready=True)
    account = at(
        look.live, "metadata", "annotations", "kubernetes.io/service-account.name", otherwise="?"
    )
    return Progress(message=f"waiting for the token of service account {account}")
