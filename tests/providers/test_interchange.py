"""The same program as one that the official provider ran: the same state, but for ids and times."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cumulo.providers.core.values import Secret

from tests.providers.driver import Stack

if TYPE_CHECKING:
    from openstack.connection import Connection

# What the official provider (5.5.1) wrote for networks, servers and a load balancer; see
# docs/interchange.md.
RECORDED = Path(__file__).parents[1] / "fixtures" / "official-state.json"

# What the recording's cloud called its things, and what this one calls them.
HERE = {"trixie": "debian-13", "m.small": "m1.small", "gpu.h200": "gpu.h200.1"}

OWN_NAMES = ("poc", "poc-lb", "web0", "web1", "gpu0")

# What a cloud chooses differently every time, or what differs from cloud to cloud.
CHOSEN = frozenset(
    {
        "accessIpV4",
        "address",
        "allFixedIps",
        "allSecurityGroupIds",
        "created",
        "defaultPoolId",
        "deviceId",
        "externalNetworkId",
        "fixedIp",
        "fixedIpV4",
        "flavorId",
        "hostId",
        "hypervisorHostname",
        "id",
        "imageId",
        "ipAddress",
        "mac",
        "macAddress",
        "mtu",
        "portId",
        "segmentationId",
        "subnetId",
        "tenantId",
        "updated",
        "uuid",
        "vifDetails",
        "vifType",
        "vipAddress",
        "vipNetworkId",
        "vipPortId",
    }
)

Recorded = list[dict[str, Any]]


class Twin:
    """The recorded program, run here: knows which value here stands for which one there."""

    def __init__(self, stack: Stack, external_id: str, external_name: str) -> None:
        self.stack = stack
        self.recorded = _recorded()
        self.values: dict[str, Any] = dict(HERE)
        self.values |= {name: f"prov-{name}" for name in OWN_NAMES}
        self.values |= {"public": external_name}
        router = self.find("router:Router", "poc")
        self.values[router["inputs"]["externalNetworkId"]] = external_id

    def find(self, kind: str, name: str) -> dict[str, Any]:
        return next(
            one for one in self.recorded if one["type"].endswith(f"/{kind}") and one["name"] == name
        )

    def run(self) -> None:
        for one in self.recorded:
            entry = self.stack.create(one["type"], one["name"], **self.program(one))
            self.learn(one["outputs"], entry.outputs)

    def program(self, one: dict[str, Any]) -> dict[str, Any]:
        """What the program must have said."""
        inputs: dict[str, Any] = self.here(_without_defaults(one["inputs"]))
        return inputs

    def learn(self, there: Any, here: Any) -> None:
        """Notes what stands for ids and addresses."""
        if isinstance(there, dict) and isinstance(here, dict):
            for key in there.keys() & here.keys():
                self.learn(there[key], here[key])
        elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
            for old, new in zip(there, here, strict=True):
                self.learn(old, new)
        elif isinstance(there, str) and isinstance(here, str) and here and len(there) > 8:
            self.values.setdefault(there, here)

    def here(self, value: Any) -> Any:
        """A recorded value as it must be here."""
        if isinstance(value, dict):
            return {key: self.here(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.here(item) for item in value]
        return self.values.get(value, value) if isinstance(value, str) else value


@pytest.fixture(scope="module")
def twin(cloud_name: str, cloud: "Connection", external_network: str) -> Iterator[Twin]:
    stack = Stack(cloud_name)
    external = cloud.network.find_network(external_network, ignore_missing=False).id
    made = Twin(stack, external, external_network)
    try:
        made.run()
        # The recording is of a stack that had been refreshed.
        stack.rerun()
        for entry in stack.entries:
            assert stack.refresh(entry), entry.urn
        yield made
    finally:
        stack.rerun()
        stack.destroy()


@pytest.mark.cloud
def test_inputs_and_outputs_are_the_official_ones(twin: Twin) -> None:
    for one, entry in zip(twin.recorded, twin.stack.entries, strict=True):
        assert entry.inputs == twin.here(one["inputs"]), entry.urn
        here, there = _comparable(entry.outputs), _comparable(twin.here(one["outputs"]))
        assert here == there, entry.urn


@pytest.mark.cloud
def test_the_program_changes_nothing(twin: Twin) -> None:
    for one, entry in zip(twin.recorded, twin.stack.entries, strict=True):
        assert twin.stack.changes(entry, **twin.program(one)) == {}, entry.urn


def test_the_official_state_changes_nothing() -> None:
    """The recorded state itself, against the program that it was recorded of."""
    stack = Stack("no cloud is asked")
    for one in _recorded():
        urn = stack.urn(one["type"], one["name"])
        program = _without_defaults(one["inputs"])
        checked, failures = stack.provider.check(urn, one["inputs"], program, b"")
        assert not failures
        assert checked == one["inputs"], urn
        found = stack.provider.diff(urn, one["outputs"]["id"], one["outputs"], checked)
        assert found.changes == [], urn


def _recorded() -> Recorded:
    made: Recorded = json.loads(
        RECORDED.read_text(),
        object_hook=lambda value: Secret(None) if value == {"secret": True} else value,
    )
    return made


def _without_defaults(value: Any) -> Any:
    if isinstance(value, dict):
        filled = value.get("__defaults", [])
        return {
            key: _without_defaults(item)
            for key, item in value.items()
            if key != "__defaults" and key not in filled
        }
    return [_without_defaults(item) for item in value] if isinstance(value, list) else value


def _comparable(value: Any, key: str = "") -> Any:
    """A value with what the cloud chose reduced to what kind of thing it is."""
    if isinstance(value, Secret):
        return "a secret"
    if key in CHOSEN and value:
        return f"some {type(value).__name__}"
    if isinstance(value, dict):
        return {name: _comparable(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item, key) for item in value]
    return value
