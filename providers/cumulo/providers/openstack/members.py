"""The members of a load balancer's pools: one by one, or a pool's as a whole."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, INTEGER, Field, Object, SetOf
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, Service
from cumulo.providers.openstack.loadbalancer import ADMIN_STATE_UP, PROJECT, port
from cumulo.providers.openstack.octavia import (
    OWNERS,
    ROOT,
    TIMEOUTS,
    OctaviaResource,
    change,
    poll,
    service,
    turn,
)


def _weight(value: int) -> str | None:
    return None if 0 <= value <= 256 else f"must be from 0 to 256, not {value}"


class Member(OctaviaResource):
    """`openstack.loadbalancer.Member`; imported by `POOL_ID/MEMBER_ID`.

    A pool has one member for an address and a port, so an interrupted create is found by these.
    """

    token = "openstack:loadbalancer/member:Member"
    noun = "member"
    collection = "members"
    words = "member"
    marked = False
    create_rank = 0
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "tenantId": PROJECT,
        "address": Field(required=True, replace=True, check=shared.address),
        "protocolPort": Field(INTEGER, required=True, replace=True, check=port),
        "weight": Field(INTEGER, computed=True, check=_weight),
        "subnetId": Field(replace=True),
        "adminStateUp": ADMIN_STATE_UP,
        "poolId": Field(required=True, replace=True),
        "backup": Field(BOOLEAN),
        "monitorAddress": Field(check=shared.address),
        "monitorPort": Field(INTEGER, check=port),
        "tags": shared.TAGS,
    }

    def balancer(self, call: Call[Cloud], octavia: Service, properties: Properties) -> str | None:
        del call
        return OWNERS.of(octavia, properties["poolId"])

    def path(self, properties: Properties) -> str:
        return f"{ROOT}/pools/{properties['poolId']}/members"

    def located(self, observed: Observed, properties: Properties) -> Observed:
        return {**observed, "pool_id": properties["poolId"]}

    def body(self, inputs: Properties) -> JSON:
        body = super().body(inputs)
        body.pop("pool_id", None)
        return body

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        place = (inputs["address"], inputs["protocolPort"], inputs.get("subnetId"))
        answer = service(call, inputs).find(self.path(inputs))
        for member in [] if answer is None else answer["members"]:
            there = (member["address"], member["protocol_port"], member["subnet_id"])
            if there == place and not call.taken(member["id"]):
                return self.located(member, inputs)
        return None

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        pool, _, member = identity.rpartition("/")
        pool = pool or state.get("poolId") or ""
        if not pool:
            raise ProviderError(f"import a member by POOL_ID/MEMBER_ID, not by {identity!r}")
        return super().fetch(call, member, {**state, "poolId": pool})


_MEMBER = Object(
    {
        "id": Field(output=True),
        "name": Field(),
        "address": Field(required=True, check=shared.address),
        "protocolPort": Field(INTEGER, required=True, check=port),
        "weight": Field(INTEGER, default=1, check=_weight),
        "monitorPort": Field(INTEGER, check=port),
        "monitorAddress": Field(check=shared.address),
        "subnetId": Field(),
        "backup": Field(BOOLEAN),
        "adminStateUp": ADMIN_STATE_UP,
    }
)


class Members(Resource[Cloud]):
    """`openstack.loadbalancer.Members`: all members of a pool, made and changed in one request.

    Making them again is what completes an interrupted create: it leaves alone what is right.
    """

    token = "openstack:loadbalancer/members:Members"
    timeouts = TIMEOUTS
    fields = {
        "region": shared.REGION,
        "poolId": Field(required=True, replace=True),
        "members": Field(SetOf(_MEMBER)),
    }

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        return self._put(call, inputs["poolId"], inputs, inputs.get("members") or [])

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = service(call, state).find(f"{ROOT}/pools/{identity}/members")
        if answer is None:
            return None
        return {"id": identity, "pool_id": identity, "members": answer["members"]}

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
        del changes
        return self._put(call, identity, old, new.get("members") or [])

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        if self.fetch(call, identity, state) is not None:
            self._put(call, identity, state, [])

    def _put(
        self, call: Call[Cloud], pool: str, properties: Properties, members: list[Properties]
    ) -> Observed:
        octavia = service(call, properties)
        balancer = OWNERS.of(octavia, pool)
        if balancer is None:
            raise ProviderError(f"poolId: pool {pool} is gone; pulumi refresh takes note of it")
        body = [_whole(member) for member in members]
        where = f"{ROOT}/pools/{pool}/members"
        with turn(call, balancer):
            change(call, octavia, balancer, lambda: octavia.put(where, {"members": body}))

            def probe() -> Observed | None:
                there = octavia.get(where)["members"]
                if any(member["provisioning_status"].startswith("PENDING") for member in there):
                    return None
                return {"id": pool, "pool_id": pool, "members": there}

            waiting = f"the members of pool {pool} to become ACTIVE"
            now = poll(call, waiting, probe)
            # The OVN driver may report one that the batch took away as ACTIVE again. On its own,
            # the removal works.
            wanted = {_place(member) for member in body}
            left = [one["id"] for one in now["members"] if _place(one) not in wanted]
            for identity in left:
                one = f"{where}/{identity}"
                change(call, octavia, balancer, lambda one=one: octavia.delete(one))  # type: ignore[misc]
            if left:
                now = poll(call, waiting, probe)
        broken = [
            f"{member['address']}:{member['protocol_port']}"
            for member in now["members"]
            if member["provisioning_status"] == "ERROR"
        ]
        if broken:
            raise NotReady(f"members {', '.join(broken)} of pool {pool} went to state ERROR", now)
        return now


def _place(member: JSON) -> tuple[str, int, str | None]:
    """What tells a pool's members apart."""
    return member["address"], member["protocol_port"], member.get("subnet_id") or None


def _whole(member: Properties) -> JSON:
    """A member with every attribute: what a batch leaves out keeps its old value."""
    unset = {"name": "", "backup": False}
    wanted = shared.to_api(_MEMBER, {**unset, **member})
    for attribute in ("monitor_port", "monitor_address"):
        wanted.setdefault(attribute, None)
    return dict(wanted)
