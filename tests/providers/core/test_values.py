"""The wire format, both ways."""

from typing import Any

import pytest
from cumulo.providers.core.values import UNKNOWN, Secret, from_wire, has_unknown, plain, to_wire
from google.protobuf.struct_pb2 import Struct


@pytest.mark.parametrize(
    "value",
    [
        "text",
        "",
        7,
        -1.5,
        True,
        False,
        None,
        UNKNOWN,
        Secret("s"),
        Secret(None),
        [],
        {},
        [1, [UNKNOWN], {"a": Secret({"b": [None]})}],
    ],
)
def test_round_trip(value: Any) -> None:
    back = from_wire(to_wire({"key": value}))["key"]
    assert back == value
    assert type(back) is type(value)


def test_whole_numbers_stay_whole() -> None:
    assert isinstance(from_wire(to_wire({"n": 3.0}))["n"], int)


def test_outputs_and_resource_references_become_values() -> None:
    signature = "4dabf18193072939515e22adb298388d"
    struct = Struct()
    struct.update(
        {
            "known": {signature: "d0e6a833031e9bbcd3f4e8bde6ca49a4", "value": "v"},
            "secret": {
                signature: "d0e6a833031e9bbcd3f4e8bde6ca49a4",
                "value": "v",
                "secret": True,
            },
            "unknown": {signature: "d0e6a833031e9bbcd3f4e8bde6ca49a4"},
            "resource": {signature: "5cf8f73096256a8f31e491e813e4eb8e", "id": "i"},
        }
    )
    assert from_wire(struct) == {
        "known": "v",
        "secret": Secret("v"),
        "unknown": UNKNOWN,
        "resource": "i",
    }


def test_unknowns_are_found_and_secrets_taken_off() -> None:
    assert has_unknown({"a": [Secret(UNKNOWN)]})
    assert not has_unknown({"a": [Secret(1)]})
    assert plain({"a": [Secret({"b": Secret(1)})]}) == {"a": [{"b": 1}]}


def test_an_unknown_is_no_condition() -> None:
    with pytest.raises(TypeError):
        bool(UNKNOWN)
