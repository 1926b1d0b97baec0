"""Progress of long work: one line on stderr when a step starts, one when it ends."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

_started = time.monotonic()
_lock = threading.Lock()


def say(message: str) -> None:
    """Writes one line with the seconds since the command started; safe from any thread."""
    with _lock:
        sys.stderr.write(f"[{time.monotonic() - _started:6.1f} s] {message}\n")
        sys.stderr.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Reports a step: its start, and how long it took or that it failed."""
    say(f"{title} ...")
    began = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"{title}: failed after {time.monotonic() - began:.1f} s")
        raise
    say(f"{title}: done in {time.monotonic() - began:.1f} s")
