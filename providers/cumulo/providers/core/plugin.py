"""What the engine asks of any provider.

`provider.Provider` answers from the declarations of types. A provider whose types nobody declares,
because the cloud itself describes them, answers by itself.
"""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from cumulo.providers.core.check import Autonaming, Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.log import Log
from cumulo.providers.core.values import Properties


class PartlyMade(Exception):
    """An object that exists and must be kept in the state, but is not as it should be.

    Attributes:
        identity: Its id.
        properties: Its outputs.
        reason: What is wrong with it.
        inputs: Its inputs, where they were read with it.
    """

    def __init__(
        self,
        identity: str,
        properties: Properties,
        reason: str,
        inputs: Properties | None = None,
    ) -> None:
        super().__init__(reason)
        self.identity = identity
        self.properties = properties
        self.reason = reason
        self.inputs = inputs


@dataclass(frozen=True)
class Difference:
    """The answer to a Diff.

    Attributes:
        changes: What differs.
        delete_first: Whether a replacement deletes the old object before it makes the new one.
    """

    changes: list[Change]
    delete_first: bool


class Plugin(ABC):
    """A provider, as the engine sees it.

    Attributes:
        name: The package's name.
        version: The official package's version that it stands in for.
        config: The names of its configuration's keys.
        cancelled: Set when the run is interrupted.
        log: Where messages to the user go.
        keeps_secrets: Whether it is told which values are secret, and says so of each output;
            otherwise the engine does that by property.
    """

    keeps_secrets: ClassVar[bool] = False

    def __init__(self, name: str, version: str, config: frozenset[str]) -> None:
        self.name = name
        self.version = version
        self.config = config
        self.cancelled = threading.Event()
        self.log = Log()

    def warm(self) -> None:  # noqa: B027 (there may be nothing to do)
        """Does in the background what the first call would otherwise wait for."""

    def check_config(self, options: Properties) -> list[Failure]:
        """What is wrong with the provider's configuration."""
        unknown = sorted(options.keys() - self.config - {"version", "pluginDownloadURL"})
        return [
            Failure(key, f"is not a configuration key of {self.name}")
            for key in unknown
            if not key.startswith("__")
        ]

    def elsewhere(self, old: Properties, new: Properties, changed: list[str]) -> list[str]:
        """The changed configuration keys that lead to where this provider's objects are not."""
        del old, new, changed
        return []

    @abstractmethod
    def configure(self, identity: str, options: Properties) -> None:
        """Takes the configuration.

        Args:
            identity: The id of the provider's own entry in the state; empty if there is none.
            options: The configuration.
        """

    @abstractmethod
    def check(
        self,
        urn: str,
        old: Properties,
        new: Properties,
        seed: bytes,
        autonaming: Autonaming | None = None,
    ) -> tuple[Properties, list[Failure]]:
        """Checks a resource's inputs and fills in the defaults."""

    @abstractmethod
    def diff(
        self,
        urn: str,
        identity: str,
        old: Properties,
        new: Properties,
        ignore: frozenset[str] = frozenset(),
    ) -> Difference:
        """Compares the state with the wanted inputs."""

    @abstractmethod
    def create(
        self, urn: str, inputs: Properties, seconds: float = 0.0, *, preview: bool = False
    ) -> tuple[str, Properties]:
        """Makes a resource, or completes what an interrupted create made of it.

        Raises:
            PartlyMade: It exists but cannot be used.
        """

    @abstractmethod
    def read(
        self, urn: str, identity: str, inputs: Properties, state: Properties
    ) -> tuple[str, Properties, Properties]:
        """Reads a resource back, or imports it when there is no state.

        Returns:
            The id (empty if the object is gone), the inputs and the outputs.
        """

    @abstractmethod
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
        """Changes a resource in place.

        Raises:
            PartlyMade: It is changed but cannot be used.
        """

    @abstractmethod
    def delete(
        self, urn: str, identity: str, state: Properties, seconds: float = 0.0
    ) -> str | None:
        """Removes a resource.

        Returns:
            A warning when the object was kept.
        """

    @abstractmethod
    def invoke(self, token: str, arguments: Properties) -> tuple[Properties, list[Failure]]:
        """Answers a data source."""

    def construct(self, request: Any) -> Any:
        """Makes a component and its resources, as the protocol's request and response say it.

        Raises:
            ProviderError: There is no such component here.
        """
        raise ProviderError(self.unsupported(request.type))

    def unsupported(self, token: str) -> str:
        """The refusal of what only the official provider has."""
        return (
            f"{token} is not supported by cumulo's {self.name} provider; install the official "
            f"one: pulumi plugin install resource {self.name} {self.version}"
        )
