"""What a preview learns from the cluster by dry runs."""

from typing import Final

from cumulo.providers.core.values import UNKNOWN, Properties
from cumulo.providers.kubernetes.api import ApiError
from cumulo.providers.kubernetes.cluster import Cluster, NoSuchKind
from cumulo.providers.kubernetes.difference import Step, same, value_at
from cumulo.providers.kubernetes.objects import Kind, Object, at, metadata, name_of, namespace_of
from cumulo.providers.kubernetes.paths import Path
from cumulo.providers.kubernetes.replacement import IDENTITY, refused

# What only the cluster can choose; a dry run answers something, but not what it will be.
_CHOSEN: Final[tuple[Path, ...]] = (
    ("metadata", "creationTimestamp"),
    ("metadata", "generation"),
    ("metadata", "managedFields"),
    ("metadata", "resourceVersion"),
    ("metadata", "uid"),
)
_CHOSEN_FOR_SERVICES: Final[tuple[Path, ...]] = (
    ("spec", "clusterIP"),
    ("spec", "clusterIPs"),
    ("spec", "healthCheckNodePort"),
)


def impossible(error: ApiError | NoSuchKind) -> bool:
    """Whether a dry run failed for a reason that need not stand against the real one.

    The kind or the namespace may be made by the same run, as may a webhook that is asked; not
    everybody may write; and not every webhook knows dry runs.
    """
    if isinstance(error, NoSuchKind):
        return True
    if error.status in (403, 404) or "dry run" in error.message:
        return True
    return error.status >= 500 and "webhook" in error.message


def leave_open(outputs: Properties, said: Properties, kind: Kind, *, has_status: bool) -> None:
    """Makes unknown, in place, what a dry run cannot know of an object that is to be made."""
    paths = _CHOSEN
    if kind.is_("", "Service"):
        paths += _CHOSEN_FOR_SERVICES
        for port in at(outputs, "spec", "ports", otherwise=[]):
            if "nodePort" in port:
                port["nodePort"] = UNKNOWN
    for *above, last in paths:
        place, given = at(outputs, *above), at(said, *above, otherwise={})
        if isinstance(place, dict) and last in place and last not in given:
            place[last] = UNKNOWN
    outputs.pop("status", None)
    if has_status:
        outputs["status"] = UNKNOWN


def asked(
    cluster: Cluster, live: Object, item: Object, found: list[Step], manager: str
) -> tuple[list[Step], list[Path]]:
    """Lets the cluster say which differences are none, and which need a new object.

    It knows that `1000m` is `1`, what a default is, and what is immutable in its version.

    Returns:
        The differences that are some, and the paths that are immutable.
    """
    try:
        # It is asked about the object that is there, also when the program wants another.
        place = {"name": name_of(live), "namespace": namespace_of(live)}
        data = {**metadata(item), **{key: value for key, value in place.items() if value}}
        would = cluster.apply({**item, "metadata": data}, manager, force=True, preview=True)
    except NoSuchKind:
        return found, []
    except ApiError as error:
        return found, list(refused(error))
    return [
        step
        for step in found
        # What the program drops may be kept by nobody but those who wrote it before.
        if step.value is None
        or step.path in IDENTITY
        or not same(value_at(would, step.path), value_at(live, step.path))
    ], []
