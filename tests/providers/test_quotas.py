"""Quotas against a real cloud."""

from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import Entry, RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection

COMPUTE = "openstack:compute/quotaSetV2:QuotaSetV2"
NETWORK = "openstack:networking/quotaV2:QuotaV2"
PROJECT = "openstack:identity/project:Project"

cloudy = pytest.mark.cloud


@pytest.fixture
def project(stack: Stack) -> Entry:
    """A project of the test's own."""
    return stack.create(PROJECT, "quo")


@cloudy
@pytest.mark.parametrize(
    ("token", "first", "second"),
    [
        (COMPUTE, {"cores": 8, "ram": 0, "keyPairs": -1}, {"cores": 0, "serverGroups": 3}),
        (NETWORK, {"network": 2, "port": 0, "securityGroup": -1}, {"network": 0, "router": 3}),
    ],
    ids=["compute", "network"],
)
def test_quota(
    stack: Stack,
    project: Entry,
    cloud: "Connection",
    token: str,
    first: dict[str, int],
    second: dict[str, int],
) -> None:
    lost = stack.lose(token, "quo", projectId=project.id, **first)
    entry = stack.create(token, "quo", projectId=project.id, **first)
    assert entry.id == lost.id == f"{project.id}/{cloud.config.region_name}"
    assert {key: entry[key] for key in first} == first
    assert_settled(stack, entry, projectId=project.id, **first)

    both = {**first, **second}
    changed = {key for key, value in second.items() if first.get(key) != value}
    assert stack.update(entry, projectId=project.id, **both) == changed
    assert {key: entry[key] for key in both} == both
    assert_settled(stack, entry, projectId=project.id, **both)
    # What the program no longer says stays as it is.
    assert stack.changes(entry, projectId=project.id) == {}
    assert stack.changes(entry, projectId="other", **both) == {"projectId": True}
    imported = stack.imported(token, entry.id)
    assert {key: imported[key] for key in both} == both
    assert imported["projectId"] == project.id

    # As with the official provider, the limits outlive the entry.
    stack.delete(entry)
    stack.delete(entry)
    assert stack.imported(token, project.id)[next(iter(second))] == next(iter(second.values()))


@cloudy
def test_what_only_nova_can_refuse(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="nobody"):
        stack.create(COMPUTE, "quo-refused", projectId="nobody", cores=1)


@pytest.mark.parametrize(
    ("token", "wanted", "problem"),
    [
        (COMPUTE, {"cores": 1}, "projectId is required"),
        (COMPUTE, {"projectId": "p", "cores": -2}, "cores must be -1, for no limit, or"),
        (COMPUTE, {"projectId": "p", "core": 2}, "is 'cores' meant"),
        (NETWORK, {"projectId": "p", "port": "many"}, "port must be a whole number"),
    ],
)
def test_bad_input_is_refused_by_name(token: str, wanted: dict[str, Any], problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        Stack().check(token, "refused", wanted)
