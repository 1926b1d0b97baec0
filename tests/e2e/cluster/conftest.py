"""A cluster made of servers, as its users have it."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import Home, wait

_NAMESPACE = Kind("", "v1", "Namespace")
_ACCOUNT = Kind("", "v1", "ServiceAccount")


@pytest.fixture(scope="session")
def kubeconfig() -> str:
    """A real cluster's kubeconfig, which `CUMULO_TEST_KUBECONFIG` names."""
    path = os.environ.get("CUMULO_TEST_KUBECONFIG")
    if not path:
        pytest.skip("CUMULO_TEST_KUBECONFIG names no kubeconfig")
    return str(Path(path).expanduser())


@pytest.fixture
def home(kubeconfig: str) -> Iterator[Home]:
    """A namespace that ends with the test."""
    cluster = Cluster(access({"kubeconfig": kubeconfig}))
    name = f"e2e-{uuid.uuid4().hex[:8]}"
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.apply(item, "cumulo-test")
    try:
        wait("the namespace's account", lambda: cluster.read(_ACCOUNT, name, "default"))
        yield Home(cluster, name)
    finally:
        cluster.delete(item, "Background")
        wait(f"namespace {name} to go", lambda: cluster.read(_NAMESPACE, "", name) is None)
