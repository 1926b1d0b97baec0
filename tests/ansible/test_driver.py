"""The Nova driver on a real cloud: what a server's owner sees of it."""

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

DEADLINE_S = 300


@pytest.fixture
def create(cloud: "Connection") -> Iterator[Callable[[str], Any]]:
    """Creates a server without a network from an image, and waits until it is ACTIVE or ERROR."""
    with ExitStack() as undo:

        def server(image: str) -> Any:
            created = cloud.compute.create_server(
                name=f"role-{uuid4().hex[:8]}",
                image_id=image,
                flavor_id=cloud.compute.find_flavor("m1.small", ignore_missing=False).id,
                networks="none",
            )
            undo.callback(cloud.compute.wait_for_delete, created, wait=DEADLINE_S)
            undo.callback(cloud.compute.delete_server, created)
            return settled(cloud, created)

        yield server


@pytest.fixture
def upload(cloud: "Connection", tmp_path: Path) -> Iterator[Callable[[bytes], str]]:
    """Uploads an image with some content."""
    with ExitStack() as undo:

        def image(content: bytes) -> str:
            file = tmp_path / "image"
            file.write_bytes(content)
            created = cloud.image.create_image(
                f"role-{uuid4().hex[:8]}",
                filename=str(file),
                disk_format="raw",
                container_format="bare",
                use_import=False,
            )
            undo.callback(lambda: cloud.image.delete_image(created.id))
            return str(created.id)

        yield image


def settled(cloud: "Connection", server: Any) -> Any:
    """The server, when Nova is done with it."""
    end = time.monotonic() + DEADLINE_S
    while True:
        server = cloud.compute.get_server(server.id)
        if server.task_state is None and server.status not in ("BUILD", "RESIZE"):
            return server
        assert time.monotonic() < end, f"still {server.status} ({server.task_state})"
        time.sleep(0.5)


def debian(cloud: "Connection") -> str:
    return str(cloud.image.find_image("debian-13", ignore_missing=False).id)


def test_a_server_stops_starts_and_reboots(
    cloud: "Connection", create: Callable[[str], Any]
) -> None:
    server = create(debian(cloud))
    assert server.status == "ACTIVE"

    cloud.compute.stop_server(server)
    assert settled(cloud, server).status == "SHUTOFF"
    cloud.compute.start_server(server)
    assert settled(cloud, server).status == "ACTIVE"
    cloud.compute.reboot_server(server, "HARD")
    assert settled(cloud, server).status == "ACTIVE"


def test_its_console_can_be_read(cloud: "Connection", create: Callable[[str], Any]) -> None:
    server = create(debian(cloud))
    end = time.monotonic() + DEADLINE_S
    while "systemd" not in (said := cloud.compute.get_server_console_output(server)["output"]):
        assert time.monotonic() < end, said
        time.sleep(1)


def test_a_resize_is_refused_and_the_server_lives_on(
    cloud: "Connection", create: Callable[[str], Any]
) -> None:
    server = create(debian(cloud))

    cloud.compute.resize_server(
        server, cloud.compute.find_flavor("m1.medium", ignore_missing=False).id
    )

    after = settled(cloud, server)
    assert after.status == "ACTIVE"
    assert after.flavor["original_name"] == "m1.small"
    actions = [action.action for action in cloud.compute.server_actions(server)]
    assert "resize" in actions


def test_an_image_that_is_no_disk_is_the_fault_that_the_owner_reads(
    create: Callable[[str], Any], upload: Callable[[bytes], str]
) -> None:
    server = create(upload(b"no disk" * 1000))

    assert server.status == "ERROR"
    assert "neither a tar archive nor a disk" in server.fault["message"]


def test_an_image_without_an_init_is_the_fault_that_the_owner_reads(
    create: Callable[[str], Any], upload: Callable[[bytes], str]
) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.addfile(tarfile.TarInfo("etc/hostname"))

    server = create(upload(archive.getvalue()))

    assert server.status == "ERROR"
    assert "there is nothing to boot" in server.fault["message"]
