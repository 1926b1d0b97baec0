"""Strings and passwords."""

import string
from typing import Any

import bcrypt
import pytest
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

STRING = "random:index/randomString:RandomString"
PASSWORD = "random:index/randomPassword:RandomPassword"
SPECIAL = "!@#$%&*()-_=+[]{}<>:?"


def count(text: str, characters: str) -> int:
    return sum(character in characters for character in text)


def test_a_string_is_its_id(stack: Stack) -> None:
    entry = stack.create(STRING, "text", length=64)
    assert entry.id == entry["result"]
    assert len(entry["result"]) == 64
    everything = string.ascii_letters + string.digits + SPECIAL
    assert count(entry["result"], everything) == 64
    assert entry["__meta"] == '{"schema_version":"2"}'
    assert entry.inputs == {"__defaults": [], "length": 64}
    implied = {"upper", "lower", "number", "numeric", "special"}
    assert all(entry[name] is True for name in implied)
    assert entry["minUpper"] == 0
    assert entry["overrideSpecial"] is None
    assert not isinstance(entry.outputs["result"], Secret)
    assert_settled(stack, entry, length=64)


def test_classes_of_characters(stack: Stack) -> None:
    wanted = {"length": 400, "upper": False, "special": False}
    entry = stack.create(STRING, "text", **wanted)
    assert set(entry["result"]) == set(string.ascii_lowercase + string.digits)
    only_special = {"length": 200, "numeric": False, "lower": False, "upper": False}
    entry = stack.create(STRING, "special", **only_special, overrideSpecial="äß")
    assert set(entry["result"]) == {"ä", "ß"}
    assert len(entry["result"]) == 200
    assert_settled(stack, entry, **only_special, overrideSpecial="äß")


def test_at_least_so_many_of_a_class(stack: Stack) -> None:
    wanted = {"length": 8, "minUpper": 2, "minLower": 3, "minNumeric": 2, "minSpecial": 1}
    results = {stack.create(STRING, str(one), **wanted)["result"] for one in range(20)}
    assert len(results) == 20
    for result in results:
        assert count(result, string.ascii_uppercase) == 2
        assert count(result, string.ascii_lowercase) == 3
        assert count(result, string.digits) == 2
        assert count(result, SPECIAL) == 1
    # Where a class stands must not follow from the class.
    assert len({result[0].isdigit() for result in results}) == 2


def test_a_password_and_its_hash_are_secret(stack: Stack) -> None:
    entry = stack.create(PASSWORD, "password", length=20)
    assert entry.id == "none"
    assert isinstance(entry.outputs["result"], Secret)
    assert isinstance(entry.outputs["bcryptHash"], Secret)
    assert entry["bcryptHash"].startswith("$2a$10$")
    assert bcrypt.checkpw(entry["result"].encode(), entry["bcryptHash"].encode())
    assert entry["__meta"] == '{"schema_version":"3"}'
    assert_settled(stack, entry, length=20)


def test_the_hash_of_a_long_password_is_that_of_its_beginning(stack: Stack) -> None:
    entry = stack.create(PASSWORD, "password", length=100)
    assert bcrypt.checkpw(entry["result"][:72].encode(), entry["bcryptHash"].encode())


@pytest.mark.parametrize("name", ["number", "numeric"])
def test_numeric_has_two_names(stack: Stack, name: str) -> None:
    entry = stack.create(STRING, "text", length=300, **{name: False})
    assert entry["number"] is entry["numeric"] is False
    assert count(entry["result"], string.digits) == 0
    for other in ("number", "numeric"):
        assert stack.changes(entry, length=300, **{other: False}) == {}
    assert stack.changes(entry, length=300) == {"number": True, "numeric": True}
    with pytest.raises(RefusedError, match="number must be the same as 'numeric'"):
        stack.check(STRING, "text", {"length": 3, "number": True, "numeric": False})


def test_what_asks_for_another_one(stack: Stack) -> None:
    wanted = {"length": 12, "keepers": {"host": "a"}, "special": False}
    entry = stack.create(PASSWORD, "password", **wanted)
    assert_settled(stack, entry, **wanted)
    for changed, value in {
        "length": 13,
        "keepers": {"host": "b"},
        "special": True,
        "minUpper": 1,
        "overrideSpecial": "!",
        "lower": False,
    }.items():
        assert stack.changes(entry, **{**wanted, changed: value}) == {changed: True}
    assert stack.changes(entry, length=12, special=False) == {"keepers": True}
    assert stack.changes(entry, length=12, keepers={"host": "a"}) == {"special": True}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({}, "length is required"),
        ({"length": 0}, "length must be at least 1, not 0"),
        ({"length": 3, "minUpper": -1}, "minUpper must be at least 0, not -1"),
        ({"length": 3, "minUpper": 2, "minLower": 2}, "length must be at least the sum of minU"),
        (
            {"length": 3, "upper": False, "lower": False, "numeric": False, "special": False},
            "special or one of upper, lower, numeric, special must be true",
        ),
        ({"length": 3, "uper": True}, "is 'upper' meant"),
        ({"length": "three"}, "length must be a whole number, not 'three'"),
    ],
)
def test_bad_input_names_the_property(stack: Stack, inputs: dict[str, Any], message: str) -> None:
    for token in (STRING, PASSWORD):
        with pytest.raises(RefusedError, match=message):
            stack.create(token, "text", **inputs)


def test_a_preview_without_the_length(stack: Stack) -> None:
    wanted = {"length": UNKNOWN, "minUpper": 3, "numeric": UNKNOWN}
    checked = stack.check(PASSWORD, "password", wanted)
    urn = stack.urn(PASSWORD, "password")
    _, outputs = stack.provider.create(urn, checked, preview=True)
    assert outputs["result"] == Secret(UNKNOWN)
    assert outputs["length"] is outputs["number"] is UNKNOWN
    assert outputs["upper"] is True


def test_a_known_password_is_imported(stack: Stack) -> None:
    entry = stack.imported(PASSWORD, "hunter2")
    assert entry.id == "none"
    assert entry["result"] == "hunter2"
    assert isinstance(entry.outputs["result"], Secret)
    assert bcrypt.checkpw(b"hunter2", entry["bcryptHash"].encode())
    assert entry.inputs == {"__defaults": [], "length": 7}
    assert stack.changes(entry, length=7) == {}
    entry = stack.imported(STRING, "name-1")
    assert (entry.id, entry["result"], entry["length"]) == ("name-1", "name-1", 6)
    assert_settled(stack, entry, length=6)


def test_one_password_is_deleted_while_another_stays(stack: Stack) -> None:
    first = stack.create(PASSWORD, "first", length=12)
    second = stack.create(PASSWORD, "second", length=12)
    assert first["result"] != second["result"]
    assert stack.provider.delete(first.urn, first.id, first.outputs) is None
