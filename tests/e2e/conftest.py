"""The whole: the `cumulo` command, the program, the provider and the cloud."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.project import Project
from tests.e2e.tenant import Tenant, own_tenant

if TYPE_CHECKING:
    from openstack.connection import Connection


@pytest.fixture(scope="module")
def tenant(cloud: "Connection", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    with own_tenant(cloud, tmp_path_factory.mktemp("tenant")) as tenant:
        yield tenant


@pytest.fixture
def project(tenant: Tenant, tmp_path: Path) -> Project:
    """A stack that nothing has been done to yet."""
    return Project(tmp_path / "e2e", tenant.clouds_yaml)
