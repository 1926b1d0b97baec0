"""The role on a real server: the local cloud's. The slow tests make that server anew."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openstack
import pytest
from cumulo.local import apt, machine, role, rootfs
from cumulo.local import cloud as local
from cumulo.local.playbook import directory
from cumulo.local.role import Server
from cumulo.local.state import of_user

from tests.waiting import soon

pytestmark = [
    pytest.mark.cloud,
    pytest.mark.skipif(
        os.environ.get("CUMULO_TEST_CLOUD", "cumulo-local") != "cumulo-local",
        reason="another cloud was named, and this is about the local one's server",
    ),
]

# What a server holds and does, apart from what every running system writes.
LOOK = r"""
dpkg-query --show --showformat='package ${Package} ${Version} ${db:Status-Abbrev}\n'
systemctl list-unit-files --no-legend --plain | awk '{print "unit", $1, $2}'
systemctl list-units --no-legend --plain --state=active --type=service | awk '{print "active", $1}'
find /etc /usr/local /opt /srv -xdev \( -name machine-id -o -name '*.cache' -o -name '*-' \
    -o -name .updated \) -prune -o -printf 'file %p %y %m %u %g\n'
find /var/lib /var/log -mindepth 1 -maxdepth 1 ! -name dpkg.log ! -name alternatives.log \
    -printf 'directory %p\n'
find /usr/lib -maxdepth 4 -type d ! -name __pycache__ -printf 'directory %p\n'
ls /sys/class/net | sed 's/^/link /'
cut -d: -f1 /etc/passwd | sed 's/^/user /'
cut -d: -f1 /etc/group | sed 's/^/group /'
ls /run/netns 2>/dev/null | sed 's/^/netns /'
find /usr/sbin/policy-rc.d /var/lib/libvirt -printf 'file %p %u\n' 2>/dev/null || true
"""

# What a server may have that OpenStack uses as well.
ALREADY_THERE = """set -e
useradd --system --home-dir /var/lib/octavia octavia
groupadd --system rabbitmq
install -o octavia -D /etc/hostname /var/lib/libvirt/kept
"""

# What an administrator may add to a server later.
ADDED_LATER = """set -e
useradd --system later
DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends hello >/dev/null 2>&1
"""

KERNEL_IMAGE = r"""set -e; cd "$1"
printf '[Match]\nName=en* eth*\n[Network]\nDHCP=ipv4\n' > etc/systemd/network/all.network
printf 'booted with address \\4\n' > etc/issue
getty=etc/systemd/system/serial-getty@ttyS0.service.d
mkdir -p $getty
printf '[Unit]\nWants=network-online.target\nAfter=network-online.target\n' > $getty/online.conf
chroot . systemctl enable systemd-networkd systemd-networkd-wait-online 2>/dev/null
echo '/dev/vda / ext4 defaults 0 0' > etc/fstab
: > etc/machine-id
"""


def _ansible(playbook: str, *arguments: str) -> str:
    """Runs a playbook as the local cloud's last `up` ran the role; returns what it says."""
    home = of_user().ansible
    done = subprocess.run(
        [
            *(sys.executable, "-m", "ansible", "playbook", str(directory() / playbook)),
            *("--inventory", str(home / "inventory.json")),
            *("--extra-vars", f"@{home / 'variables.json'}", *arguments),
        ],
        env=os.environ
        | {
            "ANSIBLE_CONFIG": str(directory() / "ansible.cfg"),
            "ANSIBLE_HOME": str(home),
            "ANSIBLE_NOCOLOR": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    return done.stdout + done.stderr


def _recap(said: str) -> dict[str, int]:
    """The last line of a play, as `{"ok": 12, "changed": 0, ...}`."""
    counts = re.findall(r"(\w+)=(\d+)", said.rpartition("PLAY RECAP")[2])
    assert counts, said
    return {name: int(count) for name, count in counts}


def _on_server(script: str) -> list[str]:
    """The lines that a script on the server prints."""
    home = of_user()
    server = Server(_address(), home.key, home.ansible)
    command = ["ssh", *server.ssh(), f"root@{server.address}", script]
    return subprocess.check_output(command, text=True).splitlines()


def _look() -> set[str]:
    return set(_on_server(LOOK))


def _changed(before: set[str]) -> list[str]:
    """What is there since, and what no longer is; services that have done their work aside."""
    now = _look()
    gone = {line for line in before - now if not line.startswith("active")}
    return sorted(now - before) + sorted(f"gone: {line}" for line in gone)


def _address() -> str:
    return local.status().address


@pytest.mark.parametrize("arguments", [["--check", "--diff"], []], ids=["check", "run"])
def test_another_run_changes_nothing(cloud_name: str, arguments: list[str]) -> None:
    said = _ansible("openstack.yml", *arguments)

    recap = _recap(said)
    assert recap["ok"] > 10, said
    assert (recap["changed"], recap["failed"], recap["unreachable"]) == (0, 0, 0), said


@pytest.mark.parametrize("unit", ["octavia-api", "octavia-driver-agent"])
def test_either_half_of_octavia_may_be_restarted_alone(
    cloud: openstack.connection.Connection, unit: str
) -> None:
    balancing: Any = cloud.load_balancer
    _on_server(f"systemctl restart {unit}")

    def answers() -> bool:
        # The API does not even start where the agent's sockets are not.
        sockets = _on_server("ls /run/octavia")
        try:
            list(balancing.load_balancers())
        except openstack.exceptions.SDKException:
            return False
        return "status.sock" in sockets

    assert soon(answers, within=90)


@pytest.fixture(scope="module")
def local_cloud_after() -> Iterator[None]:
    """Leaves the local cloud as others expect it."""
    yield
    local.reset()
    local.up()


@pytest.fixture
def from_nothing(local_cloud_after: None) -> None:
    """Takes the local cloud away."""
    local.reset()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_the_reset_playbook_takes_all_away(
    from_nothing: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[set[str]] = []
    run = role.run

    def look_and_run(*arguments: Any) -> None:
        if not seen:
            _on_server(ALREADY_THERE)
            seen.append(_look())
        run(*arguments)

    monkeypatch.setattr(role, "run", look_and_run)
    local.up()
    before = seen[0]
    assert len(_look() - before) > 100
    _on_server(ADDED_LATER)

    said = _ansible("openstack-reset.yml")
    assert _recap(said)["failed"] == 0, said
    assert {line.split()[1] for line in _changed(before)} == {"hello", "later"}
    _on_server("userdel later && dpkg --purge hello")
    assert _changed(before) == []

    # What it needs again and what is there already it tells apart as well.
    said = _ansible("openstack-reset.yml")
    assert (_recap(said)["changed"], _recap(said)["failed"]) == (0, 0), said

    # Of an installation that was killed as much.
    rootfs.restore_packages(of_user().root)
    with ThreadPoolExecutor(1) as pool:
        killed = pool.submit(_ansible, "openstack.yml")
        _wait_for_package("mariadb-server")
        machine.end_sessions()
        assert _recap(killed.result())["failed"] + _recap(killed.result())["unreachable"] == 1
    assert len(_look() - before) > 100
    said = _ansible("openstack-reset.yml")
    assert _recap(said)["failed"] == 0, said
    assert _changed(before) == []


def _wait_for_package(name: str) -> None:
    """Waits until dpkg works on a package on the server."""
    end = time.monotonic() + 600
    while not _on_server(f"dpkg-query --show {name} 2>/dev/null || true"):
        assert time.monotonic() < end, f"{name} was not begun within 600 s"
        time.sleep(0.5)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_libvirt_boots_a_server_under_emulation(
    from_nothing: None, monkeypatch: pytest.MonkeyPatch, kernel_image: Path
) -> None:
    variables = role.variables

    def with_qemu(*arguments: Any) -> dict[str, Any]:
        told: dict[str, Any] = variables(*arguments)
        plain = [flavor for flavor in told["openstack_flavors"] if not flavor["properties"]]
        return told | {
            "openstack_flavors": plain,
            "openstack_hypervisor": "qemu",
            # This kernel need not have Open vSwitch's module.
            "openstack_datapath": "netdev",
            "openstack_gpus": [],
            "openstack_images": [],
        }

    monkeypatch.setattr(role, "variables", with_qemu)
    local.up()
    with openstack.connect(cloud="cumulo-local") as connection:
        (hypervisor,) = connection.compute.hypervisors(details=True)
        assert hypervisor.hypervisor_type == "QEMU"
        upload = _uploader(connection, kernel_image)
        image = upload(
            "root",
            "raw",
            "bare",
            kernel_id=upload("vmlinuz", "aki", "aki").id,
            ramdisk_id=upload("initrd", "ari", "ari").id,
            os_command_line="root=/dev/vda rw console=ttyS0",
        )
        network = connection.network.create_network(name="emulated")
        connection.network.create_subnet(
            network_id=network.id, ip_version=4, cidr="192.168.92.0/24"
        )
        server = connection.compute.create_server(
            name="emulated",
            image_id=image.id,
            flavor_id=connection.compute.find_flavor("m1.small", ignore_missing=False).id,
            networks=[{"uuid": network.id}],
        )
        server = connection.compute.wait_for_server(server, wait=600)
        (address,) = (port["addr"] for port in server.addresses["emulated"])
        end = time.monotonic() + 1200
        console = ""
        while f"booted with address {address}" not in console:
            assert time.monotonic() < end, console
            time.sleep(5)
            console = connection.compute.get_server_console_output(server.id)["output"]
        connection.compute.delete_server(server)
        connection.compute.wait_for_delete(server, wait=300)


def _uploader(connection: Any, folder: Path) -> Callable[..., Any]:
    def upload(name: str, disk_format: str, container_format: str, **properties: str) -> Any:
        return connection.image.create_image(
            name,
            filename=str(folder / name),
            disk_format=disk_format,
            container_format=container_format,
            use_import=False,
            wait=True,
            **properties,
        )

    return upload


@pytest.fixture
def kernel_image(tmp_path: Path) -> Path:
    """A folder with a Debian kernel, its initial RAM disk and a root file system.

    No registry that this project may count on has a bootable disk image, and making one takes a
    boot loader and loop devices. Nova boots a kernel with its disk just as well. The system tells
    its address on its console before it asks for a login.
    """
    tree = tmp_path / "tree"
    archives = apt.archives()
    options = [f'--aptopt={name} "{value}"' for name, value in archives.configuration().items()]
    packages = "systemd-sysv,udev,iproute2,initramfs-tools,linux-image-cloud-amd64"
    subprocess.check_call(
        [
            *("mmdebstrap", "--quiet", "--mode=root", "--variant=apt", *options),
            *(f"--include={packages}", f"--customize-hook={KERNEL_IMAGE}"),
            *(apt.SUITE, str(tree), *archives.lines),
        ],
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    for name in ("vmlinuz", "initrd"):
        (found,) = (tree / "boot").glob(f"{name}*")
        found.rename(tmp_path / name)
    root = tmp_path / "root"
    with root.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.check_call(["mke2fs", "-q", "-t", "ext4", "-d", str(tree), str(root)])
    return tmp_path
