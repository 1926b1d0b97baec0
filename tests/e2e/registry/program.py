"""A registry, and a server of the node image that pulls from it until it has got an image.

`CUMULO_TEST_REGISTRY` is the registry's projects, the image of nodes, and what is pulled.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi
from cumulo.infra import MEMBERS, Network, Registry, SecurityGroup, Server, registry_image
from cumulo.infra.kubernetes import mirror
from cumulo.infra.kubernetes.mirror import Mirror

told = json.loads(os.environ["CUMULO_TEST_REGISTRY"])
PULL = "ctr --namespace k8s.io images pull --hosts-dir /etc/containerd/certs.d"

network = Network("registry", {"cidr": "192.168.73.0/24", "external_network": "public"})
registry = Registry(
    "registry",
    {
        "network": network.handle,
        "image": registry_image(),
        "flavor": "m1.small",
        "storage": {"filesystem": {"replaceable": True}},
        "projects": told["projects"],
        "clients": ["world"],
        "anonymous_pull": False,
        "floating_ip": True,
    },
).handle


def user_data(known: Mapping[str, Any]) -> str:
    """A node's files of its mirror, and a pull that is tried until it succeeds."""
    files = mirror.files(
        Mirror(ca=known["ca"], mirrors=known["mirrors"], password=known["password"])
    )
    script = f"until {PULL} {told['pulled']}; do sleep 1; done; echo pulled it > /dev/console"
    config = {
        "write_files": [{"path": path, "content": content} for path, content in files.items()],
        "runcmd": [["systemctl", "start", "containerd"], ["sh", "-c", script]],
    }
    return "#cloud-config\n" + json.dumps(config)


alone = SecurityGroup("node", {"rules": {"own": {"protocol": "any", "remote": MEMBERS}}})
node = Server(
    "node",
    {
        "image": told["image"],
        "flavor": "m1.medium",
        "network": network.handle,
        "security_groups": [alone.handle],
        "user_data": pulumi.Output.secret(
            pulumi.Output.all(
                ca=registry.ca_certificate,
                mirrors=registry.mirrors,
                password=registry.pull_password,
            ).apply(user_data)
        ),
    },
)
pulumi.export("registry", registry.outputs())
pulumi.export("node", node.handle.id)
