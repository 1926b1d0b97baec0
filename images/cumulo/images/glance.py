"""Puts built images into a cloud's image service."""

from pathlib import Path

from cumulo.local import progress
from cumulo.local.errors import CumuloError


def upload(image: Path, properties: dict[str, str], cloud: str) -> str:
    """Uploads an image, unless one of its name is there; the name says all that it is made of.

    Args:
        image: The file.
        properties: What Glance is to say about it.
        cloud: The entry of `clouds.yaml`.

    Returns:
        Its name in the cloud.

    Raises:
        CumuloError: The cloud cannot be reached, or does not take it.
    """
    import openstack
    from openstack.exceptions import SDKException

    name = image.name.removesuffix(".tar.zst")
    try:
        with openstack.connect(cloud=cloud) as connection:
            there = list(connection.image.images(name=name))
            if any(one.status == "active" for one in there):
                return name
            for left in there:  # By an upload that was killed.
                connection.image.delete_image(left.id)
            with progress.step(f"uploading {name} to {cloud}"):
                connection.create_image(
                    name,
                    filename=str(image),
                    # The hypervisor unpacks it; Glance has no name for tarballs.
                    disk_format="raw",
                    container_format="bare",
                    wait=True,
                    use_import=False,
                    meta=properties,
                )
    except (SDKException, OSError) as error:
        raise CumuloError(
            f"{name} cannot be uploaded to {cloud}: {error}",
            "name another entry of clouds.yaml: --cloud; for the local one, `cumulo local up`",
        ) from error
    return name
