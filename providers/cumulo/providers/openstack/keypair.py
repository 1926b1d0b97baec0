"""Key pairs."""

from typing import Final
from urllib.parse import quote

from cumulo.providers.core.call import Call
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import Field
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud
from cumulo.providers.openstack.natural import same

# From here on administrators can manage the key pairs of others.
_OTHER_USERS: Final = "2.10"


class Keypair(Resource[Cloud]):
    """`openstack.compute.Keypair`: its id is its name."""

    token = "openstack:compute/keypair:Keypair"
    fields = {
        "region": shared.REGION,
        "name": Field(replace=True),
        "publicKey": Field(computed=True, replace=True),
        "valueSpecs": shared.VALUE_SPECS,
        # Nova tells it once, to who had the pair made.
        "privateKey": Field(output=True, secret=True),
        "fingerprint": Field(output=True),
        "userId": Field(computed=True, replace=True, local=True),
    }

    def identify(self, observed: Observed) -> str:
        return str(observed["name"])

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        if not inputs.get("publicKey"):
            # The private key of a pair that Nova made is lost with the answer.
            return None
        found = self.fetch(call, inputs["name"], inputs)
        return None if found is None else same(self, call, inputs, [found])

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        body = {"name": inputs["name"], **inputs.get("valueSpecs", {})}
        if inputs.get("publicKey"):
            body["public_key"] = inputs["publicKey"]
        if inputs.get("userId"):
            body["user_id"] = inputs["userId"]
        made: Observed = call.cloud.compute(inputs.get("region")).post(
            "/os-keypairs", {"keypair": body}, **_version(inputs)
        )["keypair"]
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.compute(state.get("region")).find(
            _path(identity, state), **_version(state)
        )
        return None if answer is None else answer["keypair"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        result = shared.observe(self.fields, observed, known)
        result["region"] = known.get("region") or call.cloud.region
        result["privateKey"] = observed.get("private_key") or known.get("privateKey") or ""
        result["userId"] = known.get("userId") or ""
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.compute(state.get("region")).delete(_path(identity, state), **_version(state))


def _path(name: str, properties: Properties) -> str:
    path = f"/os-keypairs/{quote(name, safe='')}"
    user = properties.get("userId")
    return f"{path}?user_id={user}" if user else path


def _version(properties: Properties) -> JSON:
    return {"microversion": _OTHER_USERS} if properties.get("userId") else {}
