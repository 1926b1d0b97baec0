"""Load balancers, listeners, pools and health monitors."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
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
from cumulo.providers.openstack.cloud import JSON, MARK, Cloud, Service
from cumulo.providers.openstack.neutron import marked_ports
from cumulo.providers.openstack.octavia import (
    OWNERS,
    ROOT,
    TEN_MINUTES,
    OctaviaResource,
    change,
    service,
)

PROJECT = Field(computed=True, replace=True, api="project_id")
ADMIN_STATE_UP = Field(BOOLEAN, default=True)

_TLS_VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
_ALPN_PROTOCOLS = ("http/1.0", "http/1.1", "h2")
_VIPS = ("vipSubnetId", "vipNetworkId", "vipPortId")
_NO_CLIENT_AUTHENTICATION = "NONE"
_MEMBERS_FIRST_SECONDS = 0.1

_PERSISTENCE = One(
    Object(
        {
            "type": Field(required=True, choices=("SOURCE_IP", "HTTP_COOKIE", "APP_COOKIE")),
            "cookieName": Field(),
        }
    )
)


def port(value: int) -> str | None:
    """What is wrong with a port's number."""
    return None if 1 <= value <= 65535 else f"must be from 1 to 65535, not {value}"


def _retries(value: int) -> str | None:
    return None if 1 <= value <= 10 else f"must be from 1 to 10, not {value}"


def _each(allowed: tuple[str, ...]) -> Field:
    return Field(
        SetOf(STRING),
        computed=True,
        check=lambda values: next(
            (
                f"must hold only {', '.join(allowed)}, not {value!r}"
                for value in values
                if value not in allowed
            ),
            None,
        ),
    )


def _same_authentication(before: str, after: str | None) -> bool:
    return before == (after or _NO_CLIENT_AUTHENTICATION)


class LoadBalancer(OctaviaResource):
    """`openstack.loadbalancer.LoadBalancer`.

    The official provider would see a mark among the tags. There it is only until the VIP's port,
    which Octavia makes later, has it.
    """

    token = "openstack:loadbalancer/loadBalancer:LoadBalancer"
    noun = "loadbalancer"
    collection = "loadbalancers"
    words = "load balancer"
    timeouts = {"create": TEN_MINUTES, "update": TEN_MINUTES, "delete": 300.0}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "description": Field(),
        "vipNetworkId": Field(computed=True, replace=True),
        "vipSubnetId": Field(computed=True, replace=True),
        "vipPortId": Field(computed=True, replace=True),
        "tenantId": PROJECT,
        "vipAddress": Field(computed=True, replace=True, check=shared.address),
        "adminStateUp": ADMIN_STATE_UP,
        "flavorId": Field(computed=True, replace=True),
        "loadbalancerProvider": Field(computed=True, replace=True, api="provider"),
        "availabilityZone": Field(replace=True),
        "securityGroupIds": Field(SetOf(STRING), computed=True, local=True),
        "vipQosPolicyId": Field(),
        "tags": shared.TAGS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if any(inputs.get(key) is not None for key in _VIPS):
            return []
        return [Failure(_VIPS[0], f"or one of {_VIPS[1]}, {_VIPS[2]} is required")]

    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        del octavia
        # One that is being made has no id; nobody else can change it.
        return str(properties.get("id") or call.urn)

    def changed(self, new: Properties, keys: set[str]) -> JSON:
        return super().changed(new, keys - {"securityGroupIds"})

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        found = super().find(call, inputs)
        if found is not None:
            return found
        octavia, network = service(call, inputs), call.cloud.network(inputs.get("region"))
        owner = inputs.get("tenantId") or octavia.project
        vip = marked_ports(network, owner).get(call.mark)
        if vip is None:
            return None
        answer = octavia.get(f"{ROOT}/loadbalancers?vip_port_id={vip}&fields=id")
        ids = [item["id"] for item in answer["loadbalancers"]]
        return self.fetch(call, ids[0], inputs) if ids and ids[0] != call.replaces else None

    def finish(self, call: Call[Cloud], inputs: Properties, made: Observed) -> Observed:
        groups = inputs.get("securityGroupIds")
        if groups is not None and set(self._groups(call, made, inputs)) != set(groups):
            call.cloud.network(inputs.get("region")).put(
                f"/v2.0/ports/{made['vip_port_id']}", {"port": {"security_groups": groups}}
            )
        return self._without_mark(call, inputs, made)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        result["securityGroupIds"] = self._groups(call, observed, known)
        return result

    def _without_mark(self, call: Call[Cloud], inputs: Properties, made: Observed) -> Observed:
        tags = made.get("tags") or []
        marks = [tag for tag in tags if tag.startswith(MARK)]
        if not marks:
            return made
        network, octavia = call.cloud.network(inputs.get("region")), service(call, inputs)
        for mark in marks:
            network.put(f"/v2.0/ports/{made['vip_port_id']}/tags/{mark}")
        body = {self.noun: {"tags": [tag for tag in tags if tag not in marks]}}
        where = f"{ROOT}/{self.collection}/{made['id']}"
        # Nobody need wait for it: what comes next waits for its turn at the load balancer.
        change(call, octavia, made["id"], lambda: octavia.put(where, body))
        return {**made, **body[self.noun]}

    def _groups(self, call: Call[Cloud], observed: Observed, known: Properties) -> list[str]:
        """The VIP port's security groups: Octavia leaves them to Neutron."""
        identity = observed.get("vip_port_id")
        if not identity:
            return []
        network = call.cloud.network(known.get("region"))
        answer = network.find(f"/v2.0/ports/{identity}?fields=security_groups")
        return [] if answer is None else list(answer["port"]["security_groups"])


class Listener(OctaviaResource):
    """`openstack.loadbalancer.Listener`."""

    token = "openstack:loadbalancer/listener:Listener"
    noun = "listener"
    collection = "listeners"
    place = ("protocol", "protocol_port", "loadbalancers")
    words = "listener"
    fields = {
        "region": shared.REGION,
        "protocol": Field(
            required=True,
            replace=True,
            choices=("TCP", "UDP", "SCTP", "HTTP", "HTTPS", "TERMINATED_HTTPS", "PROMETHEUS"),
        ),
        "protocolPort": Field(INTEGER, required=True, replace=True, check=port),
        "tenantId": PROJECT,
        "loadbalancerId": Field(required=True, replace=True),
        "name": Field(computed=True),
        "defaultPoolId": Field(computed=True),
        "description": Field(),
        "connectionLimit": Field(INTEGER, computed=True),
        "defaultTlsContainerRef": Field(),
        "sniContainerRefs": Field(ListOf(STRING)),
        "alpnProtocols": _each(_ALPN_PROTOCOLS),
        "clientAuthentication": Field(
            choices=(_NO_CLIENT_AUTHENTICATION, "OPTIONAL", "MANDATORY"), same=_same_authentication
        ),
        "clientCaTlsContainerRef": Field(),
        "clientCrlContainerRef": Field(),
        "hstsIncludeSubdomains": Field(BOOLEAN),
        "hstsMaxAge": Field(INTEGER),
        "hstsPreload": Field(BOOLEAN),
        "tlsCiphers": Field(computed=True),
        "tlsVersions": _each(_TLS_VERSIONS),
        "adminStateUp": ADMIN_STATE_UP,
        "timeoutClientData": Field(INTEGER, computed=True),
        "timeoutMemberConnect": Field(INTEGER, computed=True),
        "timeoutMemberData": Field(INTEGER, computed=True),
        "timeoutTcpInspect": Field(INTEGER, computed=True),
        "insertHeaders": Field(MapOf(STRING)),
        "allowedCidrs": Field(ListOf(STRING)),
        "tags": shared.TAGS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        return [
            Failure(key, "needs 'hstsMaxAge' beside it")
            for key in ("hstsIncludeSubdomains", "hstsPreload")
            if key in inputs and "hstsMaxAge" not in inputs
        ]

    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        del call, octavia
        return str(properties["loadbalancerId"])

    def unique(self, call: Call[Cloud], inputs: Properties) -> bool:
        return call.ours(inputs["loadbalancerId"])

    def at_place(self, item: Observed, inputs: Properties) -> bool:
        return (
            item["protocol"] == inputs["protocol"]
            and item["protocol_port"] == inputs["protocolPort"]
            and {"id": inputs["loadbalancerId"]} in item["loadbalancers"]
        )

    def located(self, observed: Observed, properties: Properties) -> Observed:
        owners = observed.get("loadbalancers") or [{"id": properties.get("loadbalancerId")}]
        return {**observed, "loadbalancer_id": owners[0]["id"]}

    def changed(self, new: Properties, keys: set[str]) -> JSON:
        wanted = super().changed(new, keys)
        if "clientAuthentication" in keys and "clientAuthentication" not in new:
            wanted["client_authentication"] = _NO_CLIENT_AUTHENTICATION
        return wanted


class Pool(OctaviaResource):
    """`openstack.loadbalancer.Pool`."""

    token = "openstack:loadbalancer/pool:Pool"
    noun = "pool"
    collection = "pools"
    place = ("listeners",)
    words = "pool"
    fields = {
        "region": shared.REGION,
        "tenantId": PROJECT,
        "name": Field(),
        "description": Field(),
        "protocol": Field(
            required=True,
            replace=True,
            choices=("TCP", "UDP", "HTTP", "HTTPS", "PROXY", "SCTP", "PROXYV2"),
        ),
        # Both are known of every pool, but only the one that the program named belongs in a state.
        "loadbalancerId": Field(replace=True, local=True, excludes=("listenerId",)),
        "listenerId": Field(replace=True, local=True, excludes=("loadbalancerId",)),
        "lbMethod": Field(
            required=True,
            api="lb_algorithm",
            choices=("ROUND_ROBIN", "LEAST_CONNECTIONS", "SOURCE_IP", "SOURCE_IP_PORT"),
        ),
        "persistence": Field(_PERSISTENCE, api="session_persistence"),
        "alpnProtocols": _each(_ALPN_PROTOCOLS),
        "caTlsContainerRef": Field(),
        "crlContainerRef": Field(),
        "tlsEnabled": Field(BOOLEAN),
        "tlsCiphers": Field(computed=True),
        "tlsContainerRef": Field(),
        "tlsVersions": _each(_TLS_VERSIONS),
        "adminStateUp": ADMIN_STATE_UP,
        "tags": shared.TAGS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if inputs.get("listenerId") is None and inputs.get("loadbalancerId") is None:
            return [Failure("listenerId", "or loadbalancerId is required")]
        return []

    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        del call
        if properties.get("loadbalancerId"):
            return str(properties["loadbalancerId"])
        if properties.get("id"):
            return OWNERS.of(octavia, properties["id"])
        answer = octavia.find(f"{ROOT}/listeners/{properties['listenerId']}")
        return None if answer is None else str(answer["listener"]["loadbalancers"][0]["id"])

    def unique(self, call: Call[Cloud], inputs: Properties) -> bool:
        # A listener has one default pool; a load balancer may have any number.
        return bool(inputs.get("listenerId")) and call.ours(inputs["listenerId"])

    def at_place(self, item: Observed, inputs: Properties) -> bool:
        return {"id": inputs["listenerId"]} in item["listeners"]

    def body(self, inputs: Properties) -> JSON:
        body = super().body(inputs)
        for key, attribute in (
            ("loadbalancerId", "loadbalancer_id"),
            ("listenerId", "listener_id"),
        ):
            if inputs.get(key):
                body[attribute] = inputs[key]
        return body

    def located(self, observed: Observed, properties: Properties) -> Observed:
        OWNERS.learn(observed)
        return observed

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = super().observe(call, observed, known)
        if not known.get("listenerId") and not known.get("loadbalancerId"):
            for key, owners in (("listenerId", "listeners"), ("loadbalancerId", "loadbalancers")):
                if observed.get(owners):
                    result[key] = observed[owners][0]["id"]
                    break
        return result


class Monitor(OctaviaResource):
    """`openstack.loadbalancer.Monitor`; imported by its id, or `MONITOR_ID/POOL_ID`."""

    token = "openstack:loadbalancer/monitor:Monitor"
    noun = "healthmonitor"
    collection = "healthmonitors"
    words = "health monitor"
    place = ("pools",)
    # While a pool is monitored, each change of its members takes a driver several times as long.
    create_rank = 2
    delete_rank = 0
    fields = {
        "region": shared.REGION,
        "poolId": Field(required=True, replace=True),
        "name": Field(),
        "domainName": Field(),
        "tenantId": PROJECT,
        "type": Field(
            required=True,
            replace=True,
            choices=("HTTP", "HTTPS", "PING", "SCTP", "TCP", "TLS-HELLO", "UDP-CONNECT"),
        ),
        "delay": Field(INTEGER, required=True),
        "timeout": Field(INTEGER, required=True),
        "maxRetries": Field(INTEGER, required=True, check=_retries),
        "maxRetriesDown": Field(INTEGER, computed=True, check=_retries),
        "urlPath": Field(computed=True),
        "httpMethod": Field(
            computed=True,
            choices=(
                "CONNECT",
                "DELETE",
                "GET",
                "HEAD",
                "OPTIONS",
                "PATCH",
                "POST",
                "PUT",
                "TRACE",
            ),
        ),
        "httpVersion": Field(choices=("1.0", "1.1")),
        "expectedCodes": Field(computed=True),
        "adminStateUp": ADMIN_STATE_UP,
    }

    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        del call
        return OWNERS.of(octavia, properties["poolId"])

    def unique(self, call: Call[Cloud], inputs: Properties) -> bool:
        return call.ours(inputs["poolId"])

    def at_place(self, item: Observed, inputs: Properties) -> bool:
        return {"id": inputs["poolId"]} in item["pools"]

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        # The engine starts it together with the members: let them queue up before it.
        call.sleep("the pool's members to be made", _MEMBERS_FIRST_SECONDS)
        return super().create(call, inputs)

    def body(self, inputs: Properties) -> JSON:
        body = super().body(inputs)
        if "http_version" in body:
            body["http_version"] = float(body["http_version"])
        return body

    def located(self, observed: Observed, properties: Properties) -> Observed:
        pools = observed.get("pools") or [{"id": properties.get("poolId")}]
        version = observed.get("http_version")
        return {
            **observed,
            "pool_id": pools[0]["id"],
            "http_version": None if version is None else str(version),
        }

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        return super().fetch(call, identity.partition("/")[0], state)
