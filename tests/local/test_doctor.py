import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from cumulo.local import cgroups, doctor, network, packages, state, versions
from cumulo.local.addresses import Addresses
from cumulo.local.doctor import Check
from cumulo.local.errors import CumuloError

from tests.local.project import CUMULO


def test_a_failing_check_shows_its_mend() -> None:
    assert (
        str(Check("memory", "too little", "buy more")) == "FAIL  memory: too little\n      buy more"
    )
    assert str(Check("memory", detail="8 GB")) == "ok    memory: 8 GB"


def test_every_failing_check_has_a_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_DISK", 1 << 60)
    monkeypatch.setattr(doctor, "_MEMORY", 1 << 60)
    monkeypatch.setattr(cgroups, "hierarchies", dict)
    monkeypatch.setattr(packages, "missing", lambda: ["nftables"])
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(versions, "PULUMI", "0.0.1")
    monkeypatch.setenv("CUMULO_DNS_SERVERS", "127.0.0.1")
    monkeypatch.setenv("CUMULO_DEBIAN_MIRROR", "http://127.0.0.1:1/debian")
    monkeypatch.setattr(state, "of_user", lambda: state.State(Path("/absent")))
    failed = {check.name: check for check in doctor.run() if not check.ok}
    expected = {"disk", "memory", "control groups", "commands", "versions", "name servers"}
    assert expected | {"Debian packages"} <= failed.keys()
    assert all(check.remedy for check in failed.values())


def test_a_command_that_is_still_to_be_installed_is_no_failing_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The check has a /tmp of its own.
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for tool in ("ip", "mkdir", "mount", "sh", "test", "true", "unshare"):
            Path(folder, tool).symlink_to(str(shutil.which(tool)))
        monkeypatch.setenv("PATH", folder)
        (kernel,) = (check for check in doctor.run() if check.name == "kernel features")
    assert kernel.ok
    assert "nftables with NAT: `cumulo local up` tries it" in kernel.detail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
@pytest.mark.parametrize(
    ("mounted", "said"),
    [
        (
            "mount -t cgroup2 cgroup2 /sys/fs/cgroup",
            "ok    control groups: version 2 only: flavors may not be held to their memory",
        ),
        (
            "mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup",
            "FAIL  control groups: there is no cgroup v2 hierarchy",
        ),
        ("true", "FAIL  control groups: no control groups are mounted"),
    ],
    ids=["version 2", "version 1", "none"],
)
def test_hosts_with_other_control_groups_are_told(mounted: str, said: str) -> None:
    # In a mount namespace of its own: this machine's stay as they are.
    script = f"umount --recursive /sys/fs/cgroup && {mounted} && exec {CUMULO} doctor"
    told = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )

    assert said in told.stdout, told.stdout + told.stderr
    assert said.startswith("ok") or told.returncode == 1


def test_users_who_are_not_root_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CumuloError, match="root"):
        doctor.require_root()


def test_preflight_names_a_conflict_of_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    route = '[{"dst": "10.231.0.0/16", "dev": "tun0"}]'
    monkeypatch.setattr(network, "run", lambda *_, **__: route)
    with pytest.raises(CumuloError, match="tun0") as error:
        doctor.preflight(Addresses("10.231"), new=False)
    assert "CUMULO_LOCAL_PREFIX" in error.value.remedy
