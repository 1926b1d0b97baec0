"""Instances against a real cloud."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import Secret

from tests.providers.driver import Entry, RefusedError, Stack

if TYPE_CHECKING:
    from openstack.connection import Connection

INSTANCE = "openstack:compute/instance:Instance"
PORT = "openstack:networking/port:Port"
KEYPAIR = "openstack:compute/keypair:Keypair"


@pytest.fixture(scope="module")
def pair(cloud_name: str, shared_network: tuple[Entry, Entry]) -> Iterator[tuple[Stack, Entry]]:
    """A stack with one instance on a port of its own, for the tests that change it."""
    stack = Stack(cloud_name)
    network, subnet = (entry.id for entry in shared_network)
    port = stack.create(
        PORT, "prov-vm", name="prov-vm", networkId=network, fixedIps=[{"subnetId": subnet}]
    )
    yield stack, stack.create(INSTANCE, "prov-vm", **_wanted(port.id))
    stack.rerun()
    stack.destroy()


def _wanted(port: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "prov-vm",
        "flavorName": "m1.small",
        "imageName": "debian-13",
        "networks": [{"port": port}],
        "userData": "#cloud-config\n",
        "metadata": {"role": "test"},
        "tags": ["a"],
        **more,
    }


@pytest.mark.cloud
def test_created_unchanged_and_read(pair: tuple[Stack, Entry]) -> None:
    stack, entry = pair
    port = stack.entries[0]
    assert entry["powerState"] == "active"
    assert entry["userData"] == hashlib.sha1(b"#cloud-config\n").hexdigest()  # noqa: S324
    assert entry["accessIpV4"] == port["allFixedIps"][0]
    assert entry["allTags"] == entry["tags"] == ["a"]
    assert entry["allMetadata"] == {"role": "test"}
    assert entry.outputs["adminPass"] == Secret(None)
    (network,) = entry["networks"]
    assert network["port"] == port.id
    assert network["fixedIpV4"] == port["allFixedIps"][0]

    assert stack.changes(entry, **_wanted(port.id)) == {}
    inputs, outputs = dict(entry.inputs), dict(entry.outputs)
    assert stack.refresh(entry)
    assert entry.inputs == inputs
    changed = {key for key in outputs if outputs[key] != entry.outputs[key]}
    assert changed <= {"updated"}
    imported = stack.imported(INSTANCE, entry.id)
    assert imported.inputs["flavorName"] == "m1.small"
    assert imported.inputs["imageName"] == "debian-13"


@pytest.mark.cloud
def test_changes_in_place(pair: tuple[Stack, Entry], cloud: "Connection") -> None:
    stack, entry = pair
    port = stack.entries[0].id
    wanted = _wanted(port, name="prov-vm2", metadata={"other": "1"}, tags=["b"])
    assert stack.update(entry, **wanted) == {"name", "metadata", "tags"}
    assert stack.changes(entry, **wanted) == {}
    server = cloud.compute.get_server(entry.id)
    assert (server.name, server.metadata) == ("prov-vm2", {"other": "1"})

    assert stack.update(entry, **wanted, powerState="shutoff") == {"powerState"}
    assert cloud.compute.get_server(entry.id).status == "SHUTOFF"
    assert stack.update(entry, **wanted) == {"powerState"}
    assert stack.update(entry, **_wanted(port)) == {"name", "metadata", "tags"}


@pytest.mark.cloud
def test_changed_security_groups_reach_its_port(
    pair: tuple[Stack, Entry], cloud: "Connection"
) -> None:
    stack, entry = pair
    port = stack.entries[0].id
    group = cloud.network.create_security_group(name="prov-vm")
    try:
        wanted = _wanted(port, securityGroups=["default", "prov-vm"])
        assert stack.update(entry, **wanted) == {"securityGroups"}
        assert group.id in cloud.network.get_port(port).security_group_ids
        assert stack.changes(entry, **wanted) == {}

        wanted = _wanted(port, securityGroups=["default"])
        assert stack.update(entry, **wanted) == {"securityGroups"}
        assert group.id not in cloud.network.get_port(port).security_group_ids
    finally:
        cloud.network.delete_security_group(group)


@pytest.mark.cloud
def test_a_changed_image_rebuilds_it(
    pair: tuple[Stack, Entry], cloud: "Connection", tmp_path: Path
) -> None:
    stack, entry = pair
    port = stack.entries[0].id
    file = str(tmp_path / "image")
    debian = cloud.image.find_image("debian-13", ignore_missing=False)
    cloud.image.download_image(debian.id, output=file)
    image = cloud.image.create_image(
        "prov-other", filename=file, disk_format="raw", container_format="bare", use_import=False
    )
    try:
        wanted = _wanted(port, imageName="prov-other")
        identity = entry.id
        assert stack.update(entry, **wanted) == {"imageName"}
        assert (entry.id, entry["imageId"], entry["powerState"]) == (identity, image.id, "active")
        assert cloud.compute.get_server(identity).image.id == image.id
        assert stack.changes(entry, **wanted) == {}
        assert stack.update(entry, **_wanted(port)) == {"imageName"}
    finally:
        cloud.image.delete_image(image.id)


@pytest.mark.cloud
def test_a_resize_that_nova_undoes_says_why_and_what_to_do(
    pair: tuple[Stack, Entry], cloud: "Connection"
) -> None:
    stack, entry = pair
    wanted = _wanted(stack.entries[0].id, flavorName="m1.medium")
    with pytest.raises(ProviderError, match=r"did not resize.*replace_on_changes"):
        stack.update(entry, **wanted)
    assert cloud.compute.get_server(entry.id).status == "ACTIVE"
    assert stack.refresh(entry)
    assert entry["flavorName"] == "m1.small"


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("change", "replaced"),
    [
        ({"userData": "#cloud-config\n\n"}, "userData"),
        ({"keyPair": "other"}, "keyPair"),
        ({"configDrive": True}, "configDrive"),
        ({"networks": [{"port": "other"}]}, "networks"),
        ({"availabilityZone": "elsewhere"}, "availabilityZone"),
    ],
)
def test_what_replaces(pair: tuple[Stack, Entry], change: dict[str, Any], replaced: str) -> None:
    stack, entry = pair
    found = stack.diff(entry, **{**_wanted(stack.entries[0].id), **change})
    assert {one.key: one.replace for one in found.changes} == {replaced: True}
    assert found.delete_first


@pytest.mark.cloud
def test_what_changes_in_place_by_nova(pair: tuple[Stack, Entry]) -> None:
    stack, entry = pair
    wanted = {**_wanted(stack.entries[0].id), "flavorName": "m1.medium", "imageName": "other"}
    assert stack.changes(entry, **wanted) == {"flavorName": False, "imageName": False}


@pytest.mark.cloud
def test_interrupted_create_is_found_again(
    stack: Stack, shared_network: tuple[Entry, Entry], cloud: "Connection"
) -> None:
    wanted = {
        "name": "prov-lost",
        "flavorName": "m1.small",
        "imageName": "debian-13",
        "networks": [{"uuid": shared_network[0].id}],
    }
    lost = stack.lose(INSTANCE, "prov-lost", **wanted)
    found = stack.create(INSTANCE, "prov-lost", **wanted)
    assert found.id == lost.id
    assert len(list(cloud.compute.servers(name="^prov-lost$"))) == 1
    server = cloud.compute.get_server(found.id)
    cloud.compute.delete_server(server)
    cloud.compute.wait_for_delete(server)
    stack.rerun()
    assert not stack.refresh(found)
    stack.delete(found)


@pytest.mark.cloud
def test_no_valid_host_says_so_and_leaves_nothing(
    stack: Stack, shared_network: tuple[Entry, Entry], cloud: "Connection"
) -> None:
    flavor = cloud.compute.create_flavor(name="prov-huge", ram=512, vcpus=1, disk=1)
    cloud.compute.create_flavor_extra_specs(flavor, {"pci_passthrough:alias": "h200:99"})
    try:
        with pytest.raises(ProviderError, match=r"No valid host was found.*'prov-huge'"):
            stack.create(
                INSTANCE,
                "prov-huge",
                name="prov-huge",
                flavorName="prov-huge",
                imageName="debian-13",
                networks=[{"uuid": shared_network[0].id}],
            )
        assert not list(cloud.compute.servers(name="prov-huge"))
    finally:
        cloud.compute.delete_flavor(flavor)


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("device", "named"),
    [
        ({"sourceType": "image", "destinationType": "volume", "volumeSize": 5}, "destinationType"),
        ({"sourceType": "snapshot"}, "sourceType"),
    ],
)
def test_volumes_are_refused_where_the_cloud_has_none(
    stack: Stack,
    shared_network: tuple[Entry, Entry],
    cloud: "Connection",
    device: dict[str, Any],
    named: str,
) -> None:
    image = cloud.image.find_image("debian-13", ignore_missing=False)
    if cloud.config.get_session_endpoint("block-storage"):
        pytest.skip("the cloud has volumes")

    with pytest.raises(ProviderError, match=rf"blockDevices\[0\]\.{named}: .*no block storage"):
        stack.create(
            INSTANCE,
            "prov-volume",
            name="prov-volume",
            flavorName="m1.small",
            imageName="debian-13",
            blockDevices=[{**device, "uuid": image.id, "bootIndex": 0}],
            networks=[{"uuid": shared_network[0].id}],
        )

    assert not list(cloud.compute.servers(name="prov-volume"))


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"flavorName": "nope"}, r"flavorName: .*no flavor 'nope'; it has: .*m1\.small"),
        ({"imageName": "nope"}, r"imageName: .*no image 'nope'; it has: .*debian-13"),
        ({"networks": [{"name": "nope"}]}, r"networks\[0\]\.name: .*no network 'nope'"),
    ],
)
def test_unknown_parts_name_what_there_is(
    stack: Stack, wrong: dict[str, Any], message: str
) -> None:
    good = {"flavorName": "m1.small", "imageName": "debian-13", "networks": [{"uuid": "x"}]}
    with pytest.raises(ProviderError, match=message):
        stack.create(INSTANCE, "prov-wrong", **(good | wrong))


@pytest.mark.cloud
@pytest.mark.parametrize(
    ("missing", "message"),
    [("flavorName", "flavorName is required"), ("imageName", "imageName is required")],
)
def test_incomplete_instances_are_refused(stack: Stack, missing: str, message: str) -> None:
    wanted = _wanted("port")
    del wanted[missing]
    with pytest.raises(RefusedError, match=message):
        stack.check(INSTANCE, "prov-incomplete", wanted)
