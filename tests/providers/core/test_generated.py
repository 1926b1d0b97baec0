"""Types that only the state knows of."""

from typing import Any

import pytest
from cumulo.providers.core.diff import Change, Kind
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.generated import Generated, Generator
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import BOOLEAN, INTEGER, Field
from cumulo.providers.core.values import UNKNOWN, Properties, Secret

from tests.providers.driver import Stack

TICKET = "tickets:index:Ticket"


class Ticket(Generated):
    """A ticket with a secret, which is worn out after some rides."""

    token = TICKET
    schema_version = 2
    fields = {
        "zone": Field(replace=True, implied="inner"),
        "rides": Field(INTEGER, implied=1),
        "child": Field(BOOLEAN, implied=False),
        "pin": Field(secret=True),
        "code": Field(output=True, secret=True),
        "used": Field(INTEGER, output=True),
    }

    def outdated(self, state: Properties, inputs: Properties) -> list[Change]:
        worn = state["used"] >= inputs["rides"]
        return [Change("used", Kind.UPDATE, replace=True)] if worn else []

    def generate(self, inputs: Properties) -> Observed:
        return {"id": "same for all", "code": f"{inputs['zone']}-{inputs['rides']}", "used": 0}

    def restore(self, identity: str) -> Observed:
        if identity == "lost":
            return super().restore(identity)
        return {**self.complete({}), "id": identity, "code": identity, "used": 0}


@pytest.fixture
def stack() -> Stack:
    return Stack(make=lambda: Generator("tickets", "1.0.0", [Ticket()]))


def test_what_is_implied_is_in_the_outputs_but_not_in_the_inputs(stack: Stack) -> None:
    entry = stack.create(TICKET, "t")
    assert entry.inputs == {"__defaults": []}
    assert entry.outputs == {
        "__meta": '{"schema_version":"2"}',
        "id": "same for all",
        "zone": "inner",
        "rides": 1,
        "child": False,
        "pin": Secret(None),
        "code": Secret("inner-1"),
        "used": 0,
    }
    assert stack.changes(entry) == stack.changes(entry, zone="inner", rides=1) == {}


def test_what_is_implied_comes_back_when_the_program_drops_a_value(stack: Stack) -> None:
    entry = stack.create(TICKET, "t", zone="outer", rides=5)
    assert stack.changes(entry) == {"zone": True, "rides": False}
    assert stack.update(entry, zone="outer") == {"rides"}
    assert (entry["rides"], entry["code"]) == (1, "outer-5")


def test_a_preview_says_what_is_implied(stack: Stack) -> None:
    checked = stack.check(TICKET, "t", {"rides": UNKNOWN})
    _, outputs = stack.provider.create(stack.urn(TICKET, "t"), checked, preview=True)
    assert outputs["zone"] == "inner"
    assert outputs["rides"] is UNKNOWN
    assert outputs["code"] == Secret(UNKNOWN)


def test_what_is_worn_out_is_replaced_without_a_change_of_the_program(stack: Stack) -> None:
    entry = stack.create(TICKET, "t")
    entry.outputs["used"] = 1
    assert stack.changes(entry) == {"used": True}
    assert stack.changes(entry, rides=2) == {"rides": False}


def test_a_refresh_keeps_the_state(stack: Stack) -> None:
    entry = stack.create(TICKET, "t", zone="outer", pin="1234")
    before: tuple[Any, Any] = (entry.inputs, entry.outputs)
    assert stack.refresh(entry)
    assert (entry.inputs, entry.outputs) == before


def test_inputs_are_secret_even_if_the_program_forgot(stack: Stack) -> None:
    for pin in ("1234", Secret("1234")):
        assert stack.check(TICKET, "t", {"pin": pin})["pin"] == Secret("1234")
    assert stack.check(TICKET, "t", {"pin": UNKNOWN})["pin"] is UNKNOWN


def test_an_id_may_be_everybodys(stack: Stack) -> None:
    first, second = (stack.create(TICKET, name) for name in "ab")
    assert first.id == second.id
    assert stack.provider.delete(first.urn, first.id, first.outputs) is None


def test_an_import_needs_an_id_that_says_everything(stack: Stack) -> None:
    entry = stack.imported(TICKET, "x")
    assert (entry.id, entry["code"], entry["zone"]) == ("x", "x", "inner")
    assert entry.inputs == {"__defaults": []}
    with pytest.raises(ProviderError, match="tickets:index:Ticket cannot be imported"):
        stack.imported(TICKET, "lost")
