"""Ids, bytes, integers, shuffles, UUIDs and pets."""

import base64
import time
import uuid
from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

ID = "random:index/randomId:RandomId"
BYTES = "random:index/randomBytes:RandomBytes"
INTEGER = "random:index/randomInteger:RandomInteger"
SHUFFLE = "random:index/randomShuffle:RandomShuffle"
UUID = "random:index/randomUuid:RandomUuid"
UUID4 = "random:index/randomUuid4:RandomUuid4"
UUID7 = "random:index/randomUuid7:RandomUuid7"
PET = "random:index/randomPet:RandomPet"


def test_an_id_in_every_encoding(stack: Stack) -> None:
    wanted: dict[str, Any] = {"byteLength": 8, "prefix": "node-"}
    entry = stack.create(ID, "id", **wanted)
    data = bytes.fromhex(entry["hex"].removeprefix("node-"))
    assert len(data) == 8
    assert entry["b64Std"] == "node-" + base64.b64encode(data).decode()
    assert entry["b64Url"] == "node-" + base64.urlsafe_b64encode(data).decode().rstrip("=")
    assert entry["dec"] == f"node-{int.from_bytes(data)}"
    assert f"node-{entry.id}" == entry["b64Url"]
    assert_settled(stack, entry, **wanted)
    assert stack.changes(entry, byteLength=8) == {"prefix": True}
    assert stack.changes(entry, **{**wanted, "byteLength": 9}) == {"byteLength": True}

    alone: dict[str, Any] = {"byteLength": 8}
    for name, properties in {f"node-,{entry.id}": wanted, entry.id: alone}.items():
        imported = stack.imported(ID, name)
        assert imported.id == entry.id
        assert imported["hex"].removeprefix("node-") == data.hex()
        assert stack.changes(imported, **properties) == {}
    assert imported["prefix"] is None
    with pytest.raises(ProviderError, match="cannot import 'a,b!': it must be the id in URL-safe"):
        stack.imported(ID, "a,b!")


def test_bytes_are_secret_and_not_the_id(stack: Stack) -> None:
    entry = stack.create(BYTES, "bytes", length=32)
    data = base64.b64decode(entry["base64"])
    assert len(data) == 32
    assert entry["hex"] == data.hex()
    secret = {name for name, value in entry.outputs.items() if isinstance(value, Secret)}
    assert secret == {"base64", "hex"}
    assert entry.id == "none"
    assert_settled(stack, entry, length=32)
    assert stack.changes(entry, length=33) == {"length": True}
    imported = stack.imported(BYTES, entry["base64"])
    assert (imported["hex"], imported["length"]) == (data.hex(), 32)
    assert stack.changes(imported, length=32) == {}
    with pytest.raises(ProviderError, match="must be base64") as refused:
        stack.imported(BYTES, "no base64!")
    assert "no base64!" not in str(refused.value)


def test_the_id_of_an_official_state_stays(stack: Stack) -> None:
    outputs = {"base64": "AAEC", "hex": "000102", "length": 3}
    identity, _, read = stack.provider.read(stack.urn(BYTES, "b"), "AAEC", {"length": 3}, outputs)
    assert identity == "AAEC"
    assert read["hex"] == Secret("000102")


def test_an_integer_of_a_range(stack: Stack) -> None:
    results = set()
    for one in range(60):
        entry = stack.create(INTEGER, str(one), min=-1, max=1)
        assert entry.id == str(entry["result"])
        results.add(entry["result"])
    assert results == {-1, 0, 1}
    assert_settled(stack, entry, min=-1, max=1)
    assert stack.changes(entry, min=-1, max=2) == {"max": True}
    assert stack.changes(entry, min=-1, max=1, seed="s") == {"seed": True}


def test_a_seed_gives_the_same_again(stack: Stack) -> None:
    wanted = {"min": 0, "max": 10**12, "seed": "cumulo"}
    first, second = (stack.create(INTEGER, name, **wanted) for name in "ab")
    assert first["result"] == second["result"]
    wanted = {"inputs": [str(one) for one in range(50)], "seed": "cumulo"}
    first, second = (stack.create(SHUFFLE, name, **wanted) for name in "ab")
    assert first["results"] == second["results"] != wanted["inputs"]


def test_an_integer_is_imported(stack: Stack) -> None:
    entry = stack.imported(INTEGER, "5,1,10")
    assert entry.id == "5"
    assert_settled(stack, entry, min=1, max=10)
    entry = stack.imported(INTEGER, "5,1,10,seed")
    assert_settled(stack, entry, min=1, max=10, seed="seed")
    for wrong in ("5", "5,1", "5,a,10", "5,1,10,s,t"):
        with pytest.raises(ProviderError, match="it must be RESULT,MIN,MAX"):
            stack.imported(INTEGER, wrong)


def test_a_shuffled_list(stack: Stack) -> None:
    wanted: dict[str, Any] = {"inputs": [str(one) for one in range(40)]}
    entry = stack.create(SHUFFLE, "all", **wanted)
    assert entry.id == "-"
    assert sorted(entry["results"]) == sorted(wanted["inputs"])
    assert entry["results"] != wanted["inputs"]
    assert_settled(stack, entry, **wanted)
    few = stack.create(SHUFFLE, "few", **wanted, resultCount=3)
    assert len(set(few["results"])) == 3
    many = stack.create(SHUFFLE, "many", inputs=["a", "b"], resultCount=5)
    assert sorted(many["results"][:2]) == sorted(many["results"][2:4]) == ["a", "b"]
    assert len(many["results"]) == 5
    assert stack.create(SHUFFLE, "none", inputs=[], resultCount=2)["results"] == []
    zero = stack.create(SHUFFLE, "zero", inputs=["a"], resultCount=0)
    assert zero["results"] == []
    assert stack.changes(zero, inputs=["a"]) == {"resultCount": True}
    assert stack.changes(entry, inputs=["other"]) == {"inputs": True}
    assert stack.changes(entry, **wanted, resultCount=0) == {"resultCount": True}
    with pytest.raises(ProviderError, match="RandomShuffle cannot be imported"):
        stack.imported(SHUFFLE, "-")


@pytest.mark.parametrize(("token", "version"), [(UUID, 4), (UUID4, 4), (UUID7, 7)])
def test_a_uuid(stack: Stack, token: str, version: int) -> None:
    entry = stack.create(token, "uuid", keepers={"a": "b"})
    made = uuid.UUID(entry["result"])
    assert entry.id == entry["result"] == str(made)
    assert (made.version, made.variant) == (version, uuid.RFC_4122)
    assert_settled(stack, entry, keepers={"a": "b"})
    assert stack.changes(entry, keepers={"a": "c"}) == {"keepers": True}
    assert stack.changes(entry) == {"keepers": True}
    imported = stack.imported(token, entry.id)
    assert_settled(stack, imported)
    with pytest.raises(ProviderError, match="cannot import 'x': it is no UUID"):
        stack.imported(token, "x")


def test_a_uuid7_tells_when_it_was_made(stack: Stack) -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(stack.create(UUID7, "uuid")["result"])
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000


def test_a_pet(stack: Stack) -> None:
    entry = stack.create(PET, "pet")
    assert len(entry.id.split("-")) == 2
    assert (entry["length"], entry["separator"], entry["prefix"]) == (2, "-", None)
    assert_settled(stack, entry)
    wanted = {"length": 4, "separator": "_", "prefix": "web"}
    long = stack.create(PET, "long", **wanted)
    assert long.id.startswith("web_")
    assert len(long.id.split("_")) == 5
    assert_settled(stack, long, **wanted)
    assert stack.changes(long, length=4, separator="_") == {"prefix": True}
    assert stack.changes(long, length=4, prefix="web") == {"separator": True}
    assert stack.create(PET, "one", length=1).id.isalpha()
    assert len({stack.create(PET, str(one)).id for one in range(50)}) > 40


def test_empty_keepers_are_none(stack: Stack) -> None:
    entry = stack.create(PET, "pet")
    assert stack.changes(entry, keepers={}) == {}
    assert stack.changes(entry, keepers=UNKNOWN) == {"keepers": True}


@pytest.mark.parametrize(
    ("token", "inputs", "message"),
    [
        (ID, {"byteLength": 0}, "byteLength must be at least 1, not 0"),
        (ID, {}, "byteLength is required"),
        (BYTES, {"length": 0}, "length must be at least 1, not 0"),
        (INTEGER, {"min": 2, "max": 1}, "min must be at most 'max', which is 1, not 2"),
        (INTEGER, {"min": 2}, "max is required"),
        (INTEGER, {"min": 0, "max": 2**60}, "max must be between"),
        (SHUFFLE, {"inputs": "abc"}, "inputs must be a list, not 'abc'"),
        (SHUFFLE, {"inputs": [], "resultCount": -1}, "resultCount must be at least 0, not -1"),
        (PET, {"length": 0}, "length must be at least 1, not 0"),
        (UUID, {"keepers": "x"}, "keepers must be an object, not 'x'"),
        (UUID4, {"result": "x"}, "result is not a property"),
    ],
)
def test_bad_input_names_the_property(
    stack: Stack, token: str, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(RefusedError, match=message):
        stack.create(token, "name", **inputs)


def test_a_type_that_is_not_there_is_refused_by_name(stack: Stack) -> None:
    token = "random:index/randomDice:RandomDice"
    with pytest.raises(ProviderError, match=f"{token} is not supported .*RandomBytes"):
        stack.create(token, "dice")
