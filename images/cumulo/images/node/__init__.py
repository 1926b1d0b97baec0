"""The image that Kubernetes' nodes boot: Debian 13 with everything that kubeadm starts on it.

Go modules ──▶ commands ──▶ container images ─┐
Debian's instance image ──▶ role kubernetes_node ──▶ one tarball, as Glance takes it
"""

import platform
from pathlib import Path
from typing import Any


def build(kubernetes: str = "") -> Path:
    """The image of a version of Kubernetes, such as `1.35`; builds it where it is not built."""
    from cumulo.images import debian
    from cumulo.images.node import image
    from cumulo.images.node.release import release
    from cumulo.local import apt, doctor, packages

    asked = release(kubernetes)
    doctor.require_root()
    packages.ensure()
    built = image.build(asked, apt.archives())
    debian.discard(built)
    return built


def properties(kubernetes: str = "") -> dict[str, str]:
    """What Glance says about the image; `os_distro` and the like are OpenStack's own names."""
    from cumulo.images.node.release import release

    return {
        "os_type": "linux",
        "os_distro": "debian",
        "os_version": "13",
        # Nova gives it to hosts with such processors only.
        "hw_architecture": platform.machine(),
        "kubernetes_version": release(kubernetes).kubernetes,
    }


def show() -> list[dict[str, Any]]:
    """Every image that can be built, the newest first, and its file where it is built."""
    from cumulo.images import debian
    from cumulo.images.node import image
    from cumulo.images.node.release import releases
    from cumulo.local import apt

    archives = apt.archives()
    return [debian.show(image.path(one, archives), kubernetes=one.kubernetes) for one in releases()]
