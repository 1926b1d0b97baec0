"""SERVERS servers on one network: what a large preview costs."""

import os

from pulumi_openstack import compute, networking

network = networking.Network("many", name="many")
for index in range(int(os.environ["SERVERS"])):
    compute.Instance(
        f"server-{index}",
        name=f"server-{index}",
        image_name="debian-13",
        flavor_name="m1.small",
        networks=[{"uuid": network.id}],
    )
