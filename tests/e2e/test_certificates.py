"""Keys, certificates and passwords under the real engine; no cloud takes part."""

import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.handshake import shake_hands
from tests.local.project import Project

PROGRAM = Path(__file__).with_name("certificates") / "program.py"
NAMES = ["api.example.org", "localhost"]


@pytest.fixture
def project(tmp_path: Path, pulumi: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder, tmp_path / "data")
    made.program(PROGRAM.read_text())
    made.ok("stack", "init", "dev")
    configure(made, NAMES)
    return made


def configure(project: Project, names: list[str]) -> None:
    project.write("Pulumi.dev.yaml", json.dumps({"config": {"sample:names": names}}))


def steps(project: Project, *arguments: str) -> dict[str, str]:
    """What a preview would do to which resource."""
    found = json.loads(project.ok("preview", "--json", *arguments))["steps"]
    return {
        f"{step['urn'].split('::')[2].rpartition(':')[2]} {step['urn'].rpartition('::')[2]}": step[
            "op"
        ]
        for step in found
        if step["op"] != "same"
    }


def up(project: Project) -> dict[str, Any]:
    project.ok("up", "--yes", "--skip-preview")
    outputs: dict[str, Any] = json.loads(project.ok("stack", "output", "--json", "--show-secrets"))
    return outputs


def assert_clients_trust(outputs: dict[str, Any], folder: Path) -> None:
    """A client that knows the authority alone completes the handshake."""
    chain = folder / "chain.pem"
    chain.write_text(outputs["key"] + outputs["server"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    trusting = ssl.create_default_context(cadata=outputs["ca"])
    assert shake_hands(trusting, context, NAMES[0]) > 0


def test_the_life_of_certificates(project: Project, tmp_path: Path) -> None:
    assert set(steps(project).values()) == {"create"}
    outputs = up(project)
    assert_clients_trust(outputs, tmp_path)
    assert outputs["same"][0] == outputs["same"][1]
    assert len(outputs["password"]) == 24

    project.ok("preview", "--expect-no-changes")
    project.ok("preview", "--refresh", "--expect-no-changes")
    project.ok("refresh", "--yes", "--expect-no-changes")

    written = [file.read_bytes() for file in (tmp_path / "data").rglob("*") if file.is_file()]
    written.append(project.ok("stack", "export").encode())
    assert sum(b"selfSignedCert" in text for text in written) > 1
    for secret in ("PRIVATE KEY-----", outputs["password"], outputs["token"]):
        assert not any(secret.encode() in text for text in written)

    configure(project, [*NAMES, "more.example.org"])
    assert steps(project) == {
        "CertRequest server": "replace",
        "LocallySignedCert server": "replace",
        "RandomPet pet": "replace",
    }
    changed = up(project)
    assert_clients_trust(changed, tmp_path)
    for kept in ("ca", "key", "password", "token"):
        assert changed[kept] == outputs[kept]
    assert changed["server"] != outputs["server"]
    project.ok("preview", "--expect-no-changes")

    project.ok("destroy", "--yes", "--skip-preview")
    assert json.loads(project.ok("stack", "export"))["deployment"].get("resources", []) == []


def test_what_is_wrong_is_said_in_a_preview(project: Project) -> None:
    source = PROGRAM.read_text()
    project.program(source.replace('"server_auth"', '"serve"'))
    refused = project.run("preview")
    assert refused.returncode != 0
    assert "'allowedUses' has 'serve', which is none of" in refused.stdout + refused.stderr


def test_a_password_is_imported(project: Project) -> None:
    project.program("import pulumi")
    project.ok(
        "import",
        "random:index/randomPassword:RandomPassword",
        "old",
        "hunter2",
        "--yes",
        "--generate-code=false",
        "--protect=false",
    )
    project.program(
        """
        import pulumi, pulumi_random

        old = pulumi_random.RandomPassword("old", length=7)
        pulumi.export("old", old.result)
        """
    )
    assert steps(project) == {}
    assert up(project)["old"] == "hunter2"
