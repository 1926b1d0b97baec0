"""What Check fills in and what it refuses."""

from typing import Any

import pytest
from cumulo.providers.core.check import autoname, check
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.core.notes import Note


def test_defaults_are_filled_in_and_noted_at_every_level() -> None:
    checked, failures = check(
        Note.fields, {"text": "t", "parts": [{"title": "x"}], "frame": {}}, {}, "note-1"
    )
    assert failures == []
    assert checked == {
        "text": "t",
        "name": "note-1",
        "size": 4,
        "parts": [{"title": "x", "mode": "plain", "__defaults": ["mode"]}],
        "frame": {"width": 2, "__defaults": ["width"]},
        "__defaults": ["name", "size"],
    }


def test_given_values_are_no_defaults() -> None:
    checked, _ = check(Note.fields, {"text": "t", "name": "n", "size": 6}, {}, "x")
    assert checked["__defaults"] == []


def test_an_automatic_name_is_kept() -> None:
    old = {"name": "note-old", "__defaults": ["name"]}
    checked, _ = check(Note.fields, {"text": "t"}, old, "note-new")
    assert checked["name"] == "note-old"


def test_a_type_says_what_its_names_are() -> None:
    fields = {"title": Field(), "code": Field(), "name": Field()}
    checked, _ = check(fields, {"code": "c"}, {}, "made-up", ("title", "code"))
    assert checked == {"code": "c", "title": "made-up", "__defaults": ["title"]}


def test_automatic_names_depend_on_the_seed() -> None:
    assert autoname("n", b"1") == autoname("n", b"1") != autoname("n", b"2")
    assert autoname("n", b"1").startswith("n-")
    assert len(autoname("n" * 300, b"1")) == 255


def test_values_are_converted_where_that_loses_nothing() -> None:
    checked, failures = check(
        Note.fields, {"text": 5, "size": "4", "pinned": "true", "labels": {"a": True}}, {}, "n"
    )
    assert failures == []
    assert (checked["text"], checked["size"], checked["pinned"]) == ("5", 4, True)
    assert checked["labels"] == {"a": "true"}


@pytest.mark.parametrize("value", [UNKNOWN, Secret(UNKNOWN)])
def test_unknowns_pass(value: Any) -> None:
    checked, failures = check(
        Note.fields,
        {"text": value, "size": value, "parts": value, "password": "p", "kind": value},
        {},
        "n",
    )
    assert [failure.path for failure in failures if failure.path != "password"] == []
    assert checked["size"] == value


@pytest.mark.parametrize(
    ("wrong", "path", "reason"),
    [
        ({}, "text", "is required"),
        ({"text": "t", "size": 5}, "size", "must be one of 4, 6, not 5"),
        ({"text": "t", "size": 4.5}, "size", "must be a whole number, not 4.5"),
        ({"text": "t", "pinned": "perhaps"}, "pinned", "must be true or false"),
        ({"text": ["t"]}, "text", "must be a string, not a list"),
        ({"text": "t", "tags": "x"}, "tags", "must be a list"),
        ({"text": "t", "labels": []}, "labels", "must be an object"),
        ({"text": "t", "parts": [{}]}, "parts[0].title", "is required"),
        ({"text": "t", "parts": [{"title": "t", "titel": 1}]}, "parts[0].titel", "'title' meant"),
        ({"text": "t", "txet": 1}, "txet", "is not a property"),
        ({"text": "t", "address": "a"}, "address", "is not a property"),
        ({"text": "t", "password": "p", "kind": "k"}, "password", "cannot be set beside 'kind'"),
    ],
)
def test_bad_input_is_refused_by_name(wrong: dict[str, Any], path: str, reason: str) -> None:
    _, failures = check(Note.fields, wrong, {}, "n")
    assert [failure.path for failure in failures] == [path]
    assert reason in failures[0].reason
