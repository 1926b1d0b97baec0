#!/usr/bin/python3
"""Ansible module: Keystone's service users, services and endpoints."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.openstack_passwords import load

DOCUMENTATION = """
module: openstack_catalogue
short_description: Service users, services and endpoints in Keystone
options:
  cloud:
    description: The administrator's entry in C(clouds.yaml).
    type: str
    required: true
  region:
    description: The region of the endpoints.
    type: str
    required: true
  services:
    description: The services.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Its name, which is also its user's.
        type: str
        required: true
      type:
        description: Its type in the catalogue.
        type: str
        required: true
      url:
        description: Where it answers.
        type: str
        required: true
  roles:
    description: Roles that there must be besides the services' own.
    type: list
    elements: str
    default: []
  deadline_s:
    description: How long to wait for Keystone.
    type: int
    default: 300
"""

INTERFACES = ("public", "internal", "admin")
ROLES = ("admin", "service")


def reach(cloud: Any, deadline_s: int) -> None:
    """Waits until Keystone lets the administrator in."""
    from keystoneauth1 import exceptions

    end = time.monotonic() + deadline_s
    while True:
        try:
            cloud.authorize()
        except (exceptions.ClientException, OSError) as error:
            if time.monotonic() > end:
                raise TimeoutError(f"Keystone did not answer within {deadline_s} s") from error
            time.sleep(0.3)
        else:
            return


def users(cloud: Any, names: list[str], others: list[str], *, check: bool) -> Iterator[str]:
    """Makes the services' project, roles and users, and names what was missing."""
    identity, passwords = cloud.identity, load()
    project = identity.find_project("service", domain_id="default")
    if project is None:
        yield "project service"
        if check:
            return
        project = identity.create_project(name="service", domain_id="default")
    roles = {role.name: role for role in identity.roles()}
    for name in (*ROLES, *others):
        if name not in roles:
            yield f"role {name}"
            if not check:
                roles[name] = identity.create_role(name=name)
    assigned = {
        (assignment.user["id"], assignment.role["id"])
        for assignment in identity.role_assignments(scope_project_id=project.id)
        if assignment.user
    }
    there = {user.name: user for user in identity.users(domain_id="default")}
    for name in names:
        user = there.get(name)
        if user is None:
            yield f"user {name}"
            if check:
                continue
            user = identity.create_user(
                name=name, password=passwords[name], domain_id="default",
                default_project_id=project.id,
            )  # fmt: skip
        for role in (roles[role] for role in ROLES if role in roles):
            if (user.id, role.id) not in assigned:
                yield f"role {role.name} of {name}"
                if not check:
                    identity.assign_project_role_to_user(project, user, role)


def endpoints(
    cloud: Any, region: str, services: list[dict[str, str]], *, check: bool
) -> Iterator[str]:
    """Makes the services and their endpoints, and names what was missing or wrong."""
    identity = cloud.identity
    there = {service.type: service for service in identity.services()}
    urls = {(point.service_id, point.interface): point for point in identity.endpoints()}
    for wanted in services:
        service = there.get(wanted["type"])
        if service is None:
            yield f"service {wanted['type']}"
            if check:
                continue
            service = identity.create_service(name=wanted["name"], type=wanted["type"])
        for interface in INTERFACES:
            point = urls.get((service.id, interface))
            if point is not None and point.url == wanted["url"]:
                continue
            yield f"{interface} endpoint of {wanted['type']}"
            if check:
                continue
            if point is None:
                identity.create_endpoint(
                    service_id=service.id, interface=interface, url=wanted["url"], region_id=region
                )
            else:
                identity.update_endpoint(point, url=wanted["url"])


def main() -> None:
    """Runs the module."""
    options = {key: {"type": "str", "required": True} for key in ("name", "type", "url")}
    module = AnsibleModule(
        argument_spec={
            "cloud": {"type": "str", "required": True},
            "region": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "dict", "required": True, "options": options},
            "roles": {"type": "list", "elements": "str", "default": []},
            "deadline_s": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    settings, check = module.params, module.check_mode
    # A service may have more than one API.
    names = list(dict.fromkeys(service["name"] for service in settings["services"]))
    try:
        import openstack

        cloud = openstack.connect(cloud=settings["cloud"])
        reach(cloud, 5 if check else settings["deadline_s"])
        made = [
            *users(cloud, names, settings["roles"], check=check),
            *endpoints(cloud, settings["region"], settings["services"], check=check),
        ]
    except Exception as error:  # noqa: BLE001  # the end of the module, whatever it is
        if check:
            # A dry run on a server that has no Keystone yet.
            module.exit_json(changed=True, made=["everything"])
        module.fail_json(msg=f"{type(error).__name__}: {error}")
    module.exit_json(changed=bool(made), made=made)


if __name__ == "__main__":
    main()
