"""What a provider tells the engine when something goes wrong."""

from typing import Any


class ProviderError(Exception):
    """Something the user can mend, in one sentence that names the property and the reason."""


class Cancelled(ProviderError):
    """The run was interrupted while a call waited on the cloud."""


class DeadlineExceeded(ProviderError):
    """A wait took longer than the resource's `customTimeouts` allow."""


class NotReady(ProviderError):
    """The cloud made the object, but it is not usable; it must stay in the state.

    Attributes:
        made: What the cloud says about the object.
    """

    def __init__(self, message: str, made: dict[str, Any]) -> None:
        super().__init__(message)
        self.made = made
