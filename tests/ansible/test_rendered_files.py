import json
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import pytest

Render = Callable[..., dict[str, str | None]]

H200 = {"vendor": "10de", "product": "2335", "alias": "h200", "device_type": "type-PF"}
A100 = {"vendor": "10de", "product": "20b5", "alias": "a100"}
MODPROBE = "/etc/modprobe.d/cumulo-vfio.conf"
MODULES = "/etc/modules-load.d/cumulo-vfio.conf"
GRUB = "/etc/default/grub.d/cumulo-vfio.cfg"


def text(files: dict[str, str | None], path: str) -> str:
    content = files[path]
    assert content is not None
    return content


def settings(files: dict[str, str | None], path: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.read_string(text(files, path))
    return parser


def values(content: str, key: str) -> list[str]:
    """All values of an option that may be there more than once."""
    prefix = f"{key} = "
    return [line.removeprefix(prefix) for line in content.splitlines() if line.startswith(prefix)]


def test_a_gpu_host_hands_its_gpus_to_vfio_at_boot(render: Render) -> None:
    files = render(openstack_hypervisor="kvm", openstack_gpus=[H200, A100, H200])

    modprobe = text(files, MODPROBE).splitlines()
    assert "options vfio-pci ids=10de:2335,10de:20b5" in modprobe
    assert "softdep nvidia pre: vfio-pci" in modprobe
    assert {"vfio", "vfio_iommu_type1", "vfio_pci"} <= set(text(files, MODULES).splitlines())
    assert 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on' in text(
        files, GRUB
    )


def test_nova_offers_the_same_gpus(render: Render) -> None:
    files = render(openstack_hypervisor="kvm", openstack_gpus=[H200, A100])

    nova = text(files, "/etc/nova/nova.conf")
    assert [json.loads(value) for value in values(nova, "device_spec")] == [
        {"vendor_id": "10de", "product_id": "2335"},
        {"vendor_id": "10de", "product_id": "20b5"},
    ]
    aliases = {alias["name"]: alias for alias in map(json.loads, values(nova, "alias"))}
    assert aliases["h200"]["device_type"] == "type-PF"
    assert aliases["a100"]["device_type"] == "type-PCI"


@pytest.mark.parametrize("hypervisor", ["nspawn", "qemu"])
def test_nothing_is_bound_to_vfio_without_passthrough(render: Render, hypervisor: str) -> None:
    gpu = H200 | {"count": 2}
    files = render(openstack_hypervisor=hypervisor, openstack_gpus=[gpu])

    assert [files[path] for path in (MODPROBE, MODULES, GRUB)] == [None, None, None]


def test_a_host_without_gpus_is_left_alone(render: Render) -> None:
    files = render(openstack_hypervisor="kvm")

    assert [files[path] for path in (MODPROBE, MODULES, GRUB)] == [None, None, None]
    assert values(text(files, "/etc/nova/nova.conf"), "device_spec") == []


@pytest.mark.parametrize("hypervisor", ["kvm", "qemu"])
def test_libvirt_is_told_the_hypervisor(render: Render, hypervisor: str) -> None:
    files = render(openstack_hypervisor=hypervisor)

    compute = settings(files, "/etc/nova/nova-compute.conf")
    assert compute["DEFAULT"]["compute_driver"] == "libvirt.LibvirtDriver"
    assert compute["libvirt"]["virt_type"] == hypervisor


def test_nspawn_is_told_what_to_offer(render: Render) -> None:
    files = render(
        openstack_hypervisor="nspawn",
        openstack_gpus=[H200 | {"count": 2}, A100 | {"count": 1}],
        openstack_nspawn_capacity={"vcpus": 8},
    )

    compute = settings(files, "/etc/nova/nova-compute.conf")
    assert compute["nspawn"]["devices"] == "10de:2335:2,10de:20b5:1"
    assert compute["nspawn"]["vcpus"] == "8"
    driver = "/usr/lib/python3/dist-packages/nova/virt/nspawn/driver.py"
    assert "class NspawnDriver" in text(files, driver)


def test_every_part_of_the_driver_is_installed(render: Render) -> None:
    files = render(openstack_hypervisor="nspawn")

    parts = Path(__file__).parents[2] / "ansible/roles/openstack/files/nspawn"
    installed = {Path(path).name for path in files if "/nova/virt/nspawn/" in path}
    assert installed == {part.name for part in parts.glob("*.py")}


def test_the_metadata_agent_can_be_left_out(render: Render) -> None:
    files = render(openstack_metadata_agent=False)

    ml2 = settings(files, "/etc/neutron/plugins/ml2/ml2_conf.ini")
    assert ml2["ovn"]["ovn_metadata_enabled"] == "false"
    assert settings(files, "/etc/nova/nova.conf")["DEFAULT"]["force_config_drive"] == "true"


def test_swift_is_told_where_objects_go(render: Render) -> None:
    files = render(openstack_object_storage_path="/srv/objects", openstack_region="Here")

    proxy = settings(files, "/etc/swift/proxy-server.conf")
    pipeline = proxy["pipeline:main"]["pipeline"].split()
    assert {name for name in pipeline if name != "proxy-server"} == {
        section.removeprefix("filter:") for section in proxy if section.startswith("filter:")
    }
    assert proxy["filter:s3api"]["location"] == "Here"
    assert proxy["filter:s3token"]["password"] == "%%password:swift%%"
    ports = set()
    for kind in ("account", "container", "object"):
        server = settings(files, f"/etc/swift/{kind}-server.conf")
        assert server["DEFAULT"]["devices"] == "/srv/objects"
        # Nobody but the proxy has to reach them, and they ask for no login.
        assert server["DEFAULT"]["bind_ip"] == "127.0.0.1"
        ports.add(server["DEFAULT"]["bind_port"])
    assert len(ports) == 3


@pytest.mark.parametrize(("workers", "processes"), [(1, "0"), (4, "4")])
def test_swift_has_as_many_processes_as_other_services(
    render: Render, workers: int, processes: str
) -> None:
    files = render(openstack_service_workers=workers)

    for name in ("proxy", "account", "container", "object"):
        server = settings(files, f"/etc/swift/{name}-server.conf")
        assert server["DEFAULT"]["workers"] == processes


def test_swift_can_be_left_out(render: Render) -> None:
    files = render(openstack_object_storage=False)

    assert [path for path in files if "swift" in path] == []


def test_no_file_knows_a_password(render: Render) -> None:
    files = render()

    nova = settings(files, "/etc/nova/nova.conf")
    assert nova["placement"]["password"] == "%%password:placement%%"
    assert nova["database"]["connection"].startswith("mysql+pymysql://nova:%%password:nova%%@")
    assert "%%password:admin%%" in text(files, "/root/clouds.yaml")
