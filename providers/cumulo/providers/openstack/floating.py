"""Floating IPs and what they point at."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import STRING, Field, ListOf
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service
from cumulo.providers.openstack.neutron import TEN_MINUTES, NeutronResource


class FloatingIp(NeutronResource):
    """`openstack.networking.FloatingIp`."""

    token = "openstack:networking/floatingIp:FloatingIp"
    noun = "floatingip"
    collection = "floatingips"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "description": Field(),
        "address": Field(
            computed=True, replace=True, api="floating_ip_address", check=shared.address
        ),
        "pool": Field(required=True, replace=True, local=True),
        "portId": Field(computed=True),
        "tenantId": shared.PROJECT,
        "fixedIp": Field(computed=True, api="fixed_ip_address", check=shared.address),
        "subnetId": Field(computed=True, local=True),
        "subnetIds": Field(ListOf(STRING), local=True, excludes=("subnetId",)),
        "valueSpecs": shared.VALUE_SPECS,
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
        "dnsName": Field(computed=True, replace=True),
        "dnsDomain": Field(computed=True, replace=True, check=shared.dotted),
    }

    def body(self, call: Call[Cloud], inputs: Properties) -> JSON:
        network = self.service(call, inputs)
        pool = _pool(network, inputs["pool"])
        return super().body(call, inputs) | {"floating_network_id": pool}

    def make(self, call: Call[Cloud], network: Service, body: JSON, inputs: Properties) -> Observed:
        subnets = [inputs["subnetId"]] if inputs.get("subnetId") else inputs.get("subnetIds") or []
        # The first subnet that has an address left.
        for subnet in subnets[:-1]:
            try:
                return super().make(call, network, {**body, "subnet_id": subnet}, inputs)
            except CloudError as error:
                if error.status not in (400, 409):
                    raise
        if subnets:
            body["subnet_id"] = subnets[-1]
        return super().make(call, network, body, inputs)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        if not result["pool"]:
            network = self.service(call, known)
            where = network.get(f"/v2.0/networks/{observed['floating_network_id']}")
            result["pool"] = where["network"]["name"]
        for key in ("dnsName", "dnsDomain"):
            result[key] = result[key] or ""
        return result


class FloatingIpAssociate(Resource[Cloud]):
    """`openstack.networking.FloatingIpAssociate`: has the floating IP's id."""

    token = "openstack:networking/floatingIpAssociate:FloatingIpAssociate"
    fields = {
        "region": shared.REGION,
        "floatingIp": Field(
            required=True, replace=True, api="floating_ip_address", check=shared.address
        ),
        "portId": Field(required=True),
        "fixedIp": Field(computed=True, api="fixed_ip_address", check=shared.address),
    }

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        network = call.cloud.network(inputs.get("region"))
        wanted = inputs["floatingIp"]
        found = network.get(f"/v2.0/floatingips?floating_ip_address={wanted}")["floatingips"]
        if not found:
            raise ProviderError(f"floatingIp: the cloud has no floating IP {wanted}")
        return self._point(network, found[0]["id"], inputs)

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.network(state.get("region")).find(f"/v2.0/floatingips/{identity}")
        return None if answer is None else answer["floatingip"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        return self._point(call.cloud.network(old.get("region")), identity, new)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        network = call.cloud.network(state.get("region"))
        found = self.fetch(call, identity, state)
        # Someone else may have pointed it elsewhere meanwhile.
        if found is not None and found.get("port_id") == state.get("portId"):
            try:
                network.put(f"/v2.0/floatingips/{identity}", {"floatingip": {"port_id": None}})
            except CloudError as error:
                if error.status != 404:
                    raise

    def _point(self, network: Service, identity: str, inputs: Properties) -> Observed:
        body = {"port_id": inputs["portId"]}
        if inputs.get("fixedIp"):
            body["fixed_ip_address"] = inputs["fixedIp"]
        answer = network.put(f"/v2.0/floatingips/{identity}", {"floatingip": body})
        made: Observed = answer["floatingip"]
        return made


def _pool(network: Service, name: str) -> str:
    """The id of an external network by name or id."""
    external = network.get("/v2.0/networks?router:external=true&fields=id&fields=name")["networks"]
    for candidate in external:
        if name in (candidate["name"], candidate["id"]):
            return str(candidate["id"])
    names = ", ".join(sorted(candidate["name"] for candidate in external)) or "none"
    raise ProviderError(f"pool: the cloud has no external network {name!r}; it has: {names}")
