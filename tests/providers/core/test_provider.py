"""A resource's life, interrupted and not."""

import threading
import time
from typing import Any

import pytest
from cumulo.providers.core import state as states
from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import Cancelled, DeadlineExceeded, ProviderError
from cumulo.providers.core.plugin import PartlyMade
from cumulo.providers.core.schema import Field, ListOf, Object, One
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.core.notes import COUNT, NOTE, Notebook, Notes

URN = f"urn:pulumi:s::p::parent:index:Type${NOTE}::note"


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


def start(notebook: Notebook, identity: str = "provider-id") -> Notes:
    provider = Notes(notebook)
    provider.configure(identity, {})
    return provider


def make(provider: Notes, **inputs: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    checked, failures = provider.check(URN, {}, {"text": "t", **inputs}, b"")
    assert not failures
    identity, outputs = provider.create(URN, checked)
    return identity, checked, outputs


def test_a_preview_makes_nothing_and_needs_no_cloud(notebook: Notebook) -> None:
    provider = start(notebook)
    inputs, _ = provider.check(URN, {}, {"text": UNKNOWN, "password": "p"}, b"")
    identity, outputs = provider.create(URN, inputs, preview=True)
    assert identity == ""
    assert outputs["text"] is outputs["address"] is outputs["color"] is UNKNOWN
    assert outputs["size"] == 4
    assert outputs["password"] == Secret("p")
    assert outputs["kind"] is None
    assert (notebook.made, provider.connections) == (0, 0)


def test_the_state_has_every_property(notebook: Notebook) -> None:
    identity, _, outputs = make(start(notebook), password="p", digest="d")
    assert outputs["id"] == identity
    assert outputs["kind"] is None
    assert outputs["password"] == Secret("p")
    assert outputs["digest"] == "digest of d"
    assert outputs["__meta"] == (
        '{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":60000000000,"delete":30000000000}}'
    )


def test_an_automatic_name_is_the_same_in_the_next_run(notebook: Notebook) -> None:
    def name(provider: Notes, seed: bytes, old: dict[str, Any] | None = None) -> str:
        return str(provider.check(URN, old or {}, {"text": "t"}, seed)[0]["name"])

    first = name(start(notebook), b"1")
    assert name(start(notebook), b"2") == first
    assert name(start(notebook, "another-stack"), b"1") != first
    # A replacement may have to stand beside what it replaces.
    provider = start(notebook)
    identity, inputs, outputs = make(provider)
    again = start(notebook)
    assert name(again, b"3", inputs) == first
    again.diff(URN, identity, outputs, inputs)
    assert name(again, b"3") != first


def test_custom_timeouts_are_kept(notebook: Notebook) -> None:
    provider = start(notebook)
    inputs, _ = provider.check(URN, {}, {"text": "t"}, b"")
    identity, outputs = provider.create(URN, inputs, 90.0)
    assert '"create":90000000000' in outputs["__meta"]
    _, _, again = provider.read(URN, identity, inputs, outputs)
    assert again["__meta"] == outputs["__meta"]


def test_an_interrupted_create_is_found_again(notebook: Notebook) -> None:
    first, _, _ = make(start(notebook))
    again, _, outputs = make(start(notebook), color="red")
    assert again == first
    assert outputs["color"] == "red"
    assert notebook.made == 1


def test_what_cannot_become_what_is_wanted_is_made_anew(notebook: Notebook) -> None:
    first, _, _ = make(start(notebook))
    second, _, _ = make(start(notebook), kind="other")
    assert second != first
    assert list(notebook.notes) == [second]


@pytest.mark.parametrize("identity", ["", "another-id"])
def test_other_stacks_find_nothing(notebook: Notebook, identity: str) -> None:
    make(start(notebook))
    make(start(notebook, identity))
    assert notebook.made == 2


def test_a_replacement_never_takes_what_it_replaces(notebook: Notebook) -> None:
    old, inputs, outputs = make(start(notebook))
    for _ in range(2):  # the second time, the replacement was interrupted
        provider = start(notebook)
        checked, _ = provider.check(URN, inputs, {"text": "t", "kind": "new"}, b"")
        assert provider.diff(URN, old, outputs, checked).changes
        again, _ = provider.check(URN, {}, {"text": "t", "kind": "new"}, b"")
        new, _ = provider.create(URN, again)
        assert new != old
    assert sorted(notebook.notes) == sorted({old, new})


def test_a_replacement_deleted_first_is_found_again_too(notebook: Notebook) -> None:
    old, inputs, outputs = make(start(notebook))
    provider = start(notebook)
    checked, _ = provider.check(URN, inputs, {"text": "t", "kind": "new"}, b"")
    provider.diff(URN, old, outputs, checked)
    provider.delete(URN, old, outputs)
    new, _ = provider.create(URN, checked)
    provider = start(notebook)
    provider.diff(URN, old, outputs, checked)  # the state still has the old one
    assert provider.create(URN, checked)[0] == new


def test_an_entry_of_which_only_the_inputs_are_known_is_not_taken(notebook: Notebook) -> None:
    old, inputs, _ = make(start(notebook))
    provider = start(notebook)
    checked, _ = provider.check(URN, inputs, {"text": "t"}, b"")
    new, _ = provider.create(URN, checked)
    assert new != old


def test_what_was_handed_out_again_is_not_deleted(notebook: Notebook) -> None:
    old, _, outputs = make(start(notebook))
    provider = start(notebook)
    again, _, _ = make(provider)
    warning = provider.delete(URN, old, outputs)
    assert again == old
    assert warning is not None
    assert old in warning
    assert list(notebook.notes) == [old]


def test_what_a_refresh_did_not_find_is_made_as_if_new(notebook: Notebook) -> None:
    old, inputs, outputs = make(start(notebook))
    notebook.notes.clear()
    provider = start(notebook)
    assert provider.read(URN, old, inputs, outputs) == ("", {}, {})
    new, _ = provider.create(URN, inputs)
    assert make(start(notebook))[0] == new


def test_a_half_made_object_is_kept_in_the_state(notebook: Notebook) -> None:
    notebook.broken = True
    with pytest.raises(PartlyMade, match="the ink is wet") as caught:
        make(start(notebook))
    assert caught.value.identity == "note-1"
    assert caught.value.properties["text"] == "t"


def test_a_cancelled_wait_keeps_what_was_made(notebook: Notebook) -> None:
    notebook.never_ready.set()
    provider = start(notebook)
    threading.Timer(0.2, provider.cancelled.set).start()
    with pytest.raises(PartlyMade, match="interrupted while waiting for the ink to dry"):
        make(provider)


def test_waits_end() -> None:
    cancelled = threading.Event()
    call = Call(None, "urn", "", 0.3, cancelled)
    with pytest.raises(DeadlineExceeded, match="custom_timeouts"):
        call.wait("nothing", lambda: None)
    assert time.monotonic() >= call.deadline
    cancelled.set()
    with pytest.raises(Cancelled):
        Call(None, "urn", "", 60.0, cancelled).wait("nothing", lambda: None)


def test_a_refresh_shows_drift_in_the_inputs(notebook: Notebook) -> None:
    provider = start(notebook)
    identity, inputs, outputs = make(provider, digest="d")
    notebook.notes[identity]["inputs"]["text"] = "changed"
    _, now, _ = provider.read(URN, identity, inputs, outputs)
    assert now == {**inputs, "text": "changed"}


def test_an_import_gives_inputs(notebook: Notebook) -> None:
    identity, _, _ = make(start(notebook), kind="k")
    found, inputs, outputs = start(notebook).read(URN, identity, {}, {})
    assert found == identity
    assert inputs["kind"] == "k"
    assert outputs["address"] == f"shelf/{identity}"
    assert "address" not in inputs


def test_an_update_keeps_what_the_program_does_not_set(notebook: Notebook) -> None:
    provider = start(notebook)
    identity, _, outputs = make(provider, digest="d")
    checked, _ = provider.check(URN, {}, {"text": "u", "digest": "d", "name": "n"}, b"")
    updated = provider.update(URN, identity, outputs, checked)
    assert (updated["text"], updated["digest"]) == ("u", "digest of d")
    planned = provider.update(URN, identity, outputs, {**checked, "text": UNKNOWN}, preview=True)
    assert planned["text"] is UNKNOWN
    assert planned["address"] == outputs["address"]


def test_unknown_types_are_refused_by_name(notebook: Notebook) -> None:
    provider = start(notebook)
    with pytest.raises(ProviderError, match=r"notes:index:Book is not supported .* plugin install"):
        provider.check("urn:pulumi:s::p::notes:index:Book::b", {}, {}, b"")
    with pytest.raises(ProviderError, match="notes:index:list is not supported"):
        provider.invoke("notes:index:list", {})


def test_data_sources(notebook: Notebook) -> None:
    provider = start(notebook)
    make(provider)
    assert provider.invoke(COUNT, {}) == ({"count": 1}, [])
    with pytest.raises(ProviderError, match="only 1 notes"):
        provider.invoke(COUNT, {"least": 2})
    _, failures = provider.invoke(COUNT, {"lest": 2})
    assert [failure.path for failure in failures] == ["lest"]


def test_configuration(notebook: Notebook) -> None:
    provider = start(notebook)
    assert provider.check_config({"shelf": "a", "version": "1"}) == []
    assert [failure.path for failure in provider.check_config({"shelv": "a"})] == ["shelv"]


def test_secrets_inside_of_blocks_are_secret_outputs() -> None:
    inner = Object({"key": Field(secret=True), "hint": Field()})
    fields = {"login": Field(One(inner)), "logins": Field(ListOf(inner))}
    found = {"key": "k", "hint": "h"}
    result = states.outputs(fields, "id", {"login": found, "logins": [found]}, {})
    sealed = {"key": Secret("k"), "hint": "h"}
    assert (result["login"], result["logins"]) == (sealed, [sealed])
    empty = states.outputs(fields, "id", {"login": {"key": None}}, {})
    assert (empty["login"], empty["logins"]) == ({"key": None}, None)


def test_what_nobody_foresees_is_unknown_in_the_preview_of_an_update() -> None:
    fields = {"text": Field(), "address": Field(output=True), "shelf": Field(output=True)}
    old = {"text": "a", "address": "b", "shelf": "c"}
    planned = states.planned(fields, {"text": "d"}, old, frozenset({"address"}))
    assert planned == {"text": "d", "address": UNKNOWN, "shelf": "c"}
