"""Networking types against a real cloud: made, changed, read, imported, found again, deleted."""

from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.errors import ProviderError

from tests.providers.driver import Entry, RefusedError, Stack

if TYPE_CHECKING:
    from openstack.connection import Connection

pytestmark = pytest.mark.cloud

NETWORK = "openstack:networking/network:Network"
SUBNET = "openstack:networking/subnet:Subnet"
PORT = "openstack:networking/port:Port"
ROUTER = "openstack:networking/router:Router"
INTERFACE = "openstack:networking/routerInterface:RouterInterface"
GROUP = "openstack:networking/secGroup:SecGroup"
RULE = "openstack:networking/secGroupRule:SecGroupRule"
FLOATING = "openstack:networking/floatingIp:FloatingIp"
ASSOCIATE = "openstack:networking/floatingIpAssociate:FloatingIpAssociate"


def assert_settled(stack: Stack, entry: Entry, **inputs: Any) -> None:
    """The same program changes nothing, before and after a refresh, which finds no drift."""
    assert stack.changes(entry, **inputs) == {}
    before = entry.inputs, entry.outputs
    assert stack.refresh(entry)
    assert (entry.inputs, entry.outputs) == before
    imported = stack.imported(entry.urn.split("::")[2], entry.id)
    assert imported.id == entry.id


def test_network(stack: Stack, cloud: "Connection") -> None:
    network = stack.create(NETWORK, "prov-net", name="prov-net", tags=["a"])
    assert_settled(stack, network, name="prov-net", tags=["a"])
    assert network["tags"] == network["allTags"] == ["a"]

    wanted = {"name": "prov-other", "description": "d", "adminStateUp": False, "tags": ["b"]}
    assert stack.update(network, **wanted) == set(wanted)
    assert_settled(stack, network, **wanted)
    found = cloud.network.get_network(network.id)
    assert (found.name, found.description, found.is_admin_state_up) == ("prov-other", "d", False)

    assert stack.update(network, **wanted, shared=True, mtu=1400) == {"shared", "mtu"}
    assert stack.update(network, name="prov-other", tags=[]) == {"description", "tags"}
    assert stack.changes(network, name="prov-other", tenantId="x") == {"tenantId": True}
    assert stack.diff(network, name="prov-other", tenantId="x").delete_first


def test_network_changed_behind_our_back(stack: Stack, cloud: "Connection") -> None:
    network = stack.create(NETWORK, "prov-drift", name="prov-drift")
    cloud.network.update_network(network.id, name="prov-drifted")
    assert stack.refresh(network)
    assert network.inputs["name"] == "prov-drifted"
    assert stack.update(network, name="prov-drift") == {"name"}
    cloud.network.delete_network(network.id)
    assert not stack.refresh(network)
    stack.delete(network)


def test_subnet(stack: Stack, shared_network: tuple[Entry, Entry]) -> None:
    network = shared_network[0].id
    wanted: dict[str, Any] = {"name": "prov-sub", "networkId": network, "cidr": "10.97.0.0/24"}
    subnet = stack.create(SUBNET, "prov-sub", **wanted)
    assert subnet["gatewayIp"] == "10.97.0.1"
    assert subnet.inputs["__defaults"] == ["enableDhcp", "ipVersion"]
    assert_settled(stack, subnet, **wanted)

    wanted |= {"name": "prov-sub2", "dnsNameservers": ["10.97.0.2"], "enableDhcp": False}
    wanted["allocationPools"] = [{"start": "10.97.0.10", "end": "10.97.0.20"}]
    changed = {"name", "dnsNameservers", "enableDhcp", "allocationPools"}
    assert stack.update(subnet, **wanted) == changed
    assert_settled(stack, subnet, **wanted)

    assert stack.update(subnet, **wanted, noGateway=True) == {"noGateway"}
    assert subnet["gatewayIp"] == ""
    assert stack.changes(subnet, **{**wanted, "noGateway": True, "cidr": "10.96.0.0/24"}) == {
        "cidr": True
    }


def test_overlapping_subnet_names_the_clouds_reason(
    stack: Stack, shared_network: tuple[Entry, Entry]
) -> None:
    with pytest.raises(ProviderError, match="overlaps with another subnet"):
        stack.create(SUBNET, "prov-o", networkId=shared_network[0].id, cidr="10.98.0.0/25")


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("10.0.0.1/24", "host bits set: 10.0.0.0/24"),
        ("10.0.0.0", "must have a prefix length"),
        ("ten", "must be a network such as"),
    ],
)
def test_bad_cidr_is_refused_before_anything_is_made(stack: Stack, cidr: str, reason: str) -> None:
    with pytest.raises(RefusedError, match=f"cidr .*{reason}"):
        stack.check(SUBNET, "prov-bad", {"networkId": "n", "cidr": cidr})


def test_port(stack: Stack, shared_network: tuple[Entry, Entry]) -> None:
    network, subnet = (entry.id for entry in shared_network)
    group = stack.create(GROUP, "prov-port-group", name="prov-port-group")
    wanted: dict[str, Any] = {
        "name": "prov-port",
        "networkId": network,
        "fixedIps": [{"subnetId": subnet}],
        "securityGroupIds": [group.id],
    }
    port = stack.create(PORT, "prov-port", **wanted)
    assert port["allSecurityGroupIds"] == [group.id]
    assert len(port["allFixedIps"]) == 1
    assert_settled(stack, port, **wanted)

    wanted |= {
        "description": "d",
        "adminStateUp": False,
        "allowedAddressPairs": [{"ipAddress": "10.98.0.200"}],
        "extraDhcpOptions": [{"name": "mtu", "value": "1400"}],
        "tags": ["b", "a"],
    }
    changed = {"description", "adminStateUp", "allowedAddressPairs", "extraDhcpOptions", "tags"}
    assert stack.update(port, **wanted) == changed
    assert_settled(stack, port, **wanted)

    wanted["fixedIps"] = [{"subnetId": subnet, "ipAddress": "10.98.0.77"}]
    assert stack.update(port, **wanted) == {"fixedIps"}
    assert port["allFixedIps"] == ["10.98.0.77"]
    del wanted["securityGroupIds"]
    assert stack.update(port, **wanted, noSecurityGroups=True) == {
        "securityGroupIds",
        "noSecurityGroups",
    }
    assert port["allSecurityGroupIds"] == []
    assert stack.changes(port, **wanted, noSecurityGroups=True, macAddress="fa:16:3e:0:0:1") == {
        "macAddress": True
    }


def test_router_and_interface(
    stack: Stack, shared_network: tuple[Entry, Entry], external_network: str, cloud: "Connection"
) -> None:
    network, subnet = (entry.id for entry in shared_network)
    external = cloud.network.find_network(external_network, ignore_missing=False).id
    router = stack.create(ROUTER, "prov-router", name="prov-router")
    assert_settled(stack, router, name="prov-router")
    wanted: dict[str, Any] = {"name": "prov-router2", "externalNetworkId": external}
    assert stack.update(router, **wanted) == {"name", "externalNetworkId"}
    assert len(router["externalFixedIps"]) == 1
    assert_settled(stack, router, **wanted)
    assert stack.update(router, **wanted, enableSnat=False, adminStateUp=False) == {
        "enableSnat",
        "adminStateUp",
    }

    link = stack.create(INTERFACE, "prov-link", routerId=router.id, subnetId=subnet)
    assert link["portId"] == link.id
    assert_settled(stack, link, routerId=router.id, subnetId=subnet)
    assert stack.changes(link, routerId="other", subnetId=subnet) == {"routerId": True}

    stack.entries.remove(link)
    stack.rerun()
    again = stack.create(INTERFACE, "prov-link", routerId=router.id, subnetId=subnet)
    assert again.id == link.id
    stack.delete(again)
    stack.delete(again)
    assert not stack.refresh(again)

    port = stack.create(PORT, "prov-link", networkId=network, fixedIps=[{"subnetId": subnet}])
    link = stack.create(INTERFACE, "prov-link", routerId=router.id, portId=port.id)
    assert link.id == port.id
    stack.delete(link)


def test_interface_needs_a_subnet_or_a_port(stack: Stack) -> None:
    with pytest.raises(RefusedError, match="subnetId is required, or 'portId'"):
        stack.check(INTERFACE, "i", {"routerId": "r"})


def test_security_group_and_rule(stack: Stack) -> None:
    group = stack.create(GROUP, "prov-group", deleteDefaultRules=True, description="d")
    assert group["name"].startswith("prov-group-")
    assert group.inputs["__defaults"] == ["name"]
    assert_settled(stack, group, deleteDefaultRules=True, description="d")
    assert stack.update(group, name="prov-g", deleteDefaultRules=True, description="e") == {
        "name",
        "description",
    }

    wanted: dict[str, Any] = {
        "securityGroupId": group.id,
        "direction": "ingress",
        "ethertype": "IPv4",
        "protocol": "tcp",
        "portRangeMin": 80,
        "portRangeMax": 80,
        "remoteIpPrefix": "10.0.0.0/8",
    }
    rule = stack.create(RULE, "prov-rule", **wanted)
    assert_settled(stack, rule, **wanted)
    assert stack.changes(rule, **{**wanted, "portRangeMax": 81}) == {"portRangeMax": True}

    with pytest.raises(ProviderError, match="already exists"):
        stack.create(RULE, "prov-twin", **wanted)
    stack.entries.remove(rule)
    stack.rerun()
    again = stack.create(RULE, "prov-rule", **wanted)
    assert again.id == rule.id
    stack.delete(again)
    stack.delete(again)
    assert not stack.refresh(again)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"direction": "in"}, "direction must be one of ingress, egress"),
        ({"protocol": "tpc"}, "protocol must be a protocol's name"),
        ({"portRangeMin": 70000}, "portRangeMin must be between 0 and 65535"),
        ({"portRangeMin": "eighty"}, "portRangeMin must be a whole number"),
        ({"remoteGroupId": "g", "remoteIpPrefix": "10.0.0.0/8"}, "cannot be set beside"),
        ({"remoteIpPrefx": "x"}, "is 'remoteIpPrefix' meant"),
    ],
)
def test_bad_rules_are_refused(stack: Stack, wrong: dict[str, Any], reason: str) -> None:
    good = {"securityGroupId": "g", "direction": "ingress", "ethertype": "IPv4"}
    with pytest.raises(RefusedError, match=reason):
        stack.check(RULE, "r", good | wrong)


def test_floating_ip(
    stack: Stack,
    shared_network: tuple[Entry, Entry],
    external_network: str,
    cloud: "Connection",
) -> None:
    network, subnet = (entry.id for entry in shared_network)
    floating = stack.create(FLOATING, "prov-fip", pool=external_network, tags=["t"])
    assert_settled(stack, floating, pool=external_network, tags=["t"])
    assert stack.update(floating, pool=external_network, description="d") == {
        "description",
        "tags",
    }
    assert stack.changes(floating, pool="other", description="d") == {"pool": True}
    assert stack.imported(FLOATING, floating.id).inputs["pool"] == external_network

    external = cloud.network.find_network(external_network, ignore_missing=False).id
    router = stack.create(ROUTER, "prov-fip", externalNetworkId=external)
    stack.create(INTERFACE, "prov-fip", routerId=router.id, subnetId=subnet)
    ports = [
        stack.create(PORT, f"prov-fip{at}", networkId=network, fixedIps=[{"subnetId": subnet}])
        for at in range(2)
    ]
    wanted = {"floatingIp": floating["address"], "portId": ports[0].id}
    link = stack.create(ASSOCIATE, "prov-fip", **wanted)
    assert link.id == floating.id
    assert link["fixedIp"] == ports[0]["allFixedIps"][0]
    assert_settled(stack, link, **wanted)
    assert stack.update(link, **{**wanted, "portId": ports[1].id}) == {"portId"}
    stack.delete(link)
    assert cloud.network.get_ip(floating.id).port_id is None
    stack.delete(link)


def test_unknown_pool_names_what_there_is(stack: Stack, external_network: str) -> None:
    with pytest.raises(ProviderError, match=rf"'nowhere'; it has: .*{external_network}"):
        stack.create(FLOATING, "prov-nowhere", pool="nowhere")


def test_interrupted_creates_are_found_again(stack: Stack, cloud: "Connection") -> None:
    lost = stack.lose(NETWORK, "prov-lost", name="prov-lost")
    other = Stack(stack.cloud)
    stranger = other.create(NETWORK, "prov-lost", name="prov-lost")
    assert stranger.id != lost.id
    other.destroy()

    found = stack.create(NETWORK, "prov-lost", name="prov-lost", description="now with one")
    assert found.id == lost.id
    assert found["description"] == "now with one"
    assert found["allTags"] == []
    assert len(list(cloud.network.networks(name="prov-lost"))) == 1

    subnet = stack.lose(SUBNET, "prov-lost", networkId=found.id, cidr="10.95.0.0/24")
    other_cidr = stack.create(SUBNET, "prov-lost", networkId=found.id, cidr="10.94.0.0/24")
    assert other_cidr.id != subnet.id
    assert not stack.refresh(subnet)


def test_interrupted_before_its_tags(stack: Stack, cloud: "Connection") -> None:
    mark = stack.provider._mark(stack.urn(NETWORK, "prov-half"))
    half = cloud.network.create_network(name="prov-half", description=mark)
    found = stack.create(NETWORK, "prov-half", name="prov-half", tags=["mine"])
    assert found.id == half.id
    assert found["description"] == ""
    assert found["tags"] == found["allTags"] == ["mine"]


def test_a_replacement_is_not_what_it_replaces(
    stack: Stack, shared_network: tuple[Entry, Entry]
) -> None:
    network = shared_network[0].id
    old = stack.create(PORT, "prov-replaced", networkId=network)
    stack.rerun()
    assert stack.changes(old, networkId=network, macAddress="fa:16:3e:01:02:03")
    new = stack.create(PORT, "prov-replaced", networkId=network, macAddress="fa:16:3e:01:02:03")
    assert new.id != old.id
    stack.entries.remove(new)
    stack.rerun()
    assert stack.changes(old, networkId=network, macAddress="fa:16:3e:01:02:03")
    again = stack.create(PORT, "prov-replaced", networkId=network, macAddress="fa:16:3e:01:02:03")
    assert again.id == new.id


def test_wrong_credentials_are_named(cloud_name: str) -> None:
    stack = Stack(cloud_name)
    stack.provider.configure(stack.identity, {"cloud": cloud_name, "password": "wrong"})
    with pytest.raises(ProviderError, match=rf"refused the credentials of cloud '{cloud_name}'"):
        stack.create(NETWORK, "prov-denied")
