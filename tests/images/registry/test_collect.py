"""What goes and what stays when garbage is collected."""

import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cumulo.infra.registry.configuration import Server

from tests.images.registry.conftest import PASSWORDS
from tests.images.registry.running import (
    INDEX,
    MANIFEST,
    Client,
    RefusedError,
    Running,
    Shown,
    running,
)

READ_ONLY = Path(__file__).parents[3] / "ansible/roles/registry/files/read-only"
Start = Callable[..., tuple[Running, Client, Client]]


@pytest.fixture
def start(registry_command: Path, told: Server, certificates: Shown) -> Iterator[Start]:
    """Starts a registry that is told something else, with the clients `research` and `images`."""
    opened = []

    def begin(**changes: object) -> tuple[Running, Client, Client]:
        context = running(registry_command, replace(told, **changes))  # type: ignore[arg-type]
        registry = context.__enter__()
        opened.append(context)
        research, images = (
            Client(registry.ports["main"], certificates.authority, user, PASSWORDS[user])
            for user in ("research", "images")
        )
        return registry, research, images

    yield begin
    for context in opened:
        context.__exit__(None, None, None)


def test_what_nothing_refers_to_goes_and_the_rest_stays(start: Start) -> None:
    registry, research, images = start(keep_tags=2)
    shared = b"shared " * 1000
    for number in range(4):
        research.push("research/net", f"v{number}", shared + bytes([number]) * 100_000)
        images.push("docker.io/library/debian", f"{number}", bytes([number]) * 1000)
        time.sleep(0.02)  # Or their tags were equally old.
    research.push("research/net", "v2", b"anew " * 1000)  # Its old content has no tag any more.
    # What has no tag of its own, but is a part of something that has one.
    part = research.push("research/multi", "part", b"for one processor")
    described = {"mediaType": MANIFEST, "digest": part, "size": 400}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}
    research.tag("research/multi", "1", index)
    research.tag("research/multi", "2", index)
    before = registry.bytes_kept()

    # As the units do: it takes nothing meanwhile, but still answers.
    registry.stop()
    registry.start(REGISTRY_STORAGE_MAINTENANCE_READONLY='{"enabled": true}')
    with pytest.raises(RefusedError) as refused:
        research.push("research/net", "v9", b"meanwhile")
    assert refused.value.status == 405
    assert research.pull("research/net", "v3").endswith(b"\3")
    said = registry.collect()
    registry.stop()
    registry.start()

    assert research.tags("research/net") == ["v2", "v3"]
    assert "research/net: the tag v0 goes: 2 newer ones stay" in said
    assert research.pull("research/net", "v2") == b"anew " * 1000
    assert research.pull("research/net", "v3") == shared + bytes([3]) * 100_000
    assert research.pull("research/multi", part) == b"for one processor"
    assert research.tags("research/multi") == ["1", "2"]
    # What mirrors answer is no project's, and stays.
    assert images.tags("docker.io/library/debian") == ["0", "1", "2", "3"]
    assert before - registry.bytes_kept() > 300_000
    # What went can come again.
    research.push("research/net", "v0", shared + bytes([0]) * 100_000)
    assert research.pull("research/net", "v0") == shared + bytes([0]) * 100_000


def test_without_retention_only_what_was_deleted_goes(start: Start) -> None:
    registry, research, _ = start(keep_tags=0, untagged=True)
    research.push("research/net", "1", b"a" * 50_000)
    by_digest = research.push("research/net", "2", b"b" * 50_000)
    research.push("research/net", "2", b"c" * 50_000)
    deleted = research.push("research/other", "1", b"d" * 50_000)
    research.ask("DELETE", f"/v2/research/other/manifests/{deleted}")
    before = registry.bytes_kept()

    registry.collect()

    assert research.pull("research/net", by_digest) == b"b" * 50_000
    assert research.pull("research/net", "1") == b"a" * 50_000
    assert 50_000 <= before - registry.bytes_kept() < 60_000


def test_a_registry_without_images_has_nothing_to_collect(start: Start) -> None:
    registry, research, _ = start()

    assert registry.collect() == "there are no images yet\n"
    research.ask("POST", "/v2/research/net/blobs/uploads/")
    assert registry.collect() == "there are no images yet\n"


def test_a_process_that_ends_lets_uploads_end(start: Start) -> None:
    registry, research, _ = start()
    begun = research.ask("POST", "/v2/research/net/blobs/uploads/").headers["Location"]
    kind = "application/octet-stream"
    begun = research.ask("PATCH", begun, b"first half", Content_Type=kind).headers["Location"]

    registry.stop()
    registry.start()

    digest = "sha256:2f7cbd7cbb96ca0a1c2a1f4e6bd6ad5d5f1ee0ac2e0b5d3c0a5b3d6f7d6f5e1c"
    with pytest.raises(RefusedError) as refused:  # It is known, and is not what was said.
        research.ask("PUT", f"{begun}&digest={digest}", b" second half", Content_Type=kind)
    assert refused.value.status == 400
    assert "DIGEST_INVALID" in str(refused.value)


def test_the_script_around_it_is_posix_shell(tmp_path: Path) -> None:
    checked = subprocess.run(["sh", "-n", READ_ONLY], capture_output=True, text=True)
    assert (checked.returncode, checked.stderr) == (0, "")
    wrong = subprocess.run(["sh", READ_ONLY], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr) == (2, "usage: read-only on|off\n")
