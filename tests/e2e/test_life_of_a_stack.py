"""From up to destroy, on one stack: each test starts from the local environment as written."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.project import Changes, Project, get
from tests.e2e.tenant import Tenant
from tests.waiting import soon

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud


NOTHING = Changes()
ALL_INSTANCES = {
    "Instance web-0-instance",
    "Instance web-1-instance",
    "Instance gpu-server-instance",
}


@pytest.fixture(scope="module")
def before(tenant: Tenant) -> dict[str, set[str]]:
    """What the cloud had before anything was made."""
    return tenant.inventory()


@pytest.fixture(scope="module")
def stack(
    tenant: Tenant, before: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    project = Project(tmp_path_factory.mktemp("e2e"), tenant.clouds_yaml)
    try:
        yield project
    finally:
        project.run("refresh", "--yes", "--skip-preview", "--stack", project.stack)
        project.destroy()


@pytest.fixture
def standing(stack: Project) -> Project:
    """The stack, up, with the settings of the local environment."""
    stack.up()
    return stack


def reach(address: str, port: int) -> str:
    """How a server takes to a knock: `open`, `refused` by the server, or `blocked` before it."""
    try:
        with socket.create_connection((address, port), timeout=4):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "blocked"


def check(project: Project) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "stacks/check.py", "--stack", project.stack],
        cwd=project.folder,
        env=project.environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_address_that_up_prints_answers(standing: Project) -> None:
    checked = check(standing)

    assert checked.returncode == 0, checked.stdout + checked.stderr
    printed = standing.outputs()["endpoints"]
    assert set(printed) == {"service", "web-0", "web-1", "gpu"}
    for line, (name, url) in zip(checked.stdout.splitlines(), printed.items(), strict=True):
        assert line.split()[:3] == [name, url, "answers"]


def test_the_load_balancer_passes_requests_to_every_server(standing: Project) -> None:
    url = standing.outputs()["service_url"]
    seen: set[str | None] = set()

    def all_seen() -> bool:
        seen.add(get(url))
        return {"web-0", "web-1"} <= seen

    soon(all_seen, within=240)

    assert seen - {None} == {"web-0", "web-1"}


def test_security_groups_let_in_what_rules_say_and_nothing_else(standing: Project) -> None:
    servers = standing.outputs()["servers"]
    web, gpu = (servers[name]["floating_address"] for name in ("web-0", "gpu"))
    assert soon(lambda: reach(web, 8080) == "open", within=240)
    assert soon(lambda: reach(gpu, 22) == "open", within=240)

    # A port that no rule opens is blocked, whether or not somebody listens there.
    assert reach(web, 2222) == "blocked"
    assert reach(gpu, 8080) == "blocked"


def test_a_second_up_changes_nothing(standing: Project) -> None:
    assert standing.up() == NOTHING

    standing.run("preview", "--expect-no-changes", "--stack", standing.stack).ok()


def test_a_changed_rule_replaces_that_rule_alone_and_works(standing: Project) -> None:
    url = standing.outputs()["service_url"]
    assert soon(lambda: get(url), within=240)

    # OpenStack's rules cannot be altered, so a changed one is another one.
    changes = standing.up(service={"clients": "198.51.100.0/24"})

    assert changes == Changes(replaced={"SecGroupRule web-clients"})
    assert soon(lambda: get(url) is None, within=240)
    assert standing.up() == Changes(replaced={"SecGroupRule web-clients"})
    assert soon(lambda: get(url), within=240)


def test_adding_a_server_touches_only_that_server(standing: Project) -> None:
    url = standing.outputs()["service_url"]
    third = {
        "Port web-2-port",
        "Instance web-2-instance",
        "FloatingIp web-2-floating-ip",
        "FloatingIpAssociate web-2-floating-ip-associate",
        "Member web-http-member-web-2",
    }

    assert standing.up(servers={"cpu_count": 3}) == Changes(created=third)

    assert soon(lambda: get(url) == "web-2", within=240)
    assert standing.up() == Changes(deleted=third)


@pytest.fixture(scope="module")
def other_image(cloud: "Connection") -> Iterator[str]:
    """The same image once more, under another name."""
    glance: Any = cloud.image
    original = glance.find_image("debian-13", ignore_missing=False)
    download = glance.download_image(original, stream=True)
    name = "debian-13-e2e"
    copy = glance.create_image(
        name,
        container_format=original.container_format,
        disk_format=original.disk_format,
        data=download.raw,
        **{key: value for key, value in original.properties.items() if key.startswith("hw_")},
    )
    yield name
    glance.delete_image(copy)


def test_a_changed_image_replaces_servers_and_keeps_their_addresses(
    standing: Project, other_image: str, tenant: Tenant
) -> None:
    before = standing.outputs()["servers"]

    changes = standing.up(image=other_image, servers={"at_once": 1})

    assert changes == Changes(replaced=ALL_INSTANCES)
    assert standing.outputs()["servers"] == before
    servers = {server.name: server for server in tenant.connection.compute.servers()}
    assert set(servers) == {"web-0", "web-1", "gpu"}
    # One by one: the second was asked for when the first had started.
    assert servers["web-1"].created_at >= servers["web-0"].launched_at[:19]
    url = standing.outputs()["service_url"]
    assert soon(lambda: get(url), within=240)


def test_refresh_sees_a_server_that_was_deleted_behind_our_back(
    standing: Project, tenant: Tenant
) -> None:
    compute = tenant.connection.compute
    lost = compute.find_server("web-1", ignore_missing=False)
    compute.delete_server(lost)
    compute.wait_for_delete(lost)

    standing.run("refresh", "--yes", "--skip-preview", "--stack", standing.stack).ok()

    assert "Instance web-1-instance" not in standing.resources()
    assert standing.up() == Changes(created={"Instance web-1-instance"})


def test_destroy_leaves_openstack_as_it_was(
    standing: Project, tenant: Tenant, before: dict[str, set[str]]
) -> None:
    assert tenant.inventory() != before

    standing.destroy()

    assert tenant.inventory() == before
    assert standing.resources() == {}
