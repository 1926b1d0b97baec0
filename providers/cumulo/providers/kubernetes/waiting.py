"""Waits until an object is ready, or gone, and says meanwhile what is missing."""

import time
from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import Cancelled, DeadlineExceeded, NotReady
from cumulo.providers.core.log import Log
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import (
    SKIP_AWAIT,
    Object,
    at,
    condition,
    identity_of,
    is_annotated,
    kind_of,
    metadata,
)
from cumulo.providers.kubernetes.readiness import Look, Progress, progress

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 2.0
_GROWTH: Final = 1.3

# What the official provider does not wait for when such an object goes and its await is skipped.
_LEFT_BEHIND: Final = frozenset(
    {
        ("", "Namespace"),
        ("", "Pod"),
        ("", "ReplicationController"),
        ("apps", "DaemonSet"),
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("batch", "Job"),
    }
)


def until_ready(call: Call[Cluster], log: Log, inputs: Object, live: Object) -> Object:
    """The object once it can be used.

    Args:
        call: The call.
        log: Where to say what is missing.
        inputs: What the program says; its annotations say what to wait for.
        live: The object as the cluster has it.

    Raises:
        NotReady: It cannot be used, or not yet.
    """
    if is_annotated(inputs, SKIP_AWAIT):
        return live
    began = time.monotonic()
    pause = _FIRST_PAUSE
    while True:
        seen = progress(Look(call.cloud, inputs, live, time.monotonic() - began))
        if seen.ready:
            log.status(call.urn, "")
            return live
        told = f"{kind_of(live).name} {identity_of(live)}: {seen.message}"
        if seen.failed:
            raise NotReady(told, live)
        log.status(call.urn, seen.message)
        try:
            call.check(seen.message)
            call.sleep(seen.message, pause)
        except DeadlineExceeded as error:
            raise NotReady(_late(call, told), live) from error
        except Cancelled as error:
            raise NotReady(f"interrupted; {told}", live) from error
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)
        found = call.cloud.get(live)
        if found is None:
            raise NotReady(f"{told}; it was deleted meanwhile", live)
        live = found


def readiness(cluster: Cluster, inputs: Object, live: Object) -> Progress:
    """How ready an object is now, without waiting."""
    if is_annotated(inputs, SKIP_AWAIT):
        return Progress(ready=True)
    return progress(Look(cluster, inputs, live, float("inf")))


def until_gone(call: Call[Cluster], log: Log, inputs: Object, item: Object) -> None:
    """Waits until an object that was asked to go is gone.

    Raises:
        DeadlineExceeded: It is still there; the message says what holds it.
    """
    kind = kind_of(item)
    if is_annotated(inputs, SKIP_AWAIT) and (kind.group, kind.name) in _LEFT_BEHIND:
        return
    uid = metadata(item).get("uid")
    pause = _FIRST_PAUSE
    while True:
        live = call.cloud.get(item)
        if live is None or (uid and metadata(live).get("uid") != uid):
            log.status(call.urn, "")
            return
        uid = metadata(live).get("uid")
        held = _held(live)
        log.status(call.urn, held)
        try:
            call.check(held)
            call.sleep(held, pause)
        except DeadlineExceeded as error:
            raise DeadlineExceeded(
                _late(call, f"{kind.name} {identity_of(item)}: {held}")
            ) from error
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _late(call: Call[Cluster], told: str) -> str:
    return (
        f"{told} (after {call.seconds:.0f} s; custom_timeouts in the resource's options or the "
        "annotation pulumi.com/timeoutSeconds allow more)"
    )


def _held(live: Object) -> str:
    """What keeps an object from going."""
    for kind in (
        "NamespaceDeletionDiscoveryFailure",
        "NamespaceDeletionGroupVersionParsingFailure",
        "NamespaceDeletionContentFailure",
        "NamespaceFinalizersRemaining",
        "NamespaceContentRemaining",
    ):
        found = condition(live, kind)
        if found.get("status") == "True":
            return f"waiting to be gone: {found.get('message')}"
    finalizers = at(live, "metadata", "finalizers", otherwise=[])
    if finalizers == ["foregroundDeletion"]:
        return "waiting for what it owns to be gone"
    if finalizers:
        return f"waiting to be gone: held by finalizers {', '.join(finalizers)}"
    return "waiting to be gone"
