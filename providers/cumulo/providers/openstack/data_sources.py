"""Data sources: what is in the cloud already."""

import ipaddress
import zlib
from typing import Any, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Function
from cumulo.providers.core.schema import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Field,
    ListOf,
    MapOf,
    Object,
    SetOf,
)
from cumulo.providers.core.values import Properties, Secret
from cumulo.providers.openstack import catalog
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, MARK, Cloud

_TEXT = Field(computed=True)
_WHOLE = Field(INTEGER, computed=True)
_FLAG = Field(BOOLEAN, computed=True)
_OUT = Field(output=True)
_OUT_TEXTS = Field(SetOf(STRING), output=True)
_OUT_MAP = Field(MapOf(STRING), output=True)

# The lowest version of Nova's API in which flavors have a description.
_FLAVOR_DESCRIPTION: Final = "2.55"


class GetAuthScope(Function[Cloud]):
    """`openstack.identity.get_auth_scope`."""

    token = "openstack:identity/getAuthScope:getAuthScope"
    fields = {
        "name": Field(required=True),
        "region": _TEXT,
        "setTokenId": _FLAG,
        "tokenId": _OUT,
        "userId": _OUT,
        "userName": _OUT,
        "userDomainId": _OUT,
        "userDomainName": _OUT,
        "domainId": _OUT,
        "domainName": _OUT,
        "projectId": _OUT,
        "projectName": _OUT,
        "projectDomainId": _OUT,
        "projectDomainName": _OUT,
        "roles": Field(ListOf(Object({"roleId": Field(), "roleName": Field()})), output=True),
        "serviceCatalogs": Field(
            ListOf(
                Object(
                    {
                        "id": Field(),
                        "name": Field(),
                        "type": Field(),
                        "endpoints": Field(
                            ListOf(
                                Object(
                                    {
                                        "id": Field(),
                                        "interface": Field(),
                                        "region": Field(),
                                        "regionId": Field(),
                                        "url": Field(),
                                    }
                                )
                            )
                        ),
                    }
                )
            ),
            output=True,
        ),
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        access = call.cloud.access
        told = arguments.get("setTokenId", False)
        return {
            "id": arguments["name"],
            "name": arguments["name"],
            "region": arguments.get("region") or call.cloud.region,
            "setTokenId": told,
            "tokenId": Secret(access.auth_token if told else ""),
            "userId": access.user_id,
            "userName": access.username,
            "userDomainId": access.user_domain_id,
            "userDomainName": access.user_domain_name,
            "domainId": access.domain_id or "",
            "domainName": access.domain_name or "",
            "projectId": access.project_id or "",
            "projectName": access.project_name or "",
            "projectDomainId": access.project_domain_id or "",
            "projectDomainName": access.project_domain_name or "",
            "roles": [
                {"roleId": identity, "roleName": name}
                for identity, name in zip(
                    access.role_ids or (), access.role_names or (), strict=True
                )
            ],
            "serviceCatalogs": shared.from_api(
                self.fields["serviceCatalogs"].type, access.service_catalog.catalog
            ),
        }


class GetFlavor(Function[Cloud]):
    """`openstack.compute.get_flavor`."""

    token = "openstack:compute/getFlavor:getFlavor"
    fields = {
        "region": _TEXT,
        "flavorId": _TEXT,
        "name": _TEXT,
        "description": _TEXT,
        "minRam": _WHOLE,
        "ram": _WHOLE,
        "vcpus": _WHOLE,
        "minDisk": _WHOLE,
        "disk": _WHOLE,
        "swap": _WHOLE,
        "rxTxFactor": Field(NUMBER, computed=True),
        "isPublic": _FLAG,
        "extraSpecs": _OUT_MAP,
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        compute = call.cloud.compute(arguments.get("region"))
        public = arguments.get("isPublic")
        query = {
            "is_public": "None" if public is None else str(public).lower(),
            "minDisk": arguments.get("minDisk", 0),
            "minRam": arguments.get("minRam", 0),
        }
        known = compute.get("/flavors/detail", params=query, microversion=_FLAVOR_DESCRIPTION)
        matching = [one for one in known["flavors"] if _is_flavor(one, arguments)]
        flavor = only("flavor", matching, arguments, known["flavors"])
        return {
            **{key: arguments.get(key) for key in self.fields},
            "region": arguments.get("region") or call.cloud.region,
            "id": flavor["id"],
            "flavorId": flavor["id"],
            "name": flavor["name"],
            "description": flavor.get("description") or "",
            "ram": flavor["ram"],
            "vcpus": flavor["vcpus"],
            "disk": flavor["disk"],
            "swap": flavor["swap"] or 0,
            "rxTxFactor": flavor["rxtx_factor"],
            "isPublic": flavor["os-flavor-access:is_public"],
            "extraSpecs": compute.get(f"/flavors/{flavor['id']}/os-extra_specs")["extra_specs"],
        }


class GetNetwork(Function[Cloud]):
    """`openstack.networking.get_network`."""

    token = "openstack:networking/getNetwork:getNetwork"
    fields = {
        "region": _TEXT,
        "networkId": _TEXT,
        "name": _TEXT,
        "description": _TEXT,
        "status": _TEXT,
        "matchingSubnetCidr": _TEXT,
        "tenantId": _TEXT,
        "external": _FLAG,
        "transparentVlan": _FLAG,
        "mtu": _WHOLE,
        "tags": Field(SetOf(STRING), computed=True),
        "adminStateUp": _OUT,
        "shared": _OUT,
        "dnsDomain": _OUT,
        "availabilityZoneHints": _OUT_TEXTS,
        "segments": Field(
            SetOf(
                Object(
                    {
                        "networkType": Field(api="provider:network_type"),
                        "physicalNetwork": Field(api="provider:physical_network"),
                        "segmentationId": Field(INTEGER, api="provider:segmentation_id"),
                    }
                )
            ),
            output=True,
        ),
        "subnets": Field(ListOf(STRING), output=True),
        "allTags": _OUT_TEXTS,
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        neutron = call.cloud.network(arguments.get("region"))
        query = query_of(
            arguments,
            {
                "networkId": "id",
                "name": "name",
                "description": "description",
                "status": "status",
                "tenantId": "tenant_id",
                "external": "router:external",
                "transparentVlan": "vlan_transparent",
                "mtu": "mtu",
            },
        )
        found = neutron.get("/v2.0/networks", params=query)["networks"]
        if arguments.get("matchingSubnetCidr"):
            wanted = str(ipaddress.ip_network(arguments["matchingSubnetCidr"]))
            subnets = neutron.get("/v2.0/subnets", params={"cidr": wanted})["subnets"]
            holders = {subnet["network_id"] for subnet in subnets}
            found = [network for network in found if network["id"] in holders]
        everything = [] if found else neutron.get("/v2.0/networks?fields=name")["networks"]
        network = only("network", found, arguments, everything)
        segments = network.get("segments") or [network]
        kind = self.fields["segments"].type
        return {
            **{key: arguments.get(key) for key in self.fields},
            "region": arguments.get("region") or call.cloud.region,
            "id": network["id"],
            "name": network["name"],
            "description": network.get("description") or "",
            "tenantId": network["tenant_id"],
            "adminStateUp": str(network["admin_state_up"]).lower(),
            "shared": str(network["shared"]).lower(),
            "external": network.get("router:external", False),
            "transparentVlan": bool(network.get("vlan_transparent")),
            "mtu": network.get("mtu") or 0,
            "dnsDomain": network.get("dns_domain") or "",
            "availabilityZoneHints": network.get("availability_zone_hints") or [],
            "segments": [one for one in shared.from_api(kind, segments) if one["networkType"]],
            "subnets": network["subnets"],
            "allTags": _public_tags(network),
        }


class GetSubnet(Function[Cloud]):
    """`openstack.networking.get_subnet`."""

    token = "openstack:networking/getSubnet:getSubnet"
    fields = {
        "region": _TEXT,
        "subnetId": _TEXT,
        "name": _TEXT,
        "description": _TEXT,
        "dhcpEnabled": _FLAG,
        "networkId": _TEXT,
        "tenantId": _TEXT,
        "ipVersion": _WHOLE,
        "gatewayIp": _TEXT,
        "cidr": _TEXT,
        "ipv6AddressMode": _TEXT,
        "ipv6RaMode": _TEXT,
        "segmentId": _TEXT,
        "subnetpoolId": _TEXT,
        "dnsPublishFixedIp": _FLAG,
        "tags": Field(SetOf(STRING), computed=True),
        "allocationPools": Field(ListOf(Object({"start": Field(), "end": Field()})), output=True),
        "enableDhcp": Field(BOOLEAN, output=True),
        "dnsNameservers": Field(SetOf(STRING), output=True),
        "hostRoutes": Field(
            ListOf(
                Object(
                    {"destinationCidr": Field(api="destination"), "nextHop": Field(api="nexthop")}
                )
            ),
            output=True,
        ),
        "serviceTypes": Field(ListOf(STRING), output=True),
        "allTags": _OUT_TEXTS,
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        neutron = call.cloud.network(arguments.get("region"))
        query = query_of(
            arguments,
            {
                "subnetId": "id",
                "name": "name",
                "description": "description",
                "dhcpEnabled": "enable_dhcp",
                "networkId": "network_id",
                "tenantId": "tenant_id",
                "ipVersion": "ip_version",
                "gatewayIp": "gateway_ip",
                "cidr": "cidr",
                "ipv6AddressMode": "ipv6_address_mode",
                "ipv6RaMode": "ipv6_ra_mode",
                "segmentId": "segment_id",
                "subnetpoolId": "subnetpool_id",
                "dnsPublishFixedIp": "dns_publish_fixed_ip",
            },
        )
        found = neutron.get("/v2.0/subnets", params=query)["subnets"]
        everything = [] if found else neutron.get("/v2.0/subnets?fields=name")["subnets"]
        subnet = only("subnet", found, arguments, everything)
        return {
            **shared.observe(self.fields, subnet, arguments),
            "region": arguments.get("region") or call.cloud.region,
            "id": subnet["id"],
            "subnetId": arguments.get("subnetId"),
            "dhcpEnabled": arguments.get("dhcpEnabled"),
            "tags": arguments.get("tags"),
            "allTags": _public_tags(subnet),
        }


class GetAvailabilityZones(Function[Cloud]):
    """`openstack.compute.get_availability_zones`."""

    token = "openstack:compute/getAvailabilityZones:getAvailabilityZones"
    fields = {
        "region": _TEXT,
        "state": Field(default="available", choices=("available", "unavailable")),
        "names": Field(ListOf(STRING), output=True),
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        compute = call.cloud.compute(arguments.get("region"))
        zones = compute.get("/os-availability-zone")["availabilityZoneInfo"]
        wanted = arguments["state"] == "available"
        names = sorted(
            zone["zoneName"] for zone in zones if zone["zoneState"]["available"] == wanted
        )
        return {
            "region": arguments.get("region") or call.cloud.region,
            "state": arguments["state"],
            "names": names,
            # Terraform's id for a list of strings: the checksum of each with a dash after it.
            "id": str(zlib.crc32("".join(f"{name}-" for name in names).encode())),
        }


def _is_flavor(flavor: JSON, arguments: Properties) -> bool:
    attributes = {
        "flavorId": "id",
        "name": "name",
        "description": "description",
        "ram": "ram",
        "vcpus": "vcpus",
        "disk": "disk",
        "swap": "swap",
        "rxTxFactor": "rxtx_factor",
    }
    return all(
        # Nova says "" for no swap.
        (flavor[attribute] or type(arguments[key])()) == arguments[key]
        for key, attribute in attributes.items()
        if arguments.get(key) not in (None, "")
    )


def query_of(arguments: Properties, names: dict[str, str]) -> dict[str, Any]:
    """The arguments that narrow a list, by the API's names."""
    query = {
        names[key]: str(value).lower() if isinstance(value, bool) else value
        for key, value in arguments.items()
        if key in names and value not in (None, "")
    }
    if arguments.get("tags"):
        query["tags"] = ",".join(arguments["tags"])
    return query


def _public_tags(thing: JSON) -> list[str]:
    return [tag for tag in thing.get("tags") or [] if not tag.startswith(MARK)]


def only(noun: str, found: list[JSON], arguments: Properties, everything: list[JSON]) -> JSON:
    """The one thing that was found.

    Args:
        noun: What it is.
        found: What the arguments describe.
        arguments: What was asked for.
        everything: What there is besides, for the message where nothing was found.

    Raises:
        ProviderError: There is none, or more than one.
    """
    if len(found) == 1:
        return found[0]
    asked = " with " + ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    asked = asked if arguments else ""
    if not found:
        raise ProviderError(f"the cloud has no {noun}{asked}; it has: {catalog.names(everything)}")
    ids = ", ".join(str(one["id"]) for one in found[:10])
    raise ProviderError(f"the cloud has {len(found)} {noun}s{asked} ({ids}); ask for one of them")
