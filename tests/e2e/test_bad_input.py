"""What users get wrong, and what goes wrong around them: one clear error, and nothing left."""

import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.e2e.gate import Gate
from tests.e2e.project import Project
from tests.e2e.tenant import ENTRY, Tenant

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud


@pytest.fixture
def untouched(tenant: Tenant, project: Project) -> Iterator[None]:
    """Fails the test if it left anything, in the cloud or in the state."""
    before = tenant.inventory()
    yield
    assert tenant.inventory() == before
    assert project.resources() == {}


def up(project: Project, **environment: str) -> str:
    """An `up` that must fail; what it said."""
    run = project.run("up", "--yes", "--stack", project.stack, **environment)
    return run.refused()


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("sections", "words"),
    [
        pytest.param(
            {"servers": {"cpu_cout": 2}},
            "Pulumi.e2e.yaml: cumulo:servers.cpu_cout: unknown key; allowed: cpu_count, ",
            id="unknown key",
        ),
        pytest.param(
            {"severs": {}},
            "Pulumi.e2e.yaml: cumulo:severs: unknown key; allowed: image, network, ",
            id="unknown section",
        ),
        pytest.param(
            {"servers": {"cpu_flavor": "m9.huge"}},
            "flavor: the cloud has no flavor 'm9.huge'",
            id="flavor that does not exist",
        ),
        pytest.param(
            {"image": "plan-9"},
            "image: the cloud has no image 'plan-9'",
            id="image that does not exist",
        ),
        pytest.param(
            {"gpu_server": {"count": 16}},
            "no flavor has 16 x h200; of those in gpu.flavors the cloud has "
            "1 x h200 (gpu.h200.1), 2 x h200 (gpu.h200.2)",
            id="more GPUs than the cloud has",
        ),
    ],
)
def test_wrong_settings_are_named(project: Project, sections: dict[str, Any], words: str) -> None:
    project.set(**sections)

    assert words in up(project)


@pytest.mark.usefixtures("untouched")
def test_a_range_that_the_external_network_has_is_refused(
    project: Project, cloud: "Connection"
) -> None:
    public = cloud.network.find_network("public", ignore_missing=False)
    taken = cloud.network.get_subnet(public.subnet_ids[0]).cidr
    project.set(network={"cidr": taken})

    assert f"cidr: {taken} overlaps {taken} of the external network 'public'" in up(project)


def other_clouds(project: Project, tenant: Tenant, **auth: str) -> dict[str, str]:
    """The environment with another `clouds.yaml`: the tenant's own, with other words for auth."""
    content = yaml.safe_load(tenant.clouds_yaml.read_text())
    content["clouds"][ENTRY]["auth"] |= auth
    file = project.folder / "other-clouds.yaml"
    file.write_text(yaml.safe_dump(content))
    return {"OS_CLIENT_CONFIG_FILE": str(file)}


@pytest.mark.usefixtures("untouched")
def test_wrong_credentials_are_told_as_such(project: Project, tenant: Tenant) -> None:
    said = up(project, **other_clouds(project, tenant, password="wrong"))

    assert "requires authentication" in said or "could not be authenticated" in said
    assert "wrong" not in said


@pytest.mark.usefixtures("untouched")
def test_a_cloud_that_is_not_there_is_told_as_such(project: Project, tenant: Tenant) -> None:
    nowhere = "http://127.0.0.1:9/v3"

    said = up(project, **other_clouds(project, tenant, auth_url=nowhere))

    assert nowhere in said


@pytest.mark.usefixtures("untouched")
def test_a_cloud_that_nobody_named_is_told_as_such(project: Project) -> None:
    project.base["openstack:cloud"] = "nimbus"
    project.set()

    assert "nimbus" in up(project)


@pytest.mark.usefixtures("untouched")
def test_a_wrong_passphrase_is_told_as_such(project: Project) -> None:
    assert "incorrect passphrase" in up(project, PULUMI_CONFIG_PASSPHRASE="wrong")


@pytest.mark.usefixtures("untouched")
def test_a_program_that_raises_makes_nothing_and_shows_where(project: Project) -> None:
    program = project.folder / "stacks/__main__.py"
    program.write_text(program.read_text() + '\nraise ZeroDivisionError("no reason")\n')

    said = up(project)

    assert "ZeroDivisionError: no reason" in said
    assert "stacks/__main__.py" in said
    # The author's own frames, not the ones of the machinery around them.
    assert "run_in_stack" not in said


@pytest.mark.usefixtures("untouched")
def test_of_two_runs_at_once_the_second_is_refused(project: Project) -> None:
    project.set(servers={"cpu_count": 1})
    locks = project.folder / "state/.pulumi/locks"
    with project.start("up", "--yes", "--stack", project.stack) as first:
        while first.poll() is None and not any(locks.rglob("*.json")):
            time.sleep(0.05)
        said = up(project)
        text, _ = first.communicate(timeout=600)

    assert "currently locked" in said
    assert first.returncode == 0, text
    project.destroy()


@pytest.mark.usefixtures("untouched")
def test_a_cloud_that_is_lost_in_the_middle_is_gone_on_with_when_it_is_back(
    project: Project, tenant: Tenant
) -> None:
    with Gate(tenant, project.folder) as gate:
        through = {"OS_CLIENT_CONFIG_FILE": str(gate.clouds_yaml)}
        with project.start("up", "--yes", "--stack", project.stack, **through) as lost:
            while lost.poll() is None and not list(tenant.connection.compute.servers()):
                time.sleep(0.2)
            gate.shut()
            text, _ = lost.communicate(timeout=600)

    assert lost.returncode != 0, text
    assert gate.closed_to in text
    project.run("up", "--yes", "--stack", project.stack).ok()
    servers = [server.name for server in tenant.connection.compute.servers()]
    assert sorted(servers) == ["gpu", "web-0", "web-1"]
    project.destroy()


@pytest.mark.usefixtures("untouched")
def test_gpus_that_are_not_free_are_told_in_novas_words_and_fewer_of_them_go_on(
    project: Project, tenant: Tenant
) -> None:
    """The local cloud has four GPUs, and each of these servers wants two."""
    three = {"cpu_count": 3, "cpu_flavor": "gpu.h200.2", "at_once": 3, "floating_ips": False}
    del project.base["cumulo:gpu_server"]
    project.set(servers=three)

    said = up(project)

    # Its scheduler sees that no device is free, or, where two ask at once, its host does.
    words = "No valid host was found|Exceeded maximum number of retries"
    refused = set(re.findall(rf"Nova could not build instance '(web-\d)': (?:{words})", said))
    assert refused, said
    made = {server.name: server.id for server in tenant.connection.compute.servers()}
    assert made.keys() == {"web-0", "web-1", "web-2"} - refused
    kept = {
        item["outputs"]["name"]: item["id"]
        for name, item in project.resources().items()
        if name.startswith("Instance ")
    }
    assert kept == made

    project.up(servers={**three, "cpu_count": 1})
    assert [server.name for server in tenant.connection.compute.servers()] == ["web-0"]
    project.destroy()
