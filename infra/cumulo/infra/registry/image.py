"""Which of a cloud's images makes registries."""

import pulumi
from cumulo.infra.lookup import newest_image
from cumulo.infra.versions import REGISTRY

PROPERTY = "registry_version"
"""What `cumulo images upload registry` has Glance say about the image."""


def registry_image(version: str = REGISTRY) -> pulumi.Output[str]:
    """The name of the newest image in the cloud that has this version of the registry.

    Where a newer one is uploaded, the next update replaces the server that was made of the older.
    """
    component = f"registry_image({version!r})"
    remedy = "`cumulo images upload registry` puts one there"
    return newest_image(component, "version", PROPERTY, version, remedy)
