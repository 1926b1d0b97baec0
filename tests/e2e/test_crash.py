"""kill -9 in the middle of an `up`, and `up` again: all there, nothing twice, nothing left over."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.e2e.project import ROOT, Project
from tests.e2e.tenant import Tenant

pytestmark = [pytest.mark.cloud, pytest.mark.timeout(600)]

# The program makes 15 resources. By the n-th call some are in the state, some are being made.
PLACES = [
    f"{who} {moment} {number}"
    for who in ("provider", "engine", "language-host")
    for moment, numbers in (
        ("before-create", (1, 9)),
        ("after-post", (2, 7, 11)),
        ("after-create", (1, 6, 12)),
    )
    for number in numbers
]


@pytest.fixture(scope="module")
def crashing(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A stack of the crash test's program, whose provider can be told to crash."""
    project = Project(tmp_path_factory.mktemp("crash") / "crash", tenant.clouds_yaml)
    here = Path(__file__).parent / "crash"
    shutil.copy(here / "program.py", project.folder / "stacks/__main__.py")
    plugins = project.folder / "bin"
    plugins.mkdir()
    plugin = plugins / "pulumi-resource-openstack"
    plugin.write_text(f'#!/bin/sh\nexec {sys.executable} -m tests.e2e.crash.provider "$@"\n')
    plugin.chmod(0o755)
    # Pulumi takes the plugin on the PATH before any that is installed.
    path = project.environment["PATH"]
    project.environment |= {"PATH": f"{plugins}:{path}", "PYTHONPATH": str(ROOT)}
    return project


@pytest.fixture
def clean(crashing: Project, tenant: Tenant) -> Project:
    """The stack without resources, in a project without any."""
    crashing.destroy()
    assert not crashing.resources()
    return crashing


@pytest.mark.parametrize("place", PLACES)
def test_an_interrupted_up_continues(clean: Project, tenant: Tenant, place: str) -> None:
    before = tenant.inventory()
    up = ("up", "--yes", "--skip-preview", "--stack", clean.stack)

    clean.run(*up, CUMULO_CRASH=place).refused()
    clean.run(*up).ok()

    made = tenant.inventory()
    resources = clean.resources()
    ids = {item["id"] for item in resources.values()}
    assert len(resources) == 15
    for kind, one_each in {
        "networks": 1,
        "subnets": 1,
        "routers": 1,
        "security groups": 1,
        "servers": 1,
        "floating IPs": 1,
        "load balancers": 1,
        "listeners": 1,
        "pools": 1,
        "monitors": 1,
    }.items():
        new = made[kind] - before[kind]
        assert len(new) == one_each, f"{kind}: {new}"
        assert new <= ids, f"{kind}: the state does not know {new - ids}"
    # Each in its subnet: the server's, the router's, the load balancer's; more would be a leak.
    assert len(made["ports"] - before["ports"]) <= 4

    clean.destroy()
    assert tenant.inventory() == before
