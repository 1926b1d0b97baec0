"""The registry image as a server: cloud-init, systemd, and all that they are told."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cumulo.images import registry as registry_image
from cumulo.infra.registry import configuration
from cumulo.infra.registry.configuration import Access, Cache, Server

from tests.images.registry.conftest import PASSWORDS
from tests.images.registry.machine import Machine
from tests.images.registry.running import Shown

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.xdist_group("registry-server"),  # One boots for all of them.
]


@pytest.fixture(scope="module")
def server(told: Server, certificates: Shown) -> Iterator[Machine]:
    access = Access(
        projects={"research": False, "finance": True}, upstreams=["quay.io"], passwords=PASSWORDS
    )
    # Of itself, since there is nobody else.
    cache = Cache(name="quay.io", port=5001, url="https://127.0.0.1")
    whole = replace(
        told,
        access=access,
        caches=[cache],
        trusted=[certificates.authority],
        daily_at="04:15",
    )
    image = registry_image.build()
    with tempfile.TemporaryDirectory(prefix="registry-server-") as folder:
        machine = Machine(image, Path(folder), configuration.user_data(whole))
        try:
            machine.wait()
            yield machine
        finally:
            machine.stop()


def _ask(server: Machine, path: str, *arguments: str) -> str:
    """The status that it answers with; curl knows the authority as the server itself does."""
    return server.run(
        *("curl", "--silent", "--show-error", "--retry", "10", "--retry-connrefused"),
        *("--output", "/dev/null", "--write-out", "%{http_code}", *arguments),
        f"https://127.0.0.1{path}",
    )


def test_every_part_runs(server: Machine) -> None:
    assert _ask(server, "/") == "200"
    assert _ask(server, ":5001/") == "200"
    units = ["registry@main", "registry@quay.io", "registry-guard", "registry-collect.timer"]
    assert server.run("systemctl", "is-active", *units).split() == ["active"] * 4
    assert server.run("systemctl", "--failed", "--quiet", "--no-legend") == ""
    assert "04:15:00 UTC" in server.run("systemctl", "list-timers", "registry-collect.timer")
    assert set(server.run("ps", "-o", "user=", "-C", "registry").split()) == {"registry"}


def test_a_project_pushes_its_own(server: Machine) -> None:
    def push(user: str) -> str:
        login = f"{user}:{PASSWORDS[user]}"
        return _ask(server, "/v2/research/net/blobs/uploads/", "-u", login, "-X", "POST")

    assert (push("research"), push("finance")) == ("202", "401")


def test_secrets_are_root_s_and_the_registry_s_own(server: Machine) -> None:
    def as_anybody(*command: str) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            server.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *command)

    for file in ("/etc/registry/main.yml", "/etc/registry/tls.key", "/var/lib/cloud/instance/"):
        as_anybody("cat", f"{file}user-data.txt" if file.endswith("/") else file)
    rules = server.run("nft", "--json", "list", "table", "inet", "registry_guard")
    assert "169.254.169.254" in json.dumps(json.loads(rules))
    assert "registry-guard.service" in server.run("systemctl", "cat", "registry@main")


def test_garbage_is_collected_and_writes_are_taken_again(server: Machine) -> None:
    server.run("systemctl", "start", "registry-collect.service")

    log = server.run("journalctl", "--unit", "registry-collect", "--output", "cat")
    assert "there are no images yet" in log
    assert server.run("ls", "/run/registry") == ""
    login = f"research:{PASSWORDS['research']}"
    assert _ask(server, "/v2/research/net/blobs/uploads/", "-u", login, "-X", "POST") == "202"


def test_writes_are_taken_again_after_a_failure(server: Machine) -> None:
    server.run("mv", "/etc/registry/main.yml", "/etc/registry/kept")
    try:
        with pytest.raises(subprocess.CalledProcessError):
            server.run("systemctl", "start", "registry-collect.service")
    finally:
        server.run("mv", "/etc/registry/kept", "/etc/registry/main.yml")
    assert server.run("ls", "/run/registry") == ""
    assert _ask(server, "/") == "200"


def test_it_comes_back_as_it_was(server: Machine) -> None:
    server.run("systemctl", "kill", "--signal=KILL", "registry@main.service")

    assert _ask(server, "/") == "200"
