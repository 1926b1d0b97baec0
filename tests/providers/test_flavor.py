"""Flavors against a real cloud."""

from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import RefusedError, Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

FLAVOR = "openstack:compute/flavor:Flavor"
SIZE: dict[str, Any] = {"ram": 128, "vcpus": 1, "disk": 1}


def test_flavor(stack: Stack, cloud: "Connection") -> None:
    wanted = {**SIZE, "name": "lbp-flavor", "extraSpecs": {"hw:cpu_policy": "shared", "a:b": "c"}}
    flavor = stack.create(FLAVOR, "lbp-flavor", **wanted)
    assert flavor.inputs["__defaults"] == ["rxTxFactor"]
    assert flavor["flavorId"] == flavor.id
    assert (flavor["isPublic"], flavor["swap"], flavor["description"]) == (False, 0, "")
    assert_settled(stack, flavor, **wanted)

    wanted |= {"description": "small", "extraSpecs": {"a:b": "d", "e:f": "g"}}
    assert stack.update(flavor, **wanted) == {"description", "extraSpecs"}
    assert_settled(stack, flavor, **wanted)
    found = cloud.compute.get_flavor(flavor.id, get_extra_specs=True)
    assert (found.description, found.extra_specs) == ("small", {"a:b": "d", "e:f": "g"})

    for key, value in {"ram": 256, "vcpus": 2, "disk": 2, "swap": 64, "isPublic": True}.items():
        assert stack.changes(flavor, **{**wanted, key: value}) == {key: True}
    assert stack.imported(FLAVOR, flavor.id).inputs["extraSpecs"] == wanted["extraSpecs"]

    stack.delete(flavor)
    assert not stack.refresh(flavor)
    stack.delete(flavor)


def test_flavor_with_everything(stack: Stack) -> None:
    wanted = {
        **SIZE,
        "flavorId": "lbp-id",
        "swap": 64,
        "ephemeral": 1,
        "isPublic": True,
        "rxTxFactor": 2.5,
    }
    flavor = stack.create(FLAVOR, "lbp-all", **wanted)
    assert flavor.id == "lbp-id"
    assert flavor["name"].startswith("lbp-all-")
    assert_settled(stack, flavor, **wanted)


def test_flavor_of_an_interrupted_create(stack: Stack, cloud: "Connection") -> None:
    wanted = {**SIZE, "name": "lbp-lost", "extraSpecs": {"a:b": "c"}}
    lost = stack.lose(FLAVOR, "lbp-lost", **wanted)
    # The create was cut off between the flavor and its extra specs.
    cloud.compute.delete_flavor_extra_specs_property(lost.id, "a:b")
    found = stack.create(FLAVOR, "lbp-lost", **wanted)
    assert found.id == lost.id
    assert found["extraSpecs"] == {"a:b": "c"}
    with pytest.raises(ProviderError, match="already exists"):
        stack.create(FLAVOR, "lbp-twin", **wanted)
    with pytest.raises(ProviderError, match="already exists"):
        Stack(stack.cloud).create(FLAVOR, "lbp-lost", **{**wanted, "ram": 512})


def test_flavor_refused(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="vcpus is required"):
        stack.create(FLAVOR, "f", ram=1, disk=1)
