from pathlib import Path

from cumulo.local import cgroups

HYBRID = """\
sysfs /sys sysfs rw 0 0
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
cgroup /run/other/memory cgroup rw,memory 0 0
"""


def test_hierarchies_of_both_versions() -> None:
    assert cgroups.hierarchies(HYBRID) == {
        Path("/sys/fs/cgroup/memory"): "cgroup",
        Path("/sys/fs/cgroup/unified"): "cgroup2",
    }
    assert cgroups.hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == {
        Path("/sys/fs/cgroup"): "cgroup2"
    }
