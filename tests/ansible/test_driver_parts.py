"""The Nova driver's parts, with the host's tools replaced: `test_driver.py` has the real ones."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from nspawn import devices, images, limits, machine, network
from nspawn.commands import CommandError

UUID = "11111111-2222-3333-4444-555555555555"


class Tools:
    """Records what is run; answers and failures are given by the first words of a command."""

    def __init__(self, answers: dict[str, str | Exception] | None = None) -> None:
        self.ran: list[str] = []
        self._answers = answers or {}

    def __call__(self, *command: str, check: bool = True) -> str:
        line = " ".join(command)
        self.ran.append(line)
        if command[:2] == ("rm", "-rf") and Path(command[-1]).exists():
            path = Path(command[-1])
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for start, answer in self._answers.items():
            if line.startswith(start):
                if isinstance(answer, Exception):
                    if check:
                        raise answer
                    return ""
                return answer
        return ""

    def commands(self, start: str) -> list[str]:
        return [line for line in self.ran if line.startswith(start)]


def holding(content: bytes) -> Callable[[Path], None]:
    """A download of a file with this content."""

    def download(file: Path) -> None:
        file.write_bytes(content)

    return download


class TestDevices:
    def test_each_has_an_address_of_its_own(self) -> None:
        found = devices.parse(["10de:2335:2", "1002:74a1:1"])

        assert [(item["vendor_id"], item["product_id"]) for item in found] == [
            ("10de", "2335"),
            ("10de", "2335"),
            ("1002", "74a1"),
        ]
        assert len({item["address"] for item in found}) == 3

    def test_there_may_be_none(self) -> None:
        assert devices.parse([]) == []


class TestImages:
    @pytest.mark.parametrize(
        ("head", "kind"),
        [
            (b"QFI\xfb\x00\x00\x00\x03", "qcow2"),
            (b"\x28\xb5\x2f\xfd\x00", "archive"),
            (b"\x1f\x8b\x08", "archive"),
            (b"\xfd7zXZ\x00", "archive"),
            (b"\x00" * 257 + b"ustar", "archive"),
            (b"\x00" * 512, "disk"),
            (b"", "disk"),
        ],
    )
    def test_a_file_is_known_by_its_first_bytes(self, head: bytes, kind: str) -> None:
        assert images.kind(head) == kind

    def test_the_largest_partition_is_the_root(self) -> None:
        table = (
            '{"partitiontable": {"partitions": [{"start": 2048, "size": 100},'
            ' {"start": 4096, "size": 9000}]}}'
        )

        assert images.root_offset(table) == 4096 * 512

    def test_a_disk_without_partitions_is_a_file_system(self) -> None:
        assert images.root_offset("") == 0

    def test_an_archive_is_unpacked_once(self, tmp_path: Path) -> None:
        downloads: list[Path] = []

        class Tar(Tools):
            def __call__(self, *command: str, check: bool = True) -> str:
                if command[0] == "tar":
                    (Path(command[2]) / "sbin").mkdir()
                    (Path(command[2]) / "sbin/init").symlink_to("/lib/systemd/systemd")
                return super().__call__(*command, check=check)

        def download(file: Path) -> None:
            downloads.append(file)
            file.write_bytes(b"\x28\xb5\x2f\xfd")

        store = images.Images(tmp_path, Tar())
        tree = store.get("debian", download)
        assert os.path.lexists(tree / "sbin/init")
        assert store.get("debian", download) == tree
        assert len(downloads) == 1
        assert [path.name for path in tmp_path.iterdir()] == ["debian"]

    def test_an_image_without_an_init_is_refused_and_leaves_nothing(self, tmp_path: Path) -> None:
        store = images.Images(tmp_path, Tools())

        with pytest.raises(images.ImageError, match="no /sbin/init"):
            store.get("empty", holding(b"\x1f\x8b"))
        assert list(tmp_path.iterdir()) == []

    def test_an_image_that_names_files_of_the_host_is_refused(self, tmp_path: Path) -> None:
        tools = Tools({"qemu-img info": '{"backing-filename": "/etc/shadow"}'})

        with pytest.raises(images.ImageError, match="refers to another file"):
            images.Images(tmp_path, tools).get("evil", holding(b"QFI\xfb"))
        assert tools.commands("qemu-img convert") == []
        assert list(tmp_path.iterdir()) == []

    def test_a_disk_that_cannot_be_mounted_is_refused(self, tmp_path: Path) -> None:
        tools = Tools({"mount": CommandError("mount: wrong fs type")})

        with pytest.raises(images.ImageError, match="neither a tar archive nor a disk"):
            images.Images(tmp_path, tools).get("noise", holding(b"noise"))
        assert list(tmp_path.iterdir()) == []

    def test_what_was_interrupted_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "a.part-tree/etc").mkdir(parents=True)
        (tmp_path / "a.part").write_text("half")
        (tmp_path / "b").mkdir()

        images.Images(tmp_path, Tools()).recover()

        assert [path.name for path in tmp_path.iterdir()] == ["b"]

    def test_only_old_unused_images_are_pruned(self, tmp_path: Path) -> None:
        for name in ("used", "old", "new"):
            (tmp_path / name).mkdir()
        for name in ("used", "old"):
            os.utime(tmp_path / name, (0, 0))
        store = images.Images(tmp_path, Tools())

        assert store.prune({"used"}, age_s=3600) == ["old"]
        store.remove("old")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "used"]


class TestLimits:
    def test_the_flavor_is_the_limit(self) -> None:
        files = limits.files(memory_mib=512, vcpus=1, host_cpus=4)

        assert files["memory/memory.limit_in_bytes"] == 512 * 1024 * 1024
        assert files["cpu/cpu.cfs_quota_us"] == 100_000

    def test_a_flavor_as_large_as_the_host_has_no_quota(self) -> None:
        assert "cpu/cpu.cfs_quota_us" not in limits.files(512, vcpus=4, host_cpus=4)

    def test_systemd_is_told_the_same(self) -> None:
        assert limits.properties(512, 2) == ["MemoryMax=512M", "CPUQuota=200%"]

    def test_groups_are_needed_where_systemd_has_no_memory_controller(self, tmp_path: Path) -> None:
        controllers = tmp_path / "cgroup.controllers"
        controllers.write_text("hugetlb\n")
        assert limits.LegacyGroups.needed(controllers)
        controllers.write_text("cpuset cpu io memory pids\n")
        assert not limits.LegacyGroups.needed(controllers)

    def test_groups_go_with_what_the_instance_made_in_them(self, tmp_path: Path) -> None:
        warnings: list[str] = []
        groups = limits.LegacyGroups("nova-x.service", Tools(), warnings.append, tmp_path)
        for folder in groups.folders:
            (folder / "payload/init.scope").mkdir(parents=True)

        groups.remove()

        assert [folder for folder in groups.folders if folder.exists()] == []
        assert warnings == []


class TestNetwork:
    INTERFACE = network.Interface("aaaaaaaa-bbbb-cccc", "tapaaaaaaaa-bb", "fa:16:3e:00:00:01", 1442)

    def test_an_interface_is_bound_by_its_port(self, tmp_path: Path) -> None:
        tools = Tools()
        network.Network(UUID, "br-int", tools, tmp_path, tmp_path).plug([self.INTERFACE])

        [bound] = tools.commands("ovs-vsctl")
        assert "external_ids:iface-id=aaaaaaaa-bbbb-cccc" in bound
        assert f"external_ids:vm-uuid={UUID}" in bound
        assert tools.commands("ip link set nicaaaaaaaa-bb netns nova-111111115555 name eth0")

    def test_what_is_plugged_is_left(self, tmp_path: Path) -> None:
        (tmp_path / "tapaaaaaaaa-bb").touch()
        (tmp_path / "nova-111111115555").touch()
        tools = Tools()
        network.Network(UUID, "br-int", tools, tmp_path, tmp_path).plug([self.INTERFACE])

        assert tools.ran == []

    def test_every_port_of_the_instance_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "tap1").touch()
        (tmp_path / "nova-111111115555").touch()
        tools = Tools({"ovs-vsctl --timeout=20 --bare": "tap1\n\ntap2\n"})
        network.Network(UUID, "br-int", tools, tmp_path, tmp_path).unplug()

        assert [line.split()[-1] for line in tools.commands("ovs-vsctl --timeout=20 --if")] == [
            "tap1",
            "tap2",
        ]
        assert tools.commands("ip link del tap1")
        assert not tools.commands("ip link del tap2")
        assert tools.commands("ip netns del nova-111111115555")


class TestMachine:
    def wishes(self, root: Path, text: str) -> machine.Wishes:
        (root / "etc").mkdir()
        (root / "etc/nova-nspawn.json").write_text(text)
        return machine.Wishes.read(root)

    def test_an_image_may_ask_for_nothing(self, tmp_path: Path) -> None:
        assert machine.Wishes.read(tmp_path) == machine.Wishes()

    def test_an_image_may_ask_for_what_kubernetes_needs(self, tmp_path: Path) -> None:
        wishes = self.wishes(tmp_path, '{"cgroup": "v1", "volumes": ["/var/lib/containerd"]}')

        assert wishes == machine.Wishes(True, ("/var/lib/containerd",))

    @pytest.mark.parametrize("text", ["{", "[]", '{"volumes": ["../x"]}', '{"volumes": [1]}'])
    def test_wishes_that_make_no_sense_are_refused(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ValueError, match=r"/etc/nova-nspawn\.json"):
            self.wishes(tmp_path, text)

    def test_an_instance_exists_from_its_first_file_on(self, tmp_path: Path) -> None:
        instance = machine.Machine(UUID, tmp_path, Tools())
        before = instance.exists
        instance.create("instance-1", tmp_path / "_base/debian")

        assert (before, instance.exists) == (False, True)
        assert (instance.name, instance.image) == ("instance-1", tmp_path / "_base/debian")

    def test_a_removed_instance_leaves_nothing(self, tmp_path: Path) -> None:
        instance = machine.Machine(UUID, tmp_path, Tools())
        instance.create("instance-1", tmp_path)
        instance.remove()
        instance.remove()

        assert list(tmp_path.iterdir()) == []

    def test_only_images_that_ask_get_the_legacy_hierarchy_of_hosts_that_have_it(
        self, tmp_path: Path
    ) -> None:
        instance = machine.Machine(UUID, tmp_path, Tools())
        instance.create("instance-1", tmp_path)

        def command(wishes: machine.Wishes, *groups: Path) -> list[str]:
            return instance.command(Path("/run/netns/n"), [], list(groups), wishes, [])

        legacy = "--setenv=SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0"
        group = Path("/run/cgv1/memory/nova-1")
        assert legacy in command(machine.Wishes(True), group)
        assert legacy not in command(machine.Wishes(True))
        assert legacy not in command(machine.Wishes(), group)
        assert "--system-call-filter=@keyring bpf perf_event_open" in command(machine.Wishes(True))

    def test_volumes_keep_what_the_image_has_there(self, tmp_path: Path) -> None:
        tools = Tools()
        base = tmp_path / "_base"
        instance = machine.Machine(UUID, tmp_path, tools)
        instance.create("instance-1", base)
        (instance.root / "etc").mkdir()
        (instance.root / "etc/nova-nspawn.json").write_text('{"volumes": ["/var/lib/etcd"]}')
        instance.start(Path("/run/netns/n"), ["MemoryMax=1M"], [])

        volume = instance.folder / "vol/var_lib_etcd"
        assert volume.is_dir()
        [started] = tools.commands("systemd-run")
        assert f"--bind={volume}:/var/lib/etcd" in started
        assert "--property=MemoryMax=1M" in started

    def test_the_console_is_read_from_its_end(self, tmp_path: Path) -> None:
        instance = machine.Machine(UUID, tmp_path, Tools())
        assert instance.last_words() == b""
        instance.create("instance-1", tmp_path)
        instance.console.write_bytes(b"x" * 100 + b"login:")

        assert instance.last_words(6) == b"login:"
