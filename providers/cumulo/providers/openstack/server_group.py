"""Server groups."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import INTEGER, STRING, Field, ListOf, Object, One, Only
from cumulo.providers.core.values import UNKNOWN, Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import Cloud
from cumulo.providers.openstack.natural import same

# From here on a group has one policy, and rules.
_VERSION: Final = "2.64"

_POLICIES = ("affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")


def _positive(value: int) -> str | None:
    return None if value >= 1 else f"must be at least 1, not {value}"


class ServerGroup(Resource[Cloud]):
    """`openstack.compute.ServerGroup`."""

    token = "openstack:compute/serverGroup:ServerGroup"
    fields = {
        "region": shared.REGION,
        "name": Field(replace=True),
        "policies": Field(Only(STRING), replace=True, api="policy", choices=_POLICIES),
        "rules": Field(
            One(Object({"maxServerPerHost": Field(INTEGER, replace=True, check=_positive)})),
            computed=True,
            replace=True,
        ),
        "members": Field(ListOf(STRING), output=True),
        "valueSpecs": shared.VALUE_SPECS,
    }

    def check(self, inputs: Properties) -> list[Failure]:
        if inputs.get("policies") is None:
            return [Failure("policies", f"is required: one of {', '.join(_POLICIES)}")]
        if inputs.get("rules") and inputs["policies"] not in ("anti-affinity", UNKNOWN):
            return [Failure("rules", "needs the policy 'anti-affinity'")]
        return []

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        groups = call.cloud.compute(inputs.get("region")).get(
            "/os-server-groups", microversion=_VERSION
        )["server_groups"]
        # One with servers in it is in use, so it was not left by a create that was interrupted.
        unused = [group for group in groups if not group["members"]]
        return same(self, call, inputs, unused)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        body = {
            "name": inputs["name"],
            "policy": inputs["policies"],
            **inputs.get("valueSpecs", {}),
        }
        if inputs.get("rules"):
            body["rules"] = shared.to_api(self.fields["rules"].type, inputs["rules"])
        made: Observed = call.cloud.compute(inputs.get("region")).post(
            "/os-server-groups", {"server_group": body}, microversion=_VERSION
        )["server_group"]
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.compute(state.get("region")).find(
            f"/os-server-groups/{identity}", microversion=_VERSION
        )
        return None if answer is None else answer["server_group"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.compute(state.get("region")).delete(f"/os-server-groups/{identity}")
