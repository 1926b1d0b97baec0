"""Networks and subnets."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import BOOLEAN, INTEGER, STRING, Field, ListOf, Object, SetOf
from cumulo.providers.core.values import UNKNOWN, Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud
from cumulo.providers.openstack.neutron import TEN_MINUTES, NeutronResource

_MODES = ("slaac", "dhcpv6-stateful", "dhcpv6-stateless")

_SEGMENT = Object(
    {
        "networkType": Field(api="provider:network_type"),
        "physicalNetwork": Field(api="provider:physical_network"),
        "segmentationId": Field(INTEGER, computed=True, api="provider:segmentation_id"),
    }
)

_POOL = Object({"start": Field(required=True), "end": Field(required=True)})


class Network(NeutronResource):
    """`openstack.networking.Network`."""

    token = "openstack:networking/network:Network"
    noun = "network"
    collection = "networks"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "description": Field(),
        "adminStateUp": Field(BOOLEAN, computed=True),
        "shared": Field(BOOLEAN, computed=True),
        "external": Field(BOOLEAN, computed=True, api="router:external"),
        "tenantId": shared.PROJECT,
        "segments": Field(SetOf(_SEGMENT), computed=True),
        "valueSpecs": shared.VALUE_SPECS,
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
        "availabilityZoneHints": Field(SetOf(STRING), computed=True, replace=True),
        "transparentVlan": Field(BOOLEAN, computed=True, replace=True, api="vlan_transparent"),
        "portSecurityEnabled": Field(BOOLEAN, computed=True),
        "mtu": Field(INTEGER, computed=True),
        "dnsDomain": Field(computed=True, check=shared.dotted),
        "qosPolicyId": Field(computed=True),
    }

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        if "segments" not in observed:
            # One segment is spread over the network's own attributes.
            only = shared.from_api(_SEGMENT, observed)
            result["segments"] = [only] if only["networkType"] else []
        result["transparentVlan"] = bool(result["transparentVlan"])
        result["dnsDomain"] = result["dnsDomain"] or ""
        result["qosPolicyId"] = result["qosPolicyId"] or ""
        return result


class Subnet(NeutronResource):
    """`openstack.networking.Subnet`."""

    token = "openstack:networking/subnet:Subnet"
    noun = "subnet"
    collection = "subnets"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "networkId": Field(required=True, replace=True),
        "cidr": Field(computed=True, replace=True, check=shared.cidr, excludes=("prefixLength",)),
        "prefixLength": Field(INTEGER, replace=True, local=True, excludes=("cidr",)),
        "name": Field(),
        "description": Field(),
        "tenantId": shared.PROJECT,
        "allocationPools": Field(SetOf(_POOL), computed=True),
        "gatewayIp": Field(computed=True, check=shared.address, excludes=("noGateway",)),
        "noGateway": Field(BOOLEAN, default=False, local=True, excludes=("gatewayIp",)),
        "ipVersion": Field(INTEGER, default=4, replace=True, choices=(4, 6)),
        "enableDhcp": Field(BOOLEAN, default=True),
        "dnsNameservers": Field(ListOf(STRING)),
        "dnsPublishFixedIp": Field(BOOLEAN),
        "ipv6AddressMode": Field(computed=True, replace=True, choices=_MODES),
        "ipv6RaMode": Field(computed=True, replace=True, choices=_MODES),
        "segmentId": Field(),
        "subnetpoolId": Field(replace=True),
        "valueSpecs": shared.VALUE_SPECS,
        "tags": shared.TAGS,
        "serviceTypes": Field(ListOf(STRING), computed=True),
        "allTags": shared.ALL_TAGS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if "prefixLength" in inputs and "subnetpoolId" not in inputs:
            return [Failure("prefixLength", "needs 'subnetpoolId' beside it")]
        servers = inputs.get("dnsNameservers")
        if servers is not UNKNOWN and servers and len(set(map(str, servers))) < len(servers):
            return [Failure("dnsNameservers", "names a server twice")]
        return []

    def body(self, call: Call[Cloud], inputs: Properties) -> JSON:
        body = super().body(call, inputs)
        if inputs.get("noGateway"):
            body["gateway_ip"] = None
        if "prefixLength" in inputs:
            body["prefixlen"] = inputs["prefixLength"]
        return body

    def changed(self, call: Call[Cloud], new: Properties, keys: set[str]) -> JSON:
        wanted = super().changed(call, new, keys)
        if "noGateway" in keys and new.get("noGateway"):
            wanted["gateway_ip"] = None
        return wanted

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        result["noGateway"] = not result["gatewayIp"]
        return result
