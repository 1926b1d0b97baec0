"""Check: what a program says of an object, made complete, and what is wrong with it."""

import base64
import json
import os
from collections.abc import Callable
from typing import Any, Final

from cumulo.providers.core.check import Failure
from cumulo.providers.core.values import UNKNOWN, has_unknown
from cumulo.providers.kubernetes.objects import (
    AUTONAMED,
    DELETION_PROPAGATION,
    TIMEOUT_SECONDS,
    WAIT_FOR,
    Kind,
    Object,
    annotation,
    at,
    has_name,
    is_annotated,
    kind_of,
    name_of,
    namespace_of,
    parse_kind,
    without_nulls,
)
from cumulo.providers.kubernetes.paths import ParseError, parse_wait

_READ_ONLY: Final = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


_MANAGED_BY: Final = "app.kubernetes.io/managed-by"


def kind_of_token(token: str) -> Kind:
    """The kind that a type's token names: `kubernetes:apps/v1:Deployment`."""
    _, api_version, name = token.split(":", 2)
    return parse_kind(api_version, name)


def is_patch(token: str, kind: Kind) -> bool:
    """Whether a resource writes some fields of an object that is somebody else's."""
    return token.rsplit(":", 1)[-1] == f"{kind.name}Patch"


def typed(item: Object, token: str) -> Object:
    """The object with what its type's token says of it."""
    kind = kind_of_token(token)
    return {"apiVersion": kind.api_version, "kind": kind.name, **without_nulls(item)}


def normalized(item: Object) -> Object:
    """The object as the cluster would store it, as far as that is known without asking.

    What only the cluster writes falls away, and so does what means the same as nothing.
    """
    result: Object = without_nulls(item)
    if isinstance(result.get("metadata"), dict):
        result["metadata"] = {
            key: value for key, value in result["metadata"].items() if key not in _READ_ONLY
        }
    kind = kind_of(result)
    if kind.builtin and kind.version:
        result["apiVersion"] = kind.api_version
        result.pop("status", None)
    if kind.is_("", "Secret") and not has_unknown(result):
        _encode(result)
    if kind.is_("apiextensions.k8s.io", "CustomResourceDefinition"):
        spec = result.get("spec")
        if isinstance(spec, dict) and spec.get("preserveUnknownFields") is False:
            result["spec"] = {
                key: value for key, value in spec.items() if key != "preserveUnknownFields"
            }
    return result


def _encode(secret: Object) -> None:
    """A Secret's `stringData` is never answered: the cluster makes `data` of it."""
    data = secret.get("data")
    result: dict[str, Any] = {}
    for key, value in data.items() if isinstance(data, dict) else ():
        try:
            # The cluster writes it without line breaks.
            result[key] = base64.b64encode(base64.b64decode(value)).decode()
        except (ValueError, TypeError):
            result[key] = value
    plain = secret.get("stringData")
    if isinstance(plain, dict):
        del secret["stringData"]
        result |= {
            key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()
        }
    if result or "data" in secret:
        secret["data"] = result


def complete(item: Object, token: str, old: Object, autoname: Callable[[], str]) -> list[Failure]:
    """Fills in, in place, what the program left out.

    Args:
        item: What the program says, normalized.
        token: The type's token.
        old: The checked inputs of the last run; empty the first time.
        autoname: A name for an object without one; empty if there must not be one.
    """
    failures = [*_mismatch(item, token), *_metadata(item)]
    if failures:
        return failures
    if is_patch(token, kind_of(item)):
        if not has_name(item):
            return [Failure("metadata.name", "is required: a patch must say of what")]
        return _annotations(item)
    data = item.setdefault("metadata", {})
    if data is UNKNOWN:
        return []
    if not has_name(item):
        if data.get("generateName"):
            return [
                Failure(
                    "metadata.generateName",
                    "is not supported with server-side apply; leave it and 'name' out to get "
                    "a name with a random end",
                )
            ]
        if not old:
            _name(item, autoname())
        elif is_annotated(old, AUTONAMED):
            _name(item, name_of(old))
        if not old and not has_name(item):
            return [Failure("metadata.name", "is required: autonaming is off")]
    _keep_label(data, old)
    return _annotations(item)


def _keep_label(data: Object, old: Object) -> None:
    """Keeps the label that earlier versions of the official provider put on what they made."""
    owner = os.environ.get("PULUMI_KUBERNETES_MANAGED_BY_LABEL", "pulumi")
    labels = data.get("labels", {})
    if at(old, "metadata", "labels", _MANAGED_BY) == owner and isinstance(labels, dict):
        data["labels"] = {**labels, _MANAGED_BY: owner}


def _name(item: Object, name: str) -> None:
    if not name:
        return
    data = item["metadata"]
    data["name"] = name
    annotations = data.get("annotations", {})
    if annotations is not UNKNOWN:
        data["annotations"] = {**annotations, AUTONAMED: "true"}


def _mismatch(item: Object, token: str) -> list[Failure]:
    kind, named = kind_of(item), kind_of_token(token)
    failures = []
    if kind.name != named.name and not is_patch(token, kind):
        failures.append(Failure("kind", f"must be {named.name}, not {item['kind']!r}"))
    if kind.api_version != named.api_version:
        failures.append(
            Failure("apiVersion", f"must be {named.api_version}, not {item['apiVersion']!r}")
        )
    return failures


def _metadata(item: Object) -> list[Failure]:
    data = item.get("metadata")
    if data is None or data is UNKNOWN:
        return []
    if not isinstance(data, dict):
        return [Failure("metadata", f"must be an object, not {data!r}")]
    failures = [
        Failure(f"metadata.{key}", f"must be a string, not {data[key]!r}")
        for key in ("name", "namespace", "generateName")
        if key in data and data[key] is not UNKNOWN and not isinstance(data[key], str)
    ]
    for key in ("labels", "annotations"):
        values = data.get(key)
        if isinstance(values, dict):
            failures += [
                Failure(f"metadata.{key}.{name}", f"must be a string, not {value!r}: quote it")
                for name, value in values.items()
                if value is not UNKNOWN and not isinstance(value, str)
            ]
        elif values is not None and values is not UNKNOWN:
            failures.append(Failure(f"metadata.{key}", f"must be an object, not {values!r}"))
    return failures


def _annotations(item: Object) -> list[Failure]:
    """Annotations that are for us: what is wrong with them would otherwise show late or never."""
    failures = []
    where = "metadata.annotations.{}"
    seconds = annotation(item, TIMEOUT_SECONDS)
    if seconds and not seconds.isdecimal():
        failures.append(
            Failure(where.format(TIMEOUT_SECONDS), f"must be whole seconds, not {seconds!r}")
        )
    policy = annotation(item, DELETION_PROPAGATION)
    if policy and policy.lower() not in ("background", "foreground", "orphan"):
        failures.append(
            Failure(
                where.format(DELETION_PROPAGATION),
                f"must be one of background, foreground, orphan, not {policy!r}",
            )
        )
    try:
        for expression in wait_expressions(item):
            parse_wait(expression)
    except ParseError as error:
        failures.append(Failure(where.format(WAIT_FOR), str(error)))
    return failures


def wait_expressions(item: Object) -> list[str]:
    """What the program wants to wait for: one expression, or a JSON list of them."""
    text = annotation(item, WAIT_FOR)
    if not text:
        return []
    try:
        listed = json.loads(text)
    except ValueError:
        return [text]
    return [str(entry) for entry in listed] if isinstance(listed, list) else [text]


def place(item: Object, namespace: str, namespaced: bool) -> None:
    """Puts an object into a namespace, in place; or into none, if its kind lies in none."""
    data = item.get("metadata")
    if not isinstance(data, dict):
        return
    if not namespaced:
        data.pop("namespace", None)
    elif data.get("namespace") is not UNKNOWN and not namespace_of(item):
        data["namespace"] = namespace
