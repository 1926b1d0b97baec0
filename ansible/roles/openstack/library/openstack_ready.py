#!/usr/bin/python3
"""Ansible module: waits until a server could be created."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = """
module: openstack_ready
short_description: Waits until every service of the cloud works
options:
  cloud:
    description: The administrator's entry in C(clouds.yaml).
    type: str
    required: true
  object_storage:
    description: Whether there is object storage.
    type: bool
    required: true
  deadline_s:
    description: How long to wait.
    type: int
    default: 600
"""

WORKERS = {"nova-scheduler", "nova-conductor", "nova-compute"}
DISCOVER = "nova-manage cell_v2 discover_hosts"


PROBE = "cumulo-ready"


def checks(cloud: Any, *, object_storage: bool) -> dict[str, Callable[[], bool]]:
    """What must be true, by what to say of it while it is not."""
    host = socket.gethostname()

    def workers() -> bool:
        up = {service.binary for service in cloud.compute.services() if service.state == "up"}
        return up >= WORKERS

    def hypervisor() -> bool:
        if any(item.state == "up" for item in cloud.compute.hypervisors()):
            return True
        # Nova looks for new hypervisors by itself, but only now and then.
        subprocess.run(
            ["setpriv", "--reuid=nova", "--regid=nova", "--init-groups", "sh", "-c", DISCOVER],
            cwd="/", capture_output=True, check=False,
        )  # fmt: skip
        return False

    def network() -> bool:
        agents = list(cloud.network.agents(host=host))
        return bool(agents) and all(agent.is_alive for agent in agents)

    def objects() -> bool:
        store = cloud.object_store
        store.create_container(PROBE)
        store.upload_object(PROBE, PROBE, data=PROBE, generate_checksums=False)
        kept = store.download_object(PROBE, container=PROBE)
        store.delete_object(PROBE, container=PROBE)
        store.delete_container(PROBE)
        return bool(kept == PROBE.encode())

    return {
        "Placement answers": lambda: next(cloud.placement.resource_classes(), None) is not None,
        "Glance answers": lambda: list(cloud.image.images(limit=1)) is not None,
        "Nova's workers are up": workers,
        "OVN's agents are alive": network,
        "the hypervisor is up": hypervisor,
        "Octavia answers": lambda: list(cloud.load_balancer.providers()) is not None,
    } | ({"Swift keeps objects": objects} if object_storage else {})


def wait(cloud: Any, deadline_s: int, *, object_storage: bool) -> str:
    """Waits for all of it; returns what is not so when time is up."""
    end = time.monotonic() + deadline_s
    for what, holds in checks(cloud, object_storage=object_storage).items():
        reason = ""
        while True:
            try:
                if holds():
                    break
                reason = ""
            except Exception as error:  # noqa: BLE001  # anything may fail while services start
                reason = f" ({type(error).__name__}: {error})"
            if time.monotonic() > end:
                return f"not so within {deadline_s} s: {what}{reason}"
            time.sleep(0.3)
    return ""


def main() -> None:
    """Runs the module."""
    module = AnsibleModule(
        argument_spec={
            "cloud": {"type": "str", "required": True},
            "object_storage": {"type": "bool", "required": True},
            "deadline_s": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False)
    import openstack

    cloud = openstack.connect(cloud=module.params["cloud"])
    settings = module.params
    missing = wait(cloud, settings["deadline_s"], object_storage=settings["object_storage"])
    if missing:
        module.fail_json(msg=missing)
    module.exit_json(changed=False)


if __name__ == "__main__":
    main()
