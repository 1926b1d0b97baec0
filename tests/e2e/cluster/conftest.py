"""A namespace for each test, on the cluster of the test run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access

from tests.e2e.cluster.home import Home, own_namespace
from tests.e2e.cluster.kubectl import Kubectl


@pytest.fixture(scope="session")
def cluster(kubeconfig: str) -> Cluster:
    """The cluster, as its administrator has it."""
    return Cluster(access({"kubeconfig": kubeconfig}))


@pytest.fixture
def home(cluster: Cluster) -> Iterator[Home]:
    """A namespace that ends with the test."""
    with own_namespace(cluster) as home:
        yield home


@pytest.fixture
def kubectl(home: Home, kubeconfig: str) -> Kubectl:
    """The administrator's `kubectl`, in that namespace."""
    return Kubectl(Path(kubeconfig), home.name)
