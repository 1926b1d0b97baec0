"""Instances: servers of the cloud."""

import base64
import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import NotReady, ProviderError
from cumulo.providers.core.resource import Observed, Resource
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
    snake,
)
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import catalog
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError, Service

_HALF_AN_HOUR: Final = 1800.0

# The lowest versions of Nova's API that can do what is asked for.
_TAGS = "2.26"
_TAGS_AT_BIRTH = "2.52"
_MULTIATTACH = "2.60"
_VOLUME_TYPE = "2.67"
_HYPERVISOR_HOSTNAME = "2.74"

_NO_IMAGE = "Attempt to boot from volume - no image supplied"

_POWER = ("active", "shutoff", "shelved_offloaded", "paused")
_PASSING = frozenset({"build", "migrating", "error"})


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()  # noqa: S324


def _same_zone(before: str, after: str) -> bool:
    # Who asks for `zone:host` gets `zone` back.
    return before == after or before == after.split(":")[0]


def _same_power(before: str, after: str) -> bool:
    return before.lower() == after.lower() or before.lower() in _PASSING


def _power(value: str) -> str | None:
    return None if value.lower() in _POWER else f"must be one of {', '.join(_POWER)}"


_NETWORK = Object(
    {
        "uuid": Field(computed=True, replace=True),
        "name": Field(computed=True, replace=True),
        "port": Field(computed=True, replace=True),
        "fixedIpV4": Field(computed=True, replace=True),
        "fixedIpV6": Field(computed=True, replace=True),
        "mac": Field(output=True),
        "accessNetwork": Field(BOOLEAN, default=False),
    }
)

_BLOCK_DEVICE = Object(
    {
        "sourceType": Field(
            required=True, replace=True, choices=("image", "volume", "snapshot", "blank")
        ),
        "uuid": Field(replace=True),
        "volumeSize": Field(INTEGER, replace=True),
        "destinationType": Field(replace=True),
        "bootIndex": Field(INTEGER, replace=True),
        "deleteOnTermination": Field(BOOLEAN, default=False, replace=True),
        "guestFormat": Field(replace=True),
        "volumeType": Field(replace=True),
        "deviceType": Field(replace=True),
        "diskBus": Field(replace=True),
        "multiattach": Field(BOOLEAN, default=False, replace=True),
    }
)

_HINTS = Object(
    {
        "group": Field(replace=True),
        "differentHosts": Field(ListOf(STRING), replace=True, api="different_host"),
        "sameHosts": Field(ListOf(STRING), replace=True, api="same_host"),
        "queries": Field(ListOf(STRING), replace=True, api="query"),
        "targetCell": Field(replace=True),
        "differentCells": Field(ListOf(STRING), replace=True, api="different_cell"),
        "buildNearHostIp": Field(replace=True),
        "additionalProperties": Field(MapOf(STRING), replace=True),
    }
)


class Instance(Resource[Cloud]):
    """`openstack.compute.Instance`."""

    token = "openstack:compute/instance:Instance"
    timeouts = {"create": _HALF_AN_HOUR, "update": _HALF_AN_HOUR, "delete": _HALF_AN_HOUR}
    fields = {
        "region": shared.REGION,
        "name": Field(),
        "imageId": Field(computed=True, local=True),
        "imageName": Field(computed=True, local=True),
        "flavorId": Field(computed=True, local=True),
        "flavorName": Field(computed=True, local=True),
        "userData": Field(replace=True, local=True, stored=_sha1),
        "securityGroups": Field(SetOf(STRING), computed=True, local=True),
        "availabilityZoneHints": Field(replace=True, local=True, excludes=("availabilityZone",)),
        "availabilityZone": Field(
            computed=True,
            replace=True,
            same=_same_zone,
            api="OS-EXT-AZ:availability_zone",
            excludes=("availabilityZoneHints",),
        ),
        "networkMode": Field(
            replace=True, local=True, choices=("auto", "none"), excludes=("networks",)
        ),
        "networks": Field(ListOf(_NETWORK), computed=True, replace=True, local=True),
        "hypervisorHostname": Field(
            computed=True, replace=True, api="OS-EXT-SRV-ATTR:hypervisor_hostname"
        ),
        "metadata": Field(MapOf(STRING), local=True),
        "configDrive": Field(BOOLEAN, replace=True, local=True),
        "adminPass": Field(secret=True, local=True),
        "accessIpV4": Field(output=True, local=True),
        "accessIpV6": Field(output=True, local=True),
        "keyPair": Field(replace=True, api="key_name"),
        "blockDevices": Field(ListOf(_BLOCK_DEVICE), local=True),
        "schedulerHints": Field(SetOf(_HINTS), local=True),
        "personalities": Field(
            SetOf(Object({"file": Field(required=True), "content": Field(required=True)})),
            local=True,
        ),
        "stopBeforeDestroy": Field(BOOLEAN, default=False, local=True),
        "forceDelete": Field(BOOLEAN, default=False, local=True),
        "allMetadata": Field(MapOf(STRING), output=True, api="metadata"),
        "powerState": Field(default="active", local=True, same=_same_power, check=_power),
        "tags": shared.TAGS,
        "allTags": shared.ALL_TAGS,
        "vendorOptions": Field(
            One(
                Object(
                    {
                        "ignoreResizeConfirmation": Field(BOOLEAN, default=False),
                        "detachPortsBeforeDestroy": Field(BOOLEAN, default=False),
                    }
                )
            ),
            local=True,
        ),
        "created": Field(output=True, local=True),
        "updated": Field(output=True, local=True),
    }

    def check(self, inputs: Properties) -> list[Failure]:
        failures = []
        if "flavorId" not in inputs and "flavorName" not in inputs:
            failures.append(Failure("flavorName", "is required, or 'flavorId'"))
        if not {"imageId", "imageName", "blockDevices"} & inputs.keys():
            failures.append(Failure("imageName", "is required, or 'imageId' or 'blockDevices'"))
        return failures

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        compute = call.cloud.compute(inputs.get("region"))
        query = {"tags": call.mark, "deleted": "false"}
        found = compute.get("/servers", params=query, microversion=_TAGS)["servers"]
        return _server(compute, found[0]["id"]) if found else None

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        if found["status"] == "ERROR":
            return None
        return self._until_active(call, call.cloud.compute(inputs.get("region")), found)

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        compute = call.cloud.compute(inputs.get("region"))
        body, hints = self._body(call, compute, inputs)
        request: JSON = {"server": body}
        if hints:
            request["os:scheduler_hints"] = hints
        made = compute.post("/servers", request, microversion=_version(inputs))["server"]
        server = {"id": made["id"], "status": "BUILD", "name": body["name"]}
        server = self._until_active(call, compute, server)
        if server["status"] == "ERROR":
            self._give_up(call, compute, inputs, server)
        return self._power_to(call, compute, server, inputs.get("powerState", "active"))

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        server = _server(call.cloud.compute(state.get("region")), identity)
        return None if server is None or server["status"] in ("DELETED", "SOFT_DELETED") else server

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        cloud, region = call.cloud, known.get("region")
        result = shared.observe(self.fields, observed, known)
        result["region"] = region or cloud.region
        result["tags"], result["allTags"] = shared.tags(observed, known)
        result["powerState"] = str(observed.get("status", "build")).lower()
        result["created"] = _go_time(observed.get("created"))
        result["updated"] = _go_time(observed.get("updated"))
        groups = {group["name"] for group in observed.get("security_groups") or []}
        result["securityGroups"] = sorted(groups)
        self._observe_flavor(cloud.compute(region), observed, result)
        self._observe_image(cloud.image(region), observed, known, result)
        result["networks"] = _networks(cloud.network(region), observed, known.get("networks") or [])
        result["accessIpV4"] = _access(result["networks"], "fixedIpV4", observed, "accessIPv4")
        result["accessIpV6"] = _access(result["networks"], "fixedIpV6", observed, "accessIPv6")
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
        server = _require(compute, identity)
        if server["status"] == "BUILD":
            server = self._until_active(call, compute, server)
        if server["status"] == "ERROR" and not keys:
            raise NotReady(
                f"instance {identity} is in ERROR: {_fault(server)}; have it replaced "
                "(pulumi up --target-replace)",
                server,
            )
        steps: dict[str, Callable[[], object]] = {
            "name": lambda: compute.put(f"/servers/{identity}", {"server": {"name": new["name"]}}),
            "metadata": lambda: _change_metadata(compute, identity, old, new),
            "securityGroups": lambda: _change_groups(compute, identity, old, new),
            "adminPass": lambda: _act(
                compute, identity, "changePassword", {"adminPass": new.get("adminPass") or ""}
            ),
            "tags": lambda: _change_tags(compute, identity, server, old, new),
        }
        for key, step in steps.items():
            if key in keys:
                step()
        if keys & {"flavorId", "flavorName"}:
            self._resize(call, compute, identity, keys, new)
        if keys & {"imageId", "imageName", "personalities"}:
            self._rebuild(call, compute, identity, keys, old, new)
        server = _require(compute, identity)
        if "powerState" in keys:
            server = self._power_to(call, compute, server, new["powerState"])
        return server

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        compute = call.cloud.compute(state.get("region"))
        try:
            if state.get("stopBeforeDestroy") and state.get("powerState") == "active":
                server = _server(compute, identity)
                if server is not None:
                    self._power_to(call, compute, server, "shutoff")
            if (state.get("vendorOptions") or {}).get("detachPortsBeforeDestroy"):
                for network in state.get("networks") or []:
                    if network.get("port"):
                        compute.delete(f"/servers/{identity}/os-interface/{network['port']}")
            if state.get("forceDelete"):
                _act(compute, identity, "forceDelete", None)
            else:
                compute.delete(f"/servers/{identity}")
        except CloudError as error:
            if error.status != 404:
                raise

        def gone() -> bool | None:
            server = _server(compute, identity)
            return True if server is None or server["status"] == "SOFT_DELETED" else None

        call.wait(f"instance {identity} to be deleted", gone)

    def _body(self, call: Call[Cloud], compute: Service, inputs: Properties) -> tuple[JSON, JSON]:
        region = inputs.get("region")
        body: JSON = {
            "name": inputs["name"],
            "flavorRef": catalog.flavor_id(
                compute, inputs.get("flavorName", ""), inputs.get("flavorId", "")
            ),
            "networks": self._wanted_networks(call.cloud.network(region), inputs),
        }
        if not _boots_from_device(inputs):
            body["imageRef"] = catalog.image_id(
                call.cloud.image(region), inputs.get("imageName", ""), inputs.get("imageId", "")
            )
        plain = {
            "adminPass": inputs.get("adminPass"),
            "availability_zone": inputs.get("availabilityZone")
            or inputs.get("availabilityZoneHints"),
            "config_drive": inputs.get("configDrive"),
            "hypervisor_hostname": inputs.get("hypervisorHostname"),
            "key_name": inputs.get("keyPair"),
            "metadata": inputs.get("metadata"),
        }
        body |= {key: value for key, value in plain.items() if value not in (None, "")}
        if inputs.get("userData"):
            body["user_data"] = base64.b64encode(inputs["userData"].encode()).decode()
        if inputs.get("securityGroups"):
            body["security_groups"] = [{"name": name} for name in inputs["securityGroups"]]
        if inputs.get("personalities"):
            body["personality"] = _personality(inputs)
        if inputs.get("blockDevices"):
            _require_storage(call.cloud.block_storage(region), inputs["blockDevices"])
            body["block_device_mapping_v2"] = [_device(item) for item in inputs["blockDevices"]]
        tags = [*(inputs.get("tags") or []), *([call.mark] if call.mark else [])]
        if tags:
            body["tags"] = tags
        return body, _hints(inputs)

    def _wanted_networks(self, neutron: Service, inputs: Properties) -> list[JSON] | str:
        if inputs.get("networkMode"):
            return str(inputs["networkMode"])
        if not inputs.get("networks"):
            return "auto"
        wanted = []
        for at, network in enumerate(inputs["networks"]):
            if network.get("port"):
                wanted.append({"port": network["port"]})
                continue
            body = {"uuid": network.get("uuid") or _network_id(neutron, at, network)}
            address = network.get("fixedIpV4") or network.get("fixedIpV6")
            if address:
                body["fixed_ip"] = address
            wanted.append(body)
        return wanted

    def _until_active(self, call: Call[Cloud], compute: Service, made: Observed) -> Observed:
        identity = made["id"]
        latest = made

        def probe() -> Observed | None:
            nonlocal latest
            latest = _require(compute, identity)
            settled = latest["status"] != "BUILD" and not latest.get("OS-EXT-STS:task_state")
            return latest if settled or latest["status"] == "ERROR" else None

        try:
            return call.wait(f"instance {identity} to become ACTIVE", probe)
        except ProviderError as error:
            raise NotReady(str(error), latest) from error

    def _give_up(
        self, call: Call[Cloud], compute: Service, inputs: Properties, server: Observed
    ) -> None:
        """Removes an instance that Nova could not build, and says why."""
        reason = _fault(server)
        try:
            self.delete(call, server["id"], {"region": inputs.get("region")})
        except ProviderError as error:
            raise NotReady(f"{reason}; and it could not be deleted: {error}", server) from error
        if "No valid host" in reason:
            wanted = inputs.get("flavorName") or inputs.get("flavorId")
            reason += (
                f": no host has room for flavor {wanted!r} or a free device that it asks for; "
                "delete another instance or choose another flavor"
            )
        raise ProviderError(f"Nova could not build instance {inputs['name']!r}: {reason}")

    def _power_to(
        self, call: Call[Cloud], compute: Service, server: Observed, wanted: str
    ) -> Observed:
        now, wanted = server["status"].lower(), wanted.lower()
        if now == wanted:
            return server
        identity = server["id"]
        action = {
            "shutoff": "os-stop",
            "paused": "pause",
            "shelved_offloaded": "shelve",
            "active": {"paused": "unpause", "shelved": "unshelve"}.get(
                now.removesuffix("_offloaded"), "os-start"
            ),
        }[wanted]
        _act(compute, identity, action, None)

        def probe() -> Observed | None:
            latest = _require(compute, identity)
            if latest["status"] == "ERROR":
                raise NotReady(f"{action} failed: {_fault(latest)}", latest)
            return latest if latest["status"].lower() == wanted else None

        try:
            return call.wait(f"instance {identity} to become {wanted.upper()}", probe)
        except NotReady:
            raise
        except ProviderError as error:
            raise NotReady(str(error), server) from error

    def _resize(
        self, call: Call[Cloud], compute: Service, identity: str, keys: set[str], new: Properties
    ) -> None:
        by_id = new.get("flavorId", "") if "flavorId" in keys else ""
        wanted = catalog.flavor_id(compute, new.get("flavorName", ""), by_id)
        if _require(compute, identity)["flavor"]["id"] == wanted:
            return
        _act(compute, identity, "resize", {"flavorRef": wanted})

        def probe() -> Observed | None:
            latest = _require(compute, identity)
            settled = not latest.get("OS-EXT-STS:task_state")
            return latest if settled and latest["status"] != "RESIZE" else None

        server = call.wait(f"instance {identity} to be resized", probe)
        if server["status"] == "VERIFY_RESIZE":
            unconfirmed = (new.get("vendorOptions") or {}).get("ignoreResizeConfirmation")
            if not unconfirmed:
                _act(compute, identity, "confirmResize", None)
            server = call.wait(
                f"the resize of instance {identity} to be confirmed",
                lambda: (
                    latest
                    if (latest := _require(compute, identity))["status"] in ("ACTIVE", "SHUTOFF")
                    else None
                ),
            )
        if server["flavor"]["id"] != wanted:
            raise ProviderError(
                f"flavorName: Nova did not resize instance {identity}: "
                f"{_last_action_fault(compute, identity) or _fault(server)}; the instance keeps "
                "its flavor (replace_on_changes=['flavorName'] has it replaced instead)"
            )

    def _rebuild(
        self,
        call: Call[Cloud],
        compute: Service,
        identity: str,
        keys: set[str],
        old: Properties,
        new: Properties,
    ) -> None:
        by_id = new.get("imageId", "") if keys != {"imageName"} else ""
        image = catalog.image_id(
            call.cloud.image(old.get("region")), new.get("imageName", ""), by_id
        )
        body: JSON = {"imageRef": image}
        if new.get("personalities"):
            body["personality"] = _personality(new)
        _act(compute, identity, "rebuild", body)

        def probe() -> Observed | None:
            latest = _require(compute, identity)
            if latest["status"] == "ERROR":
                raise NotReady(f"the rebuild failed: {_fault(latest)}", latest)
            settled = not latest.get("OS-EXT-STS:task_state")
            return latest if settled and latest["status"] != "REBUILD" else None

        call.wait(f"instance {identity} to be rebuilt", probe)

    def _observe_flavor(self, compute: Service, observed: Observed, result: Properties) -> None:
        identity = str((observed.get("flavor") or {}).get("id") or "")
        found = catalog.flavor(compute, identity) if identity else None
        result["flavorId"] = identity if found else ""
        result["flavorName"] = found["name"] if found else ""

    def _observe_image(
        self, glance: Service, observed: Observed, known: Properties, result: Properties
    ) -> None:
        image = observed.get("image")
        if not image:
            result["imageId"] = _NO_IMAGE if _boots_from_device(known) else ""
            result["imageName"] = ""
            return
        found = catalog.image(glance, image["id"])
        result["imageId"] = image["id"]
        result["imageName"] = found["name"] if found else "Image not found"


def _server(compute: Service, identity: str) -> Observed | None:
    answer = compute.find(f"/servers/{identity}", microversion=_TAGS)
    return None if answer is None else answer["server"]


def _require(compute: Service, identity: str) -> Observed:
    server: Observed = compute.get(f"/servers/{identity}", microversion=_TAGS)["server"]
    return server


def _act(compute: Service, identity: str, action: str, body: Any) -> JSON:
    return compute.post(f"/servers/{identity}/action", {action: body}, microversion=_TAGS)


def _fault(server: Observed) -> str:
    return str((server.get("fault") or {}).get("message") or "Nova gives no reason").rstrip(".")


def _last_action_fault(compute: Service, identity: str) -> str:
    """What Nova noted of an action that it undid."""
    path = f"/servers/{identity}/os-instance-actions"
    actions = compute.get(path, microversion=_TAGS)["instanceActions"]
    return str(actions[0].get("message") or "").rstrip(".") if actions else ""


def _version(inputs: Properties) -> str:
    devices = inputs.get("blockDevices") or []
    wanted = [
        _TAGS_AT_BIRTH,
        _HYPERVISOR_HOSTNAME if inputs.get("hypervisorHostname") else "",
        _VOLUME_TYPE if any(device.get("volumeType") for device in devices) else "",
        _MULTIATTACH if any(device.get("multiattach") for device in devices) else "",
    ]
    return max(wanted)


def _boots_from_device(properties: Properties) -> bool:
    return any(
        device.get("bootIndex", 0) == 0 and device.get("destinationType") == "volume"
        for device in properties.get("blockDevices") or []
    )


def _require_storage(storage: Service, devices: list[Properties]) -> None:
    """Refuses volumes where the cloud has none; Nova finds that out late, and says less."""
    for at, device in enumerate(devices):
        wanted = {key: device.get(key) for key in ("destinationType", "sourceType")}
        key = next((key for key, value in wanted.items() if value in ("volume", "snapshot")), None)
        if key and not storage.exists():
            raise ProviderError(
                f"blockDevices[{at}].{key}: is {wanted[key]!r}, but the cloud has no block storage "
                "(Cinder); leave the device out to boot from the image on the host's own disk"
            )


def _device(device: Properties) -> JSON:
    body = {snake(key): value for key, value in device.items() if value not in (None, "")}
    body.setdefault("boot_index", 0)
    body.pop("multiattach", None)
    return body


def _personality(inputs: Properties) -> list[JSON]:
    return [
        {"path": one["file"], "contents": base64.b64encode(one["content"].encode()).decode()}
        for one in inputs["personalities"]
    ]


def _hints(inputs: Properties) -> JSON:
    hints: JSON = {}
    for wanted in inputs.get("schedulerHints") or []:
        for key, value in wanted.items():
            if key == "additionalProperties":
                hints |= value
            elif value:
                hints[_HINTS.fields[key].api or snake(key)] = value
    return hints


def _network_id(neutron: Service, at: int, network: Properties) -> str:
    name = network.get("name") or ""
    found = neutron.get("/v2.0/networks", params={"name": name, "fields": "id"})["networks"]
    if len(found) == 1:
        return str(found[0]["id"])
    problem = f"the cloud has no network {name!r}"
    if found:
        problem = f"the cloud has {len(found)} networks called {name!r}; set uuid instead"
    raise ProviderError(f"networks[{at}].name: {problem}")


def _networks(neutron: Service, server: Observed, known: list[Properties]) -> list[Properties]:
    """The instance's networks in the order in which the program named them."""
    addresses: JSON = server.get("addresses") or {}
    if not addresses:
        return []
    path = "/v2.0/ports?fields=id&fields=network_id&fields=mac_address"
    ports = neutron.get(f"{path}&device_id={server['id']}")["ports"]
    by_mac = {port["mac_address"]: port for port in ports}
    cards: dict[str, Properties] = {}
    for name, given in addresses.items():
        for one in given:
            if one.get("OS-EXT-IPS:type", "fixed") != "fixed":
                continue
            mac = one["OS-EXT-IPS-MAC:mac_addr"]
            card = cards.setdefault(
                mac,
                {
                    "uuid": by_mac.get(mac, {}).get("network_id", ""),
                    "name": name,
                    "port": "",
                    "fixedIpV4": "",
                    "fixedIpV6": "",
                    "mac": mac,
                    "accessNetwork": False,
                },
            )
            key = "fixedIpV6" if one["version"] == 6 else "fixedIpV4"
            card[key] = card[key] or one["addr"]
    if not known:
        return list(cards.values())
    ordered = []
    for wanted in known:
        card_mac = next(
            (mac for mac, card in cards.items() if _is_card(wanted, card, by_mac.get(mac))), None
        )
        if card_mac is not None:
            card = cards.pop(card_mac)
            card["port"] = wanted.get("port") or ""
            card["accessNetwork"] = bool(wanted.get("accessNetwork"))
            ordered.append(card)
    return ordered


def _is_card(wanted: Properties, card: Properties, port: JSON | None) -> bool:
    if wanted.get("port"):
        return port is not None and port["id"] == wanted["port"]
    if wanted.get("uuid"):
        return bool(card["uuid"] == wanted["uuid"])
    return bool(card["name"] == wanted.get("name"))


def _access(networks: list[Properties], key: str, server: Observed, attribute: str) -> str:
    preferred = [network for network in networks if network["accessNetwork"]] or networks
    found = next((network[key] for network in preferred if network[key]), "")
    return str(found or server.get(attribute) or "")


def _go_time(value: str | None) -> str:
    """A time as Go prints it, which is what Terraform's state has."""
    if not value:
        return ""
    moment = datetime.fromisoformat(value)
    return moment.strftime("%Y-%m-%d %H:%M:%S +0000 UTC")


def _change_metadata(compute: Service, identity: str, old: Properties, new: Properties) -> None:
    wanted = new.get("metadata") or {}
    for key in (old.get("metadata") or {}).keys() - wanted.keys():
        compute.delete(f"/servers/{identity}/metadata/{key}")
    if wanted:
        compute.post(f"/servers/{identity}/metadata", {"metadata": wanted})


def _change_groups(compute: Service, identity: str, old: Properties, new: Properties) -> None:
    before, after = set(old.get("securityGroups") or []), set(new.get("securityGroups") or [])
    for name in sorted(after - before):
        _act(compute, identity, "addSecurityGroup", {"name": name})
    for name in sorted(before - after):
        try:
            _act(compute, identity, "removeSecurityGroup", {"name": name})
        except CloudError as error:
            if error.status != 404:
                raise


def _change_tags(
    compute: Service, identity: str, server: Observed, old: Properties, new: Properties
) -> None:
    others = set(server.get("tags") or []) - set(old.get("tags") or [])
    tags = sorted(others | set(new.get("tags") or []))
    compute.put(f"/servers/{identity}/tags", {"tags": tags}, microversion=_TAGS)
