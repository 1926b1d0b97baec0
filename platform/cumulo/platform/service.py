"""What the platform's parts know of each other's services."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
from cumulo.infra.handle import Handle


@dataclass(frozen=True, kw_only=True)
class ServiceHandle(Handle):
    """A service in the cluster: how it is reached, and which pods answer.

    Attributes:
        namespace: Its namespace.
        service: Its name there.
        port: The port that clients use.
        pod_port: The port that its pods listen on, by which network policies go.
        labels: What marks its pods, and no others of the namespace.
        scheme: What is spoken.
    """

    namespace: pulumi.Input[str]
    service: pulumi.Input[str]
    port: pulumi.Input[int]
    pod_port: pulumi.Input[int]
    labels: pulumi.Input[Mapping[str, str]]
    scheme: pulumi.Input[Literal["http", "https"]] = "http"

    @property
    def url(self) -> pulumi.Output[str]:
        """Where clients in the cluster reach it."""
        return pulumi.Output.format(
            "{0}://{1}.{2}.svc:{3}", self.scheme, self.service, self.namespace, self.port
        )
