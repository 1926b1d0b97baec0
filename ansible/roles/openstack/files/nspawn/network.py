"""An instance's interfaces: veth pairs between its network namespace and Open vSwitch.

OVN knows a port by the `iface-id` of its interface, whoever made it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .commands import Run

OFFLOADS = ("tx", "off", "tso", "off", "gso", "off")


@dataclass(frozen=True)
class Interface:
    """One interface of an instance, as Neutron describes it."""

    port: str
    device: str
    mac: str
    mtu: int

    @property
    def inner(self) -> str:
        """The other end's name, until it is in the namespace."""
        return "nic" + self.port[:11]


class Network:
    """One instance's network namespace.

    Args:
        uuid: The instance.
        bridge: The integration bridge.
        run: Runs the host's tools.
        links: Where the kernel lists the host's interfaces.
        namespaces: Where it lists namespaces.
    """

    def __init__(
        self,
        uuid: str,
        bridge: str,
        run: Run,
        links: Path = Path("/sys/class/net"),
        namespaces: Path = Path("/run/netns"),
    ) -> None:
        self._uuid = uuid
        self._bridge = bridge
        self._run = run
        self._links = links
        self.name = f"nova-{uuid[:8]}{uuid[-4:]}"
        self.path = namespaces / self.name

    def plug(self, interfaces: list[Interface]) -> None:
        """Makes the namespace and those of the interfaces that are not there."""
        if not self.path.exists():
            self._run("ip", "netns", "add", self.name)
            self._run("ip", "-n", self.name, "link", "set", "lo", "up")
        for number, interface in enumerate(interfaces):
            if not (self._links / interface.device).exists():
                self._plug(interface, f"eth{number}")

    def unplug(self) -> None:
        """Removes every interface of the instance, and its namespace, as far as they are there."""
        found = self._run(
            "ovs-vsctl", "--timeout=20", "--bare", "--columns=name", "find", "Interface",
            f"external_ids:vm-uuid={self._uuid}",
        )  # fmt: skip
        for device in found.split():
            self._run("ovs-vsctl", "--timeout=20", "--if-exists", "del-port", self._bridge, device)
            if (self._links / device).exists():
                self._run("ip", "link", "del", device)
        if self.path.exists():
            self._run("ip", "netns", "del", self.name)

    def _plug(self, interface: Interface, name: str) -> None:
        outer, inner, mtu = interface.device, interface.inner, str(interface.mtu)
        self._run("ip", "link", "add", outer, "mtu", mtu, "type", "veth",
                  "peer", "name", inner, "mtu", mtu, "address", interface.mac)  # fmt: skip
        # Open vSwitch in user space reads frames as they are: checksums must be complete.
        self._run("ethtool", "-K", inner, *OFFLOADS)
        self._run("ethtool", "-K", outer, *OFFLOADS, "gro", "off")
        self._run("ip", "link", "set", inner, "netns", self.name, "name", name)
        self._run("ip", "link", "set", outer, "up")
        self._run(
            "ovs-vsctl", "--timeout=20", "--may-exist", "add-port", self._bridge, outer,
            "--", "set", "Interface", outer,
            f"external_ids:iface-id={interface.port}",
            f"external_ids:attached-mac={interface.mac}",
            f"external_ids:vm-uuid={self._uuid}",
            "external_ids:iface-status=active",
        )  # fmt: skip
