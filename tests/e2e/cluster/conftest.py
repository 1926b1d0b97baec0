"""A cluster made of servers, as its users have it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access

from tests.e2e.cluster.home import Home, own_namespace
from tests.e2e.cluster.kubectl import Kubectl, found


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """A real cluster's kubeconfig, which `CUMULO_TEST_KUBECONFIG` names."""
    path = os.environ.get("CUMULO_TEST_KUBECONFIG")
    if not path:
        pytest.skip("CUMULO_TEST_KUBECONFIG names no kubeconfig")
    return str(Path(path).expanduser())


@pytest.fixture(scope="session")
def cluster(kubeconfig: str) -> Cluster:
    """The cluster, as its administrator has it."""
    return Cluster(access({"kubeconfig": kubeconfig}))


@pytest.fixture(scope="session")
def kubectl(kubeconfig: str) -> Kubectl:
    """`kubectl`, or the one in the node image's binary."""
    command = found()
    if not command:
        pytest.skip("there is no kubectl")
    return Kubectl(command, kubeconfig)


@pytest.fixture
def home(cluster: Cluster) -> Iterator[Home]:
    """A namespace that ends with the test."""
    with own_namespace(cluster) as home:
        yield home
