"""Which of a cloud's images makes nodes of a version of Kubernetes."""

import pulumi
from cumulo.infra.arguments import ArgumentError
from cumulo.infra.lookup import NotInCloudError, ask

PROPERTY = "kubernetes_version"
"""What `cumulo images upload node` has Glance say about a node image."""


def node_image(version: str) -> pulumi.Output[str]:
    """The name of the newest image in the cloud that has this version of Kubernetes.

    Where a newer one is uploaded, the next update replaces the nodes that were made of the older.
    """

    async def find() -> str:
        component, field = f"node_image({version!r})", "version"
        try:
            found = await ask(
                None,
                component,
                field,
                "openstack:images/getImage:getImage",
                properties={PROPERTY: version},
                mostRecent=True,
            )
        except NotInCloudError:
            raise ArgumentError(
                component,
                field,
                f"the cloud has no image whose property {PROPERTY} is {version!r}; "
                f"`cumulo images upload node --kubernetes {version}` puts one there",
            ) from None
        return str(found["name"])

    return pulumi.Output.from_input(find())
