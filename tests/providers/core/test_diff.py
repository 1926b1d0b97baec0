"""What Diff sees."""

from typing import Any

import pytest
from cumulo.providers.core.diff import Kind, delete_before_replace, diff
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.core.notes import Note

STATE: dict[str, Any] = {
    "name": "n",
    "text": "t",
    "size": 4,
    "pinned": False,
    "color": "white",
    "kind": "",
    "tags": ["a", "b"],
    "labels": {"x": "1"},
    "parts": [{"title": "p", "mode": "plain", "page": 3, "binding": ""}],
    "frame": None,
    "password": Secret("p"),
    "digest": "digest of d",
    "address": "shelf",
}
INPUTS: dict[str, Any] = {
    "name": "n",
    "text": "t",
    "size": 4,
    "tags": ["b", "a"],
    "labels": {"x": "1"},
    "parts": [{"title": "p", "mode": "plain", "__defaults": ["mode"]}],
    "password": "p",
    "digest": "d",
    "__defaults": ["size"],
}


def changes(**new: Any) -> dict[str, tuple[Kind, bool]]:
    wanted = {key: value for key, value in {**INPUTS, **new}.items() if value != "unset"}
    return {one.key: (one.kind, one.replace) for one in diff(Note.fields, STATE, wanted)}


def test_what_the_state_says_already_is_no_change() -> None:
    assert changes() == {}


@pytest.mark.parametrize(
    ("new", "key", "kind", "replace"),
    [
        ({"text": "u"}, "text", Kind.UPDATE, False),
        ({"kind": "k"}, "kind", Kind.ADD, True),
        ({"kind": UNKNOWN}, "kind", Kind.ADD, True),
        ({"tags": ["a"]}, "tags", Kind.UPDATE, False),
        ({"tags": ["a", "c"]}, "tags", Kind.UPDATE, False),
        ({"tags": "unset"}, "tags", Kind.DELETE, False),
        ({"labels": {"x": "2"}}, "labels", Kind.UPDATE, False),
        ({"parts": "unset"}, "parts", Kind.DELETE, True),
        ({"parts": [{"title": "q", "mode": "plain"}]}, "parts", Kind.UPDATE, False),
        ({"parts": [{"title": "p", "mode": "plain", "page": 4}]}, "parts", Kind.UPDATE, False),
        ({"parts": [{"title": "p", "binding": "x"}]}, "parts", Kind.UPDATE, True),
        ({"frame": {"width": 2}}, "frame", Kind.ADD, False),
        ({"pinned": True}, "pinned", Kind.ADD, False),
        ({"password": Secret("q")}, "password", Kind.UPDATE, False),
        ({"digest": "e"}, "digest", Kind.UPDATE, True),
        ({"color": "red"}, "color", Kind.UPDATE, False),
    ],
)
def test_changes(new: dict[str, Any], key: str, kind: Kind, replace: bool) -> None:
    assert changes(**new) == {key: (kind, replace)}


def test_what_the_cloud_chooses_is_left_alone() -> None:
    assert changes(color="white") == {}
    assert changes(parts=[{"title": "p", "mode": "plain", "page": 3}]) == {}


def test_ignored_changes_are_not_seen() -> None:
    assert diff(Note.fields, STATE, {**INPUTS, "text": "u"}, frozenset({"text"})) == []


def test_a_name_that_both_would_have_is_deleted_first() -> None:
    assert delete_before_replace(Note.fields, {"name": "n", "__defaults": []})
    assert not delete_before_replace(Note.fields, {"name": "n-1", "__defaults": ["name"]})
    assert not delete_before_replace({}, {"__defaults": []})


def test_the_names_of_a_type_decide_what_goes_first() -> None:
    fields = {"title": Field(), "code": Field()}
    names = ("title", "code")
    assert delete_before_replace(
        fields, {"title": "made-up", "code": "c", "__defaults": ["title"]}, names
    )
    assert not delete_before_replace(fields, {"title": "made-up", "__defaults": ["title"]}, names)
    assert not delete_before_replace(fields, {"title": "t", "__defaults": []})


def test_what_counts_once_is_not_seen_later() -> None:
    fields = {"first": Field(once=True)}
    for before, after in ((None, "x"), ("x", None), ("x", "y")):
        assert diff(fields, {"first": before}, {"first": after}) == []
