"""An OpenStack project of our own for a test run, and the list of all that is in it."""

import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from openstack.connection import Connection

ENTRY = "e2e"


@dataclass(frozen=True)
class Tenant:
    """A project that nobody else uses.

    Attributes:
        clouds_yaml: A file with one entry, `e2e`: this project.
        connection: The same, connected.
    """

    clouds_yaml: Path
    connection: "Connection"

    def inventory(self) -> dict[str, set[str]]:
        """Everything that is in the project, by kind: ids."""
        network, compute = self.connection.network, self.connection.compute
        balancing = self.connection.load_balancer
        mine = {"project_id": self.connection.current_project_id}
        lists: dict[str, Callable[[], Iterable[Any]]] = {
            "networks": lambda: network.networks(**mine),
            "subnets": lambda: network.subnets(**mine),
            "routers": lambda: network.routers(**mine),
            "ports": lambda: network.ports(**mine),
            "security groups": lambda: network.security_groups(**mine),
            "rules": lambda: network.security_group_rules(**mine),
            "floating IPs": lambda: network.ips(**mine),
            "servers": compute.servers,
            "server groups": compute.server_groups,
            "key pairs": compute.keypairs,
            "load balancers": lambda: balancing.load_balancers(**mine),
            "listeners": lambda: balancing.listeners(**mine),
            "pools": lambda: balancing.pools(**mine),
            "monitors": lambda: balancing.health_monitors(**mine),
        }
        return {kind: {item.id for item in list_all()} for kind, list_all in lists.items()}


@contextmanager
def own_tenant(cloud: "Connection", folder: Path) -> Iterator[Tenant]:
    """Makes a project and its user, and takes both away again with whatever is left in it."""
    import openstack

    name = f"e2e-{secrets.token_hex(4)}"
    password = secrets.token_urlsafe(24)
    identity: Any = cloud.identity
    project = identity.create_project(name=name, domain_id="default")
    user = identity.create_user(
        name=name, password=password, domain_id="default", default_project_id=project.id
    )
    identity.assign_project_role_to_user(project, user, identity.find_role("admin"))
    clouds_yaml = folder / "clouds.yaml"
    entry = {
        "auth": {
            "auth_url": cloud.config.auth["auth_url"],
            "username": name,
            "password": password,
            "project_name": name,
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        },
        "region_name": cloud.config.region_name,
    }
    clouds_yaml.write_text(yaml.safe_dump({"clouds": {ENTRY: entry}}))
    clouds_yaml.chmod(0o600)
    try:
        with openstack.connect(
            load_yaml_config=False,
            load_envvars=False,
            **entry,
        ) as connection:
            # The default group and its rules come to be when they are first asked for.
            list(connection.network.security_groups(project_id=project.id))
            try:
                yield Tenant(clouds_yaml, connection)
            finally:
                _purge(connection, project.id)
    finally:
        identity.delete_user(user)
        identity.delete_project(project)


def _purge(connection: "Connection", project: str) -> None:
    """Deletes what a test that failed has left, the users of a thing before the thing."""
    balancing: Any = connection.load_balancer
    compute: Any = connection.compute
    network: Any = connection.network
    mine = {"project_id": project}
    balancers = list(balancing.load_balancers(**mine))
    for balancer in balancers:
        balancing.delete_load_balancer(balancer, cascade=True)
    servers = list(compute.servers())
    for server in servers:
        compute.delete_server(server)
    for server in servers:
        compute.wait_for_delete(server, wait=120)
    for balancer in balancers:
        balancing.wait_for_delete(balancer, wait=120)
    for address in network.ips(**mine):
        network.delete_ip(address)
    for router in network.routers(**mine):
        for port in network.ports(device_id=router.id, device_owner="network:router_interface"):
            network.remove_interface_from_router(router, port=port.id)
        network.delete_router(router)
    for port in network.ports(**mine):
        if not port.device_owner.startswith("network:"):
            network.delete_port(port)
    for each in network.networks(**mine):
        network.delete_network(each)
    for group in network.security_groups(**mine):
        network.delete_security_group(group)
    for group in compute.server_groups():
        compute.delete_server_group(group)
