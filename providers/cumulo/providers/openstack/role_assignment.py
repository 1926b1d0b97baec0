"""Role assignments: what a user or a group may do in a project or a domain."""

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import Cloud

# Their order is the id's.
_PARTS = ("domainId", "projectId", "groupId", "userId", "roleId")


class RoleAssignment(Resource[Cloud]):
    """`openstack.identity.RoleAssignment`: its id is made of those of its parts."""

    token = "openstack:identity/roleAssignment:RoleAssignment"
    fields = {
        "region": shared.REGION,
        "domainId": Field(replace=True, excludes=("projectId",)),
        "groupId": Field(replace=True, excludes=("userId",)),
        "projectId": Field(replace=True, excludes=("domainId",)),
        "roleId": Field(required=True, replace=True),
        "userId": Field(replace=True, excludes=("groupId",)),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        return [
            Failure(one, f"or {other} is required")
            for one, other in (("projectId", "domainId"), ("userId", "groupId"))
            if inputs.get(one) is None and inputs.get(other) is None
        ]

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        # Made twice it is there once, so an interrupted create needs no mark.
        call.cloud.identity(inputs.get("region")).put(_path(inputs))
        return _observed(inputs)

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        values = identity.split("/")
        if len(values) != len(_PARTS):
            raise ProviderError(f"id: {identity!r} is not {'/'.join(_PARTS)}, some of them empty")
        parts = dict(zip(_PARTS, values, strict=True))
        there = call.cloud.identity(state.get("region")).head(_path(parts))
        return None if there is None else _observed(parts)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        parts = dict(zip(_PARTS, identity.split("/"), strict=True))
        call.cloud.identity(state.get("region")).delete(_path(parts))


def _path(parts: Properties) -> str:
    where = "domains" if parts.get("domainId") else "projects"
    who = "groups" if parts.get("groupId") else "users"
    return (
        f"/v3/{where}/{parts.get('domainId') or parts.get('projectId')}"
        f"/{who}/{parts.get('groupId') or parts.get('userId')}/roles/{parts['roleId']}"
    )


def _observed(parts: Properties) -> Observed:
    return {
        "id": "/".join(parts.get(part) or "" for part in _PARTS),
        "domain_id": parts.get("domainId"),
        "project_id": parts.get("projectId"),
        "group_id": parts.get("groupId"),
        "user_id": parts.get("userId"),
        "role_id": parts["roleId"],
    }
