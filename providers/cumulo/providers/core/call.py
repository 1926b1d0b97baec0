"""One call of the engine: which resource, until when, and what it may wait for."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from cumulo.providers.core.errors import Cancelled, DeadlineExceeded

Cloud = TypeVar("Cloud")
Result = TypeVar("Result")

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_GROWTH = 1.15


@dataclass(frozen=True)
class Call(Generic[Cloud]):
    """What a type's functions are given beside the inputs.

    Attributes:
        cloud: The connection to the cloud.
        urn: The resource's URN.
        mark: What an object made for this resource carries, so that an interrupted create is
            found again; empty when the engine gave the provider no identity.
        seconds: How long this operation may take.
        cancelled: Set when the run is interrupted.
        taken: Whether an id is known to belong to another resource of this stack.
        ours: Whether an id is known to belong to any resource of this stack.
        replaces: The id of the object that a create replaces; empty for none.
        deadline: When the operation must have ended, on the monotonic clock.
    """

    cloud: Cloud
    urn: str
    mark: str
    seconds: float
    cancelled: threading.Event
    taken: Callable[[str], bool] = lambda _: False
    ours: Callable[[str], bool] = lambda _: False
    replaces: str = ""
    deadline: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "deadline", time.monotonic() + self.seconds)

    @property
    def name(self) -> str:
        """The resource's logical name."""
        return self.urn.rsplit("::", 1)[-1]

    def wait(self, what: str, probe: Callable[[], Result | None]) -> Result:
        """Asks until the answer is not `None`: quickly at first, then less and less often.

        Args:
            what: What is waited for, to complete the sentence "waited for ...".
            probe: Asks the cloud; an exception ends the wait.

        Raises:
            Cancelled: The run was interrupted.
            DeadlineExceeded: The operation's time is over.
        """
        pause = _FIRST_PAUSE
        while True:
            self.check(what)
            result = probe()
            if result is not None:
                return result
            # The spread keeps resources that were started together from asking together.
            self.sleep(what, pause * random.uniform(0.9, 1.1))  # noqa: S311
            pause = min(pause * _GROWTH, _LONGEST_PAUSE)

    def check(self, what: str) -> None:
        """Raises if the operation must not go on."""
        if self.cancelled.is_set():
            raise Cancelled(f"interrupted while waiting for {what}")
        if time.monotonic() >= self.deadline:
            raise DeadlineExceeded(
                f"waited {self.seconds:.0f} s for {what}; "
                "set custom_timeouts in the resource's options to wait longer"
            )

    def sleep(self, what: str, seconds: float) -> None:
        """Sleeps, but not past the deadline and not past an interruption."""
        remaining = self.deadline - time.monotonic()
        if self.cancelled.wait(max(0.0, min(seconds, remaining))):
            self.check(what)
