"""Ports."""

import json

from cumulo.providers.core.call import Call
from cumulo.providers.core.resource import Observed
from cumulo.providers.core.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    Field,
    ListOf,
    MapOf,
    Object,
    One,
    SetOf,
)
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, Service
from cumulo.providers.openstack.neutron import TEN_MINUTES, NeutronResource

_VNICS = (
    "direct",
    "direct-physical",
    "macvtap",
    "normal",
    "baremetal",
    "virtio-forwarder",
    "remote-managed",
)


def _json_object(value: str) -> str | None:
    try:
        parsed = json.loads(value or "{}")
    except ValueError as error:
        return f"must be a JSON object: {error}"
    return None if isinstance(parsed, dict) else "must be a JSON object"


def _same_json(before: str, after: str) -> bool:
    return bool(json.loads(before or "{}") == json.loads(after or "{}"))


_BINDING = One(
    Object(
        {
            "hostId": Field(computed=True),
            "profile": Field(computed=True, check=_json_object, same=_same_json),
            "vifDetails": Field(MapOf(STRING), output=True),
            "vifType": Field(output=True),
            "vnicType": Field(default="normal", choices=_VNICS),
        }
    )
)

_PAIR = Object({"ipAddress": Field(required=True), "macAddress": Field()})

_OPTION = Object(
    {
        "name": Field(required=True, api="opt_name"),
        "value": Field(required=True, api="opt_value"),
        "ipVersion": Field(INTEGER, default=4),
    }
)

_FIXED_IP = Object({"subnetId": Field(), "ipAddress": Field()})


class Port(NeutronResource):
    """`openstack.networking.Port`."""

    token = "openstack:networking/port:Port"
    noun = "port"
    collection = "ports"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "description": Field(),
        "networkId": Field(required=True, replace=True),
        "adminStateUp": Field(BOOLEAN, computed=True),
        "macAddress": Field(computed=True, replace=True),
        "tenantId": shared.PROJECT,
        "deviceOwner": Field(computed=True, replace=True),
        "securityGroupIds": Field(SetOf(STRING), local=True),
        "noSecurityGroups": Field(BOOLEAN, local=True, excludes=("securityGroupIds",)),
        "deviceId": Field(computed=True, replace=True),
        "fixedIps": Field(ListOf(_FIXED_IP), local=True, excludes=("noFixedIp",)),
        "noFixedIp": Field(BOOLEAN, local=True, excludes=("fixedIps",)),
        "allowedAddressPairs": Field(SetOf(_PAIR)),
        "extraDhcpOptions": Field(SetOf(_OPTION), api="extra_dhcp_opts"),
        "valueSpecs": shared.VALUE_SPECS,
        "allFixedIps": Field(ListOf(STRING), output=True),
        "allSecurityGroupIds": Field(SetOf(STRING), output=True, api="security_groups"),
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
        "portSecurityEnabled": Field(BOOLEAN, computed=True),
        "binding": Field(_BINDING, computed=True, local=True),
        "dnsName": Field(computed=True),
        "dnsAssignments": Field(ListOf(MapOf(STRING)), output=True, api="dns_assignment"),
        "qosPolicyId": Field(computed=True),
    }

    def tagged_at_birth(self, network: Service) -> bool:
        return network.has_extension("tag-ports-during-bulk-creation")

    def body(self, call: Call[Cloud], inputs: Properties) -> JSON:
        return super().body(call, inputs) | self._parts(inputs, set(inputs))

    def changed(self, call: Call[Cloud], new: Properties, keys: set[str]) -> JSON:
        return super().changed(call, new, keys) | self._parts(new, keys)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        result["allFixedIps"] = [one["ip_address"] for one in observed.get("fixed_ips") or []]
        own = observed.get("mac_address")
        for pair in result["allowedAddressPairs"]:
            if pair["macAddress"] == own:
                pair["macAddress"] = ""
        for option in result["extraDhcpOptions"]:
            option["ipVersion"] = int(option["ipVersion"] or 4)
        details = observed.get("binding:vif_details") or {}
        result["binding"] = {
            "hostId": observed.get("binding:host_id") or "",
            "profile": _compact(observed.get("binding:profile") or {}),
            "vifDetails": {
                key: value if isinstance(value, str) else _compact(value)
                for key, value in details.items()
            },
            "vifType": observed.get("binding:vif_type") or "",
            "vnicType": observed.get("binding:vnic_type") or "",
        }
        for key in ("dnsName", "qosPolicyId"):
            result[key] = result[key] or ""
        result["dnsAssignments"] = result["dnsAssignments"] or []
        return result

    def _parts(self, wanted: Properties, keys: set[str]) -> JSON:
        """What the API spells differently from the properties."""
        body: JSON = {}
        if wanted.get("noFixedIp"):
            body["fixed_ips"] = []
        elif "fixedIps" in keys:
            body["fixed_ips"] = [
                {name: value for name, value in one.items() if value}
                for one in shared.to_api(ListOf(_FIXED_IP), wanted.get("fixedIps") or [])
            ]
        if wanted.get("noSecurityGroups"):
            body["security_groups"] = []
        elif "securityGroupIds" in keys:
            body["security_groups"] = wanted.get("securityGroupIds") or []
        if "allowedAddressPairs" in keys:
            body["allowed_address_pairs"] = [
                {"ip_address": one["ipAddress"]}
                | ({"mac_address": one["macAddress"]} if one.get("macAddress") else {})
                for one in wanted.get("allowedAddressPairs") or []
            ]
        if "binding" in keys and (binding := wanted.get("binding")):
            if binding.get("hostId"):
                body["binding:host_id"] = binding["hostId"]
            if binding.get("profile"):
                body["binding:profile"] = json.loads(binding["profile"])
            if binding.get("vnicType"):
                body["binding:vnic_type"] = binding["vnicType"]
        return body


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
