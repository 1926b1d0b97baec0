"""The engine's requests, answered from the declarations of types."""

import hashlib
import importlib.metadata
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic

from cumulo.providers.core import state as states
from cumulo.providers.core.call import Call, Cloud
from cumulo.providers.core.check import Autonaming, Failure, autoname, check
from cumulo.providers.core.diff import Change, delete_before_replace, diff
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import DEFAULT_SECONDS, Function, Observed, Resource
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain


class PartlyMade(Exception):
    """An object that exists and must be kept in the state, but is not as it should be.

    Attributes:
        identity: Its id.
        properties: Its outputs.
        reason: What is wrong with it.
    """

    def __init__(self, identity: str, properties: Properties, reason: str) -> None:
        super().__init__(reason)
        self.identity = identity
        self.properties = properties
        self.reason = reason


def installed(package: str, otherwise: str) -> str:
    """The version of the official package that programs import."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return otherwise


@dataclass(frozen=True)
class Difference:
    """The answer to a Diff.

    Attributes:
        changes: What differs.
        delete_first: Whether a replacement deletes the old object before it makes the new one.
    """

    changes: list[Change]
    delete_first: bool


class Provider(ABC, Generic[Cloud]):
    """A provider: its types, its data sources, and how it reaches its cloud.

    Attributes:
        name: The package's name.
        version: The official package's version that it stands in for.
        resources: Its types by token.
        functions: Its data sources by token.
        config: The names of its configuration's keys.
    """

    def __init__(
        self,
        name: str,
        version: str,
        resources: Mapping[str, Resource[Cloud]],
        functions: Mapping[str, Function[Cloud]],
        config: frozenset[str],
    ) -> None:
        self.name = name
        self.version = version
        self.resources = resources
        self.functions = functions
        self.config = config
        self.cancelled = threading.Event()
        self._identity = ""
        self._options: Properties = {}
        self._cloud: Cloud | None = None
        self._connecting = threading.Lock()
        self._entries = _Entries()

    @abstractmethod
    def connect(self, options: Properties) -> Cloud:
        """A connection that threads can share. Called at most once, on first need."""

    def warm(self) -> None:
        """Does in the background what the first call would otherwise wait for."""

    @property
    def cloud(self) -> Cloud:
        """The connection, made on first use: previews must work while the cloud is away."""
        with self._connecting:
            if self._cloud is None:
                self._cloud = self.connect(self._options)
            return self._cloud

    def check_config(self, options: Properties) -> list[Failure]:
        """What is wrong with the provider's configuration."""
        unknown = sorted(options.keys() - self.config - {"version", "pluginDownloadURL"})
        return [
            Failure(key, f"is not a configuration key of {self.name}")
            for key in unknown
            if not key.startswith("__")
        ]

    def configure(self, identity: str, options: Properties) -> None:
        """Takes the configuration.

        Args:
            identity: The id of the provider's own entry in the state; empty if there is none.
            options: The configuration.
        """
        self._identity = identity if isinstance(identity, str) else ""
        self._options = plain(options)

    def check(
        self,
        urn: str,
        old: Properties,
        new: Properties,
        seed: bytes,
        autonaming: Autonaming | None = None,
    ) -> tuple[Properties, list[Failure]]:
        """Checks a resource's inputs and fills in the defaults."""
        token = _token(urn)
        resource = self._resource(token)
        if autonaming is not None and autonaming.name:
            name: str | None = autonaming.name
        elif autonaming is not None and autonaming.enforced:
            name = None
        else:
            name = autoname(urn.rsplit("::", 1)[-1], seed)
        inputs, failures = check(resource.fields, new, old, name)
        if old:
            self._entries.expect(urn)
        if not failures:
            failures = resource.check(inputs)
        return inputs, failures

    def diff(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        ignore: frozenset[str] = frozenset(),
    ) -> Difference:
        """Compares the state with the wanted inputs."""
        resource = self._resource(_token(urn))
        self._entries.seen(urn, identity, old)
        wanted = resource.complete(new)
        changes = diff(resource.fields, old, wanted, ignore)
        changes += resource.outdated(plain(old), plain(wanted))
        return Difference(changes, delete_before_replace(resource.fields, new))

    def create(
        self, urn: str, inputs: Properties, seconds: float = 0.0, *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Makes a resource, or completes what an interrupted create made of it."""
        resource = self._resource(_token(urn))
        if preview or has_unknown(inputs):
            return "", states.planned(resource.fields, resource.complete(inputs))
        mark = "" if resource.in_state else self._mark(urn)
        call = self._call(resource, urn, "create", seconds, mark)
        wanted = resource.complete(states.without_defaults(plain(inputs)))
        try:
            made = self._find(resource, call, wanted) if mark else None
            if made is None:
                made = resource.create(call, wanted)
        except NotReady as error:
            raise self._partly(resource, call, error, wanted) from error
        identity = resource.identify(made)
        outputs = self._outputs(resource, call, identity, made, wanted, seconds)
        self._entries.made(urn, identity, outputs)
        return identity, outputs

    def read(
        self, urn: str, identity: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        """Reads a resource back, or imports it when there is no state.

        Returns:
            The id (empty if the object is gone), the inputs and the outputs.
        """
        resource = self._resource(_token(urn))
        self._entries.seen(urn, identity, state)
        call = self._call(resource, urn, "read", 0.0, "")
        state = plain(state)
        found = resource.fetch(call, identity, state)
        if found is None:
            self._entries.gone(urn)
            return "", {}, {}
        identity = resource.identify(found)
        properties = self._outputs(resource, call, identity, found, state, 0.0, state, "read")
        fields = resource.fields
        if inputs:
            return identity, states.refreshed(fields, inputs, properties), properties
        return identity, states.imported(fields, properties), properties

    def update(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        seconds: float = 0.0,
        ignore: frozenset[str] = frozenset(),
        *,
        preview: bool = False,
    ) -> Properties:
        """Changes a resource in place."""
        resource = self._resource(_token(urn))
        self._entries.seen(urn, identity, old)
        if preview or has_unknown(new):
            return states.planned(resource.fields, resource.complete(new), old)
        call = self._call(resource, urn, "update", seconds, "")
        old = plain(old)
        wanted = resource.complete(states.without_defaults(plain(new)))
        changes = diff(resource.fields, old, wanted, ignore)
        known = _carry(old, wanted, resource)
        try:
            made = resource.update(call, identity, old, wanted, changes)
        except NotReady as error:
            raise self._partly(resource, call, error, known) from error
        return self._outputs(resource, call, identity, made, known, seconds, old, "update")

    def delete(
        self, urn: str, identity: str, state: Properties, seconds: float = 0.0
    ) -> str | None:
        """Removes a resource.

        Returns:
            A warning when the object was kept, because another entry has it too: found again by
            its mark or by what it is, it may have become another resource's, or its replacement's.
        """
        resource = self._resource(_token(urn))
        user = None if resource.in_state else self._entries.user(urn, identity, state)
        if user is not None:
            self._entries.deleted(urn, identity)
            return (
                f"{identity} is kept: {user.rsplit('::', 1)[-1]} found it again and uses it; "
                "delete it in the cloud first to have it made anew"
            )
        call = self._call(resource, urn, "delete", seconds, "")
        # The entry stays known: what is made in its place is marked as its replacement, in this
        # run and in the next one if this one is cut off.
        resource.delete(call, identity, plain(state))
        self._entries.deleted(urn, identity)
        return None

    def invoke(self, token: str, arguments: Properties) -> tuple[Properties, list[Failure]]:
        """Answers a data source."""
        function = self.functions.get(token)
        if function is None:
            raise ProviderError(self._unsupported(token, self.functions))
        checked, failures = check(function.fields, arguments, {}, None)
        if failures:
            return {}, failures
        call = Call(self.cloud, token, "", DEFAULT_SECONDS, self.cancelled)
        answer = function.invoke(call, states.without_defaults(plain(checked)))
        return {key: value for key, value in answer.items() if value is not None}, []

    def _find(
        self, resource: Resource[Cloud], call: Call[Cloud], wanted: Properties
    ) -> Observed | None:
        found = resource.find(call, wanted)
        if found is None:
            return None
        identity = resource.identify(found)
        self._entries.adopt(call.urn, identity)
        whole = resource.adopt(call, wanted, found)
        if whole is not None:
            known = resource.observe(call, whole, _stored(resource, wanted))
            changes = diff(resource.fields, known, wanted)
            if not changes:
                return whole
            if not any(change.replace for change in changes):
                return resource.update(call, identity, known, wanted, changes)
        resource.delete(call, identity, wanted)
        self._entries.abandon(call.urn)
        return None

    def _partly(
        self,
        resource: Resource[Cloud],
        call: Call[Cloud],
        error: NotReady,
        known: Properties,
    ) -> PartlyMade:
        identity = resource.identify(error.made)
        properties = self._outputs(resource, call, identity, error.made, known, 0.0)
        return PartlyMade(identity, properties, str(error))

    def _outputs(
        self,
        resource: Resource[Cloud],
        call: Call[Cloud],
        identity: str,
        observed: Observed,
        known: Properties,
        seconds: float,
        old: Properties | None = None,
        operation: str = "create",
    ) -> Properties:
        properties = resource.observe(
            call, observed, known if operation == "read" else _stored(resource, known)
        )
        timeouts = dict(resource.timeouts)
        if seconds and operation in timeouts:
            timeouts[operation] = seconds
        result = states.outputs(
            resource.fields, identity, properties, timeouts, resource.schema_version
        )
        if old is not None and not seconds and states.META in old:
            result[states.META] = old[states.META]
        return result

    def _call(
        self, resource: Resource[Cloud], urn: str, operation: str, seconds: float, mark: str
    ) -> Call[Cloud]:
        limit = seconds or resource.timeouts.get(operation, DEFAULT_SECONDS)
        return Call(
            self.cloud,
            urn,
            mark,
            limit,
            self.cancelled,
            lambda at: self._entries.taken(urn, at),
            self._entries.knows,
            self._entries.replaced(urn) or "",
        )

    def _mark(self, urn: str) -> str:
        """What objects made for this resource carry; empty if they cannot be told apart.

        The provider's own id is in it, so that a stack of the same name on another backend never
        takes our objects for its own. The id of the entry being replaced is in it, so that the
        replacement is never taken for what it replaces.
        """
        replaced = self._entries.replaced(urn)
        if not self._identity or replaced is None:
            return ""
        seed = "\n".join((self._identity, urn, replaced))
        return "cumulo:" + hashlib.sha256(seed.encode()).hexdigest()[:32]

    def _resource(self, token: str) -> Resource[Cloud]:
        resource = self.resources.get(token)
        if resource is None:
            raise ProviderError(self._unsupported(token, self.resources))
        return resource

    def _unsupported(self, token: str, known: Mapping[str, object]) -> str:
        names = ", ".join(sorted(known))
        return (
            f"{token} is not supported by cumulo's {self.name} provider; install the official "
            f"one (pulumi plugin install resource {self.name} {self.version}) "
            f"or use one of: {names}"
        )


class _Entries:
    """What this process has learnt of the state's entries, by URN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: set[str] = set()
        self._live: dict[str, str] = {}
        self._regions: dict[str, Any] = {}
        self._deleted: set[str] = set()
        self._adopted: dict[str, str] = {}

    def expect(self, urn: str) -> None:
        """The engine has an entry, whose id it has not told yet."""
        with self._lock:
            self._expected.add(urn)

    def seen(self, urn: str, identity: str, state: Properties) -> None:
        with self._lock:
            self._live[urn] = identity
            self._regions[urn] = plain(state).get("region")

    def made(self, urn: str, identity: str, outputs: Properties) -> None:
        self.seen(urn, identity, outputs)
        with self._lock:
            self._deleted.discard(urn)
            self._expected.discard(urn)

    def gone(self, urn: str) -> None:
        with self._lock:
            self._live.pop(urn, None)
            self._adopted.pop(urn, None)
            self._expected.discard(urn)

    def deleted(self, urn: str, identity: str) -> None:
        """The entry leaves the state, unless it is a replacement's by now."""
        with self._lock:
            if self._live.get(urn) == identity and self._adopted.get(urn) != identity:
                self._deleted.add(urn)

    def abandon(self, urn: str) -> None:
        with self._lock:
            self._adopted.pop(urn, None)

    def adopt(self, urn: str, identity: str) -> None:
        with self._lock:
            self._adopted[urn] = identity

    def user(self, urn: str, identity: str, state: Properties) -> str | None:
        """Whose an object is, apart from the entry that is about to be deleted.

        Ids are unique in a region only: a key pair's is its name.
        """
        region = plain(state).get("region")
        with self._lock:
            if self._adopted.get(urn) == identity:
                return urn
            for other in self._holders(urn, identity):
                if self._regions.get(other) == region:
                    return other
        return None

    def taken(self, urn: str, identity: str) -> bool:
        with self._lock:
            return any(True for _ in self._holders(urn, identity))

    def knows(self, identity: str) -> bool:
        with self._lock:
            return any(
                at == identity and urn not in self._deleted for urn, at in self._live.items()
            )

    def _holders(self, urn: str, identity: str) -> Iterator[str]:
        token = _token(urn)
        for other, at in self._live.items():
            there = at == identity and other not in self._deleted
            if there and other != urn and _token(other) == token:
                yield other

    def replaced(self, urn: str) -> str | None:
        """The id of the entry that a create replaces, empty for none, `None` if not known."""
        with self._lock:
            if urn in self._live:
                return self._live[urn]
            return None if urn in self._expected else ""


def _token(urn: str) -> str:
    return urn.split("::")[2].rsplit("$", 1)[-1]


def _stored(resource: Resource[Cloud], known: Properties) -> Properties:
    """Inputs as the state holds them."""
    return {
        key: field.stored(value)
        if value is not None and (field := resource.fields.get(key)) and field.stored
        else value
        for key, value in known.items()
    }


def _carry(old: Properties, new: Properties, resource: Resource[Cloud]) -> Properties:
    """What is known of an object after an update: the new inputs, and what they leave alone."""
    kept = {
        key: old.get(key)
        for key, field in resource.fields.items()
        if key not in new and (field.computed or field.output) and not field.stored
    }
    return {**kept, **{key: value for key, value in new.items() if value is not UNKNOWN}}
