"""Paths, as the engine and `kubectl wait` write them."""

from typing import Any

import pytest
from cumulo.providers.kubernetes.paths import (
    ParseError,
    Path,
    as_text,
    contains,
    parse_path,
    parse_wait,
    pulumi_path,
    select,
)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("spec.replicas", ("spec", "replicas")),
        ("spec.ports[0].port", ("spec", "ports", 0, "port")),
        ('metadata.annotations["a.b/c"]', ("metadata", "annotations", "a.b/c")),
        ('data["say \\"hi\\""]', ("data", 'say "hi"')),
    ],
)
def test_the_engines_paths(text: str, path: Path) -> None:
    assert parse_path(text) == path
    assert parse_path(pulumi_path(path)) == path


def test_a_path_may_hold_others() -> None:
    assert contains(parse_path("spec"), ("spec", "replicas"))
    assert contains(parse_path("spec.containers[*].image"), ("spec", "containers", 3, "image"))
    assert not contains(parse_path("spec.replicas"), ("spec",))
    assert not contains(parse_path("spec.a"), ("spec", "b"))


OBJECT: dict[str, Any] = {
    "status": {
        "phase": "Running",
        "ready": True,
        "count": 3,
        "list": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}],
        "a.b": "dotted",
    }
}


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("{.status.phase}", ["Running"]),
        ("{$.status.ready}", ["true"]),
        ("{ .status.count }", ["3"]),
        ("{.status.list[0].type}", ["Ready"]),
        ("{.status.list[-1].type}", ["Other"]),
        ("{.status.list[*].type}", ["Ready", "Other"]),
        ('{.status.list[?(@.type=="Ready")].status}', ["True"]),
        ("{.status['a.b']}", ["dotted"]),
        ("{.status.a\\.b}", ["dotted"]),
        ("{.status.none}", []),
        ("{.status.phase.deeper}", []),
        ("{.status.list[7]}", []),
    ],
)
def test_what_lies_at_a_json_path(expression: str, found: list[str]) -> None:
    wait = parse_wait(f"jsonpath={expression}")
    assert wait.value is None
    assert [as_text(value) for value in select(OBJECT, wait.path)] == found


def test_what_is_waited_for() -> None:
    wait = parse_wait("jsonpath={.status.phase}=Running")
    assert wait.value == "Running"
    assert parse_wait("condition=Ready").value == "True"
    assert parse_wait("condition=Ready=False").value == "False"
    assert parse_wait("condition=Ready=False").condition == "Ready"


@pytest.mark.parametrize(
    "text", ["Ready", "condition=", "jsonpath=.a", "jsonpath={.a[}", "jsonpath={a b}"]
)
def test_what_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse_wait(text)


def test_what_is_no_property_path_is_refused() -> None:
    with pytest.raises(ParseError, match="is not a property path"):
        parse_path("a[b")
