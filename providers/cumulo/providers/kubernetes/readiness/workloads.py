"""Readiness of what runs pods."""

from cumulo.providers.kubernetes.objects import Kind, at, condition, metadata
from cumulo.providers.kubernetes.readiness import pods
from cumulo.providers.kubernetes.readiness.events import one_line, warning
from cumulo.providers.kubernetes.readiness.look import Look, Progress

_REPLICA_SET = Kind("apps", "v1", "ReplicaSet")
_REVISION = "deployment.kubernetes.io/revision"


def pod(look: Look) -> Progress:
    """A Pod serves, or has done what it was for."""
    if pods.ready(look.live):
        return Progress(ready=True)
    wrong = pods.trouble(look.cluster, [look.live], look.seconds)
    if at(look.live, "status", "phase") == "Failed":
        return Progress(message=wrong or "it failed", failed=True)
    phase = str(at(look.live, "status", "phase", otherwise="Pending")).lower()
    return Progress(message=wrong or f"waiting to be ready: it is {phase}")


def deployment(look: Look) -> Progress:
    """A Deployment's newest pods all serve, and the older ones are gone."""
    wanted = look.count("spec", "replicas", otherwise=1)
    if at(look.live, "spec", "paused") is True:
        return Progress(ready=True)
    if not look.observed:
        return Progress(message="waiting for the deployment controller")
    updated = look.count("status", "updatedReplicas")
    available = look.count("status", "availableReplicas")
    old = look.count("status", "replicas") - updated
    if updated >= wanted and old <= 0 and available >= updated:
        return Progress(ready=True)
    if updated >= wanted and available >= wanted:
        return Progress(message=f"{available}/{wanted} ready; {old} old pods are to go")
    message = f"{min(available, updated)}/{wanted} ready"
    why = _trouble_of_newest(look)
    stuck = condition(look.live, "Progressing").get("reason") == "ProgressDeadlineExceeded"
    if stuck:
        deadline = look.count("spec", "progressDeadlineSeconds", otherwise=600)
        message += f" after its progressDeadlineSeconds of {deadline}"
    return Progress(message=f"{message}: {why}" if why else message, failed=stuck)


def _trouble_of_newest(look: Look) -> str:
    refused = condition(look.live, "ReplicaFailure")
    if refused.get("status") == "True":
        return one_line(str(refused.get("message")))
    selector = at(look.live, "spec", "selector", otherwise={})
    revision = at(look.live, "metadata", "annotations", _REVISION)
    # Pods of the version before may be as they are.
    newest = {
        at(one, "metadata", "labels", "pod-template-hash")
        for one in look.cluster.all(_REPLICA_SET, look.namespace)
        if at(one, "metadata", "annotations", _REVISION) == revision
        and _owner(one) == metadata(look.live).get("uid")
    }
    found = [
        one
        for one in pods.owned(look.cluster, look.namespace, selector)
        if not newest or at(one, "metadata", "labels", "pod-template-hash") in newest
    ]
    return pods.trouble(look.cluster, found, look.seconds)


def stateful_set(look: Look) -> Progress:
    """A StatefulSet's pods all serve, in the newest version as far as it is to be rolled out."""
    wanted = look.count("spec", "replicas", otherwise=1)
    if not look.observed:
        return Progress(message="waiting for the stateful set controller")
    ready = look.count("status", "readyReplicas")
    strategy = at(look.live, "spec", "updateStrategy", otherwise={})
    newest = wanted
    if strategy.get("type") != "OnDelete":
        partition = int(at(strategy, "rollingUpdate", "partition", otherwise=0))
        rolled = max(0, wanted - partition)
        updated = look.count("status", "updatedReplicas")
        done = at(look.live, "status", "currentRevision") == at(
            look.live, "status", "updateRevision"
        )
        newest = wanted if done else min(updated, rolled) + wanted - rolled
    present = look.count("status", "replicas")
    if ready >= wanted and newest >= wanted and present == wanted:
        return Progress(ready=True)
    return _counted(look, min(ready, newest), wanted)


def daemon_set(look: Look) -> Progress:
    """A DaemonSet's pods serve on every node that should have one."""
    if not look.observed:
        return Progress(message="waiting for the daemon set controller")
    wanted = look.count("status", "desiredNumberScheduled")
    available = look.count("status", "numberAvailable")
    updated = look.count("status", "updatedNumberScheduled")
    if at(look.live, "spec", "updateStrategy", "type") == "OnDelete":
        updated = wanted
    if available >= wanted and updated >= wanted:
        return Progress(ready=True)
    return _counted(look, min(available, updated), wanted)


def replication_controller(look: Look) -> Progress:
    """A ReplicationController's pods all serve."""
    wanted = look.count("spec", "replicas", otherwise=1)
    available = look.count("status", "availableReplicas")
    if look.observed and available >= wanted:
        return Progress(ready=True)
    selector = {"matchLabels": at(look.live, "spec", "selector", otherwise={})}
    return _counted(look, available, wanted, selector)


def _counted(
    look: Look, ready: int, wanted: int, selector: dict[str, object] | None = None
) -> Progress:
    chosen = selector or at(look.live, "spec", "selector", otherwise={})
    found = pods.owned(look.cluster, look.namespace, chosen)
    why = pods.trouble(look.cluster, found, look.seconds)
    if not why and len(found) < wanted:
        # Pods that are not even made leave their reason with whoever should make them.
        why = warning(look.cluster, look.live)
    return Progress(message=f"{ready}/{wanted} ready{f': {why}' if why else ''}")


def _owner(item: dict[str, object]) -> object:
    return at(item, "metadata", "ownerReferences", 0, "uid")
