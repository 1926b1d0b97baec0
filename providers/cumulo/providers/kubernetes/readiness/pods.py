"""What is wrong with pods, in words for whoever wrote their manifest."""

from collections.abc import Iterator
from typing import Any, Final

from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind, Object, at, condition, metadata, name_of
from cumulo.providers.kubernetes.readiness.events import one_line, warning

POD: Final = Kind("", "v1", "Pod")

_LOG_LINES: Final = "5"
_LATE_SECONDS: Final = 5.0

_NO_IMAGE: Final = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
    }
)


def ready(pod: Object) -> bool:
    """Whether a pod serves, or has done what it was for."""
    return (
        condition(pod, "Ready").get("status") == "True" or at(pod, "status", "phase") == "Succeeded"
    )


def owned(cluster: Cluster, namespace: str, selector: Object) -> list[Object]:
    """The pods that a selector chooses, without those that are going."""
    labels = _labels(selector)
    if not labels:
        return []
    pods = cluster.all(POD, namespace, labels=labels)
    return [pod for pod in pods if not metadata(pod).get("deletionTimestamp")]


def trouble(cluster: Cluster, pods: list[Object], seconds: float) -> str:
    """What keeps pods from being ready, each thing once; empty if nothing is wrong so far."""
    told: dict[str, str] = {}
    for pod in pods:
        if ready(pod):
            continue
        what = _trouble(cluster, pod, seconds)
        if what and what not in told:
            told[what] = name_of(pod)
    return "; ".join(f"pod {name}: {what}" for what, name in list(told.items())[:3])


def _trouble(cluster: Cluster, pod: Object, seconds: float) -> str:
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return one_line(f"cannot be scheduled: {scheduled.get('message') or scheduled['reason']}")
    if at(pod, "status", "phase") == "Failed" and at(pod, "status", "reason"):
        return one_line(f"{at(pod, 'status', 'reason')}: {at(pod, 'status', 'message')}")
    for container in _containers(pod):
        what = _container_trouble(cluster, pod, container)
        if what:
            return what
    if seconds < _LATE_SECONDS:
        return ""
    noted = warning(cluster, pod)
    if noted:
        return noted
    not_ready = condition(pod, "Ready")
    return one_line(str(not_ready.get("message") or "")) if not_ready else ""


def _container_trouble(cluster: Cluster, pod: Object, container: Object) -> str:
    name, image = container.get("name"), container.get("image")
    waiting = at(container, "state", "waiting", otherwise={})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason in _NO_IMAGE:
        # While the kubelet pauses between tries, only its events say what went wrong.
        why = warning(cluster, pod) if message.startswith("Back-off") else message
        return one_line(f"the image {image} of container {name} cannot be pulled: {why}")
    ended = at(container, "state", "terminated") or at(container, "lastState", "terminated")
    if reason == "CrashLoopBackOff" or (ended and ended.get("exitCode")):
        return _crash(cluster, pod, container, ended or {}, again=reason == "CrashLoopBackOff")
    if reason and reason not in ("ContainerCreating", "PodInitializing"):
        return one_line(f"container {name}: {reason}: {message}")
    return ""


def _crash(cluster: Cluster, pod: Object, container: Object, ended: Object, *, again: bool) -> str:
    name = container.get("name")
    how = f"ended with exit code {ended.get('exitCode', '?')}"
    if ended.get("reason") not in (None, "Error", "Completed"):
        how += f" ({ended['reason']})"
    keeps = f"keeps ending, {container.get('restartCount')} times so far, and {how}"
    said = str(ended.get("message") or "") or _log(cluster, pod, str(name), previous=again)
    lines = " | ".join(line.strip() for line in said.splitlines() if line.strip())
    told = f"container {name} {keeps if again else how}"
    return one_line(f"{told}; it said: {lines}" if lines else told)


def _log(cluster: Cluster, pod: Object, container: str, *, previous: bool) -> str:
    path = cluster.served(POD).path(str(metadata(pod).get("namespace")), name_of(pod))
    query = {"container": container, "tailLines": _LOG_LINES}
    if previous:
        query["previous"] = "true"
    return cluster.api.text(f"{path}/log", **query)


def _containers(pod: Object) -> Iterator[Object]:
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in at(pod, "status", key, otherwise=[]):
            if not container.get("ready"):
                yield container


def _labels(selector: Object) -> str:
    """A label selector as a query."""
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for expression in selector.get("matchExpressions") or []:
        key, operator = expression.get("key"), expression.get("operator")
        values: list[Any] = expression.get("values") or []
        listed = ",".join(map(str, values))
        terms.append(
            {
                "In": f"{key} in ({listed})",
                "NotIn": f"{key} notin ({listed})",
                "Exists": f"{key}",
                "DoesNotExist": f"!{key}",
            }[str(operator)]
        )
    return ",".join(terms)
