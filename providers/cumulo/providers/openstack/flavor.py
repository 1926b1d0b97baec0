"""Flavors."""

from typing import Final
from urllib.parse import quote

from cumulo.providers.core.call import Call
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, INTEGER, NUMBER, STRING, Field, MapOf
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, Service
from cumulo.providers.openstack.natural import same

# From here on a flavor tells its description and its extra specs.
_VERSION: Final = "2.61"


class Flavor(Resource[Cloud]):
    """`openstack.compute.Flavor`."""

    token = "openstack:compute/flavor:Flavor"
    fields = {
        "region": shared.REGION,
        "flavorId": Field(computed=True, replace=True, api="id"),
        "name": Field(replace=True),
        "description": Field(),
        "ram": Field(INTEGER, required=True, replace=True),
        "vcpus": Field(INTEGER, required=True, replace=True),
        "disk": Field(INTEGER, required=True, replace=True),
        "swap": Field(INTEGER, replace=True),
        "rxTxFactor": Field(NUMBER, default=1, replace=True, api="rxtx_factor"),
        "isPublic": Field(BOOLEAN, replace=True, api="os-flavor-access:is_public"),
        "ephemeral": Field(INTEGER, replace=True, api="OS-FLV-EXT-DATA:ephemeral"),
        "extraSpecs": Field(MapOf(STRING), computed=True),
    }

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        flavors = call.cloud.compute(inputs.get("region")).get(
            "/flavors/detail?is_public=None", microversion=_VERSION
        )["flavors"]
        named = [_located(flavor) for flavor in flavors if flavor["name"] == inputs["name"]]
        return same(self, call, inputs, named)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        compute = call.cloud.compute(inputs.get("region"))
        # A flavor that the program does not call public is not; Nova would make it so.
        body = {
            "os-flavor-access:is_public": False,
            **shared.attributes(self.fields, inputs),
        }
        specs = body.pop("extra_specs", {})
        made = _located(compute.post("/flavors", {"flavor": body}, microversion=_VERSION)["flavor"])
        if specs:
            try:
                self._add(compute, made["id"], specs)
            except ProviderError as error:
                raise NotReady(str(error), made) from error
        return {**made, "extra_specs": specs}

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.compute(state.get("region")).find(
            _path(identity), microversion=_VERSION
        )
        return None if answer is None else _located(answer["flavor"])

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
        compute = call.cloud.compute(old.get("region"))
        keys = {change.key for change in changes}
        if "description" in keys:
            compute.put(
                _path(identity),
                {"flavor": {"description": new.get("description") or None}},
                microversion=_VERSION,
            )
        if "extraSpecs" in keys or not changes:
            now = compute.get(f"{_path(identity)}/os-extra_specs")["extra_specs"]
            wanted = new.get("extraSpecs") or {}
            for key in now.keys() - wanted.keys():
                compute.delete(f"{_path(identity)}/os-extra_specs/{quote(key, safe='')}")
            if added := {key: value for key, value in wanted.items() if now.get(key) != value}:
                self._add(compute, identity, added)
        return _located(compute.get(_path(identity), microversion=_VERSION)["flavor"])

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.compute(state.get("region")).delete(_path(identity))

    def _add(self, compute: Service, identity: str, specs: JSON) -> None:
        compute.post(f"{_path(identity)}/os-extra_specs", {"extra_specs": specs})


def _path(identity: str) -> str:
    return f"/flavors/{quote(identity, safe='')}"


def _located(flavor: JSON) -> Observed:
    """A flavor; Nova says "" for no swap."""
    return {**flavor, "swap": flavor.get("swap") or 0}
