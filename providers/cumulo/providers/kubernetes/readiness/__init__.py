"""When an object can be used: for each kind, what to look at and how to say what is missing."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from cumulo.providers.kubernetes.objects import kind_of
from cumulo.providers.kubernetes.paths import parse_wait
from cumulo.providers.kubernetes.program import wait_expressions
from cumulo.providers.kubernetes.readiness import conditions, core, jobs, services, workloads
from cumulo.providers.kubernetes.readiness.look import Look, Progress

__all__ = ["Look", "Progress", "progress"]

_KINDS: Final[Mapping[tuple[str, str], Callable[[Look], Progress]]] = {
    ("", "PersistentVolume"): core.volume,
    ("", "PersistentVolumeClaim"): core.volume_claim,
    ("", "Pod"): workloads.pod,
    ("", "ReplicationController"): workloads.replication_controller,
    ("", "ResourceQuota"): core.quota,
    ("", "Secret"): core.secret,
    ("", "Service"): services.service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): conditions.definition,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("batch", "Job"): jobs.job,
    ("extensions", "Ingress"): services.ingress,
    ("networking.k8s.io", "Ingress"): services.ingress,
}


def progress(look: Look) -> Progress:
    """How far an object is from being usable.

    What the program's annotation says goes before what is known of the kind.
    """
    expressions = wait_expressions(look.inputs)
    if expressions:
        return conditions.expected(look, [parse_wait(text) for text in expressions])
    kind = kind_of(look.live)
    known = _KINDS.get((kind.group, kind.name))
    if known is not None:
        return known(look)
    if os.environ.get("PULUMI_K8S_AWAIT_ALL") == "true":
        return conditions.generic(look)
    return Progress(ready=True)
