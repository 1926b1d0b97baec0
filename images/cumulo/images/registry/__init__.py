"""The image that registries boot: Debian 13 with CNCF distribution and what looks after it.

Go module ──▶ the command `registry` ─┐
Debian's instance image ──▶ role registry ──▶ one tarball, as Glance takes it
"""

import platform
from pathlib import Path
from typing import Any


def build() -> Path:
    """The image; builds it where it is not built."""
    from cumulo.images import debian
    from cumulo.images.registry import image
    from cumulo.local import apt, doctor, packages

    doctor.require_root()
    packages.ensure()
    built = image.build(apt.archives())
    debian.discard(built)
    return built


def properties() -> dict[str, str]:
    """What Glance says about the image; `os_distro` and the like are OpenStack's own names."""
    from cumulo.images.registry import image

    return {
        "os_type": "linux",
        "os_distro": "debian",
        "os_version": "13",
        # Nova gives it to hosts with such processors only.
        "hw_architecture": platform.machine(),
        "registry_version": image.version(),
    }


def show() -> list[dict[str, Any]]:
    """The image, and its file where it is built."""
    from cumulo.images import debian
    from cumulo.images.registry import image
    from cumulo.local import apt

    return [debian.show(image.path(apt.archives()), registry=image.version())]
