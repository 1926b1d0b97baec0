"""Projects, each of which has quotas, members and resources of its own."""

from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, SetOf, snake
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import Cloud, CloudError

# Keystone keeps what else a project is given; the official provider does not read it.
_MARK: Final = "cumulo"


class Project(Resource[Cloud]):
    """`openstack.identity.Project`."""

    token = "openstack:identity/project:Project"
    fields = {
        "region": shared.REGION,
        "description": Field(),
        "domainId": Field(computed=True, replace=True),
        "enabled": Field(BOOLEAN, default=True),
        "isDomain": Field(BOOLEAN, default=False, replace=True),
        "name": Field(),
        "parentId": Field(computed=True, replace=True),
        "tags": Field(SetOf(STRING)),
    }

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        query = {"name": inputs["name"], "is_domain": str(bool(inputs.get("isDomain"))).lower()}
        projects = call.cloud.identity(inputs.get("region")).get("/v3/projects", params=query)
        named: list[Observed] = projects["projects"]
        return next((found for found in named if found.get(_MARK) == call.mark), None)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        body = shared.attributes(self.fields, inputs)
        if inputs.get("tags"):
            body["tags"] = inputs["tags"]
        if call.mark:
            body[_MARK] = call.mark
        keystone = call.cloud.identity(inputs.get("region"))
        try:
            made: Observed = keystone.post("/v3/projects", {"project": body})["project"]
        except CloudError as error:
            if error.status == 409:
                name = inputs["name"]
                raise ProviderError(
                    f"name: the domain has a project {name!r} already; choose another name, or "
                    f"take it over: `pulumi import {self.token} {call.name} ID`"
                ) from error
            raise
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.identity(state.get("region")).find(_path(identity))
        return None if answer is None else answer["project"]

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
        body = {
            snake(change.key): shared.local(self.fields[change.key], new.get(change.key))
            for change in changes
        }
        if "description" in body:
            body["description"] = body["description"] or ""
        answer = call.cloud.identity(old.get("region")).request(
            "PATCH", _path(identity), json={"project": body}
        )
        updated: Observed = answer["project"]
        return updated

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        keystone = call.cloud.identity(state.get("region"))
        if state.get("isDomain") and keystone.find(_path(identity)) is not None:
            # Keystone deletes no domain that anybody could still log in to.
            keystone.request("PATCH", _path(identity), json={"project": {"enabled": False}})
        keystone.delete(_path(identity))


def _path(identity: str) -> str:
    return f"/v3/projects/{identity}"
