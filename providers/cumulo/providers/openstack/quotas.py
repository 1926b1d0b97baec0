"""Quotas of projects. They cannot be deleted: a project always has some."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import COUNT, Field
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, Service

_TEN_MINUTES: Final = {"create": 600.0, "update": 600.0, "delete": 600.0}


def _limit(value: int) -> str | None:
    return None if value >= -1 else f"must be -1, for no limit, or a number from 0 up, not {value}"


def _fields(limits: Iterable[str]) -> Mapping[str, Field]:
    return {
        "region": shared.REGION,
        "projectId": Field(required=True, replace=True),
        **{key: Field(COUNT, computed=True, check=_limit) for key in limits},
    }


class _Quota(Resource[Cloud]):
    """The quota of a project in a region, which its id is made of.

    As with the official provider, what goes is the entry in the state, and the limits stay.
    """

    timeouts = _TEN_MINUTES

    @abstractmethod
    def service(self, call: Call[Cloud], properties: Properties) -> Service:
        """The API that has the quota."""

    @abstractmethod
    def path(self, project: str) -> str:
        """Where the API has it."""

    @abstractmethod
    def key(self) -> str:
        """What the API calls it."""

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        return self._set(call, inputs, shared.attributes(self.fields, inputs))

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        project, _, region = identity.partition("/")
        known = {"projectId": project, "region": state.get("region") or region}
        answer = self.service(call, known).find(self.path(project))
        return None if answer is None else self._observed(call, known, answer)

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
        changed = {change.key: new.get(change.key) for change in changes}
        return self._set(call, old, shared.attributes(self.fields, changed))

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        pass

    def _set(self, call: Call[Cloud], known: Properties, limits: JSON) -> Observed:
        limits.pop("project_id", None)
        path = self.path(known["projectId"])
        self.service(call, known).put(path, {self.key(): limits})
        return self._observed(call, known, self.service(call, known).get(path))

    def _observed(self, call: Call[Cloud], known: Properties, answer: JSON) -> Observed:
        project = known["projectId"]
        region = known.get("region") or call.cloud.region
        return {**answer[self.key()], "project_id": project, "id": f"{project}/{region}"}


class QuotaSetV2(_Quota):
    """`openstack.compute.QuotaSetV2`."""

    token = "openstack:compute/quotaSetV2:QuotaSetV2"
    fields = _fields(
        (
            *("cores", "fixedIps", "floatingIps", "injectedFileContentBytes"),
            *("injectedFilePathBytes", "injectedFiles", "instances", "keyPairs", "metadataItems"),
            *("ram", "securityGroupRules", "securityGroups", "serverGroupMembers"),
            "serverGroups",
        )
    )

    def service(self, call: Call[Cloud], properties: Properties) -> Service:
        return call.cloud.compute(properties.get("region"))

    def path(self, project: str) -> str:
        return f"/os-quota-sets/{project}"

    def key(self) -> str:
        return "quota_set"


class QuotaV2(_Quota):
    """`openstack.networking.QuotaV2`."""

    token = "openstack:networking/quotaV2:QuotaV2"
    fields = _fields(
        (
            *("floatingip", "network", "port", "rbacPolicy", "router", "securityGroup"),
            *("securityGroupRule", "subnet", "subnetpool"),
        )
    )

    def service(self, call: Call[Cloud], properties: Properties) -> Service:
        return call.cloud.network(properties.get("region"))

    def path(self, project: str) -> str:
        return f"/v2.0/quotas/{project}"

    def key(self) -> str:
        return "quota"
