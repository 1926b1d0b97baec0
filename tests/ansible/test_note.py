"""What the reset takes away: what the installations have brought, all of them together."""

import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, with a note of its own on a server of which `there` says what it has."""
    module: Any = sys.modules["ansible.module_utils.openstack_note"]
    monkeypatch.setattr(module, "FILE", tmp_path / "cumulo/openstack/before.json")
    monkeypatch.setattr(module, "there", {"bash"}, raising=False)

    def look() -> dict[str, list[str]]:
        return {"packages": sorted(module.there), "users": [], "groups": []}

    monkeypatch.setattr(module, "look", look)
    return module


def install(note: Any, *packages: str, ends: bool = True) -> None:
    note.note_before([])
    note.there.update(packages)
    if ends:
        note.note_brought()


def packages(note: Any) -> list[str]:
    brought: list[str] = note.brought(note.load())["packages"]
    return brought


def test_a_later_installation_adds_to_what_an_earlier_one_brought(note: Any) -> None:
    install(note, "keystone")
    install(note, "swift")

    assert packages(note) == ["keystone", "swift"]


def test_what_an_administrator_added_between_two_of_them_stays(note: Any) -> None:
    install(note, "keystone")
    note.there.add("hello")
    install(note, "swift")

    assert packages(note) == ["keystone", "swift"]


def test_what_a_killed_installation_brought_counts(note: Any) -> None:
    install(note, "keystone", ends=False)
    install(note, "swift", ends=False)

    assert packages(note) == ["keystone", "swift"]
