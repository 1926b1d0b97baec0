"""The registry image, and the command in it."""

import json
import subprocess
from pathlib import Path

import pytest
from cumulo.images import debian as packed
from cumulo.images.containers import golang
from cumulo.images.registry import image
from cumulo.infra.versions import REGISTRY
from cumulo.local import apt
from cumulo.local import image as debian


def test_components_know_the_version_that_is_built(registry_command: Path) -> None:
    assert image.version() == REGISTRY
    said = subprocess.run([registry_command, "--version"], capture_output=True, text=True)
    assert said.stdout.endswith(f"github.com/distribution/distribution/v3 v{REGISTRY}\n")


def test_its_name_tells_what_it_depends_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mirror = apt.Archives(("deb http://mirror.example/debian trixie main",))
    path = image.path(mirror)
    assert path.name.startswith(f"registry-{REGISTRY}-")
    assert image.path(mirror) == path
    other = apt.Archives(("deb http://other.example/debian trixie main",))
    monkeypatch.setattr(golang, "path", lambda commands: tmp_path / "built-otherwise")
    assert len({path, image.path(mirror), image.path(other)}) == 3


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_second_build_gives_the_same_hash(tmp_path: Path) -> None:
    base = debian.build(apt.archives())
    described = []
    for place in ("first", "second"):
        (tmp_path / place).mkdir()
        built = tmp_path / place / "image.tar.zst"
        image.make(base, built)
        described.append(json.loads(packed.description(built).read_text()))
        assert [path.name for path in built.parent.iterdir() if path.is_dir()] == []

    assert described[0] == described[1]
    assert described[0]["versions"] == {"registry": REGISTRY}
