"""Key pairs against a real cloud."""

from typing import TYPE_CHECKING

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import Stack
from tests.providers.settled import assert_settled

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

KEYPAIR = "openstack:compute/keypair:Keypair"
PUBLIC = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMiwDoBadDFWCESy57riCuZ7lrHv2tLhfBdI/2ZRBlIv a@b"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2pYqcsqjJkBcZK0jYxq5cXzGVuBnEBrk1JzgTcSrxK a@b"


def test_keypair(stack: Stack) -> None:
    wanted = {"name": "lbp-key", "publicKey": PUBLIC}
    pair = stack.create(KEYPAIR, "lbp-key", **wanted)
    assert pair.id == "lbp-key"
    assert pair.inputs["__defaults"] == []
    assert (pair["publicKey"], pair["privateKey"], pair["userId"]) == (PUBLIC, "", "")
    assert pair["fingerprint"].count(":") == 15
    assert_settled(stack, pair, **wanted)
    assert stack.changes(pair, **{**wanted, "publicKey": OTHER}) == {"publicKey": True}
    assert stack.changes(pair, **{**wanted, "name": "lbp-key2"}) == {"name": True}

    stack.delete(pair)
    assert not stack.refresh(pair)
    stack.delete(pair)


def test_keypair_of_an_interrupted_create(stack: Stack) -> None:
    wanted = {"name": "lbp-lost", "publicKey": PUBLIC}
    stack.lose(KEYPAIR, "lbp-lost", **wanted)
    assert stack.create(KEYPAIR, "lbp-lost", **wanted).id == "lbp-lost"
    with pytest.raises(ProviderError, match="already exists"):
        stack.create(KEYPAIR, "lbp-twin", **wanted)


def test_keypair_of_somebody_else(stack: Stack, cloud: "Connection") -> None:
    cloud.compute.create_keypair(name="lbp-foreign", public_key=OTHER)
    try:
        with pytest.raises(ProviderError, match="already exists"):
            stack.create(KEYPAIR, "lbp-foreign", name="lbp-foreign", publicKey=PUBLIC)
        assert cloud.compute.get_keypair("lbp-foreign").public_key == OTHER
    finally:
        cloud.compute.delete_keypair("lbp-foreign")


def test_keypair_that_the_cloud_makes(stack: Stack) -> None:
    pair = stack.create(KEYPAIR, "lbp-made")
    assert pair.inputs["__defaults"] == ["name"]
    assert pair["name"].startswith("lbp-made-")
    private = pair["privateKey"]
    assert "PRIVATE KEY" in private
    assert stack.refresh(pair)
    assert pair["privateKey"] == private


def test_keypair_of_a_broken_key(stack: Stack) -> None:
    with pytest.raises(ProviderError, match="data is invalid"):
        stack.create(KEYPAIR, "lbp-broken", name="lbp-broken", publicKey="ssh-ed25519 nonsense")
