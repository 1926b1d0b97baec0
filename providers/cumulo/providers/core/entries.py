"""What a provider's process has learnt of the state's entries."""

import hashlib
import threading
from collections.abc import Iterator
from typing import Any

from cumulo.providers.core.values import Properties, plain


def token_of(urn: str) -> str:
    """The type's token."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


class Entries:
    """What this process has learnt of the state's entries, by URN."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expected: set[str] = set()
        self._live: dict[str, str] = {}
        self._regions: dict[str, Any] = {}
        self._deleted: set[str] = set()
        self._adopted: dict[str, str] = {}

    def expect(self, urn: str) -> None:
        """The engine has an entry, whose id it has not told yet."""
        with self._lock:
            self._expected.add(urn)

    def seen(self, urn: str, identity: str, state: Properties) -> None:
        with self._lock:
            self._live[urn] = identity
            self._regions[urn] = plain(state).get("region")

    def made(self, urn: str, identity: str, outputs: Properties) -> None:
        self.seen(urn, identity, outputs)
        with self._lock:
            self._deleted.discard(urn)
            self._expected.discard(urn)

    def gone(self, urn: str) -> None:
        with self._lock:
            self._live.pop(urn, None)
            self._adopted.pop(urn, None)
            self._expected.discard(urn)

    def deleted(self, urn: str, identity: str) -> None:
        """The entry leaves the state, unless it is a replacement's by now."""
        with self._lock:
            if self._live.get(urn) == identity and self._adopted.get(urn) != identity:
                self._deleted.add(urn)

    def abandon(self, urn: str) -> None:
        with self._lock:
            self._adopted.pop(urn, None)

    def adopt(self, urn: str, identity: str) -> None:
        with self._lock:
            self._adopted[urn] = identity

    def user(self, urn: str, identity: str, state: Properties) -> str | None:
        """Whose an object is, apart from the entry that is about to be deleted.

        Ids are unique in a region only: a key pair's is its name.
        """
        region = plain(state).get("region")
        with self._lock:
            if self._adopted.get(urn) == identity:
                return urn
            for other in self._holders(urn, identity):
                if self._regions.get(other) == region:
                    return other
        return None

    def taken(self, urn: str, identity: str) -> bool:
        with self._lock:
            return any(True for _ in self._holders(urn, identity))

    def knows(self, identity: str) -> bool:
        with self._lock:
            return any(
                at == identity and urn not in self._deleted for urn, at in self._live.items()
            )

    def _holders(self, urn: str, identity: str) -> Iterator[str]:
        token = token_of(urn)
        for other, at in self._live.items():
            there = at == identity and other not in self._deleted
            if there and other != urn and token_of(other) == token:
                yield other

    def replaced(self, urn: str) -> str | None:
        """The id of the entry that a create replaces, empty for none, `None` if not known."""
        with self._lock:
            if urn in self._live:
                return self._live[urn]
            return None if urn in self._expected else ""

    def mark(self, provider: str, urn: str) -> str:
        """What objects made for this resource carry; empty if they cannot be told apart.

        The provider's own id is in it, so that a stack of the same name on another backend never
        takes our objects for its own. The id of the entry being replaced is in it, so that the
        replacement is never taken for what it replaces.
        """
        replaced = self.replaced(urn)
        if not provider or replaced is None:
            return ""
        seed = "\n".join((provider, urn, replaced))
        return hashlib.sha256(seed.encode()).hexdigest()[:32]
