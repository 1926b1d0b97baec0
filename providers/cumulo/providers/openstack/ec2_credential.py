"""Access keys, by which the S3 API of the object storage knows a user."""

import hashlib
import json
import secrets
import uuid

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service

_SECRET_BYTES = 16


class Ec2CredentialV3(Resource[Cloud]):
    """`openstack.identity.Ec2CredentialV3`: its id is the access key.

    Keystone keeps it as a credential of type `ec2`, whose keys whoever makes it may choose. The
    access key, which is no secret, is the mark, so that an interrupted create is found.
    """

    token = "openstack:identity/ec2CredentialV3:Ec2CredentialV3"
    fields = {
        "region": shared.REGION,
        "access": Field(output=True),
        "secret": Field(output=True, secret=True),
        "projectId": Field(computed=True, replace=True),
        "userId": Field(computed=True, replace=True),
        "trustId": Field(output=True),
    }

    def identify(self, observed: Observed) -> str:
        return str(observed["access"])

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        return self.fetch(call, _access(call), inputs)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        keys = {
            "access": _access(call),
            "secret": secrets.token_hex(_SECRET_BYTES),
            "trust_id": None,
        }
        body = {
            "type": "ec2",
            "blob": json.dumps(keys),
            "project_id": inputs.get("projectId") or call.cloud.project,
            "user_id": inputs.get("userId") or call.cloud.access.user_id,
        }
        keystone = call.cloud.identity(inputs.get("region"))
        for key, noun in (("projectId", "project"), ("userId", "user")):
            if inputs.get(key):
                _require(keystone, key, noun, inputs[key])
        return _read(keystone.post("/v3/credentials", {"credential": body}))

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.identity(state.get("region")).find(_path(identity))
        return None if answer is None else _read(answer)

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.identity(state.get("region")).delete(_path(identity))


def _require(keystone: Service, key: str, noun: str, identity: str) -> None:
    """Refuses what Keystone would only miss when the key is used."""
    try:
        found = keystone.find(f"/v3/{noun}s/{identity}")
    except CloudError as error:
        # Who may not look makes keys of their own alone.
        if error.status == 403:
            return
        raise
    if found is None:
        raise ProviderError(f"{key}: Keystone has no {noun} {identity!r}")


def _access(call: Call[Cloud]) -> str:
    if not call.mark:
        return uuid.uuid4().hex
    return hashlib.sha256(call.mark.encode()).hexdigest()[:32]


def _path(access: str) -> str:
    # So Keystone makes the ids of these credentials.
    return f"/v3/credentials/{hashlib.sha256(access.encode()).hexdigest()}"


def _read(answer: JSON) -> Observed:
    credential = answer["credential"]
    keys = json.loads(credential["blob"])
    return {
        "access": keys["access"],
        "secret": keys["secret"],
        "trust_id": keys.get("trust_id"),
        "project_id": credential["project_id"],
        "user_id": credential["user_id"],
    }
