"""The driver itself: what Nova asks, in terms of machines, images, networks and limits."""

from __future__ import annotations

import errno
import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import eventlet.timeout
import nova.conf
from nova import exception
from nova.api.metadata import base as instance_metadata
from nova.compute import power_state
from nova.image import glance
from nova.objects import fields
from nova.virt import driver, hardware
from oslo_concurrency import lockutils, processutils
from oslo_config import cfg
from oslo_log import log as logging

from . import devices
from .commands import CommandError
from .images import ImageError, Images
from .limits import LegacyGroups, properties
from .machine import Machine
from .network import Interface, Network

CONF = nova.conf.CONF
CONF.register_opts(
    [
        cfg.IntOpt("vcpus", default=64, min=1, help="Virtual CPUs to offer."),
        cfg.IntOpt("memory_mib", default=524288, min=1, help="Memory to offer."),
        cfg.IntOpt("disk_gib", default=4000, min=1, help="Disk to offer."),
        cfg.ListOpt("devices", default=[], help="GPUs to offer, VENDOR:PRODUCT:COUNT each."),
        cfg.StrOpt("bridge", default="br-int", help="Open vSwitch's integration bridge."),
    ],
    group="nspawn",
)
LOG = logging.getLogger(__name__)
SEED = "var/lib/cloud/seed/config_drive"


class Unsupported(exception.NovaException):  # type: ignore[misc]  # Nova is untyped
    """Something that this hypervisor cannot do."""

    msg_fmt = "%(what)s is not possible: this cloud's hypervisor is nspawn"
    code = 400


def run(*command: str, check: bool = True) -> str:
    """Runs a tool of the host without stopping the rest of nova-compute."""
    try:
        output, _ = processutils.execute(*command, check_exit_code=[0] if check else False)
    except processutils.ProcessExecutionError as error:
        said = (error.stderr or error.stdout or "").strip()
        raise CommandError(f"{command[0]}: {said or f'exit status {error.exit_code}'}") from error
    return str(output)


def refuse(what: str) -> Callable[..., NoReturn]:
    """A method that says that something is not possible."""

    def method(*_: Any, **__: Any) -> NoReturn:
        raise Unsupported(what=what)

    return method


class NspawnDriver(driver.ComputeDriver):  # type: ignore[misc]
    """Instances as systemd-nspawn machines."""

    capabilities: ClassVar[dict[str, bool]] = dict(
        driver.ComputeDriver.capabilities,
        has_imagecache=True,
        supports_migrate_to_same_host=True,
        supports_image_type_raw=True,
        supports_image_type_qcow2=True,
    )

    def __init__(self, virtapi: Any) -> None:
        super().__init__(virtapi)
        # Nova asks for instances before init_host.
        self._instances = Path(CONF.instances_path)
        self._images = Images(self._instances / "_base", run)

    def init_host(self, host: str) -> None:
        """Called when nova-compute starts."""
        self._images.recover()

    # What there is to schedule on.

    def get_available_nodes(self, refresh: bool = False) -> list[str]:
        """The one node: this host."""
        return [CONF.host]

    def get_host_ip_addr(self) -> str:
        """Where this host is reached."""
        return str(CONF.my_ip)

    def get_available_resource(self, nodename: str) -> dict[str, Any]:
        """What this host offers, for Nova's tracker."""
        offer = CONF.nspawn
        architecture = fields.Architecture.from_host()
        return {
            "vcpus": offer.vcpus,
            "memory_mb": offer.memory_mib,
            "local_gb": offer.disk_gib,
            "vcpus_used": 0,
            "memory_mb_used": 0,
            "local_gb_used": 0,
            "disk_available_least": offer.disk_gib,
            "hypervisor_type": "nspawn",
            "hypervisor_version": 1_000_000,
            "hypervisor_hostname": nodename,
            "cpu_info": "{}",
            "numa_topology": None,
            "supported_instances": [
                (architecture, fields.HVType.LXC, fields.VMMode.EXE),
                # Images that say nothing, or are made for virtual machines.
                (architecture, fields.HVType.QEMU, fields.VMMode.HVM),
            ],
            "pci_passthrough_devices": json.dumps(devices.parse(offer.devices)),
        }

    def update_provider_tree(
        self, provider_tree: Any, nodename: str, allocations: Any = None
    ) -> None:
        """What this host offers, for Placement."""
        offer = CONF.nspawn
        ratios = self._get_allocation_ratios(provider_tree.data(nodename).inventory)
        totals = {"VCPU": offer.vcpus, "MEMORY_MB": offer.memory_mib, "DISK_GB": offer.disk_gib}
        inventory = {
            name: {
                "total": total,
                "min_unit": 1,
                "max_unit": total,
                "step_size": 1,
                "reserved": 0,
                "allocation_ratio": ratios[name],
            }
            for name, total in totals.items()
        }
        provider_tree.update_inventory(nodename, inventory)

    # What there is.

    def list_instance_uuids(self) -> list[str]:
        """The instances on this host."""
        return [machine.uuid for machine in self._machines()]

    def list_instances(self) -> list[str]:
        """Their names."""
        return [machine.name for machine in self._machines()]

    def get_num_instances(self) -> int:
        """How many there are."""
        return len(self.list_instance_uuids())

    def instance_exists(self, instance: Any) -> bool:
        """Whether the instance is on this host."""
        return self._machine(instance).exists

    def get_info(self, instance: Any, use_cache: bool = True) -> Any:
        """Whether the instance runs."""
        machine = self._machine(instance)
        if not machine.exists:
            raise exception.InstanceNotFound(instance_id=instance.uuid)
        state = power_state.RUNNING if machine.running else power_state.SHUTDOWN
        return hardware.InstanceInfo(state=state)

    def get_console_output(self, context: Any, instance: Any) -> bytes:
        """The end of the console's log."""
        return self._machine(instance).last_words()

    # Life and death.

    def spawn(
        self,
        context: Any,
        instance: Any,
        image_meta: Any,
        injected_files: Any,
        admin_password: str | None,
        allocations: Any,
        network_info: Any = None,
        block_device_info: Any = None,
        power_on: bool = True,
        accel_info: Any = None,
    ) -> None:
        """Makes an instance and boots it; what cannot be made whole is removed."""
        if not instance.image_ref:
            raise exception.BuildAbortException(
                instance_uuid=instance.uuid, reason="booting from a volume is not possible: "
                "this cloud's hypervisor is nspawn",
            )  # fmt: skip
        machine = self._machine(instance)
        with self._faults(instance):
            try:
                machine.create(instance.name, self._image(context, image_meta.id))
                machine.mount()
                self._seed(machine, instance, injected_files, admin_password, network_info)
                self._plug_and_wait(instance, network_info)
                if power_on:
                    self._start(instance)
            except BaseException:
                self._erase(instance)
                raise

    def destroy(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Removes an instance."""
        self._erase(instance, disks=destroy_disks)

    def cleanup(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        destroy_disks: bool = True,
        migrate_data: Any = None,
        destroy_vifs: bool = True,
        destroy_secrets: bool = True,
    ) -> None:
        """Removes what an instance left."""
        self._erase(instance, disks=destroy_disks)

    def delete_instance_files(self, instance: Any) -> bool:
        """Removes the files of an instance that Nova deleted while this host was down."""
        self._machine(instance).remove()
        return True

    def power_off(self, instance: Any, timeout: int = 0, retry_interval: int = 0) -> None:
        """Shuts an instance down."""
        self._stop(instance)

    def power_on(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        block_device_info: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        """Boots an instance, whatever a power cut left of it."""
        self._stop(instance, kill=True)
        self.unplug_vifs(instance, network_info)
        self.plug_vifs(instance, network_info)
        self._start(instance)

    def reboot(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        reboot_type: str,
        block_device_info: Any = None,
        bad_volumes_callback: Any = None,
        accel_info: Any = None,
        share_info: Any = None,
    ) -> None:
        """Shuts an instance down and boots it; a hard reboot does not ask it."""
        self._stop(instance, kill=reboot_type == "HARD")
        self.power_on(context, instance, network_info)

    def resume_state_on_host_boot(
        self,
        context: Any,
        instance: Any,
        network_info: Any,
        share_info: Any,
        block_device_info: Any = None,
    ) -> None:
        """Boots an instance that ran when the host went down."""
        if not self._machine(instance).running:
            self.power_on(context, instance, network_info)

    # Not possible with this hypervisor.

    def migrate_disk_and_power_off(self, *_: Any, **__: Any) -> NoReturn:
        """Refuses a resize in the one way that leaves the server running."""
        raise exception.InstanceFaultRollback(Unsupported(what="resizing a server"))

    snapshot = refuse("making an image of a server")
    attach_volume = refuse("attaching a volume")
    rescue = refuse("rescuing a server")
    pause = refuse("pausing a server")
    suspend = refuse("suspending a server")

    # Network.

    def plug_vifs(self, instance: Any, network_info: Any) -> None:
        """Connects an instance's interfaces."""
        self._network(instance).plug(
            [
                Interface(
                    port=vif["id"],
                    device=vif["devname"],
                    mac=vif["address"],
                    mtu=int(vif["network"].get_meta("mtu") or 1500),
                )
                for vif in network_info
            ]
        )

    def unplug_vifs(self, instance: Any, network_info: Any) -> None:
        """Removes an instance's interfaces."""
        self._network(instance).unplug()

    def _plug_and_wait(self, instance: Any, network_info: Any) -> None:
        """Connects a new instance's interfaces, and waits until OVN forwards their traffic."""
        events = [
            ("network-vif-plugged", vif["id"])
            for vif in network_info or ()
            if CONF.vif_plugging_timeout and vif.get("active", True) is False
        ]
        try:
            with self.virtapi.wait_for_instance_event(
                instance, events, deadline=CONF.vif_plugging_timeout
            ):
                self.plug_vifs(instance, network_info or ())
        except eventlet.timeout.Timeout as timeout:
            LOG.warning("no word from OVN about %s", events, instance=instance)
            if CONF.vif_plugging_is_fatal:
                raise exception.VirtualInterfaceCreateException from timeout

    # Images.

    def manage_image_cache(self, context: Any, all_instances: Any) -> None:
        """Removes images that have not been used for a while; Nova calls it now and then."""
        used = [machine.image.name for machine in self._machines()]
        age = CONF.image_cache.remove_unused_original_minimum_age_seconds
        for image in self._images.prune(used, age):
            with lockutils.lock(f"nspawn-{image}"):
                LOG.info("removing the unused image %s", image)
                self._images.remove(image)

    def _image(self, context: Any, image: str) -> Path:
        download = functools.partial(glance.API().download, context, image)
        with lockutils.lock(f"nspawn-{image}"):
            try:
                return self._images.get(image, lambda file: download(dest_path=str(file)))
            except ImageError as error:
                raise exception.ImageUnacceptable(image_id=image, reason=str(error)) from error
            except CommandError as error:
                if "No space left" in str(error):
                    raise
                reason = f"it cannot be unpacked: {error}"
                raise exception.ImageUnacceptable(image_id=image, reason=reason) from error

    def _seed(
        self,
        machine: Machine,
        instance: Any,
        injected_files: Any,
        admin_password: str | None,
        network_info: Any,
    ) -> None:
        """Puts the config drive where cloud-init looks for it when there is no drive."""
        metadata = instance_metadata.InstanceMetadata(
            instance,
            content=injected_files,
            extra_md={"admin_pass": admin_password} if admin_password else {},
            network_info=network_info,
        )
        seed = machine.root / SEED
        run("rm", "-rf", str(seed))
        seed.mkdir(parents=True, mode=0o700)
        for path, data in metadata.metadata_for_config_drive():
            file = seed / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data if isinstance(data, bytes) else str(data).encode())
        addresses = [device.address for device in instance.get_pci_devices()]
        if addresses:
            (machine.root / "etc/nova-pci-devices").write_text("\n".join(addresses) + "\n")

    # Parts of the above.

    def _machines(self) -> Iterator[Machine]:
        machines = (
            Machine(folder.name, self._instances, run) for folder in self._instances.iterdir()
        )
        return (machine for machine in machines if machine.exists)

    def _machine(self, instance: Any) -> Machine:
        return Machine(instance.uuid, self._instances, run)

    def _network(self, instance: Any) -> Network:
        return Network(instance.uuid, CONF.nspawn.bridge, run)

    def _groups(self, instance: Any) -> LegacyGroups | None:
        if not LegacyGroups.needed():
            return None
        warn = functools.partial(LOG.warning, instance=instance)
        return LegacyGroups(self._machine(instance).unit, run, warn)

    def _start(self, instance: Any) -> None:
        machine, groups, flavor = self._machine(instance), self._groups(instance), instance.flavor
        machine.mount()
        if groups:
            groups.make(flavor.memory_mb, flavor.vcpus)
        machine.start(
            self._network(instance).path,
            properties(flavor.memory_mb, flavor.vcpus),
            groups.folders if groups else [],
        )

    def _stop(self, instance: Any, *, kill: bool = False) -> None:
        self._machine(instance).stop(kill=kill)
        if groups := self._groups(instance):
            groups.remove()

    def _erase(self, instance: Any, *, disks: bool = True) -> None:
        """Removes an instance, however much there is of it."""
        # It is deleted: it need not shut down in peace.
        self._stop(instance, kill=True)
        self.unplug_vifs(instance, None)
        if disks:
            self._machine(instance).remove()

    @contextmanager
    def _faults(self, instance: Any) -> Iterator[None]:
        """Turns what went wrong into the fault that the instance's owner reads.

        Anything but these exceptions Nova would hide behind "No valid host was found".
        """
        try:
            yield
        except (CommandError, ValueError, OSError) as error:
            full = "No space left" in str(error) or getattr(error, "errno", 0) == errno.ENOSPC
            reason = "the server's disk is full" if full else str(error)
            raise exception.BuildAbortException(
                instance_uuid=instance.uuid, reason=reason
            ) from error
