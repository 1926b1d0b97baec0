"""A whole program, run by the real engine against a real Keycloak."""

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.providers.keycloak.running import RunningKeycloak, claims, header
from tests.providers.keycloak.test_shapes import official, properties
from tests.waiting import soon

COMMAND = str(Path(sys.executable).with_name("cumulo"))
LOGIN = "a good one"


class Program:
    """The program in a folder of its own, with a state and a realm of its own."""

    def __init__(self, folder: Path, server: RunningKeycloak) -> None:
        self.folder = folder / "program"
        shutil.copytree(Path(__file__).parent / "program", self.folder)
        (folder / "state").mkdir()
        self.realm = f"program-{uuid.uuid4().hex[:8]}"
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            # The SDK's default of 5 s is too little for a machine that does much else.
            "KEYCLOAK_CLIENT_TIMEOUT": "60",
        }
        self.run("stack", "init", "test")
        for key, value in (("url", server.url), ("realm", self.realm)):
            self.run("config", "set", key, value)
        for key, value in (("password", server.password), ("login", LOGIN)):
            self.run("config", "set", "--secret", key, value)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts `cumulo` in a session of its own."""
        return subprocess.Popen(
            [COMMAND, *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """Runs `cumulo`, which must succeed; what it said."""
        with self.start(*arguments) as started:
            said, _ = started.communicate(timeout=600)
        assert started.returncode == 0, said
        return said

    def outputs(self) -> dict[str, Any]:
        said = self.run("stack", "output", "--json", "--show-secrets")
        found: dict[str, Any] = json.loads(said)
        return found

    def state(self) -> list[dict[str, Any]]:
        """Keycloak's resources, as the state has them."""
        exported = json.loads(self.run("stack", "export", "--show-secrets"))
        found: list[dict[str, Any]] = exported["deployment"]["resources"]
        return [each for each in found if each["type"].startswith("keycloak:")]


@pytest.fixture
def program(tmp_path: Path, server: RunningKeycloak, pulumi: Path) -> Iterator[Program]:
    made = Program(tmp_path, server)
    yield made
    made.run("destroy", "--yes", "--skip-preview")
    assert server.ask("GET", f"/realms/{made.realm}")["error"] == "Realm not found."


def test_people_and_services_get_tokens_that_say_what_they_may(
    program: Program, server: RunningKeycloak
) -> None:
    assert "to create" in program.run("preview")
    program.run("up", "--yes", "--skip-preview")
    program.run("preview", "--expect-no-changes")
    program.run("preview", "--refresh", "--expect-no-changes", "--diff")
    made = program.outputs()
    assert made["same"] == made["secret"]

    token = server.token(program.realm, made["web"], username="ada", password=LOGIN)["access_token"]
    person = claims(token)
    assert header(token)["alg"] == "RS256"
    assert person["groups"] == ["/teams/blue"]
    assert person["where"] == "here"
    assert "api" in person["aud"]
    assert "reader" in person["realm_access"]["roles"]
    assert person["exp"] - person["iat"] == 600

    service = claims(
        server.token(program.realm, "api", client_secret=made["secret"])["access_token"]
    )
    assert service["resource_access"]["api"]["roles"] == ["writer"]
    assert "reader" in service["realm_access"]["roles"]
    refused = server.token(program.realm, "api", client_secret="wrong")
    assert refused["error"] == "unauthorized_client"

    # What the SDK promises of each resource is there, and secrets are nowhere in plain text.
    for resource in program.state():
        for key, always in properties(official(resource["type"])).items():
            assert not always or resource["outputs"].get(key) is not None, (resource, key)
    plain = program.run("stack", "export")
    assert LOGIN not in plain
    assert made["secret"] not in plain

    program.run("config", "set", "title", "Another")
    assert "1 updated" in program.run("up", "--yes", "--skip-preview")
    assert server.ask("GET", f"/realms/{program.realm}")["displayName"] == "Another"


def test_a_killed_run_is_gone_on_with(program: Program, server: RunningKeycloak) -> None:
    """Everything is killed at once while objects are being made; then there is one of each."""
    started = program.start("up", "--yes", "--skip-preview")
    path = f"/realms/{program.realm}/clients"

    def has_clients() -> bool:
        found = server.ask("GET", path)
        return isinstance(found, list) and any(each["clientId"] == "api" for each in found)

    try:
        assert soon(has_clients, within=300)
    finally:
        os.killpg(started.pid, signal.SIGKILL)
        started.communicate(timeout=60)

    program.run("up", "--yes", "--skip-preview")
    program.run("preview", "--refresh", "--expect-no-changes", "--diff")
    names = [each["clientId"] for each in server.ask("GET", path)]
    assert len(names) == len(set(names))
    assert len([name for name in names if name == "api" or name.startswith("web-")]) == 2
    assert len(server.ask("GET", f"/realms/{program.realm}/users")) == 1
