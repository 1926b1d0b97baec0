"""Images: made from a file or a URL, and looked up."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Function, Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, INTEGER, STRING, Field, MapOf, SetOf, snake
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack import image_source
from cumulo.providers.openstack.cloud import JSON, Cloud, Service
from cumulo.providers.openstack.neutron import delete_unused

# The mark is a property, because the official provider takes every tag that it did not set for
# drift, but not a property that looks like Glance's own.
_MARK: Final = "os_cumulo_mark"

_PATCH: Final = {"Content-Type": "application/openstack-images-v2.1-json-patch"}

_VISIBILITIES = ("public", "private", "shared", "community")
_CONTAINERS = ("bare", "ovf", "aki", "ari", "ami", "ova", "docker", "compressed")
_DISKS = ("raw", "vhd", "vhdx", "vmdk", "vdi", "iso", "ploop", "qcow2", "aki", "ari", "ami")
_SORT_KEYS = (
    "name",
    "owner",
    "protected",
    "status",
    "tag",
    "visibility",
    "container_format",
    "disk_format",
    "os_hidden",
    "member_status",
    "created_at",
    "updated_at",
)

# What an image says beside its own attributes is a property of it.
_ATTRIBUTES = frozenset(
    {
        "id",
        "name",
        "status",
        "tags",
        "container_format",
        "disk_format",
        "min_disk",
        "min_ram",
        "owner",
        "protected",
        "visibility",
        "os_hidden",
        "checksum",
        "metadata",
        "created_at",
        "updated_at",
        "file",
        "schema",
        "self",
        "size",
        "virtual_size",
        _MARK,
    }
)

_PENDING = frozenset({"queued", "saving", "importing", "uploading"})


def _properties(image: JSON) -> dict[str, str]:
    return {
        key: value
        for key, value in image.items()
        if key not in _ATTRIBUTES and isinstance(value, str)
    }


def _glances_own(key: str) -> bool:
    return key.startswith("os_") or key in ("stores", "direct_url")


def _same_properties(before: dict[str, str], after: dict[str, str] | None) -> bool:
    wanted = after or {}
    theirs = {key: value for key, value in before.items() if key in wanted or not _glances_own(key)}
    return theirs == wanted


def _not_negative(value: int) -> str | None:
    return None if value >= 0 else f"must not be negative, not {value}"


def _uuid(value: str) -> str | None:
    whole = re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value)
    return None if whole else f"must be a UUID, not {value!r}"


class Image(Resource[Cloud]):
    """`openstack.images.Image`."""

    token = "openstack:images/image:Image"
    timeouts = {"create": 1800.0}
    fields = {
        "region": shared.REGION,
        "containerFormat": Field(required=True, replace=True, choices=_CONTAINERS),
        "diskFormat": Field(required=True, replace=True, choices=_DISKS),
        "file": Field(output=True),
        "imageId": Field(computed=True, replace=True, api="id", check=_uuid),
        "imageCachePath": Field(default=image_source.CACHE, local=True),
        "imageSourceUrl": Field(replace=True, local=True, excludes=("localFilePath",)),
        "imageSourceUsername": Field(local=True, excludes=("localFilePath",)),
        "imageSourcePassword": Field(secret=True, local=True, excludes=("localFilePath",)),
        "localFilePath": Field(
            replace=True, local=True, excludes=("imageSourceUrl", "webDownload")
        ),
        "minDiskGb": Field(INTEGER, default=0, api="min_disk", check=_not_negative),
        "minRamMb": Field(INTEGER, default=0, api="min_ram", check=_not_negative),
        "name": Field(),
        "protected": Field(BOOLEAN, default=False),
        "hidden": Field(BOOLEAN, default=False, api="os_hidden"),
        "tags": shared.TAGS,
        "verifyChecksum": Field(BOOLEAN, local=True, excludes=("webDownload",)),
        "visibility": Field(default="private", choices=_VISIBILITIES),
        "properties": Field(MapOf(STRING), computed=True, same=_same_properties),
        "webDownload": Field(
            BOOLEAN, local=True, excludes=("localFilePath", "verifyChecksum", "decompress")
        ),
        "decompress": Field(BOOLEAN, replace=True, local=True, excludes=("webDownload",)),
        "checksum": Field(output=True),
        "createdAt": Field(output=True),
        "metadata": Field(MapOf(STRING), output=True),
        "owner": Field(output=True),
        "schema": Field(output=True),
        "sizeBytes": Field(INTEGER, output=True, api="size"),
        "status": Field(output=True),
        "updatedAt": Field(output=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if inputs.get("localFilePath") is None and inputs.get("imageSourceUrl") is None:
            return [Failure("localFilePath", "or imageSourceUrl is required")]
        return []

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        glance = call.cloud.image(inputs.get("region"))
        # Hidden images are listed only when they are asked for.
        for hidden in ("false", "true"):
            asked = {_MARK: call.mark, "owner": glance.project, "os_hidden": hidden}
            for image in glance.get(f"/v2/images?{urlencode(asked)}")["images"]:
                return dict(image)
        return None

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        glance = call.cloud.image(inputs.get("region"))
        body = shared.attributes(self.fields, inputs)
        body |= body.pop("properties", {})
        # What is protected could not be removed if the upload failed.
        body |= {"protected": False, "tags": inputs.get("tags") or []}
        if call.mark:
            body[_MARK] = call.mark
        if not body.get("os_hidden"):
            body.pop("os_hidden", None)
        made: Observed = glance.post("/v2/images", body)
        try:
            made = self._fill(call, glance, made, inputs)
            return self._protect(glance, made, inputs)
        except ProviderError as error:
            self._discard(glance, made, error)
            raise

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        if found["status"] != "active":
            return None
        return self._protect(call.cloud.image(inputs.get("region")), found, inputs)

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        return call.cloud.image(state.get("region")).find(f"/v2/images/{identity}")

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        result["properties"] = _properties(observed)
        result["metadata"] = observed.get("metadata") or {}
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        glance = call.cloud.image(old.get("region"))
        operations: list[JSON] = []
        for change in changes:
            field = self.fields[change.key]
            if change.key == "properties":
                operations += _patch(old.get("properties") or {}, new.get("properties") or {})
            elif not field.local:
                path = f"/{field.api or snake(change.key)}"
                value = shared.local(field, new.get(change.key))
                operations.append({"op": "replace", "path": path, "value": value})
        path = f"/v2/images/{identity}"
        if operations:
            return glance.request("PATCH", path, json=operations, headers=_PATCH)
        return glance.get(path)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        glance = call.cloud.image(state.get("region"))
        delete_unused(call, glance, f"/v2/images/{identity}", f"image {identity}")

    def _fill(
        self, call: Call[Cloud], glance: Service, made: Observed, inputs: Properties
    ) -> Observed:
        path = f"/v2/images/{made['id']}"
        checksum = ""
        if inputs.get("webDownload"):
            method = {"name": "web-download", "uri": inputs["imageSourceUrl"]}
            glance.post(f"{path}/import", {"method": method})
        else:
            checksum = self._upload(call, glance, path, inputs)

        def probe() -> Observed | None:
            now = glance.get(path)
            if now["status"] in _PENDING and not now.get("os_glance_failed_import"):
                return None
            return now

        now = call.wait(f"image {made['id']} to become active", probe)
        if now["status"] != "active":
            failed = now.get("os_glance_failed_import")
            why = f": its import failed in the store {failed}" if failed else ""
            raise NotReady(f"image {made['id']} is {now['status']} after its upload{why}", now)
        if checksum and inputs.get("verifyChecksum", True) and now["checksum"] != checksum:
            raise NotReady(
                f"image {made['id']} has the checksum {now['checksum']} in the cloud, "
                f"but {checksum} here",
                now,
            )
        return now

    def _upload(self, call: Call[Cloud], glance: Service, path: str, inputs: Properties) -> str:
        source = image_source.file(call, inputs)
        with source.open("rb") as file:
            upload = image_source.Upload(call, file, f"the upload of {source}")
            glance.request(
                "PUT",
                f"{path}/file",
                data=upload,
                headers={"Content-Type": "application/octet-stream"},
                timeout=call.seconds,
            )
            return upload.checksum.hexdigest()

    def _protect(self, glance: Service, made: Observed, inputs: Properties) -> Observed:
        if bool(inputs.get("protected")) == bool(made["protected"]):
            return made
        value = bool(inputs.get("protected"))
        operation = {"op": "replace", "path": "/protected", "value": value}
        path = f"/v2/images/{made['id']}"
        return glance.request("PATCH", path, json=[operation], headers=_PATCH)

    def _discard(self, glance: Service, made: Observed, error: ProviderError) -> None:
        """Removes an image that will never be whole; what cannot be removed stays in the state."""
        try:
            glance.delete(f"/v2/images/{made['id']}")
        except ProviderError:
            raise NotReady(str(error), made) from error
        if isinstance(error, NotReady):
            raise ProviderError(f"{error}; it has been removed") from error


def _patch(old: dict[str, str], new: dict[str, str]) -> Iterator[JSON]:
    for key, value in new.items():
        if old.get(key) != value:
            operation = "replace" if key in old else "add"
            yield {"op": operation, "path": f"/{_pointer(key)}", "value": value}
    for key in old.keys() - new.keys():
        if not _glances_own(key):
            yield {"op": "remove", "path": f"/{_pointer(key)}"}


def _pointer(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _sort(value: str) -> str | None:
    for pair in value.split(","):
        key, _, direction = pair.partition(":")
        if key not in _SORT_KEYS:
            return f"sorts by one of {', '.join(_SORT_KEYS)}, not {key!r}"
        if direction not in ("", "asc", "desc"):
            return f"sorts asc or desc, not {direction!r}"
    return None


def _expression(value: str) -> str | None:
    try:
        re.compile(value)
    except re.error as error:
        return f"is no regular expression: {error}"
    return None


class GetImage(Function[Cloud]):
    """`openstack.images.get_image`."""

    token = "openstack:images/getImage:getImage"
    fields = {
        "region": Field(computed=True),
        "name": Field(excludes=("nameRegex",)),
        "visibility": Field(choices=_VISIBILITIES),
        "memberStatus": Field(choices=("accepted", "pending", "rejected", "all")),
        "owner": Field(),
        "sizeMin": Field(INTEGER),
        "sizeMax": Field(INTEGER),
        "sort": Field(default="name:asc", check=_sort),
        "tag": Field(),
        "mostRecent": Field(BOOLEAN, default=False),
        "properties": Field(MapOf(STRING)),
        "hidden": Field(BOOLEAN, default=False),
        "nameRegex": Field(check=_expression, excludes=("name",)),
        "containerFormat": Field(),
        "diskFormat": Field(),
        "tags": Field(SetOf(STRING), computed=True),
        "minDiskGb": Field(INTEGER, output=True),
        "minRamMb": Field(INTEGER, output=True),
        "protected": Field(BOOLEAN, output=True),
        "checksum": Field(output=True),
        "sizeBytes": Field(INTEGER, output=True),
        "metadata": Field(MapOf(STRING), output=True),
        "createdAt": Field(output=True),
        "updatedAt": Field(output=True),
        "file": Field(output=True),
        "schema": Field(output=True),
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        images = list(self._matching(call.cloud.image(arguments.get("region")), arguments))
        if not images:
            raise ProviderError(f"no image {_described(arguments)}{_hint(call, arguments)}")
        if len(images) > 1 and not arguments.get("mostRecent"):
            names = ", ".join(f"{image['name']} ({image['id']})" for image in images[:10])
            raise ProviderError(
                f"{len(images)} images {_described(arguments)}: {names}; ask for more of it, "
                "or set mostRecent"
            )
        found = max(images, key=lambda image: str(image["created_at"]))
        result = {key: arguments.get(key) for key in self.fields}
        read = shared.observe(
            {key: field for key, field in Image.fields.items() if not field.local}, found, {}
        )
        result |= {key: value for key, value in read.items() if key in self.fields}
        return {
            **result,
            "id": found["id"],
            "region": arguments.get("region") or call.cloud.region,
            "mostRecent": bool(arguments.get("mostRecent")),
            "properties": _properties(found),
            "metadata": found.get("metadata") or {},
        }

    def _matching(self, glance: Service, arguments: Properties) -> Iterator[JSON]:
        query: list[tuple[str, Any]] = [("status", "active")]
        for key, parameter in (
            ("name", "name"),
            ("visibility", "visibility"),
            ("memberStatus", "member_status"),
            ("owner", "owner"),
            ("sizeMin", "size_min"),
            ("sizeMax", "size_max"),
            ("sort", "sort"),
            ("containerFormat", "container_format"),
            ("diskFormat", "disk_format"),
            ("tag", "tag"),
        ):
            if arguments.get(key):
                query.append((parameter, arguments[key]))
        query += [("tag", tag) for tag in arguments.get("tags") or []]
        if arguments.get("hidden"):
            query.append(("os_hidden", "true"))
        properties = arguments.get("properties") or {}
        expression = re.compile(arguments.get("nameRegex") or "")
        page: str | None = f"/v2/images?{urlencode(query)}"
        while page:
            answer = glance.get(page)
            for image in answer["images"]:
                if all(image.get(key) == value for key, value in properties.items()) and (
                    expression.search(image.get("name") or "")
                ):
                    yield image
            page = answer.get("next")


def _described(arguments: Properties) -> str:
    asked = {
        key: value
        for key, value in arguments.items()
        if value and key not in ("sort", "mostRecent", "region") and not key.startswith("__")
    }
    return "with " + ", ".join(f"{key} {value!r}" for key, value in asked.items()) if asked else ""


def _hint(call: Call[Cloud], arguments: Properties) -> str:
    images = call.cloud.image(arguments.get("region")).get("/v2/images?sort=name:asc")["images"]
    names = ", ".join(sorted({str(image["name"]) for image in images}))
    return f"; the cloud has {names}" if names else "; the cloud has no images"
