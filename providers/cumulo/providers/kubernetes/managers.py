"""Field managers: who wrote which of an object's fields, as the cluster remembers it.

The name under which we apply an object is also the mark by which an interrupted create is found
again: it is the same for the same resource of the same stack, and of no other.
"""

import copy
import hashlib
import json
import secrets
from collections.abc import Iterable
from typing import Any, Final

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Properties, plain
from cumulo.providers.kubernetes.api import ApiError
from cumulo.providers.kubernetes.checkpoint import FIELD_MANAGER
from cumulo.providers.kubernetes.objects import (
    PATCH_FIELD_MANAGER,
    PATCH_FORCE,
    Object,
    annotation,
    at,
    identity_of,
    is_annotated,
)
from cumulo.providers.kubernetes.paths import Path

_PREFIX: Final = "pulumi-kubernetes"

_IDENTITY: Final = frozenset({"apiVersion", "kind", "metadata", "name", "namespace"})

# Who writes on behalf of the same people: kubectl apply, and the official provider, which creates
# objects without server-side apply.
_OURS: Final = frozenset(
    {
        ("before-first-apply", "Update"),
        ("kubectl", "Apply"),
        ("kubectl-client-side-apply", "Update"),
        (_PREFIX, "Update"),
        (f"{_PREFIX}.exe", "Update"),
        ("pulumi-resource-kubernetes", "Update"),
    }
)


def marked(provider: str, urn: str) -> str:
    """The manager that applies a resource's object, unless the program names one."""
    if not provider:
        return f"{_PREFIX}-{secrets.token_hex(4)}"
    digest = hashlib.sha256("\n".join((provider, urn)).encode()).hexdigest()
    return f"{_PREFIX}-{digest[:16]}"


def recorded(item: Object) -> Object:
    """An object as it is applied: with something in it that the cluster can say is ours.

    It keeps no manager who wants nothing but the object itself. An empty map is enough for it, and
    nobody sees that one.
    """
    data = item["metadata"]
    more = [
        *(item[key] for key in item.keys() - _IDENTITY),
        *(data[key] for key in data.keys() - _IDENTITY),
    ]
    if any(value != [] for value in more):
        return item
    return {**item, "metadata": {**data, "annotations": {}}}


def manager_of(state: Properties, inputs: Object, otherwise: str) -> str:
    """The manager of an object: the program's, else the state's."""
    named = annotation(inputs, PATCH_FIELD_MANAGER)
    return named or str(plain(state.get(FIELD_MANAGER)) or otherwise)


def manages(live: Object, manager: str) -> bool:
    """Whether a manager has applied an object."""
    return any(
        entry.get("manager") == manager and entry.get("operation") == "Apply"
        for entry in _entries(live)
    )


def must_force(inputs: Object, live: Object | None, *, always: bool) -> bool:
    """Whether fields of other managers are to be taken over."""
    return always or is_annotated(inputs, PATCH_FORCE) or (live is not None and not _entries(live))


def foreign(live: Object, manager: str) -> bool:
    """Whether the object has fields that `taken_over` would give to a manager."""
    return any(_is_ours(entry, manager) for entry in _entries(live))


def taken_over(live: Object, manager: str) -> list[Object]:
    """The patch that gives a manager what it, or the likes of it, wrote without apply."""
    entries = copy.deepcopy(_entries(live))
    given = [entry for entry in entries if _is_ours(entry, manager)]
    kept = [entry for entry in entries if not _is_ours(entry, manager)]
    own = next(
        (
            entry
            for entry in kept
            if entry.get("manager") == manager and entry.get("operation") == "Apply"
        ),
        None,
    )
    if own is None:
        own = {**given[0], "manager": manager, "operation": "Apply"}
        kept.append(own)
    for entry in given:
        own["fieldsV1"] = _union(own.get("fieldsV1") or {}, entry.get("fieldsV1") or {})
    version = at(live, "metadata", "resourceVersion")
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
    ]


def owners(live: Object, path: Path) -> set[str]:
    """The managers that have written a path, or something below it."""
    return {
        str(entry.get("manager"))
        for entry in _entries(live)
        if _owns(entry.get("fieldsV1") or {}, path, live)
    }


def explained(error: ApiError, item: Object) -> ProviderError:
    """A refusal in words that say what to do."""
    conflicts = [cause for cause in error.causes if cause.get("reason") == "FieldManagerConflict"]
    if error.status != 409 or not conflicts:
        return error
    told = [f"{cause.get('field')} ({_holder(cause)})" for cause in conflicts]
    return ProviderError(
        f"{identity_of(item)}: fields belong to other managers: {', '.join(told)}; "
        f'the annotation {PATCH_FORCE}: "true" takes them over, or leave them out of the program'
    )


def by_hand(error: ApiError) -> bool:
    """Whether all that stands against a request was typed by somebody: the program wins then."""
    conflicts = [cause for cause in error.causes if cause.get("reason") == "FieldManagerConflict"]
    return bool(conflicts) and all(_holder(cause).startswith('"kubectl') for cause in conflicts)


def _holder(cause: Object) -> str:
    text = str(cause.get("message") or "")
    return text.removeprefix("conflict with ") or "unknown"


def _entries(live: Object) -> list[Object]:
    entries: list[Object] = at(live, "metadata", "managedFields", otherwise=[])
    return entries


def _is_ours(entry: Object, manager: str) -> bool:
    writer = str(entry.get("manager")), str(entry.get("operation"))
    return not entry.get("subresource") and writer in {*_OURS, (manager, "Update")}


def _union(one: Object, other: Object) -> Object:
    result = dict(one)
    for key, value in other.items():
        result[key] = _union(result[key], value) if key in result else value
    return result


def _owns(fields: Object, path: Path, item: Any) -> bool:
    for step in path:
        if isinstance(step, int):
            element = item[step] if isinstance(item, list) and step < len(item) else None
            fields = _element(fields, element, step)
            item = element
        else:
            item = item.get(step) if isinstance(item, dict) else None
            if f"f:{step}" not in fields:
                return False
            fields = fields[f"f:{step}"]
    return True


def _element(fields: Object, element: Any, index: int) -> Object:
    """What is written of a list's element, which the cluster knows by its keys or its value."""
    for key, below in fields.items():
        mode, _, text = key.partition(":")
        if mode == "k" and isinstance(element, dict):
            keys: Iterable[tuple[str, Any]] = json.loads(text).items()
            if all(element.get(name) == value for name, value in keys):
                return dict(below)
        elif (mode == "v" and json.loads(text) == element) or (mode == "i" and int(text) == index):
            return dict(below)
    return {}
