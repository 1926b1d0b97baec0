"""A provider for tests: its cloud is a dictionary of notes."""

import threading
from dataclasses import dataclass, field
from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.provider import Provider
from cumulo.providers.core.resource import Function, Observed, Resource
from cumulo.providers.core.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    Field,
    ListOf,
    MapOf,
    Object,
    One,
    SetOf,
)
from cumulo.providers.core.values import Properties

NOTE = "notes:index:Note"
COUNT = "notes:index:count"


@dataclass
class Notebook:
    """The cloud."""

    notes: dict[str, Observed] = field(default_factory=dict)
    made: int = 0
    broken: bool = False
    never_ready: threading.Event = field(default_factory=threading.Event)


class Note(Resource[Notebook]):
    """The only type."""

    token = NOTE
    timeouts = {"create": 60.0, "delete": 30.0}
    fields = {
        "name": Field(),
        "text": Field(required=True),
        "size": Field(INTEGER, default=4, choices=(4, 6)),
        "pinned": Field(BOOLEAN, default=False),
        "color": Field(computed=True),
        "kind": Field(replace=True),
        "tags": Field(SetOf(STRING)),
        "labels": Field(MapOf(STRING)),
        "parts": Field(
            ListOf(
                Object(
                    {
                        "title": Field(required=True),
                        "mode": Field(default="plain"),
                        "page": Field(INTEGER, computed=True),
                        "binding": Field(replace=True),
                    }
                )
            )
        ),
        "frame": Field(One(Object({"width": Field(INTEGER, default=2)}))),
        "password": Field(secret=True, excludes=("kind",)),
        "digest": Field(stored=lambda text: f"digest of {text}", replace=True),
        "address": Field(output=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        return [Failure("text", "must not be 'bad'")] if inputs["text"] == "bad" else []

    def find(self, call: Call[Notebook], inputs: Properties) -> Observed | None:
        return next((one for one in call.cloud.notes.values() if one["mark"] == call.mark), None)

    def create(self, call: Call[Notebook], inputs: Properties) -> Observed:
        call.cloud.made += 1
        identity = f"note-{call.cloud.made}"
        note: Observed = {"id": identity, "mark": call.mark, "inputs": dict(inputs)}
        call.cloud.notes[identity] = note
        if call.cloud.broken:
            raise NotReady("the ink is wet", note)
        if call.cloud.never_ready.is_set():
            try:
                call.wait("the ink to dry", lambda: None)
            except ProviderError as error:
                raise NotReady(str(error), note) from error
        return note

    def fetch(self, call: Call[Notebook], identity: str, state: Properties) -> Observed | None:
        return call.cloud.notes.get(identity)

    def observe(self, call: Call[Notebook], observed: Observed, known: Properties) -> Properties:
        result: dict[str, Any] = {"color": "white", "address": f"shelf/{observed['id']}"}
        inputs = observed["inputs"]
        return {**result, **inputs, "digest": known.get("digest")}

    def update(
        self,
        call: Call[Notebook],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        call.cloud.notes[identity]["inputs"] = dict(new)
        return call.cloud.notes[identity]

    def delete(self, call: Call[Notebook], identity: str, state: Properties) -> None:
        call.cloud.notes.pop(identity, None)


class Count(Function[Notebook]):
    """The only data source."""

    token = COUNT
    fields = {"least": Field(INTEGER), "count": Field(INTEGER, output=True)}

    def invoke(self, call: Call[Notebook], arguments: Properties) -> Properties:
        count = len(call.cloud.notes)
        if count < arguments.get("least", 0):
            raise ProviderError(f"there are only {count} notes")
        return {"count": count, "least": arguments.get("least")}


class Notes(Provider[Notebook]):
    """The provider."""

    def __init__(self, notebook: Notebook) -> None:
        super().__init__("notes", "1.2.3", {NOTE: Note()}, {COUNT: Count()}, frozenset({"shelf"}))
        self.notebook = notebook
        self.connections = 0

    def connect(self, options: Properties) -> Notebook:
        self.connections += 1
        return self.notebook
