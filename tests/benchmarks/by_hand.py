"""What `stacks/` declares in `local`, made by hand: openstacksdk, threads, and nothing kept.

The peer of `pulumi up` and `destroy`: as parallel as OpenStack allows, with no state, no diff, no
preview, no retry after a failure.
"""

import base64
import runpy
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openstack import exceptions
from openstack.connection import Connection

STACKS = Path(__file__).parents[2] / "stacks"
PREFIX = "by-hand"
CIDR = "192.168.61.0/24"
SERVERS = {"web-0": "m1.small", "web-1": "m1.small", "gpu": "gpu.h200.1"}
WEB = ("web-0", "web-1")
GROUPS: dict[str, list[int | None]] = {"login": [22, None], "web": [8080, 8080]}
DEADLINE = 300


@dataclass
class Made:
    """Ids of what was made, as far as `destroy` needs them."""

    balancer: str = ""
    router: str = ""
    subnet: str = ""
    network: str = ""
    server_group: str = ""
    servers: list[str] = field(default_factory=list)
    ports: list[str] = field(default_factory=list)
    floating_ips: list[str] = field(default_factory=list)
    security_groups: list[str] = field(default_factory=list)


def up(cloud: Connection) -> Made:
    """Makes everything and waits until servers and load balancer are ACTIVE."""
    made = Made()
    user_data = base64.b64encode(
        runpy.run_path(str(STACKS / "service.py"))["user_data"](8080).encode()
    ).decode()
    with ThreadPoolExecutor(16) as pool:
        external = pool.submit(cloud.network.find_network, "public", ignore_missing=False)
        image = pool.submit(cloud.image.find_image, "debian-13", ignore_missing=False)
        flavors = {
            name: pool.submit(cloud.compute.find_flavor, name, ignore_missing=False)
            for name in set(SERVERS.values())
        }
        groups = {
            name: pool.submit(_security_group, cloud, name, ports) for name, ports in GROUPS.items()
        }
        server_group = pool.submit(
            cloud.compute.create_server_group, name=PREFIX, policy="soft-anti-affinity"
        )
        floating = [pool.submit(_floating_ip, cloud, external) for _ in range(len(SERVERS) + 1)]
        network = cloud.network.create_network(name=PREFIX)
        router = pool.submit(_router, cloud, external)
        subnet = cloud.network.create_subnet(
            name=PREFIX, network_id=network.id, cidr=CIDR, ip_version=4
        )
        interface = pool.submit(
            lambda: cloud.network.add_interface_to_router(router.result(), subnet=subnet.id)
        )

        def server(name: str) -> tuple[str, str, str]:
            wanted = [groups["login"], *([groups["web"]] if name in WEB else [])]
            port = cloud.network.create_port(
                name=name,
                network_id=network.id,
                fixed_ips=[{"subnet_id": subnet.id}],
                security_group_ids=[group.result() for group in wanted],
            )
            interface.result()
            for_web = {
                "user_data": user_data,
                "scheduler_hints": {"group": server_group.result().id},
            }
            created = cloud.compute.create_server(
                name=name,
                image_id=image.result().id,
                flavor_id=flavors[SERVERS[name]].result().id,
                networks=[{"port": port.id}],
                config_drive=True,
                **(for_web if name in WEB else {}),
            )
            cloud.compute.wait_for_server(created, interval=0.3, wait=DEADLINE)
            return created.id, port.id, port.fixed_ips[0]["ip_address"]

        servers = {name: pool.submit(server, name) for name in SERVERS}
        interface.result()
        balancer = cloud.load_balancer.create_load_balancer(
            name=PREFIX, vip_subnet_id=subnet.id, provider="ovn"
        )
        attached: list[Future[Any]] = [
            pool.submit(cloud.network.update_ip, ip.result(), port_id=balancer.vip_port_id)
            for ip in floating[:1]
        ]

        def attach(ip: "Future[Any]", future: "Future[tuple[str, str, str]]") -> None:
            cloud.network.update_ip(ip.result(), port_id=future.result()[1])

        attached += [
            pool.submit(attach, ip, future)
            for ip, future in zip(floating[1:], servers.values(), strict=True)
        ]
        _balance(cloud, balancer.id, subnet.id, {n: servers[n] for n in WEB})
        for done in attached:
            done.result()
        made.balancer = balancer.id
        made.router, made.subnet, made.network = router.result().id, subnet.id, network.id
        made.server_group = server_group.result().id
        made.servers = [future.result()[0] for future in servers.values()]
        made.ports = [future.result()[1] for future in servers.values()]
        made.floating_ips = [ip.result().id for ip in floating]
        made.security_groups = [group.result() for group in groups.values()]
    return made


def destroy(cloud: Connection, made: Made) -> None:
    """Deletes everything and waits until servers and load balancer are gone."""
    with ThreadPoolExecutor(16) as pool:
        floating = [pool.submit(cloud.network.delete_ip, ip) for ip in made.floating_ips]

        def delete_server(server: str, port: str) -> None:
            cloud.compute.delete_server(server)
            _gone(lambda: cloud.compute.get_server(server))
            cloud.network.delete_port(port)

        def delete_balancer() -> None:
            cloud.load_balancer.delete_load_balancer(made.balancer, cascade=True)
            _gone(lambda: cloud.load_balancer.get_load_balancer(made.balancer))

        servers = [
            pool.submit(delete_server, *pair) for pair in zip(made.servers, made.ports, strict=True)
        ]
        balancer = pool.submit(delete_balancer)
        for done in [*floating, *servers, balancer]:
            done.result()
        groups = [
            pool.submit(cloud.network.delete_security_group, group)
            for group in made.security_groups
        ]
        server_group = pool.submit(cloud.compute.delete_server_group, made.server_group)
        cloud.network.remove_interface_from_router(made.router, subnet=made.subnet)
        router = pool.submit(cloud.network.delete_router, made.router)
        cloud.network.delete_network(made.network)
        for done in [*groups, server_group, router]:
            done.result()


def _security_group(cloud: Connection, name: str, ports: list[int | None]) -> str:
    group = cloud.network.create_security_group(name=f"{PREFIX}-{name}")
    for index, port in enumerate(ports):
        cloud.network.create_security_group_rule(
            security_group_id=group.id,
            direction="ingress",
            ethertype="IPv4",
            protocol="tcp" if port else "icmp",
            port_range_min=port,
            port_range_max=port,
            remote_ip_prefix=CIDR if index and port else "0.0.0.0/0",
        )
    return str(group.id)


def _floating_ip(cloud: Connection, external: "Future[Any]") -> Any:
    return cloud.network.create_ip(floating_network_id=external.result().id)


def _router(cloud: Connection, external: "Future[Any]") -> Any:
    return cloud.network.create_router(
        name=PREFIX, external_gateway_info={"network_id": external.result().id}
    )


def _balance(
    cloud: Connection,
    balancer: str,
    subnet: str,
    servers: dict[str, "Future[tuple[str, str, str]]"],
) -> None:
    octavia = cloud.load_balancer

    def ready() -> None:
        for _ in _until(DEADLINE):
            if octavia.get_load_balancer(balancer).provisioning_status == "ACTIVE":
                return

    ready()
    listener = octavia.create_listener(
        name=PREFIX, protocol="TCP", protocol_port=80, load_balancer_id=balancer
    )
    ready()
    pool = octavia.create_pool(
        name=PREFIX, protocol="TCP", lb_algorithm="SOURCE_IP_PORT", listener_id=listener.id
    )
    ready()
    octavia.create_health_monitor(
        pool_id=pool.id, type="TCP", delay=5, timeout=3, max_retries=2, max_retries_down=2
    )
    for name, server in servers.items():
        ready()
        octavia.create_member(
            pool, name=name, address=server.result()[2], protocol_port=8080, subnet_id=subnet
        )
    ready()


def _gone(get: Callable[[], Any]) -> None:
    for _ in _until(DEADLINE):
        try:
            if getattr(get(), "provisioning_status", "") == "DELETED":
                return
        except exceptions.NotFoundException:
            return


def _until(deadline: float) -> Iterator[None]:
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        yield
        time.sleep(0.2)
    raise TimeoutError(f"not done after {deadline} s")
