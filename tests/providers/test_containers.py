"""Containers against a real cloud."""

import json
import secrets
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Secret

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection
    from openstack.object_store.v1._proxy import Proxy

CONTAINER = "openstack:objectstorage/container:Container"

cloudy = pytest.mark.cloud


@pytest.fixture
def swift(cloud: "Connection") -> "Proxy":
    """Swift's API, in the account of whoever runs the tests."""
    return cloud.object_store


@pytest.fixture
def foreign(swift: "Proxy") -> Iterator[str]:
    """A container that somebody else has made."""
    name = f"prov-foreign-{secrets.token_hex(3)}"
    swift.create_container(name)
    yield name
    swift.delete_container(name)


def header(swift: "Proxy", name: str, which: str) -> str | None:
    found: str | None = swift.head(f"/{name}").headers.get(which)
    return found


@cloudy
def test_container(stack: Stack, swift: "Proxy") -> None:
    wanted: dict[str, Any] = {
        "name": "prov-all",
        "containerRead": "p:u, p:w",
        "containerWrite": "p:u",
        "metadata": {"team": "données"},
        "containerSyncKey": "hidden",
    }
    entry = stack.create(CONTAINER, "prov-all", **wanted)
    assert entry.id == "prov-all"
    assert entry["containerRead"] == "p:u,p:w"
    assert (entry["storagePolicy"], entry["storageClass"]) == ("Policy-0", "")
    assert (entry["forceDestroy"], entry["versioning"]) == (False, False)
    assert isinstance(entry.outputs["containerSyncKey"], Secret)
    assert json.loads(entry["__meta"]) == {"schema_version": "1"}
    assert "mark" not in str(entry.outputs)
    assert_settled(stack, entry, **wanted)

    changed = {**wanted, "containerRead": "p:w", "metadata": {"kind": "models"}}
    changed.pop("containerWrite")
    assert stack.update(entry, **changed) == {"containerRead", "containerWrite", "metadata"}
    assert_settled(stack, entry, **changed)
    assert header(swift, entry.id, "X-Container-Read") == "p:w"
    assert header(swift, entry.id, "X-Container-Write") is None
    assert header(swift, entry.id, "X-Container-Meta-Kind") == "models"
    assert header(swift, entry.id, "X-Container-Meta-Team") is None
    assert stack.changes(entry, **{**changed, "name": "prov-other"}) == {"name": True}
    assert stack.changes(entry, **{**changed, "storagePolicy": "gold"}) == {"storagePolicy": True}

    imported = stack.imported(CONTAINER, entry.id)
    assert imported.inputs["containerRead"] == "p:w"

    stack.delete(entry)
    assert not stack.refresh(entry)
    stack.delete(entry)


@cloudy
def test_what_others_changed_is_seen_and_mended(stack: Stack, swift: "Proxy") -> None:
    wanted = {"name": "prov-drift", "containerRead": "p:u"}
    entry = stack.create(CONTAINER, "prov-drift", **wanted)
    swift.post("/prov-drift", headers={"X-Container-Read": ".r:*"})
    assert stack.refresh(entry)
    assert stack.update(entry, **wanted) == {"containerRead"}
    assert header(swift, entry.id, "X-Container-Read") == "p:u"


@cloudy
def test_versions_are_kept_in_one_way_or_the_other(stack: Stack, swift: "Proxy") -> None:
    old = stack.create(CONTAINER, "prov-old", name="prov-old")
    wanted: dict[str, Any] = {"name": "prov-versions", "forceDestroy": True}
    entry = stack.create(CONTAINER, "prov-versions", **wanted, versioning=True)
    assert entry["versioning"] is True
    assert_settled(stack, entry, **wanted, versioning=True)

    assert stack.update(entry, **wanted) == {"versioning"}
    legacy = {"type": "history", "location": old.id}
    assert stack.update(entry, **wanted, versioningLegacy=legacy) == {"versioningLegacy"}
    assert header(swift, entry.id, "X-History-Location") == old.id
    assert_settled(stack, entry, **wanted, versioningLegacy=legacy)

    assert stack.update(entry, **wanted, versioning=True) == {"versioningLegacy", "versioning"}
    assert header(swift, entry.id, "X-History-Location") is None
    assert_settled(stack, entry, **wanted, versioning=True)

    for text in ("one", "two"):
        swift.upload_object(entry.id, "a/ü", data=text, generate_checksums=False)
    swift.delete_object("a/ü", container=entry.id)
    assert next(swift.objects(entry.id), None) is None
    stack.delete(entry)
    assert not stack.refresh(entry)


@cloudy
def test_a_container_that_holds_something_is_kept(stack: Stack, swift: "Proxy") -> None:
    wanted: dict[str, Any] = {"name": "prov-full"}
    entry = stack.create(CONTAINER, "prov-full", **wanted)
    for number in range(3):
        swift.upload_object(entry.id, f"o/{number}", data="x", generate_checksums=False)
    with pytest.raises(
        ProviderError, match=r"'prov-full' is kept, for it holds objects \(3\).*force"
    ):
        stack.delete(entry)
    assert stack.refresh(entry)
    assert stack.update(entry, **wanted, forceDestroy=True) == {"forceDestroy"}
    stack.delete(entry)
    assert not stack.refresh(entry)


@cloudy
def test_container_of_an_interrupted_create(stack: Stack, swift: "Proxy") -> None:
    lost = stack.lose(CONTAINER, "prov-lost", name="prov-lost", containerRead="p:u")
    swift.upload_object(lost.id, "kept", data="x", generate_checksums=False)
    found = stack.create(CONTAINER, "prov-lost", name="prov-lost", forceDestroy=True)
    assert found.id == lost.id
    assert found["containerRead"] == ""
    assert [one.name for one in swift.objects(found.id)] == ["kept"]


@cloudy
def test_a_container_of_somebody_else_is_left_alone(
    stack: Stack, swift: "Proxy", foreign: str
) -> None:
    with pytest.raises(ProviderError, match=f"has a container '{foreign}' already.*pulumi import"):
        stack.create(CONTAINER, "prov-foreign", name=foreign, containerRead="p:u")
    assert header(swift, foreign, "X-Container-Read") is None


@cloudy
def test_a_replacement_comes_before_the_old_one_goes(stack: Stack) -> None:
    entry = stack.create(CONTAINER, "prov-next")
    assert entry.id.startswith("prov-next-")
    stack.rerun()
    assert stack.changes(entry, name="prov-next-2") == {"name": True}
    assert stack.create(CONTAINER, "prov-next", name="prov-next-2").id == "prov-next-2"
    assert stack.refresh(entry)


@cloudy
def test_what_only_swift_can_refuse(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="Invalid X-Storage-Policy 'gold'"):
        stack.create(CONTAINER, "prov-refused", storagePolicy="gold")
    with pytest.raises(ProviderError, match="ACL"):
        stack.create(CONTAINER, "prov-refused", containerWrite=".r:*")


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"name": "a/b"}, "name must be a name without slashes"),
        ({"name": "ü" * 129}, "name must not be longer than 256 bytes"),
        ({"metadata": {"a b": "c"}}, r"metadata.a b must be letters, digits and dashes"),
        ({"acl": "p:u"}, "acl is not a property of this type"),
        ({"versioningLegacy": {"type": "some", "location": "c"}}, "type must be one of versions"),
        (
            {"versioning": True, "versioningLegacy": {"type": "versions", "location": "c"}},
            "versioning cannot be set beside 'versioningLegacy'",
        ),
    ],
)
def test_bad_input_is_refused_by_name(wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        Stack().check(CONTAINER, "refused", wanted)
