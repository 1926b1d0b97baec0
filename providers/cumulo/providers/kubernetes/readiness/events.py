"""What the cluster has noted about an object."""

from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind, Object, at, metadata

_EVENT = Kind("", "v1", "Event")


def warning(cluster: Cluster, item: Object) -> str:
    """The newest warning about an object; empty if there is none."""
    uid = str(metadata(item).get("uid") or "")
    if not uid:
        return ""
    events = cluster.all(
        _EVENT,
        str(metadata(item).get("namespace") or "default"),
        fields=f"involvedObject.uid={uid},type=Warning",
    )
    if not events:
        return ""
    newest = max(events, key=_time)
    return one_line(f"{newest.get('reason')}: {newest.get('message')}")


def one_line(text: str) -> str:
    """A message of any length as a line that can be read."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


_LONGEST = 400


def _time(event: Object) -> str:
    return str(
        event.get("lastTimestamp")
        or at(event, "series", "lastObservedTime")
        or event.get("eventTime")
        or metadata(event).get("creationTimestamp")
        or ""
    )
