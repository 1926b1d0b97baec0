"""The engine's requests, answered from the declarations of types."""

import importlib.metadata
import threading
from abc import abstractmethod
from collections.abc import Mapping
from typing import Generic

from cumulo.providers.core import state as states
from cumulo.providers.core.call import Call, Cloud
from cumulo.providers.core.check import Autonaming, Failure, autoname, check
from cumulo.providers.core.diff import delete_before_replace, diff
from cumulo.providers.core.entries import Entries, token_of
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.plugin import Difference, PartlyMade, Plugin
from cumulo.providers.core.resource import DEFAULT_SECONDS, Function, Observed, Resource
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain


def installed(package: str, otherwise: str) -> str:
    """The version of the official package that programs import."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return otherwise


class Provider(Plugin, Generic[Cloud]):
    """A provider that declares its types and data sources, and how it reaches its cloud.

    Attributes:
        resources: Its types by token.
        functions: Its data sources by token.
    """

    def __init__(
        self,
        name: str,
        version: str,
        resources: Mapping[str, Resource[Cloud]],
        functions: Mapping[str, Function[Cloud]],
        config: frozenset[str],
    ) -> None:
        super().__init__(name, version, config)
        self.resources = resources
        self.functions = functions
        self._identity = ""
        self._options: Properties = {}
        self._cloud: Cloud | None = None
        self._connecting = threading.Lock()
        self._entries = Entries()

    @abstractmethod
    def connect(self, options: Properties) -> Cloud:
        """A connection that threads can share. Called at most once, on first need."""

    @property
    def cloud(self) -> Cloud:
        """The connection, made on first use: previews must work while the cloud is away."""
        with self._connecting:
            if self._cloud is None:
                self._cloud = self.connect(self._options)
            return self._cloud

    def configure(self, identity: str, options: Properties) -> None:
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
        token = token_of(urn)
        resource = self._resource(token)
        if autonaming is not None and autonaming.name:
            name: str | None = autonaming.name
        elif autonaming is not None and autonaming.enforced:
            name = None
        else:
            # The engine's seed is another one in each run; by the mark, a create that was
            # interrupted is asked for under the same name again.
            name = autoname(urn.rsplit("::", 1)[-1], self._mark(urn).encode() or seed)
        inputs, failures = check(resource.fields, new, old, name, resource.named)
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
        resource = self._resource(token_of(urn))
        self._entries.seen(urn, identity, old)
        wanted = resource.complete(new)
        changes = diff(resource.fields, old, wanted, ignore)
        changes += resource.outdated(plain(old), plain(wanted))
        return Difference(changes, delete_before_replace(resource.fields, new, resource.named))

    def create(
        self, urn: str, inputs: Properties, seconds: float = 0.0, *, preview: bool = False
    ) -> tuple[str, Properties]:
        resource = self._resource(token_of(urn))
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
        resource = self._resource(token_of(urn))
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
        resource = self._resource(token_of(urn))
        self._entries.seen(urn, identity, old)
        if preview or has_unknown(new):
            wanted = resource.complete(new)
            changed = frozenset(change.key for change in diff(resource.fields, old, wanted, ignore))
            return states.planned(resource.fields, wanted, old, resource.unsettled(changed))
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
        resource = self._resource(token_of(urn))
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
        mark = self._entries.mark(self._identity, urn)
        return f"cumulo:{mark}" if mark else ""

    def _resource(self, token: str) -> Resource[Cloud]:
        resource = self.resources.get(token)
        if resource is None:
            raise ProviderError(self._unsupported(token, self.resources))
        return resource

    def _unsupported(self, token: str, known: Mapping[str, object]) -> str:
        names = ", ".join(sorted(known))
        return f"{self.unsupported(token)}; or use one of: {names}"


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
