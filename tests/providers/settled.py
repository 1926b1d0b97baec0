"""What must hold of every resource that an `up` has left behind."""

from typing import Any

from tests.providers.driver import Entry, Stack


def assert_settled(stack: Stack, entry: Entry, **inputs: Any) -> None:
    """The same program changes nothing, before and after a refresh, which finds no drift."""
    assert stack.changes(entry, **inputs) == {}
    before = entry.inputs, entry.outputs
    assert stack.refresh(entry)
    assert (entry.inputs, entry.outputs) == before
    assert stack.changes(entry, **inputs) == {}
