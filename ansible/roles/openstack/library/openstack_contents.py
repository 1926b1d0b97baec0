#!/usr/bin/python3
"""Ansible module: the images, flavors, external network and quotas that the cloud offers.

All in one module, because each start of openstacksdk costs two seconds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: openstack_contents
short_description: Images, flavors, the external network and quotas
description:
  - What is not listed is left alone.
options:
  cloud:
    description: The administrator's entry in C(clouds.yaml).
    type: str
    required: true
  images:
    description: Images, from files on the server.
    type: list
    elements: dict
    default: []
  flavors:
    description: Flavors.
    type: list
    elements: dict
    default: []
  network:
    description: The external network and its subnet.
    type: dict
    required: true
  quotas:
    description: Quotas of the administrator's project, by service.
    type: dict
    default: {}
"""

CHECKSUM = "cumulo_sha256"


def checksum(path: Path) -> str:
    """The file's checksum, read once for each state of the file."""
    status = path.stat()
    stamp = f"{status.st_size} {status.st_mtime_ns} "
    note = Path("/var/lib/cumulo/openstack/images") / path.name
    if note.exists() and (text := note.read_text()).startswith(stamp):
        return text.removeprefix(stamp)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(stamp + digest)
    return digest


def image(cloud: Any, wanted: dict[str, Any], *, check: bool) -> Iterator[str]:
    """Uploads the file if it is new; an image of the same name from another file is replaced."""
    name, path = wanted["name"], Path(wanted["path"])
    if not path.is_file():
        if check:
            # What puts the file there may be part of the same dry run.
            yield f"image {name}"
            return
        raise FileNotFoundError(f"openstack_images: {name}: there is no file {path} on the server")
    digest = checksum(path)
    there = list(cloud.image.images(name=name))
    current = [
        item
        for item in there
        if item.status == "active" and item.properties.get(CHECKSUM) == digest
    ]
    properties = {key: str(value) for key, value in wanted["properties"].items()}
    if not current:
        yield f"image {name}"
        if check:
            return
        created = cloud.image.create_image(
            name, filename=str(path), disk_format=wanted["disk_format"], container_format="bare",
            visibility="public", use_import=False, allow_duplicates=True, md5="", sha256="",
            **{**properties, CHECKSUM: digest},
        )  # fmt: skip
        cloud.image.wait_for_status(created, status="active", wait=600)
    else:
        now = {key: str(value) for key, value in _attributes(current[0]).items()}
        changed = {key: value for key, value in properties.items() if now.get(key) != value}
        if changed:
            yield f"properties of image {name}"
            if not check:
                cloud.image.update_image(current[0], **changed)
    for item in there:
        if item not in current[:1]:
            yield f"old image {name}"
            if not check:
                cloud.image.delete_image(item)


def _attributes(item: Any) -> dict[str, Any]:
    """An image's properties, those that the SDK knows by another name included."""
    return {**item.to_dict(original_names=True), **item.properties}


def flavor(cloud: Any, wanted: dict[str, Any], *, check: bool) -> Iterator[str]:
    """Makes a flavor; one of another size is replaced, for Nova cannot change it."""
    name = wanted["name"]
    sizes = {"ram": wanted["memory_mib"], "vcpus": wanted["vcpus"], "disk": wanted["disk_gib"]}
    there = cloud.compute.find_flavor(name, get_extra_specs=True)
    if there is not None and any(there[key] != value for key, value in sizes.items()):
        yield f"old flavor {name}"
        if not check:
            cloud.compute.delete_flavor(there)
        there = None
    if there is None:
        yield f"flavor {name}"
        if check:
            return
        there = cloud.compute.create_flavor(name=name, **sizes)
    properties = {key: str(value) for key, value in wanted["properties"].items()}
    now = there.extra_specs or {}
    if now != properties:
        yield f"properties of flavor {name}"
        if check:
            return
        for key in now.keys() - properties.keys():
            cloud.compute.delete_flavor_extra_specs_property(there, key)
        if properties:
            cloud.compute.create_flavor_extra_specs(there, properties)


def network(cloud: Any, wanted: dict[str, Any], *, check: bool) -> Iterator[str]:
    """Makes the external network and its subnet."""
    name = wanted["name"]
    there = cloud.network.find_network(name)
    if there is None:
        yield f"network {name}"
        if check:
            return
        there = cloud.network.create_network(
            name=name, is_router_external=True, provider_network_type="flat",
            provider_physical_network=wanted["physical_network"],
        )  # fmt: skip
    pools = [{"start": wanted["pool_start"], "end": wanted["pool_end"]}]
    subnet = cloud.network.find_subnet(name, network_id=there.id)
    if subnet is None:
        yield f"subnet {name}"
        if not check:
            cloud.network.create_subnet(
                name=name, network_id=there.id, ip_version=4, cidr=wanted["cidr"],
                gateway_ip=wanted["gateway"], enable_dhcp=False, allocation_pools=pools,
            )  # fmt: skip
    elif subnet.cidr != wanted["cidr"]:
        raise ValueError(
            f"openstack_provider_network: {name} has {subnet.cidr}; Neutron cannot change it to "
            f"{wanted['cidr']}"
        )
    elif subnet.allocation_pools != pools or subnet.gateway_ip != wanted["gateway"]:
        yield f"pool of subnet {name}"
        if not check:
            cloud.network.update_subnet(
                subnet, allocation_pools=pools, gateway_ip=wanted["gateway"]
            )


def quotas(cloud: Any, wanted: dict[str, dict[str, int]], *, check: bool) -> Iterator[str]:
    """Sets the administrator's project's quotas."""
    project = cloud.current_project_id
    for service, values in wanted.items():
        proxy = getattr(cloud, service)
        now = proxy.get_quota_set(project) if service == "compute" else proxy.get_quota(project)
        changed = {key: value for key, value in values.items() if now[key] != value}
        if not changed:
            continue
        yield f"quotas of {service}"
        if check:
            continue
        if service == "compute":
            proxy.update_quota_set(project, **changed)
        else:
            proxy.update_quota(now, **changed)


def main() -> None:
    """Runs the module."""
    images = {
        "name": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "disk_format": {"type": "str", "required": True},
        "properties": {"type": "dict", "default": {}},
    }
    flavors = {
        "name": {"type": "str", "required": True},
        "vcpus": {"type": "int", "required": True},
        "memory_mib": {"type": "int", "required": True},
        "disk_gib": {"type": "int", "required": True},
        "properties": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(
        argument_spec={
            "cloud": {"type": "str", "required": True},
            "images": {"type": "list", "elements": "dict", "default": [], "options": images},
            "flavors": {"type": "list", "elements": "dict", "default": [], "options": flavors},
            "network": {"type": "dict", "required": True},
            "quotas": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    settings, check = module.params, module.check_mode
    try:
        import openstack

        cloud = openstack.connect(cloud=settings["cloud"])
        made = [*network(cloud, settings["network"], check=check)]
        for item in settings["flavors"]:
            made += flavor(cloud, item, check=check)
        made += quotas(cloud, settings["quotas"], check=check)
        for item in settings["images"]:
            made += image(cloud, item, check=check)
    except Exception as error:  # noqa: BLE001  # the end of the module, whatever it is
        if check:
            # A dry run on a server that has no OpenStack yet.
            module.exit_json(changed=True, made=["everything"])
        module.fail_json(msg=f"{type(error).__name__}: {error}")
    module.exit_json(changed=bool(made), made=made)


if __name__ == "__main__":
    main()
