"""What a kind's readiness is judged by, and the judgement."""

from dataclasses import dataclass

from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Object, at, metadata


@dataclass(frozen=True)
class Look:
    """One look at an object.

    Attributes:
        cluster: The cluster, to look at what belongs to the object.
        inputs: What the program says.
        live: The object as the cluster has it.
        seconds: How long it has been looked at already.
    """

    cluster: Cluster
    inputs: Object
    live: Object
    seconds: float

    @property
    def observed(self) -> bool:
        """Whether the object's controller has seen its newest version."""
        generation = at(self.live, "metadata", "generation", otherwise=0)
        return int(at(self.live, "status", "observedGeneration", otherwise=0)) >= int(generation)

    @property
    def namespace(self) -> str:
        """The object's namespace."""
        return str(metadata(self.live).get("namespace") or "")

    def count(self, *path: str, otherwise: int = 0) -> int:
        """A number in the object."""
        return int(at(self.live, *path, otherwise=otherwise))


@dataclass(frozen=True)
class Progress:
    """How far an object is.

    Attributes:
        ready: Whether it can be used.
        message: What is missing, in a line.
        failed: Whether there is no use in waiting longer.
    """

    ready: bool = False
    message: str = ""
    failed: bool = False
