"""A namespace for each test, on the cluster of the test run."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access
from cumulo.providers.kubernetes.objects import Kind

from tests.e2e.cluster.home import Home, wait
from tests.e2e.cluster.kubectl import Kubectl

_NAMESPACE = Kind("", "v1", "Namespace")


@pytest.fixture
def kubectl(kubeconfig: str) -> Iterator[Kubectl]:
    """The cluster's client, in a namespace that is taken away after the test."""
    namespace = f"test-{secrets.token_hex(4)}"
    client = Kubectl(Path(kubeconfig), namespace)
    client.ok("create", "namespace", namespace)
    # Pods are refused until it is there.
    client.ok("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    yield client
    client.ok("delete", "namespace", namespace, "--wait=false", "--ignore-not-found")


@pytest.fixture
def home(kubectl: Kubectl, kubeconfig: str) -> Iterator[Home]:
    """The same namespace through the API; it is gone when the test has ended."""
    cluster = Cluster(access({"kubeconfig": kubeconfig}))
    yield Home(cluster, kubectl.namespace)
    item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": kubectl.namespace}}
    cluster.delete(item, "Background")
    wait(
        f"namespace {kubectl.namespace} to go",
        lambda: cluster.read(_NAMESPACE, "", kubectl.namespace) is None,
    )
