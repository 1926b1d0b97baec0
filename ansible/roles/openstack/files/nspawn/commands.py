"""Running the host's tools."""

from __future__ import annotations

from typing import Protocol


class CommandError(Exception):
    """A tool failed; the message is what it said."""


class Run(Protocol):
    """Runs a command, and raises CommandError if it fails and `check` is set."""

    def __call__(self, *command: str, check: bool = True) -> str:
        """Returns what the command printed."""
