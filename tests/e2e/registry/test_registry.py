"""A registry on the cloud: what is pushed from outside is pulled by a node, by its own name."""

import io
import json
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import urllib3

from tests.cluster import ImageBuild
from tests.e2e.project import COMMAND, Project, compare
from tests.e2e.tenant import own_tenant
from tests.images.registry.running import Client, RefusedError
from tests.waiting import soon

if TYPE_CHECKING:
    from openstack.connection import Connection

# `cluster`: the node image has to be built.
pytestmark = [pytest.mark.cloud, pytest.mark.cluster, pytest.mark.timeout(1800)]

PULLED = "registry.cumulo.local/research/tool:1"


def layer() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = 4
        tar.addfile(entry, io.BytesIO(b"text"))
    return made.getvalue()


def test_a_node_pulls_what_a_project_has_pushed(
    cloud: "Connection", node_image_build: ImageBuild | None, tmp_path: Path
) -> None:
    if node_image_build is None:
        pytest.skip("this test needs the node image")
    image = node_image_build.upload()
    subprocess.run([COMMAND, "images", "upload", "registry"], check=True)
    with own_tenant(cloud, tmp_path) as tenant:
        project = Project(tmp_path / "registry", tenant.clouds_yaml)
        (project.folder / "stacks/__main__.py").write_text(
            Path(__file__).with_name("program.py").read_text()
        )

        def up(**projects: dict[str, bool]) -> dict[str, Any]:
            told = json.dumps({"projects": projects, "image": image, "pulled": PULLED})
            project.run(
                *("up", "--yes", "--skip-preview", "--stack", project.stack),
                CUMULO_TEST_REGISTRY=told,
            ).ok()
            found: dict[str, Any] = project.outputs("--show-secrets")
            return found

        before = tenant.inventory()
        try:
            outputs = up(research={}, finance={})
            made = outputs["registry"]

            def client(user: str) -> Client:
                password = made["credentials"][user]
                authority = made["ca_certificate"]
                return Client(443, authority, user, password, made["floating_address"])

            def pushed(user: str) -> bool:
                try:
                    client(user).push("research/tool", "1", layer())
                except (OSError, urllib3.exceptions.HTTPError):
                    return False
                return True

            assert soon(lambda: pushed("research"), within=180)
            with pytest.raises(RefusedError, match="401"):
                pushed("finance")

            def console() -> str:
                answer = tenant.connection.compute.get_server_console_output(outputs["node"])
                return str(answer["output"])

            assert soon(lambda: "pulled it" in console(), within=300), console()[-4000:]

            resources = project.resources()
            again = up(research={}, finance={}, another={})["registry"]
            changes = compare(resources, project.resources())
            assert changes.replaced == {"Instance registry-instance"}
            assert again["address"] == made["address"]
            assert again["ca_certificate"] == made["ca_certificate"]
            assert made["credentials"].items() < again["credentials"].items()
            # Its images went with its disk; nothing else did.
            assert soon(lambda: pushed("research"), within=180)
        finally:
            told = json.dumps({"projects": {}, "image": image, "pulled": PULLED})
            project.run(
                *("destroy", "--yes", "--skip-preview", "--stack", project.stack),
                CUMULO_TEST_REGISTRY=told,
            ).ok()
        assert tenant.inventory() == before
