"""Which of a cloud's images makes nodes of a version of Kubernetes."""

import pulumi
from cumulo.infra.lookup import newest_image

PROPERTY = "kubernetes_version"
"""What `cumulo images upload node` has Glance say about a node image."""


def node_image(version: str) -> pulumi.Output[str]:
    """The name of the newest image in the cloud that has this version of Kubernetes.

    Where a newer one is uploaded, the next update replaces the nodes that were made of the older.
    """
    component = f"node_image({version!r})"
    remedy = f"`cumulo images upload node --kubernetes {version}` puts one there"
    return newest_image(component, "version", PROPERTY, version, remedy)
