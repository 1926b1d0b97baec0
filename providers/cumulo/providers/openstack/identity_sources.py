"""Data sources of Keystone's: roles, projects and users."""

from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.resource import Function
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, SetOf
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud
from cumulo.providers.openstack.data_sources import only, query_of

_TEXT = Field(computed=True)
_OUT = Field(output=True)


class GetRole(Function[Cloud]):
    """`openstack.identity.get_role`."""

    token = "openstack:identity/getRole:getRole"
    fields = {"region": _TEXT, "domainId": _TEXT, "name": Field(required=True), "id": _OUT}

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        role = _find(call, arguments, "role", {"domainId": "domain_id", "name": "name"})
        return {
            "region": arguments.get("region") or call.cloud.region,
            "domainId": role.get("domain_id") or "",
            "name": role["name"],
            "id": role["id"],
        }


class GetProject(Function[Cloud]):
    """`openstack.identity.get_project`."""

    token = "openstack:identity/getProject:getProject"
    fields = {
        "region": _TEXT,
        "description": _OUT,
        "domainId": Field(computed=True, excludes=("projectId",)),
        "enabled": Field(BOOLEAN, default=True, excludes=("projectId",)),
        "isDomain": Field(BOOLEAN, default=False, excludes=("projectId",)),
        "name": Field(excludes=("projectId",)),
        "parentId": Field(excludes=("projectId",)),
        "projectId": Field(),
        "tags": Field(SetOf(STRING), output=True),
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        if arguments.get("projectId"):
            keystone = call.cloud.identity(arguments.get("region"))
            answer = keystone.find(f"/v3/projects/{arguments['projectId']}")
            project = only("project", [answer["project"]] if answer else [], arguments, [])
        else:
            names = {
                "domainId": "domain_id",
                "enabled": "enabled",
                "isDomain": "is_domain",
                "name": "name",
                "parentId": "parent_id",
            }
            project = _find(call, arguments, "project", names)
        return {
            **shared.observe(self.fields, project, arguments),
            "region": arguments.get("region") or call.cloud.region,
            "projectId": project["id"],
        }


class GetUser(Function[Cloud]):
    """`openstack.identity.get_user`."""

    token = "openstack:identity/getUser:getUser"
    fields = {
        "region": _TEXT,
        "defaultProjectId": _OUT,
        "description": _OUT,
        "domainId": _TEXT,
        "enabled": Field(BOOLEAN, computed=True),
        "idpId": Field(),
        "name": Field(),
        "passwordExpiresAt": Field(),
        "protocolId": Field(),
        "uniqueId": Field(),
        "id": _OUT,
    }

    def invoke(self, call: Call[Cloud], arguments: Properties) -> Properties:
        names = {
            "domainId": "domain_id",
            "enabled": "enabled",
            "idpId": "idp_id",
            "name": "name",
            "passwordExpiresAt": "password_expires_at",
            "protocolId": "protocol_id",
            "uniqueId": "unique_id",
        }
        user = _find(call, arguments, "user", names)
        return {
            **{key: arguments.get(key) for key in self.fields},
            "region": arguments.get("region") or call.cloud.region,
            "defaultProjectId": user.get("default_project_id") or "",
            "description": user.get("description") or "",
            "domainId": user["domain_id"],
            "enabled": user["enabled"],
            "name": user["name"],
            "id": user["id"],
        }


def _find(call: Call[Cloud], arguments: Properties, noun: str, names: dict[str, str]) -> JSON:
    keystone = call.cloud.identity(arguments.get("region"))
    path = f"/v3/{noun}s"
    query: dict[str, Any] = query_of(arguments, names)
    found = keystone.get(path, params=query)[f"{noun}s"]
    everything = [] if found else keystone.get(path)[f"{noun}s"]
    return only(noun, found, arguments, everything)
