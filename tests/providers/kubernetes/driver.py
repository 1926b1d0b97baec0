"""Drives the provider as the engine does, but in the process and one resource at a time."""

import uuid
from dataclasses import dataclass
from typing import Any

from cumulo.providers.core.check import Failure
from cumulo.providers.core.log import Log
from cumulo.providers.core.plugin import Difference
from cumulo.providers.core.values import plain
from cumulo.providers.kubernetes.provider import Kubernetes

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
JOB = "kubernetes:batch/v1:Job"
NAMESPACE = "kubernetes:core/v1:Namespace"
SECRET = "kubernetes:core/v1:Secret"
SERVICE = "kubernetes:core/v1:Service"
STATEFUL_SET = "kubernetes:apps/v1:StatefulSet"


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


class Told(Log):
    """A log that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[str] = []
        self.warnings: list[str] = []

    def status(self, urn: str, message: str) -> None:
        if message and message not in self.statuses:
            self.statuses.append(message)

    def warning(self, urn: str, message: str) -> None:
        self.warnings.append(message)


class Stack:
    """A state and a provider process; `rerun` is the next command on the same state."""

    def __init__(self, options: dict[str, Any], identity: str | None = None) -> None:
        self.options = options
        self.identity = identity or str(uuid.uuid4())
        self.entries: list[Entry] = []
        self.log = Told()
        self.provider = self._start()

    def rerun(self) -> None:
        """What a new `up` does: a new provider process, which is told what the state has."""
        self.provider = self._start()
        for entry in self.entries:
            self.provider.diff(entry.urn, entry.id, entry.outputs, entry.inputs)

    def urn(self, token: str, name: str) -> str:
        return f"urn:pulumi:s::test::{token}::{name}"

    def check(
        self, token: str, name: str, inputs: dict[str, Any], old: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The checked inputs; raises `RefusedError`."""
        checked, failures = self.provider.check(
            self.urn(token, name), old or {}, inputs, name.encode()
        )
        if failures:
            raise RefusedError(failures)
        return checked

    def preview(self, token: str, name: str, /, **inputs: Any) -> dict[str, Any]:
        """The outputs that a preview shows for a resource that is not in the state."""
        checked = self.check(token, name, inputs)
        return self.provider.create(self.urn(token, name), checked, preview=True)[1]

    def create(self, token: str, name: str, /, seconds: float = 120.0, **inputs: Any) -> Entry:
        """Makes a resource that is not in the state."""
        checked = self.check(token, name, inputs)
        urn = self.urn(token, name)
        identity, outputs = self.provider.create(urn, checked, seconds)
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
        checked, failures = self.provider.check(entry.urn, entry.inputs, inputs, b"seed")
        if failures:
            raise RefusedError(failures)
        return self.provider.diff(entry.urn, entry.id, entry.outputs, checked)

    def changes(self, entry: Entry, /, **inputs: Any) -> dict[str, bool]:
        """The changed properties, and whether each needs a replacement."""
        return {change.key: change.replace for change in self.diff(entry, **inputs).changes}

    def update(
        self,
        entry: Entry,
        /,
        seconds: float = 120.0,
        ignore: frozenset[str] = frozenset(),
        **inputs: Any,
    ) -> set[str]:
        """Changes a resource in place and returns what was changed."""
        checked, failures = self.provider.check(entry.urn, entry.inputs, inputs, b"seed")
        assert not failures
        found = self.provider.diff(entry.urn, entry.id, entry.outputs, checked, ignore)
        assert not any(change.replace for change in found.changes), found
        entry.outputs = self.provider.update(
            entry.urn, entry.id, entry.outputs, checked, seconds, ignore
        )
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

    def delete(self, entry: Entry, seconds: float = 120.0) -> str | None:
        """Removes a resource."""
        warning = self.provider.delete(entry.urn, entry.id, entry.outputs, seconds)
        if entry in self.entries:
            self.entries.remove(entry)
        return warning

    def destroy(self) -> None:
        """Removes everything, last made first."""
        for entry in reversed(list(self.entries)):
            self.delete(entry)

    def _start(self) -> Kubernetes:
        provider = Kubernetes()
        provider.log = self.log
        provider.configure(self.identity, dict(self.options))
        return provider
