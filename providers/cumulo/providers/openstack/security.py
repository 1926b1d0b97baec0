"""Security groups and their rules."""

import re

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, INTEGER, Field
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import Cloud, CloudError, Service
from cumulo.providers.openstack.neutron import TEN_MINUTES, NeutronResource

_PROTOCOLS = frozenset(
    {
        "ah",
        "dccp",
        "egp",
        "esp",
        "gre",
        "icmp",
        "icmpv6",
        "igmp",
        "ipip",
        "ipv6-encap",
        "ipv6-frag",
        "ipv6-icmp",
        "ipv6-nonxt",
        "ipv6-opts",
        "ipv6-route",
        "ospf",
        "pgm",
        "rsvp",
        "sctp",
        "tcp",
        "udp",
        "udplite",
        "vrrp",
    }
)

_HIGHEST_PORT = 65535
_HIGHEST_PROTOCOL = 255


def _protocol(value: str) -> str | None:
    if value == "" or value.lower() in _PROTOCOLS:
        return None
    if value.isdigit() and int(value) <= _HIGHEST_PROTOCOL:
        return None
    return f"must be a protocol's name (tcp, udp, icmp, ...) or number, not {value!r}"


def _port(value: int) -> str | None:
    return None if 0 <= value <= _HIGHEST_PORT else f"must be between 0 and 65535, not {value}"


def _same_ignoring_case(before: str, after: str) -> bool:
    return before.lower() == after.lower()


class SecGroup(NeutronResource):
    """`openstack.networking.SecGroup`."""

    token = "openstack:networking/secGroup:SecGroup"
    noun = "security_group"
    collection = "security-groups"
    timeouts = {"delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "description": Field(computed=True),
        "tenantId": shared.PROJECT,
        "deleteDefaultRules": Field(BOOLEAN, replace=True, local=True),
        "stateful": Field(BOOLEAN, computed=True),
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
    }

    def finish(
        self, call: Call[Cloud], network: Service, made: Observed, inputs: Properties
    ) -> Observed:
        if inputs.get("deleteDefaultRules"):
            for rule in made.get("security_group_rules") or []:
                network.delete(f"/v2.0/security-group-rules/{rule['id']}")
        return made


class SecGroupRule(Resource[Cloud]):
    """`openstack.networking.SecGroupRule`; a group cannot have the same rule twice."""

    token = "openstack:networking/secGroupRule:SecGroupRule"
    timeouts = {"delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "description": Field(replace=True),
        "direction": Field(required=True, replace=True, choices=("ingress", "egress")),
        "ethertype": Field(required=True, replace=True, choices=("IPv4", "IPv6")),
        "portRangeMin": Field(INTEGER, replace=True, check=_port),
        "portRangeMax": Field(INTEGER, replace=True, check=_port),
        "protocol": Field(replace=True, check=_protocol),
        "remoteGroupId": Field(
            computed=True, replace=True, excludes=("remoteIpPrefix", "remoteAddressGroupId")
        ),
        "remoteIpPrefix": Field(
            computed=True,
            replace=True,
            same=_same_ignoring_case,
            stored=str.lower,
            excludes=("remoteGroupId", "remoteAddressGroupId"),
        ),
        "remoteAddressGroupId": Field(
            computed=True, replace=True, excludes=("remoteGroupId", "remoteIpPrefix")
        ),
        "securityGroupId": Field(required=True, replace=True),
        "tenantId": shared.PROJECT,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        ports = {"portRangeMin", "portRangeMax"}
        if not ports & inputs.keys():
            return []
        missing = sorted(({"protocol"} | ports) - inputs.keys())
        given = "portRangeMin" if "portRangeMin" in inputs else "portRangeMax"
        return [Failure(given, f"needs '{key}' beside it") for key in missing]

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        network = call.cloud.network(inputs.get("region"))
        body = {
            key: value
            for key, value in shared.attributes(self.fields, inputs).items()
            if value != ""
        }
        try:
            answer = network.post("/v2.0/security-group-rules", {"security_group_rule": body})
        except CloudError as error:
            found = self._existing(network, error)
            if found is None or call.taken(found["id"]):
                raise
            if (found.get("description") or "") != inputs.get("description", ""):
                raise ProviderError(
                    f"the security group has this rule already as {found['id']}, "
                    f"with description {found.get('description')!r}"
                ) from error
            return found
        made: Observed = answer["security_group_rule"]
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        network = call.cloud.network(state.get("region"))
        answer = network.find(f"/v2.0/security-group-rules/{identity}")
        return None if answer is None else answer["security_group_rule"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        for key in ("remoteIpPrefix", "remoteGroupId", "remoteAddressGroupId", "protocol"):
            result[key] = result[key] or ""
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.network(state.get("region")).delete(f"/v2.0/security-group-rules/{identity}")

    def _existing(self, network: Service, error: CloudError) -> Observed | None:
        """The rule that Neutron says is there already, by the id in what it says."""
        ids = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", error.reason)
        if error.status != 409 or not ids:
            return None
        answer = network.find(f"/v2.0/security-group-rules/{ids[-1]}")
        return None if answer is None else answer["security_group_rule"]
