"""What only the cloud knows of images and flavors, asked in preview."""

import pulumi
from cumulo.infra.arguments import ArgumentError
from cumulo.infra.kubernetes.image import PROPERTY
from cumulo.infra.lookup import NotInCloudError, ask, missing

CONTROL_PLANE_MB = 1700
"""What kubeadm wants."""
NODE_MB = 700
"""Below it, kubelet and the network leave nothing for pods."""


async def image(
    parent: pulumi.Resource, component: str, field: str, name: str, version: str, architecture: str
) -> str:
    """The name of an image that is a node of this version, for these processors.

    Args:
        parent: Whose provider asks the cloud.
        component: What messages call it.
        field: The argument that names the image.
        name: The image's name.
        version: Of Kubernetes.
        architecture: The processors, as Glance calls them.
    """
    function = "openstack:images/getImage:getImage"
    try:
        found = await ask(parent, component, field, function, name=name, mostRecent=True)
    except NotInCloudError as error:
        raise missing(component, field, f"image {name!r}", error) from None
    properties = found.get("properties") or {}
    has = properties.get(PROPERTY)
    if has is None:
        raise ArgumentError(
            component,
            field,
            f"{name!r} has no property {PROPERTY}, as node images do. If it is one: "
            f"openstack image set --property {PROPERTY}={version} {name}",
        )
    if has != version:
        at = field.removesuffix("image") + "version"
        raise ArgumentError(
            component, field, f"{name!r} has Kubernetes {has}, and {at} is {version}"
        )
    made_for = properties.get("hw_architecture") or properties.get("architecture")
    if made_for not in (None, architecture):
        raise ArgumentError(component, field, f"{name!r} is for {made_for}, not {architecture}")
    return name


async def flavor(parent: pulumi.Resource, component: str, field: str, name: str, least: int) -> str:
    """The name of a flavor with enough memory.

    Args:
        parent: Whose provider asks the cloud.
        component: What messages call it.
        field: The argument that names the flavor.
        name: The flavor's name.
        least: The least memory, in MB.
    """
    function = "openstack:compute/getFlavor:getFlavor"
    try:
        found = await ask(parent, component, field, function, name=name)
    except NotInCloudError as error:
        raise missing(component, field, f"flavor {name!r}", error) from None
    if found.get("ram", least) < least:
        raise ArgumentError(
            component, field, f"{name!r} has {found['ram']:.0f} MB of memory; {least} are needed"
        )
    return name
