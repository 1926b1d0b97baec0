"""Readiness of jobs: they are done."""

from cumulo.providers.kubernetes.objects import at, condition
from cumulo.providers.kubernetes.readiness import pods
from cumulo.providers.kubernetes.readiness.look import Look, Progress


def job(look: Look) -> Progress:
    """A Job has done its work, or is told not to begin."""
    if condition(look.live, "Complete").get("status") == "True":
        return Progress(ready=True)
    if at(look.live, "spec", "suspend") is True:
        return Progress(ready=True)
    selector = at(look.live, "spec", "selector", otherwise={})
    found = pods.owned(look.cluster, look.namespace, selector)
    why = pods.trouble(look.cluster, found, look.seconds)
    failed = condition(look.live, "Failed")
    if failed.get("status") == "True":
        told = f"it failed: {failed.get('message') or failed.get('reason')}"
        return Progress(message=f"{told}; {why}" if why else told, failed=True)
    done = look.count("status", "succeeded")
    wanted = look.count("spec", "completions", otherwise=1)
    message = f"{done}/{wanted} done"
    return Progress(message=f"{message}: {why}" if why else message)
