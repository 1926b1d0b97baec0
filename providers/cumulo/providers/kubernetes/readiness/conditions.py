"""Readiness that an object itself tells, in its conditions or at a path."""

from cumulo.providers.kubernetes.objects import Kind, at, condition
from cumulo.providers.kubernetes.paths import Wait, as_text, select
from cumulo.providers.kubernetes.readiness.look import Look, Progress


def expected(look: Look, waits: list[Wait]) -> Progress:
    """What the program's annotation asks for."""
    for wait in waits:
        missing = _missing(look, wait)
        if missing:
            return Progress(message=missing)
    return Progress(ready=True)


def _missing(look: Look, wait: Wait) -> str:
    if wait.condition:
        found = condition(look.live, wait.condition)
        if not found:
            return f"waiting for the condition {wait.condition}"
        generation = look.count("metadata", "generation")
        seen = found.get("observedGeneration", at(look.live, "status", "observedGeneration"))
        status = str(found.get("status"))
        if seen is not None and int(seen) < generation:
            return f"waiting for the condition {wait.condition} of the newest version"
        if status.lower() == str(wait.value).lower():
            return ""
        why = ": ".join(filter(None, (found.get("reason"), found.get("message"))))
        return f"waiting for {wait.condition}={wait.value}: it is {status} {f'({why})' * bool(why)}"
    values = select(look.live, wait.path)
    if not values:
        return f"waiting for {wait.text}: there is nothing"
    if wait.value is None or as_text(values[0]) == wait.value:
        return ""
    return f"waiting for {wait.text}: it is {as_text(values[0])!r}"


def generic(look: Look) -> Progress:
    """Any kind: ready unless it says that it is not."""
    if at(look.live, "status", "observedGeneration") is not None and not look.observed:
        return Progress(message="waiting for its controller")
    for name in ("Ready", "Available"):
        found = condition(look.live, name)
        if found and found.get("status") != "True":
            return Progress(message=f"waiting to be {name.lower()}: {found.get('message') or ''}")
    return Progress(ready=True)


def definition(look: Look) -> Progress:
    """A CustomResourceDefinition: objects of its kinds can be made."""
    refused = condition(look.live, "NamesAccepted")
    if refused.get("status") == "False":
        return Progress(message=f"its names are taken: {refused.get('message')}")
    established = condition(look.live, "Established")
    if established.get("status") != "True":
        return Progress(message="waiting to be established")
    group = str(at(look.live, "spec", "group", otherwise=""))
    name = str(at(look.live, "spec", "names", "kind", otherwise=""))
    for version in at(look.live, "spec", "versions", otherwise=[]):
        # The cluster says it is established a moment before it takes the first object.
        if version.get("served") and not look.cluster.serves(Kind(group, version["name"], name)):
            return Progress(message=f"waiting for {group}/{version['name']} to be served")
    return Progress(ready=True)
