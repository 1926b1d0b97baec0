"""Images are pushed to the registry that one of them is."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cumulo.images.containers import image, pushing, store
from cumulo.images.containers.distribution import Registry
from cumulo.images.containers.recipes import RECIPES

from tests.images.containers.conftest import PASSWORD, USER, RunningRegistry

CUMULO = str(Path(sys.executable).with_name("cumulo"))
REPOSITORY = "docker.io/library/registry"


def _command(registry: RunningRegistry, **variables: str) -> dict[str, Any]:
    told = {"CUMULO_REGISTRY_USER": USER, "CUMULO_REGISTRY_PASSWORD": PASSWORD}
    return {
        "args": [
            *(CUMULO, "images", "push", "distribution"),
            *("--registry", registry.address, "--ca", str(registry.authority)),
        ],
        "env": os.environ | told | variables,
        "text": True,
    }


def _push(registry: RunningRegistry, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(capture_output=True, timeout=120, **_command(registry, **variables))


def _tag(registry: RunningRegistry) -> str:
    return str(registry.said["reference"]).rpartition(":")[2]


def test_a_push_that_is_killed_continues_and_what_is_there_is_not_sent_again(
    registry: RunningRegistry,
) -> None:
    first = registry.said["layers"][0]["size"]
    with subprocess.Popen(stderr=subprocess.PIPE, **_command(registry)) as push:
        assert push.stderr is not None
        for line in push.stderr:
            if f"sent {first / 1e6:.0f} MB" in line:
                push.send_signal(signal.SIGKILL)
                break
    continued = _push(registry)
    assert continued.returncode == 0, continued.stderr
    assert f"sent {first / 1e6:.0f} MB" not in continued.stderr

    tag = _tag(registry)
    answer = registry.get(f"/v2/{REPOSITORY}/manifests/{tag}", Accept=store.MANIFEST)
    assert answer.headers["Docker-Content-Digest"] == registry.said["digest"]
    assert f"sha256:{hashlib.sha256(answer.data).hexdigest()}" == registry.said["digest"]
    manifest = json.loads(answer.data)
    blobs = [manifest["config"], *manifest["layers"]]
    assert blobs == [registry.said["config"], *registry.said["layers"]]
    for blob in blobs:
        pulled = registry.get(f"/v2/{REPOSITORY}/blobs/{blob['digest']}").data
        assert len(pulled) == blob["size"]
        assert f"sha256:{hashlib.sha256(pulled).hexdigest()}" == blob["digest"]

    asked = len(registry.log.read_text())
    again = _push(registry)
    assert again.stdout == "distribution  is there already\n"
    # The registry's own word for it: nothing but questions.
    since = registry.log.read_text()[asked:]
    assert "http.request.method=HEAD" in since
    assert "http.request.method=P" not in since


def test_a_layer_that_another_image_has_is_not_sent_again(
    registry: RunningRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A list of images of its own, over the layers that there are.
    for name in ("blobs", "commands", "debian", "layers"):
        (tmp_path / name).symlink_to(store.folder() / name)
    monkeypatch.setattr(store, "folder", lambda: tmp_path)
    one = RECIPES["distribution"]
    # Another image of the same layers: its configuration is its own.
    other = replace(one, name="other", reference="docker.io/cumulo/other:1", ports=(5001,))
    for recipe in (one, other):
        image.build(recipe)

    client = Registry(registry.address, USER, PASSWORD, registry.authority)
    sent = pushing.push([one, other], client)

    # Its manifest and its configuration.
    assert 0 < sent["other"] < 10_000
    layer = registry.said["layers"][0]["digest"]
    assert registry.get(f"/v2/docker.io/cumulo/other/blobs/{layer}").status == 200


def test_a_wrong_password_is_one_clear_error(registry: RunningRegistry) -> None:
    refused = _push(registry, CUMULO_REGISTRY_PASSWORD="guess")

    assert refused.returncode == 1
    assert f"registry {registry.address} does not accept user 'pusher'" in refused.stderr
    assert "CUMULO_REGISTRY_PASSWORD" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "guess" not in refused.stderr


def test_a_certificate_that_nobody_knows_is_one_clear_error(registry: RunningRegistry) -> None:
    command = _command(registry)
    command["args"] = command["args"][:-2]
    refused = subprocess.run(capture_output=True, timeout=60, **command)

    assert refused.returncode == 1
    assert "--ca FILE" in refused.stderr
    assert "Traceback" not in refused.stderr
