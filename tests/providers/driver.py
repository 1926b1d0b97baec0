"""Drives the provider as the engine does, but in the process and one resource at a time."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cumulo.providers.core.check import Failure
from cumulo.providers.core.plugin import Difference
from cumulo.providers.core.provider import Provider
from cumulo.providers.core.values import plain
from cumulo.providers.openstack.provider import OpenStack


@dataclass
class Entry:
    """A resource in the state."""

    urn: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]

    def __getitem__(self, key: str) -> Any:
        return plain(self.outputs[key])


class RefusedError(Exception):
    """The provider refused inputs."""

    def __init__(self, failures: list[Failure]) -> None:
        super().__init__("; ".join(f"{failure.path} {failure.reason}" for failure in failures))
        self.failures = failures


class Stack:
    """A state and a provider process; `rerun` is the next command on the same state."""

    def __init__(
        self,
        cloud: str = "",
        identity: str | None = None,
        name: str = "s",
        make: Callable[[], Provider[Any]] = OpenStack,
    ) -> None:
        self.cloud = cloud
        self.make = make
        self.name = name
        self.identity = identity or str(uuid.uuid4())
        self.entries: list[Entry] = []
        self.provider = self._start()

    def rerun(self) -> None:
        """What a new `up` does: a new provider process, which is told what the state has."""
        self.provider = self._start()
        for entry in self.entries:
            self.provider.diff(entry.urn, entry.id, entry.outputs, entry.inputs)

    def urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:{self.name}::test::{token}::{name}"

    def check(
        self, token: str, name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The checked inputs; raises `RefusedError`."""
        urn = self.urn(token, name)
        checked, failures = self.provider.check(urn, old or {}, inputs, name.encode())
        if failures:
            raise RefusedError(failures)
        return checked

    def create(self, token: str, name: str, /, **inputs: Any) -> Entry:
        """Makes a resource that is not in the state."""
        checked = self.check(token, name, inputs)
        urn = self.urn(token, name)
        identity, outputs = self.provider.create(urn, checked)
        entry = Entry(urn, identity, checked, outputs)
        self.entries.append(entry)
        return entry

    def lose(self, token: str, name: str, /, **inputs: Any) -> Entry:
        """Makes a resource and forgets it, as when everything is killed after the create."""
        entry = self.create(token, name, **inputs)
        self.entries.remove(entry)
        self.rerun()
        return entry

    def diff(self, entry: Entry, /, **inputs: Any) -> Difference:
        """What an entry's new inputs would change."""
        checked, failures = self.provider.check(entry.urn, entry.inputs, inputs, b"")
        if failures:
            raise RefusedError(failures)
        return self.provider.diff(entry.urn, entry.id, entry.outputs, checked)

    def changes(self, entry: Entry, /, **inputs: Any) -> dict[str, bool]:
        """The changed properties, and whether each needs a replacement."""
        return {change.key: change.replace for change in self.diff(entry, **inputs).changes}

    def update(self, entry: Entry, /, **inputs: Any) -> set[str]:
        """Changes a resource in place and returns what was changed."""
        checked, failures = self.provider.check(entry.urn, entry.inputs, inputs, b"")
        assert not failures
        found = self.provider.diff(entry.urn, entry.id, entry.outputs, checked)
        assert not any(change.replace for change in found.changes), found
        entry.outputs = self.provider.update(entry.urn, entry.id, entry.outputs, checked)
        entry.inputs = checked
        return {change.key for change in found.changes}

    def refresh(self, entry: Entry) -> bool:
        """Reads a resource back; whether it is still there."""
        identity, inputs, outputs = self.provider.read(
            entry.urn, entry.id, entry.inputs, entry.outputs
        )
        if not identity:
            return False
        entry.inputs, entry.outputs = inputs, outputs
        return True

    def imported(self, token: str, identity: str) -> Entry:
        """What an import of an id gives."""
        urn = self.urn(token, "imported")
        found, inputs, outputs = self.provider.read(urn, identity, {}, {})
        return Entry(urn, found, inputs, outputs)

    def delete(self, entry: Entry) -> None:
        """Removes a resource."""
        self.provider.delete(entry.urn, entry.id, entry.outputs)
        if entry in self.entries:
            self.entries.remove(entry)

    def invoke(self, token: str, /, **arguments: Any) -> dict[str, Any]:
        """Asks a data source."""
        result, failures = self.provider.invoke(token, arguments)
        if failures:
            raise RefusedError(failures)
        return result

    def destroy(self) -> None:
        """Removes everything, last made first."""
        for entry in reversed(list(self.entries)):
            self.delete(entry)

    def _start(self) -> Provider[Any]:
        provider = self.make()
        provider.configure(self.identity, {"cloud": self.cloud} if self.cloud else {})
        return provider
