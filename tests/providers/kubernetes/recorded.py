"""A cluster that answers what a test recorded: states that a real one passes through too fast."""

from typing import Any

from cumulo.providers.kubernetes.cluster import Cluster, Served
from cumulo.providers.kubernetes.kubeconfig import Access
from cumulo.providers.kubernetes.objects import Kind, Object, name_of
from cumulo.providers.kubernetes.readiness import Look, Progress, progress


class Recorded(Cluster):
    """Objects by kind, and the logs of containers."""

    def __init__(self, *items: Object, logs: dict[str, str] | None = None) -> None:
        super().__init__(Access("http://127.0.0.1:1"))
        self.items = list(items)
        self.logs = logs or {}
        self.asked: list[dict[str, str]] = []
        outer = self

        class Api:
            def text(self, path: str, **query: str) -> str:
                outer.asked.append({"path": path, **query})
                return outer.logs.get(query["container"], "")

        self.api = Api()  # type: ignore[assignment]

    def served(self, kind: Kind) -> Served:
        return Served(kind, f"{kind.name.lower()}s", namespaced=True, has_status=True)

    def serves(self, kind: Kind) -> bool:
        return any(item.get("serves") == kind.name for item in self.items)

    def read(self, kind: Kind, namespace: str, name: str) -> Object | None:
        found = (item for item in self.items if item.get("kind") == kind.name)
        return next((item for item in found if name_of(item) == name), None)

    def all(
        self, kind: Kind, namespace: str, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        uid = fields.partition("involvedObject.uid=")[2].partition(",")[0]
        return [
            item
            for item in self.items
            if item.get("kind") == kind.name
            and (not uid or item.get("involvedObject", {}).get("uid") == uid)
        ]


def look(
    live: Object,
    *others: Object,
    seconds: float = 60.0,
    annotations: dict[str, str] | None = None,
    logs: dict[str, str] | None = None,
) -> Progress:
    """How far an object is, when the cluster has these others."""
    inputs: dict[str, Any] = {"metadata": {"annotations": annotations or {}}}
    return progress(Look(Recorded(*others, logs=logs), inputs, live, seconds))


def made(kind: str, api_version: str = "v1", uid: str = "u", **rest: Any) -> Object:
    """An object of the cluster's."""
    metadata = {"name": "x", "namespace": "n", "uid": uid, **rest.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}


def event(uid: str, reason: str, message: str, time: str = "2030-01-01T00:00:00Z") -> Object:
    """A warning about an object."""
    noted: Object = {"involvedObject": {"uid": uid}, "reason": reason, "message": message}
    return made("Event", lastTimestamp=time, **noted)


def pod(
    name: str = "p",
    phase: str = "Pending",
    conditions: dict[str, str] | None = None,
    containers: list[Object] | None = None,
    **status: Any,
) -> Object:
    """A pod; a condition's value is its status, and its message after a colon."""
    told = []
    for kind, text in (conditions or {}).items():
        value, _, message = text.partition(": ")
        told.append({"type": kind, "status": value, "message": message})
    return made(
        "Pod",
        uid=f"uid-{name}",
        metadata={"name": name},
        status={
            "phase": phase,
            "conditions": told,
            "containerStatuses": containers or [],
            **status,
        },
    )
