"""Fixtures that every room's tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cluster import (
    BUILD_SECONDS,
    ImageBuild,
    StandingCluster,
    named_kubeconfig,
    standing_cluster,
)

if TYPE_CHECKING:
    from openstack.connection import Connection


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the tests on a cluster last: until then its node image has time to be built.

    Whichever comes first may still have to wait for it. Where tests run in several processes, one
    of them has all that need the cloud, one after the other: they mostly wait, and some stop it.
    """
    items.sort(key=_needs_cluster)
    for item in items:
        if _needs_cluster(item) or item.get_closest_marker("cloud") is not None:
            item.add_marker(pytest.mark.xdist_group("cloud"))
    for item in filter(_needs_cluster, items):
        if item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(BUILD_SECONDS))


def _needs_cluster(item: pytest.Item) -> bool:
    return item.get_closest_marker("cluster") is not None


@pytest.fixture(scope="session", autouse=True)
def node_image_build(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageBuild | None]:
    """Starts to build the node image, if any test of this run is going to need it."""
    if named_kubeconfig() or not any(_needs_cluster(item) for item in request.session.items):
        yield None
        return
    build = ImageBuild(tmp_path_factory.mktemp("node-image") / "log")
    yield build
    build.stop()


@pytest.fixture(scope="session")
def standing(
    cloud: "Connection",
    node_image_build: ImageBuild | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[StandingCluster]:
    """The program in `stacks/` with its cluster, up; for tests that change the cluster itself."""
    if node_image_build is None:
        pytest.skip("CUMULO_TEST_KUBECONFIG names a cluster that is not the tests' own")
    folder = tmp_path_factory.mktemp("cluster")
    with standing_cluster(cloud, node_image_build, folder) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def kubeconfig(request: pytest.FixtureRequest) -> str:
    """The path of a real cluster's kubeconfig: the one that is named, or of one made here."""
    named = named_kubeconfig()
    if named is None:
        cluster: StandingCluster = request.getfixturevalue("standing")
        named = cluster.kubeconfig
    return str(named)


@pytest.fixture(scope="session")
def cloud_name() -> str:
    """The `clouds.yaml` entry that tests run against: the local cloud, brought up if it is not.

    `CUMULO_TEST_CLOUD` names another, which must be up already.
    """
    other = os.environ.get("CUMULO_TEST_CLOUD")
    if other:
        return other
    from cumulo.local import cloud

    cloud.up()
    return "cumulo-local"


@pytest.fixture(scope="session")
def cloud(cloud_name: str) -> "Iterator[Connection]":
    """A connection to the cloud that tests run against, as its administrator."""
    import openstack

    with openstack.connect(cloud=cloud_name) as connection:
        yield connection


@pytest.fixture(scope="session")
def pulumi() -> Path:
    """The Pulumi CLI; built if it must be."""
    from cumulo.local import toolchain

    return toolchain.ensure()
