"""Containers of the object storage; through its S3 API they are buckets."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import quote, urlencode

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, MapOf, Object, One
from cumulo.providers.core.values import UNKNOWN, Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service

_META: Final = "X-Container-Meta-"
# What the official provider does not read.
_MARK: Final = f"{_META}Cumulo"
_LEGACY: Final = {"versions": "X-Versions-Location", "history": "X-History-Location"}
_HEADERS: Final = {
    "containerRead": "X-Container-Read",
    "containerWrite": "X-Container-Write",
    "containerSyncTo": "X-Container-Sync-To",
    "containerSyncKey": "X-Container-Sync-Key",
    "contentType": "Content-Type",
}
_LONGEST_NAME: Final = 256
_PAGE: Final = 1000
_DELETES: Final = 8


def _name(value: str) -> str | None:
    if not value or "/" in value:
        return f"must be a name without slashes, not {value!r}"
    if len(value.encode()) > _LONGEST_NAME:
        return f"must not be longer than {_LONGEST_NAME} bytes"
    return None


def _same_list(before: str, after: str | None) -> bool:
    # Swift keeps an ACL without blanks.
    return _parts(before) == _parts(after or "")


def _parts(acl: str) -> list[str]:
    return [part for part in (item.strip() for item in acl.split(",")) if part]


class Container(Resource[Cloud]):
    """`openstack.objectstorage.Container`: its id is its name."""

    token = "openstack:objectstorage/container:Container"
    schema_version = 1
    fields = {
        "region": shared.REGION,
        "name": Field(replace=True, check=_name),
        "containerRead": Field(same=_same_list),
        "containerSyncTo": Field(local=True),
        "containerSyncKey": Field(local=True, secret=True),
        "containerWrite": Field(same=_same_list),
        "contentType": Field(local=True),
        "versioning": Field(BOOLEAN, default=False, excludes=("versioningLegacy",)),
        "versioningLegacy": Field(
            One(
                Object(
                    {
                        "type": Field(required=True, choices=tuple(_LEGACY)),
                        "location": Field(required=True),
                    }
                )
            ),
            excludes=("versioning",),
        ),
        "metadata": Field(MapOf(STRING), local=True),
        "forceDestroy": Field(BOOLEAN, default=False, local=True),
        "storagePolicy": Field(computed=True, replace=True),
        "storageClass": Field(computed=True, replace=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        metadata = inputs.get("metadata")
        return [
            Failure(f"metadata.{key}", "must be letters, digits and dashes: it becomes a header")
            for key in (metadata if isinstance(metadata, dict) else ())
            if metadata is not UNKNOWN and not re.fullmatch(r"[A-Za-z0-9-]+", key)
        ]

    def identify(self, observed: Observed) -> str:
        return str(observed["name"])

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        found = self.fetch(call, inputs["name"], inputs)
        return found if found is not None and found["mark"] == call.mark else None

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        name = inputs["name"]
        if self.fetch(call, name, inputs) is not None:
            # Swift would take it for a change of that one.
            raise ProviderError(
                f"name: the project has a container {name!r} already; choose another name, or "
                f"take it over: `pulumi import {self.token} {call.name} {name}`"
            )
        headers = {header: inputs[key] for key, header in _HEADERS.items() if inputs.get(key)}
        headers |= {f"{_META}{key}": value for key, value in inputs.get("metadata", {}).items()}
        if call.mark:
            headers[_MARK] = call.mark
        if inputs.get("storagePolicy"):
            headers["X-Storage-Policy"] = inputs["storagePolicy"]
        if inputs.get("storageClass"):
            headers["X-Object-Storage-Class"] = inputs["storageClass"]
        if inputs.get("versioning"):
            headers["X-Versions-Enabled"] = "true"
        headers |= _legacy(inputs)
        store = call.cloud.object_storage(inputs.get("region"))
        store.put(_path(name), headers=_encoded(headers))
        return _there(store, name)

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        return _read(call.cloud.object_storage(state.get("region")), identity)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        store = call.cloud.object_storage(old.get("region"))
        keys = {change.key for change in changes}
        headers = {header: new.get(key) or "" for key, header in _HEADERS.items() if key in keys}
        if "metadata" in keys:
            wanted = new.get("metadata") or {}
            gone = (old.get("metadata") or {}).keys() - wanted.keys()
            headers |= {f"{_META}{key}": value for key, value in wanted.items()}
            headers |= {f"X-Remove-Container-Meta-{key}": "x" for key in gone}
        if headers:
            store.post(_path(identity), headers=_encoded(headers))
        # A container has either kind of versions, so the old kind goes first.
        if "versioningLegacy" in keys and not new.get("versioningLegacy"):
            removed = {f"X-Remove-{header[2:]}": "x" for header in _LEGACY.values()}
            store.post(_path(identity), headers=removed)
        if "versioning" in keys:
            enabled = str(bool(new.get("versioning"))).lower()
            store.post(_path(identity), headers={"X-Versions-Enabled": enabled})
        if "versioningLegacy" in keys and new.get("versioningLegacy"):
            store.post(_path(identity), headers=_encoded(_legacy(new)))
        return _there(store, identity)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        store = call.cloud.object_storage(state.get("region"))
        if _removed(store, identity):
            return
        if not state.get("forceDestroy"):
            headers = store.head(_path(identity)) or {}
            count = headers.get("X-Container-Object-Count", "0")
            what = f"it holds objects ({count})" if count != "0" else "it holds versions of objects"
            raise ProviderError(
                f"container {identity!r} is kept, for {what}: delete them first, or have them "
                "deleted with it: `force_destroy=True`, and an `up` before it goes"
            )

        what = f"the objects of container {identity!r} to be deleted"

        def probe() -> bool | None:
            for objects in _pages(store, identity):
                call.check(what)
                with ThreadPoolExecutor(_DELETES) as pool:
                    list(pool.map(store.delete, objects))
            return _removed(store, identity) or None

        call.wait(what, probe)


def _read(store: Service, name: str) -> Observed | None:
    headers = store.head(_path(name))
    if headers is None:
        return None
    legacy = [
        {"type": kind, "location": headers[header]}
        for kind, header in _LEGACY.items()
        if headers.get(header)
    ]
    return {
        "name": name,
        "mark": headers.get(_MARK, ""),
        "container_read": headers.get(_HEADERS["containerRead"]),
        "container_write": headers.get(_HEADERS["containerWrite"]),
        "versioning": headers.get("X-Versions-Enabled", "").lower() == "true",
        "versioning_legacy": legacy[0] if legacy else None,
        "storage_policy": headers.get("X-Storage-Policy"),
        "storage_class": headers.get("X-Storage-Class"),
    }


def _there(store: Service, name: str) -> Observed:
    found = _read(store, name)
    if found is None:
        raise ProviderError(f"container {name!r} is gone again: somebody has deleted it")
    return found


def _removed(store: Service, name: str) -> bool:
    """Deletes a container; whether it is gone, which it is not while it holds anything."""
    try:
        store.delete(_path(name))
    except CloudError as error:
        if error.status == 409:
            return False
        raise
    return True


def _pages(store: Service, name: str) -> Iterator[list[str]]:
    """The paths of all objects, and of all their versions, some at a time."""
    query: dict[str, str | int] = {"format": "json", "limit": _PAGE, "versions": "true"}
    while True:
        items: list[JSON] = store.get(f"{_path(name)}?{urlencode(query)}").get("items") or []
        if not items:
            return
        yield [_object(name, item) for item in items]
        query["marker"] = items[-1]["name"]
        if items[-1].get("version_id"):
            query["version_marker"] = items[-1]["version_id"]


def _object(container: str, item: JSON) -> str:
    path = f"{_path(container)}/{quote(item['name'], safe='')}"
    version = item.get("version_id")
    return f"{path}?{urlencode({'version-id': version})}" if version else path


def _legacy(inputs: Properties) -> dict[str, str]:
    legacy = inputs.get("versioningLegacy")
    return {_LEGACY[legacy["type"]]: legacy["location"]} if legacy else {}


def _path(name: str) -> str:
    return f"/{quote(name, safe='')}"


def _encoded(headers: dict[str, str]) -> dict[str, str]:
    # A header is Latin-1 to Python, and UTF-8 to Swift.
    return {key: value.encode().decode("latin-1") for key, value in headers.items()}
