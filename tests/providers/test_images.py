"""Images, and their data source, against a real cloud."""

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

IMAGE = "openstack:images/image:Image"
GET_IMAGE = "openstack:images/getImage:getImage"
BYTES = bytes(range(256)) * 4096
CHECKSUM = hashlib.md5(BYTES, usedforsecurity=False).hexdigest()
FORMAT = {"containerFormat": "bare", "diskFormat": "raw"}


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """An image file."""
    path = tmp_path / "image.raw"
    path.write_bytes(BYTES)
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """The URL of a folder with the image, plain and compressed."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "image.raw").write_bytes(BYTES)
    (folder / "image.raw.gz").write_bytes(gzip.compress(BYTES))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_image_from_a_file(stack: Stack, raw: Path, cloud: "Connection") -> None:
    wanted: dict[str, Any] = {**FORMAT, "name": "lbp-image", "localFilePath": str(raw)}
    image = stack.create(IMAGE, "lbp-image", **wanted)
    assert image.inputs["__defaults"] == ["imageCachePath", "visibility"]
    assert (image["checksum"], image["sizeBytes"]) == (CHECKSUM, len(BYTES))
    assert (image["status"], image["imageId"], image["tags"]) == ("active", image.id, [])
    assert not any("cumulo" in key for key in image["properties"])
    assert image["properties"]["os_hash_algo"] == "sha512"
    assert_settled(stack, image, **wanted)

    wanted |= {
        "name": "lbp-image2",
        "minDiskGb": 2,
        "minRamMb": 64,
        "tags": ["t"],
        "hidden": True,
        "protected": True,
        "visibility": "community",
        "properties": {"hw/a": "b", "c": "d"},
    }
    changed = set(wanted) - {*FORMAT, "localFilePath"}
    assert stack.update(image, **wanted) == changed
    assert_settled(stack, image, **wanted)
    found = cloud.image.get_image(image.id)
    assert (found.name, found.min_disk, found.min_ram) == ("lbp-image2", 2, 64)
    assert (found.tags, found.is_hidden, found.is_protected) == (["t"], True, True)
    assert found.visibility == "community"
    with pytest.raises(ProviderError, match="protected"):
        stack.delete(image)

    wanted |= {"protected": False, "hidden": False, "tags": [], "properties": {"c": "e"}}
    assert stack.update(image, **wanted) == {"protected", "hidden", "tags", "properties"}
    assert {key for key in image["properties"] if not key.startswith("os_")} - {"stores"} == {"c"}
    assert_settled(stack, image, **wanted)
    for key, value in {"diskFormat": "qcow2", "localFilePath": "/other"}.items():
        assert stack.changes(image, **{**wanted, key: value}) == {key: True}
    assert stack.imported(IMAGE, image.id).inputs["diskFormat"] == "raw"

    stack.delete(image)
    assert not stack.refresh(image)
    stack.delete(image)


def test_image_from_a_url(stack: Stack, site: str, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    wanted: dict[str, Any] = {
        **FORMAT,
        "imageSourceUrl": f"{site}/image.raw",
        "imageCachePath": str(cache),
    }
    image = stack.create(IMAGE, "lbp-url", **wanted)
    assert image["checksum"] == CHECKSUM
    assert_settled(stack, image, **wanted)
    (kept,) = cache.iterdir()
    assert kept.read_bytes() == BYTES

    wanted |= {"imageSourceUrl": f"{site}/image.raw.gz", "decompress": True}
    assert stack.create(IMAGE, "lbp-gz", **wanted)["checksum"] == CHECKSUM
    with pytest.raises(ProviderError, match=r"imageSourceUrl: .* 404"):
        stack.create(IMAGE, "lbp-none", **{**wanted, "imageSourceUrl": f"{site}/none"})
    with pytest.raises(ProviderError, match=r"decompress: .*only gzip"):
        stack.create(IMAGE, "lbp-odd", **{**wanted, "imageSourceUrl": f"{site}/image.raw"})
    assert len(list(cache.iterdir())) == 2


def test_image_of_an_interrupted_create(stack: Stack, raw: Path, cloud: "Connection") -> None:
    wanted = {**FORMAT, "name": "lbp-lost", "localFilePath": str(raw)}
    lost = stack.lose(IMAGE, "lbp-lost", **wanted, protected=True)
    found = stack.create(IMAGE, "lbp-lost", **wanted, protected=True)
    assert found.id == lost.id
    assert stack.update(found, **wanted) == {"protected"}
    assert len(list(cloud.image.images(name="lbp-lost"))) == 1


def test_image_of_an_interrupted_upload(stack: Stack, raw: Path, cloud: "Connection") -> None:
    wanted = {**FORMAT, "name": "lbp-cut", "localFilePath": str(raw)}
    stack.provider.cancelled.set()
    with pytest.raises(ProviderError, match="interrupted"):
        stack.create(IMAGE, "lbp-cut", **wanted)
    assert list(cloud.image.images(name="lbp-cut")) == []


def test_image_without_a_file(stack: Stack, cloud: "Connection") -> None:
    with pytest.raises(ProviderError, match="localFilePath: /nowhere is not a file"):
        stack.create(IMAGE, "lbp-none", **FORMAT, name="lbp-none", localFilePath="/nowhere")
    assert list(cloud.image.images(name="lbp-none")) == []


def test_image_refused(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="localFilePath or imageSourceUrl is required"):
        stack.create(IMAGE, "i", **FORMAT)
    with pytest.raises(RefusedError, match="diskFormat must be one of raw"):
        stack.create(IMAGE, "i", containerFormat="bare", diskFormat="img", localFilePath="/x")
    with pytest.raises(RefusedError, match="cannot be set beside"):
        stack.create(IMAGE, "i", **FORMAT, localFilePath="/x", imageSourceUrl="http://x")


def test_get_image(stack: Stack, raw: Path) -> None:
    made = {**FORMAT, "localFilePath": str(raw), "visibility": "private"}
    old = stack.create(IMAGE, "a", **made, name="lbp-get-a", properties={"flavour": "sour"})
    # Glance knows only in which second an image was made.
    time.sleep(1.0)
    new = stack.create(IMAGE, "b", **made, name="lbp-get-b", tags=["x"])
    found = stack.invoke(GET_IMAGE, name="lbp-get-a")
    assert (found["id"], found["checksum"], found["sizeBytes"]) == (old.id, CHECKSUM, len(BYTES))
    assert (found["sort"], found["mostRecent"]) == ("name:asc", False)
    # What nobody asked for is absent, as it is with the official provider.
    assert "memberStatus" not in found
    assert stack.invoke(GET_IMAGE, nameRegex="^lbp-get", mostRecent=True)["id"] == new.id
    assert stack.invoke(GET_IMAGE, tag="x")["id"] == new.id
    assert stack.invoke(GET_IMAGE, properties={"flavour": "sour"})["id"] == old.id
    with pytest.raises(ProviderError, match=r"2 images with nameRegex '\^lbp-get': .*mostRecent"):
        stack.invoke(GET_IMAGE, nameRegex="^lbp-get")
    with pytest.raises(
        ProviderError, match=r"no image with name 'lbp-none'; the cloud has .*lbp-get"
    ):
        stack.invoke(GET_IMAGE, name="lbp-none")
    with pytest.raises(RefusedError, match="sort sorts by one of name"):
        stack.invoke(GET_IMAGE, sort="colour")
