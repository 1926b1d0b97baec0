"""The local cloud as a whole. These tests stop and kill it, but only slow ones remove it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cumulo.local import cgroups, cloud, credentials, files, machine, network, paths
from cumulo.local.errors import CumuloError
from cumulo.local.state import of_user
from openstack.compute.v2.server import Server
from openstack.connection import Connection

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        os.environ.get("CUMULO_TEST_CLOUD", "cumulo-local") != "cumulo-local",
        reason="another cloud was named, and this is about the local one",
    ),
]

UP = "from cumulo.local import cloud; cloud.up()"


def _nspawn() -> int | None:
    return machine.find(of_user().root)


@pytest.fixture(scope="module")
def instance(cloud: Connection) -> Iterator[str]:
    """An instance that must live on; its id."""
    network = cloud.network.create_network(name="local-keeps")
    cloud.network.create_subnet(
        name="local-keeps", network_id=network.id, ip_version=4, cidr="192.168.91.0/24"
    )
    server = cloud.compute.create_server(
        name="local-keeps",
        image_id=cloud.image.find_image("debian-13", ignore_missing=False).id,
        flavor_id=cloud.compute.find_flavor("m1.small", ignore_missing=False).id,
        networks=[{"uuid": network.id}],
    )
    try:
        cloud.compute.wait_for_server(server, wait=300)
        yield server.id
    finally:
        cloud.compute.delete_server(server)
        cloud.compute.wait_for_delete(server, wait=300)
        cloud.network.delete_network(network)


def _is_running(connection: Connection, instance: str, within: float = 300) -> bool:
    until = time.monotonic() + within
    while time.monotonic() < until:
        server: Server = connection.compute.get_server(instance)
        if server.status == "ACTIVE" and server.power_state == 1 and not server.task_state:
            return True
        time.sleep(1)
    return False


def test_status_tells_what_is_up(cloud_name: str) -> None:
    found = cloud.status()
    assert found.ready
    assert found.hypervisor == "up"
    assert set(found.endpoints.values()) == {"up"}
    assert len(found.endpoints) == 7
    assert found.memory_mib
    assert "ready" in str(found)
    assert found.as_dict()["address"] == found.address


def test_the_entry_in_clouds_yaml_is_only_for_its_owner(cloud_name: str) -> None:
    assert credentials.clouds_yaml().stat().st_mode & 0o777 == 0o600
    assert of_user().directory.stat().st_mode & 0o777 == 0o700


def test_a_second_up_changes_nothing(cloud_name: str) -> None:
    def seen() -> tuple[object, ...]:
        state = of_user()
        watched = (state.role_log, state.directory / "applied", credentials.clouds_yaml())
        rules = subprocess.check_output(["nft", "--handle", "list", "table", "ip", "cumulo"])
        return (_nspawn(), rules, *(file.stat().st_mtime_ns for file in watched))

    before = seen()
    cloud.up()
    assert seen() == before


def test_two_ups_at_once_both_succeed(cloud_name: str) -> None:
    subprocess.check_call(["nft", "delete", "table", "ip", "cumulo"])
    both = [subprocess.Popen([sys.executable, "-c", UP]) for _ in range(2)]
    assert [process.wait(600) for process in both] == [0, 0]
    assert cloud.status().ready


def test_a_network_that_somebody_took_away_is_mended(cloud_name: str) -> None:
    subprocess.check_call(["nft", "delete", "table", "ip", "cumulo"])
    subprocess.check_call(["ip", "link", "set", network.EXTERNAL_PORT, "nomaster"])
    found = cloud.status()
    assert not found.ready
    assert any("network" in problem for problem in found.problems)
    cloud.up()
    assert network.in_place()
    assert cloud.status().ready


def test_ssh_hands_over_arguments_output_and_exit_code(
    cloud_name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cloud.ssh(["sh", "-c", 'echo "a  b"; exit 7']) == 7
    assert capfd.readouterr().out == "a  b\n"
    assert cloud.ssh(["echo one; echo two; exit 3"]) == 3
    assert capfd.readouterr().out == "one\ntwo\n"


def test_logs_of_the_server_a_service_and_the_role(
    cloud_name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cloud.logs("nova", lines=5) == 0
    assert "nova-compute.log" in capfd.readouterr().out
    assert cloud.logs("mariadb", lines=5) == 0
    assert cloud.logs(lines=5) == 0
    assert len(capfd.readouterr().out.splitlines()) >= 5
    assert cloud.logs("role", lines=1) == 0
    with pytest.raises(CumuloError, match="not the name of a service"):
        cloud.logs("nova; reboot")


def test_the_server_reaches_its_package_archive(cloud_name: str) -> None:
    strict = ["-o", "APT::Update::Error-Mode=any", "-o", "Acquire::Retries=1"]
    assert cloud.ssh(["apt-get", "-qq", *strict, "update"]) == 0


def test_a_killed_server_comes_back_with_its_instances(cloud: Connection, instance: str) -> None:
    before = _nspawn()
    assert before is not None
    os.kill(before, signal.SIGKILL)
    subprocess.check_call([sys.executable, "-c", UP])
    assert _nspawn() not in (None, before)
    assert _is_running(cloud, instance)


def test_down_leaves_the_machine_clean_and_up_brings_instances_back(
    cloud: Connection, instance: str
) -> None:
    from cumulo.local import cloud as local

    local.down()
    assert _nothing_runs() == []
    stopped = local.status()
    assert stopped.exists
    assert not stopped.running
    assert not stopped.ready
    with pytest.raises(CumuloError, match="does not run"):
        local.ssh(["true"])
    local.down()
    local.up()
    assert local.status().ready
    assert _is_running(cloud, instance)


def _nothing_runs() -> list[object]:
    links = [Path("/sys/class/net", link) for link in (network.MANAGEMENT, network.EXTERNAL)]
    links += [Path("/sys/class/net", network.EXTERNAL_PORT)]
    groups = [path / cgroups.NAME for path in cgroups.hierarchies()]
    left: list[object] = [path for path in links + groups if path.exists()]
    tables = subprocess.check_output(["nft", "list", "tables"], text=True)
    left += [line for line in tables.splitlines() if line.endswith(" cumulo")]
    left += files.mounts_below(of_user().directory)
    nspawn = _nspawn()
    return [*left, nspawn] if nspawn else left


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_reset_leaves_nothing_and_up_makes_all_of_it_anew(cloud_name: str) -> None:
    cloud.reset()
    assert _nothing_runs() == []
    assert not of_user().directory.exists()
    assert "cumulo-local" not in (
        credentials.clouds_yaml().read_text() if credentials.clouds_yaml().exists() else ""
    )
    cloud.reset()
    cloud.up()
    assert cloud.status().ready


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_an_up_that_is_killed_again_and_again_gets_there(cloud_name: str) -> None:
    cloud.reset()
    for seconds in (0.5, 2, 5, 12, 30, 60, 120):
        process = subprocess.Popen([sys.executable, "-c", UP], start_new_session=True)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if nspawn := _nspawn():
            os.kill(nspawn, signal.SIGKILL)
    cloud.up()
    assert cloud.status().ready
    assert not list(paths.cache().glob("*/.*.part"))


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_reset_copes_with_a_half_made_cloud(cloud_name: str) -> None:
    cloud.reset()
    process = subprocess.Popen([sys.executable, "-c", UP], start_new_session=True)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(20)
    process.kill()
    process.wait()
    cloud.reset()
    assert _nothing_runs() == []
    assert not of_user().directory.exists()
    cloud.up()
    assert cloud.status().ready
