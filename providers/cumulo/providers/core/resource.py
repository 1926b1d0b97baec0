"""What a type and a data source are to the core."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Generic

from cumulo.providers.core.call import Call, Cloud
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.schema import Fields
from cumulo.providers.core.values import Properties

Observed = dict[str, Any]
"""An object as the cloud's API describes it."""

DEFAULT_SECONDS = 600.0
"""How long an operation may take when neither the type nor the program says so."""


class Resource(ABC, Generic[Cloud]):
    """A type: its fields, and how to make, find, read, change and remove one object of it.

    Attributes:
        token: The type's token.
        fields: Its properties.
        named: The properties that Check makes a name up for where the program leaves them out.
        timeouts: Seconds for `create`, `update` and `delete`, as the official provider has them.
        schema_version: The version of the properties' shape that the official provider counts.
        in_state: Whether the state's entry is all there is of an object: its id need not be unique
            then, and an interrupted create leaves nothing behind.
    """

    token: ClassVar[str]
    fields: ClassVar[Fields]
    named: ClassVar[tuple[str, ...]] = ("name",)
    timeouts: ClassVar[Mapping[str, float]] = {}
    schema_version: ClassVar[int] = 0
    in_state: ClassVar[bool] = False

    def complete(self, inputs: Properties) -> Properties:
        """The inputs with what is implied where the program sets nothing."""
        implied = {
            key: field.implied
            for key, field in self.fields.items()
            if key not in inputs and field.implied is not None
        }
        return inputs | implied

    def outdated(self, state: Properties, inputs: Properties) -> list[Change]:
        """What has to change though the program did not: an object whose time is over.

        Args:
            state: The outputs in the state.
            inputs: The complete inputs.
        """
        del state, inputs
        return []

    def unsettled(self, changed: frozenset[str]) -> frozenset[str]:
        """The computed properties and outputs that change with others, in a way nobody foresees.

        Args:
            changed: What an update changes.
        """
        del changed
        return frozenset()

    def check(self, inputs: Properties) -> list[Failure]:
        """What is wrong with inputs whose properties are each good by themselves."""
        del inputs
        return []

    def identify(self, observed: Observed) -> str:
        """The object's id in the state."""
        return str(observed["id"])

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        """The object that an interrupted create made for this resource."""
        del call, inputs
        return None

    @abstractmethod
    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        """Makes the object and waits until it can be used.

        Raises:
            NotReady: It exists but cannot be used.
        """

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        """Completes an object that `find` found, so that it is as `create` would have left it.

        Returns:
            The object; `None` when it is past mending and must be removed and made again.
        """
        del call, inputs
        return found

    @abstractmethod
    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        """The object, or `None` if there is none any more. An import has an empty state."""

    @abstractmethod
    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        """The object's properties.

        Args:
            call: The call.
            observed: What `create` or `fetch` returned.
            known: The inputs after a create or an update, else the state: for what the cloud does
                not report.
        """

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        """Changes the object.

        Args:
            call: The call.
            identity: Its id.
            old: The outputs in the state.
            new: The wanted inputs.
            changes: What differs; empty when a failed create is to be completed.
        """
        del call, identity, old, new
        keys = ", ".join(change.key for change in changes)
        raise NotImplementedError(f"{self.token} cannot change {keys} in place")

    @abstractmethod
    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        """Removes the object and waits until it is gone; it may be gone already."""


class Function(ABC, Generic[Cloud]):
    """A data source.

    Attributes:
        token: Its token.
        fields: Its arguments (what is not `output`) and results.
    """

    token: ClassVar[str]
    fields: ClassVar[Fields]

    @abstractmethod
    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        """Looks the answer up."""
