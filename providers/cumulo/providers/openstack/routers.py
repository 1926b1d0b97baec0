"""Routers and their interfaces."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, ListOf, Object, One
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service
from cumulo.providers.openstack.neutron import TEN_MINUTES, NeutronResource, delete_unused, retry

_FIXED_IP = Object({"subnetId": Field(computed=True), "ipAddress": Field(computed=True)})

_GATEWAY = frozenset({"externalNetworkId", "externalQosPolicyId", "enableSnat", "externalFixedIps"})


class Router(NeutronResource):
    """`openstack.networking.Router`."""

    token = "openstack:networking/router:Router"
    noun = "router"
    collection = "routers"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "description": Field(),
        "adminStateUp": Field(BOOLEAN, computed=True),
        "distributed": Field(BOOLEAN, computed=True, replace=True),
        "externalNetworkId": Field(computed=True, local=True),
        "externalQosPolicyId": Field(computed=True, local=True),
        "enableSnat": Field(BOOLEAN, computed=True, local=True),
        "externalFixedIps": Field(ListOf(_FIXED_IP), computed=True, local=True),
        "externalSubnetIds": Field(ListOf(STRING), local=True, excludes=("externalFixedIps",)),
        "tenantId": shared.PROJECT,
        "valueSpecs": shared.VALUE_SPECS,
        "availabilityZoneHints": Field(ListOf(STRING), computed=True, replace=True),
        "vendorOptions": Field(
            One(Object({"setRouterGatewayAfterCreate": Field(BOOLEAN, default=False)})),
            local=True,
        ),
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        alone = (_GATEWAY | {"externalSubnetIds"}) - {"externalNetworkId"}
        return [
            Failure(key, "needs 'externalNetworkId' beside it")
            for key in sorted(alone & inputs.keys())
            if "externalNetworkId" not in inputs
        ]

    def body(self, call: Call[Cloud], inputs: Properties) -> JSON:
        body = super().body(call, inputs)
        if inputs.get("externalNetworkId") and not _gateway_later(inputs):
            body["external_gateway_info"] = _gateway(inputs, set(inputs))
        return body

    def make(self, call: Call[Cloud], network: Service, body: JSON, inputs: Properties) -> Observed:
        subnets = inputs.get("externalSubnetIds") or []
        if not subnets or "external_gateway_info" not in body:
            return super().make(call, network, body, inputs)
        # The first external subnet that has an address left.
        for subnet in subnets[:-1]:
            body["external_gateway_info"]["external_fixed_ips"] = [{"subnet_id": subnet}]
            try:
                return super().make(call, network, body, inputs)
            except CloudError as error:
                if error.status not in (400, 409):
                    raise
        body["external_gateway_info"]["external_fixed_ips"] = [{"subnet_id": subnets[-1]}]
        return super().make(call, network, body, inputs)

    def finish(
        self, call: Call[Cloud], network: Service, made: Observed, inputs: Properties
    ) -> Observed:
        if _gateway_later(inputs) and inputs.get("externalNetworkId"):
            gateway = {"external_gateway_info": _gateway(inputs, set(inputs))}
            answer = network.put(f"/v2.0/routers/{made['id']}", {"router": gateway})
            return {**answer["router"], "tags": made.get("tags")}
        return made

    def changed(self, call: Call[Cloud], new: Properties, keys: set[str]) -> JSON:
        wanted = super().changed(call, new, keys)
        if keys & _GATEWAY:
            network = new.get("externalNetworkId")
            wanted["external_gateway_info"] = _gateway(new, keys) if network else {}
        return wanted

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        gateway = observed.get("external_gateway_info") or {}
        result["externalNetworkId"] = gateway.get("network_id") or ""
        result["enableSnat"] = bool(gateway.get("enable_snat"))
        fixed = gateway.get("external_fixed_ips") or []
        result["externalFixedIps"] = shared.from_api(ListOf(_FIXED_IP), fixed)
        return result


class RouterInterface(Resource[Cloud]):
    """`openstack.networking.RouterInterface`: a port of a router in a subnet."""

    token = "openstack:networking/routerInterface:RouterInterface"
    timeouts = {"create": TEN_MINUTES, "delete": TEN_MINUTES}
    fields = {
        "region": shared.REGION,
        "routerId": Field(required=True, replace=True),
        "subnetId": Field(computed=True, replace=True),
        "portId": Field(computed=True, replace=True),
        "forceDestroy": Field(BOOLEAN, default=False, local=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if "subnetId" in inputs or "portId" in inputs:
            return []
        return [Failure("subnetId", "is required, or 'portId'")]

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        network = call.cloud.network(inputs.get("region"))
        router = inputs["routerId"]
        key = "portId" if inputs.get("portId") else "subnetId"
        body = {"port_id" if key == "portId" else "subnet_id": inputs[key]}
        try:
            with call.cloud.lock(router):
                path = f"/v2.0/routers/{router}/add_router_interface"
                identity = str(network.put(path, body)["port_id"])
        except CloudError as error:
            existing = self._existing(network, inputs) if error.status in (400, 409) else None
            if existing is None or call.taken(existing):
                raise
            identity = existing

        def ready() -> Observed | None:
            port: Observed = network.get(f"/v2.0/ports/{identity}")["port"]
            return port if port["status"] in ("ACTIVE", "DOWN") else None

        try:
            return call.wait(f"router interface {identity} to become usable", ready)
        except ProviderError as error:
            raise NotReady(str(error), {"id": identity, "device_id": router}) from error

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        network = call.cloud.network(state.get("region"))
        answer = network.find(f"/v2.0/ports/{identity}")
        return None if answer is None or not answer["port"]["device_id"] else answer["port"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        fixed = observed.get("fixed_ips") or [{"subnet_id": known.get("subnetId")}]
        return {
            "region": known.get("region") or call.cloud.region,
            "routerId": observed["device_id"],
            "portId": observed["id"],
            "subnetId": fixed[0]["subnet_id"],
            "forceDestroy": bool(known.get("forceDestroy")),
        }

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        # Only `forceDestroy` changes in place, and only we know of it.
        found = self.fetch(call, identity, old)
        if found is None:
            raise ProviderError(f"router interface {identity} is gone; run a refresh")
        return found

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        network = call.cloud.network(state.get("region"))
        router = state["routerId"]
        if state.get("forceDestroy"):
            network.put(f"/v2.0/routers/{router}", {"router": {"routes": []}})
        subnet = state.get("subnetId")
        body = {"subnet_id": subnet} if subnet else {"port_id": identity}

        def remove() -> None:
            with call.cloud.lock(router):
                try:
                    network.put(f"/v2.0/routers/{router}/remove_router_interface", body)
                except CloudError as error:
                    if error.status != 404:
                        raise

        retry(call, f"router interface {identity}", remove)
        if state.get("portId") and not subnet:
            delete_unused(call, network, f"/v2.0/ports/{identity}", f"port {identity}")

    def _existing(self, network: Service, inputs: Properties) -> str | None:
        query = f"/v2.0/ports?device_id={inputs['routerId']}&fields=id&fields=fixed_ips"
        for port in network.get(query)["ports"]:
            subnets = {fixed["subnet_id"] for fixed in port["fixed_ips"]}
            if port["id"] == inputs.get("portId") or inputs.get("subnetId") in subnets:
                return str(port["id"])
        return None


def _gateway_later(inputs: Properties) -> bool:
    return bool((inputs.get("vendorOptions") or {}).get("setRouterGatewayAfterCreate"))


def _gateway(wanted: Properties, keys: set[str]) -> JSON:
    gateway: JSON = {"network_id": wanted["externalNetworkId"]}
    if "enableSnat" in keys and "enableSnat" in wanted:
        gateway["enable_snat"] = wanted["enableSnat"]
    if "externalQosPolicyId" in keys:
        gateway["qos_policy_id"] = wanted.get("externalQosPolicyId")
    if "externalFixedIps" in keys and wanted.get("externalFixedIps"):
        gateway["external_fixed_ips"] = [
            {name: value for name, value in one.items() if value}
            for one in shared.to_api(ListOf(_FIXED_IP), wanted["externalFixedIps"])
        ]
    return gateway
