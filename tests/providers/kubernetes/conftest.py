"""A stack without a cluster, and one in a namespace of its own on a real one."""

import json
from collections.abc import Iterator

import pytest
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.kubeconfig import access

from tests.e2e.cluster.home import own_namespace
from tests.providers.kubernetes.driver import Stack

NOWHERE = json.dumps(
    {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
)


@pytest.fixture
def offline() -> Stack:
    """A stack whose cluster does not answer."""
    return Stack({"kubeconfig": NOWHERE})


@pytest.fixture
def stack(kubeconfig: str) -> Iterator[Stack]:
    """A stack in a namespace of its own; what a test leaves in it is destroyed."""
    with own_namespace(Cluster(access({"kubeconfig": kubeconfig}))) as home:
        made = Stack({"kubeconfig": kubeconfig, "namespace": home.name})
        yield made
        made.rerun()
        made.destroy()


@pytest.fixture
def cluster(stack: Stack) -> Cluster:
    """The cluster of that stack."""
    return Cluster(access(stack.options))
