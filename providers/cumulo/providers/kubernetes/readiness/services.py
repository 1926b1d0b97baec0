"""Readiness of what leads to pods."""

from cumulo.providers.kubernetes.objects import Kind, at, name_of
from cumulo.providers.kubernetes.readiness.events import warning
from cumulo.providers.kubernetes.readiness.look import Look, Progress

_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice")

# A service may come before its pods, and its pods may wait for it.
_LONE_SECONDS = 10.0


def service(look: Look) -> Progress:
    """A Service has its address, and leads to pods that serve."""
    spec = at(look.live, "spec", otherwise={})
    kind = spec.get("type", "ClusterIP")
    if kind == "LoadBalancer" and not at(look.live, "status", "loadBalancer", "ingress"):
        why = warning(look.cluster, look.live)
        return Progress(message=f"waiting for the load balancer's address{f': {why}' * bool(why)}")
    if kind == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return Progress(ready=True)
    endpoints = [
        endpoint
        for one in look.cluster.all(
            _SLICE, look.namespace, labels=f"kubernetes.io/service-name={name_of(look.live)}"
        )
        for endpoint in one.get("endpoints") or []
        if not at(endpoint, "conditions", "terminating")
    ]
    serving = [one for one in endpoints if at(one, "conditions", "ready", otherwise=True)]
    waiting = len(endpoints) - len(serving)
    if waiting:
        return Progress(message=f"{len(serving)} of {len(endpoints)} pods behind it are ready")
    if serving or look.seconds >= _LONE_SECONDS:
        return Progress(ready=True)
    labels = ", ".join(f"{key}={value}" for key, value in spec["selector"].items())
    return Progress(message=f"waiting for pods with {labels}")


def ingress(look: Look) -> Progress:
    """An Ingress has its address."""
    if at(look.live, "status", "loadBalancer", "ingress"):
        return Progress(ready=True)
    why = warning(look.cluster, look.live)
    return Progress(message=f"waiting for an ingress controller's address{f': {why}' * bool(why)}")
