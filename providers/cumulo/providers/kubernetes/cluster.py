"""A cluster's objects: where each kind lies, and how one is read, applied and deleted."""

import threading
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.api import Api, ApiError
from cumulo.providers.kubernetes.kubeconfig import Access
from cumulo.providers.kubernetes.objects import Kind, Object, kind_of, name_of, namespace_of

APPLY: Final = "application/apply-patch+yaml"
JSON_PATCH: Final = "application/json-patch+json"

_FRESH_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 30.0


class NoSuchKind(ProviderError):
    """The cluster does not serve a kind."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(
            f"the cluster has no {kind.name} in {kind.api_version}: check 'apiVersion' and 'kind', "
            "or make its CustomResourceDefinition first"
        )


@dataclass(frozen=True)
class Served:
    """A kind that the cluster serves.

    Attributes:
        kind: The kind.
        plural: Its name in paths.
        namespaced: Whether its objects lie in namespaces.
        has_status: Whether their status is apart from what a program writes.
    """

    kind: Kind
    plural: str
    namespaced: bool
    has_status: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of an object, or of all."""
        kind = self.kind
        parts = ["apis", kind.group] if kind.group else ["api"]
        parts.append(kind.version)
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        if name:
            parts.append(name)
        return "/" + "/".join(quote(part, safe=":") for part in parts)


class Cluster:
    """A cluster, from any thread."""

    def __init__(self, access: Access) -> None:
        self.api = Api(access)
        self._lock = threading.Lock()
        self._served: dict[str, tuple[float, dict[str, Served]]] = {}
        self._unreachable = ""
        self._probed = float("-inf")
        self._probing = threading.Lock()

    @property
    def namespace(self) -> str:
        """Where objects without a namespace go."""
        return self.api.access.namespace

    @property
    def unreachable(self) -> str:
        """Why the cluster cannot be asked; empty if it can.

        That it can is found out once; that it cannot is looked at again now and then, because a
        run may make the cluster that it then uses.
        """
        with self._probing:
            found_out = self._probed > float("-inf") and not self._unreachable
            if not found_out and time.monotonic() - self._probed > _AGAIN_SECONDS:
                self._unreachable = self._probe()
                self._probed = time.monotonic()
            return self._unreachable

    def _probe(self) -> str:
        try:
            self.api.request("GET", "/version", patient=False)
        except ApiError as error:
            # Who may not read this much may still read the rest.
            return "" if error.status == 403 else str(error)
        except ProviderError as error:
            return str(error)
        return ""

    def served(self, kind: Kind) -> Served:
        """How a kind is served; what was not there a moment ago is looked for again.

        Raises:
            NoSuchKind: It is not.
        """
        found = self._kinds(kind.group, kind.version, must_have=kind.name).get(kind.name)
        if found is None:
            raise NoSuchKind(kind)
        return found

    def serves(self, kind: Kind) -> bool:
        """Whether a kind is served."""
        try:
            self.served(kind)
        except NoSuchKind:
            return False
        return True

    def forget(self, group: str) -> None:
        """Makes the kinds of a group be looked up anew: a definition came, changed or went."""
        with self._lock:
            for key in [key for key in self._served if key.startswith(f"{group}/")]:
                del self._served[key]

    def get(self, item: Object) -> Object | None:
        """What the cluster has of an object that has this kind, namespace and name."""
        return self.read(kind_of(item), namespace_of(item), name_of(item))

    def read(self, kind: Kind, namespace: str, name: str) -> Object | None:
        """An object, or `None` if there is none, or nothing of its kind."""
        try:
            served = self.served(kind)
        except NoSuchKind:
            return None
        return self.api.find(served.path(namespace or self.namespace, name))

    def all(
        self, kind: Kind, namespace: str, *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """The objects of a kind in a namespace; none if they may not be seen."""
        query = {"labelSelector": labels, "fieldSelector": fields}
        try:
            answer = self.api.get(
                self.served(kind).path(namespace),
                **{key: value for key, value in query.items() if value},
            )
        except (ApiError, NoSuchKind):
            return []
        items: list[Object] = answer.get("items") or []
        # Lists leave out what all their items have.
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in items]

    def apply(
        self, item: Object, manager: str, *, force: bool = False, preview: bool = False
    ) -> Object:
        """Makes the fields of an object be as given, and only those: server-side apply.

        Args:
            item: The fields that `manager` wants; what it wanted before and not now is removed.
            manager: The field manager.
            force: Whether to take fields away from other managers.
            preview: Whether to only say what would become of it.
        """
        query = {"fieldManager": manager, "force": str(force).lower()}
        if preview:
            query["dryRun"] = "All"
        return self.api.request("PATCH", self._path(item), item, query=query, content=APPLY)

    def patch(self, item: Object, operations: list[Object]) -> Object:
        """Changes an object by a JSON patch."""
        return self.api.request("PATCH", self._path(item), operations, content=JSON_PATCH)

    def delete(self, item: Object, propagation: str) -> bool:
        """Asks for an object to be deleted; whether there was one."""
        try:
            self.api.request(
                "DELETE",
                self._path(item),
                {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation},
            )
        except NoSuchKind:
            return False
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _path(self, item: Object) -> str:
        served = self.served(kind_of(item))
        return served.path(namespace_of(item) or self.namespace, name_of(item))

    def _kinds(self, group: str, version: str, must_have: str) -> dict[str, Served]:
        key = f"{group}/{version}"
        with self._lock:
            at, known = self._served.get(key, (float("-inf"), {}))
        if must_have in known or time.monotonic() - at < _FRESH_SECONDS:
            return known
        path = f"/apis/{group}/{version}" if group else f"/api/{version}"
        answer = self.api.find(path) or {}
        names = {str(item["name"]) for item in answer.get("resources") or []}
        known = {
            item["kind"]: Served(
                Kind(group, version, item["kind"]),
                item["name"],
                bool(item.get("namespaced")),
                f"{item['name']}/status" in names,
            )
            for item in answer.get("resources") or []
            if "/" not in item["name"]
        }
        with self._lock:
            self._served[key] = (time.monotonic(), known)
        return known
