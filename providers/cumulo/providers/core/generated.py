"""Types that no cloud knows of: keys, certificates, random values.

The state's entry is all there is of such a resource. It is made once and then kept: a refresh
returns what the state has, and a delete has nothing to do.
"""

from abc import abstractmethod
from collections.abc import Iterable

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.provider import Provider
from cumulo.providers.core.resource import Function, Observed, Resource
from cumulo.providers.core.values import Properties


class Generated(Resource[None]):
    """A type whose outputs follow from its inputs and from chance."""

    in_state = True

    @abstractmethod
    def generate(self, inputs: Properties) -> Observed:
        """What the program cannot set: the outputs, and the `id`."""

    def restore(self, identity: str) -> Observed:
        """All properties of what an import names."""
        raise ProviderError(
            f"{self.token} cannot be imported, because nothing but the state it was made in has "
            "all of it; let the program make a new one"
        )

    def create(self, call: Call[None], inputs: Properties) -> Observed:
        return self.generate(inputs)

    def fetch(self, call: Call[None], identity: str, state: Properties) -> Observed:
        return {"id": identity} if state else self.restore(identity)

    def observe(self, call: Call[None], observed: Observed, known: Properties) -> Properties:
        return known | observed

    def update(
        self,
        call: Call[None],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        return {"id": identity}

    def delete(self, call: Call[None], identity: str, state: Properties) -> None:
        pass


class Generator(Provider[None]):
    """A provider of such types, which has nothing to connect to."""

    def __init__(
        self,
        name: str,
        version: str,
        resources: Iterable[Generated],
        functions: Iterable[Function[None]] = (),
        config: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(
            name,
            version,
            {resource.token: resource for resource in resources},
            {function.token: function for function in functions},
            config,
        )

    def connect(self, options: Properties) -> None:
        pass
