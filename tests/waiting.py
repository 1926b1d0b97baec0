"""Waits for what takes its time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def soon(question: Callable[[], T], *, within: float = 120) -> T:
    """Asks until the answer is a true one; the last answer."""
    deadline = time.monotonic() + within
    while not (answer := question()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return answer
