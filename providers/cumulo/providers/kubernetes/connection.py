"""The cluster that a provider's configuration leads to, which may not be there yet."""

import threading
from collections.abc import Iterable

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties
from cumulo.providers.kubernetes import program
from cumulo.providers.kubernetes.cluster import Cluster, NoSuchKind
from cumulo.providers.kubernetes.kubeconfig import access
from cumulo.providers.kubernetes.objects import Kind, Object, at, kind_of


class Connection:
    """A cluster, reached on first need: previews must work while it is away."""

    def __init__(self, options: Properties) -> None:
        self._options = options
        self._connecting = threading.Lock()
        self._cluster: Cluster | ProviderError | None = None
        self._scopes: dict[tuple[str, str], bool] = {}

    @property
    def cluster(self) -> Cluster:
        """The cluster.

        Raises:
            ProviderError: The configuration leads nowhere.
        """
        with self._connecting:
            if self._cluster is None:
                try:
                    self._cluster = Cluster(access(self._options))
                except ProviderError as error:
                    self._cluster = error
            if isinstance(self._cluster, ProviderError):
                raise self._cluster
            return self._cluster

    @property
    def unreachable(self) -> str:
        """Why the cluster cannot be asked; empty if it can."""
        try:
            return self.cluster.unreachable
        except ProviderError as error:
            return str(error)

    def place(self, item: Object) -> None:
        """Puts an object into its namespace, in place."""
        kind = kind_of(item)
        if kind.name:
            program.place(item, self._namespace(), self.namespaced(kind))

    def namespaced(self, kind: Kind) -> bool:
        """Whether a kind's objects lie in namespaces, as far as anybody knows."""
        if kind.namespaced is not None:
            return kind.namespaced
        known = self._scopes.get((kind.group, kind.name))
        if known is not None:
            return known
        if self.unreachable:
            return True
        try:
            return self.cluster.served(kind).namespaced
        except NoSuchKind:
            # Its definition is yet to be made; when it is, the object is put where it belongs.
            return True

    def learn(self, items: Iterable[Object]) -> None:
        """Remembers what definitions, which may not be there yet, say of their kinds."""
        for item in items:
            if not is_definition(item):
                continue
            group, name = at(item, "spec", "group"), at(item, "spec", "names", "kind")
            if isinstance(group, str) and isinstance(name, str):
                self._scopes[group, name] = at(item, "spec", "scope") != "Cluster"

    def changed(self, item: Object) -> None:
        """Tells that an object was written or deleted: it may be what defines others."""
        if is_definition(item):
            self.cluster.forget(str(at(item, "spec", "group", otherwise="")))

    def _namespace(self) -> str:
        try:
            return self.cluster.namespace
        except ProviderError:
            return str(self._options.get("namespace") or "default")


def is_definition(item: Object) -> bool:
    """Whether an object defines a kind."""
    return kind_of(item).is_("apiextensions.k8s.io", "CustomResourceDefinition")
