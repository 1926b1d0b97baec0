"""Server groups against a real cloud."""

import pytest

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

pytestmark = pytest.mark.cloud

GROUP = "openstack:compute/serverGroup:ServerGroup"


def test_server_group(stack: Stack) -> None:
    wanted = {"name": "lbp-group", "policies": "soft-anti-affinity"}
    group = stack.create(GROUP, "lbp-group", **wanted)
    assert (group["policies"], group["members"]) == ("soft-anti-affinity", [])
    assert group["rules"] == {"maxServerPerHost": 0}
    assert_settled(stack, group, **wanted)
    assert stack.changes(group, **{**wanted, "policies": "affinity"}) == {"policies": True}
    assert stack.changes(group, **{**wanted, "name": "lbp-other"}) == {"name": True}

    imported = stack.imported(GROUP, group.id)
    assert imported.inputs["policies"] == "soft-anti-affinity"

    stack.delete(group)
    assert not stack.refresh(group)
    stack.delete(group)


def test_server_group_with_rules(stack: Stack) -> None:
    wanted = {"policies": "anti-affinity", "rules": {"maxServerPerHost": 2}}
    group = stack.create(GROUP, "lbp-rules", **wanted)
    assert group["rules"] == {"maxServerPerHost": 2}
    assert_settled(stack, group, **wanted)
    changed = {**wanted, "rules": {"maxServerPerHost": 3}}
    assert stack.changes(group, **changed) == {"rules": True}


def test_server_group_of_an_interrupted_create(stack: Stack) -> None:
    wanted = {"name": "lbp-lost", "policies": "affinity"}
    lost = stack.lose(GROUP, "lbp-lost", **wanted)
    found = stack.create(GROUP, "lbp-lost", **wanted)
    assert found.id == lost.id
    # Names are not unique: another resource of the same name is another group.
    assert stack.create(GROUP, "lbp-twin", **wanted).id != lost.id


def test_server_group_refused(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="policies must be one of affinity"):
        stack.create(GROUP, "g", policies="apart")
    with pytest.raises(RefusedError, match="policies is required"):
        stack.create(GROUP, "g")
    with pytest.raises(RefusedError, match="rules needs the policy 'anti-affinity'"):
        stack.create(GROUP, "g", policies="affinity", rules={"maxServerPerHost": 1})
    with pytest.raises(RefusedError, match="maxServerPerHost must be at least 1"):
        stack.create(GROUP, "g", policies="anti-affinity", rules={"maxServerPerHost": 0})
