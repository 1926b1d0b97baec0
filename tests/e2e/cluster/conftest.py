"""A namespace for each test, on the cluster of the test run."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.cluster.kubectl import Kubectl


@pytest.fixture
def kubectl(kubeconfig: str) -> Iterator[Kubectl]:
    """The cluster's client, in a namespace that is taken away after the test."""
    namespace = f"test-{secrets.token_hex(4)}"
    client = Kubectl(Path(kubeconfig), namespace)
    client.ok("create", "namespace", namespace)
    # Pods are refused until it is there.
    client.ok("wait", "--for=create", "serviceaccount/default", "--timeout=30s")
    yield client
    client.ok("delete", "namespace", namespace, "--wait=false")
