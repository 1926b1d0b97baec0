"""The network policies that leave no way round a gateway."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.security_group import WORLD
from cumulo.platform.access.rules import AccessRules
from cumulo.platform.service import ServiceHandle

# What Kubernetes itself labels every namespace with.
_NAMESPACE: Final = "kubernetes.io/metadata.name"


def services_of(rules: AccessRules) -> dict[str, ServiceHandle]:
    """The services behind a gateway, by name.

    Raises:
        ValueError: Two are called the same; the text names the routes.
    """
    found: dict[str, tuple[str, ServiceHandle]] = {}
    for route, declared in rules.routes.items():
        backend = declared.backend
        first, known = found.setdefault(backend.name, (route, backend))
        if known is not backend:
            raise ValueError(
                f"routes.{route} and routes.{first} name different services {backend.name!r}"
            )
    return {name: backend for name, (_, backend) in found.items()}


def only_through_the_gateway(
    name: str,
    services: Mapping[str, ServiceHandle],
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    opts: pulumi.ResourceOptions,
) -> list[pulumi.Resource]:
    """Closes the services' pods to all but the gateway's.

    Args:
        name: What the resources' names begin with.
        services: The services, by name.
        namespace: The gateway's namespace.
        labels: What marks the gateway's pods.
        opts: The resources' options.
    """
    return [
        k8s.networking.v1.NetworkPolicy(
            f"{name}-to-{service}",
            metadata={"name": f"only-{name}-to-{service}", "namespace": backend.namespace},
            spec={
                "pod_selector": {"match_labels": backend.labels},
                "policy_types": ["Ingress"],
                "ingress": [
                    {
                        "from": [
                            {
                                "namespace_selector": {"match_labels": {_NAMESPACE: namespace}},
                                "pod_selector": {"match_labels": labels},
                            }
                        ],
                        "ports": [{"port": backend.pod_port, "protocol": "TCP"}],
                    }
                ],
            },
            opts=opts,
        )
        for service, backend in services.items()
    ]


def of_the_gateway(
    name: str,
    services: Mapping[str, ServiceHandle],
    namespace: pulumi.Input[str],
    labels: Mapping[str, str],
    *,
    ports: Sequence[int],
    clients: Sequence[str],
    status_port: int,
    monitors: Sequence[pulumi.Input[str]],
    provider: ServiceHandle | None,
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource:
    """Lets the gateway's pods be reached by clients, and reach what they need and no more.

    Args:
        name: What the resources' names begin with.
        services: The services behind it, by name.
        namespace: Its namespace.
        labels: What marks its pods.
        ports: The ports for clients.
        clients: Who they are: ranges, or `world`.
        status_port: The port for monitoring.
        monitors: The namespaces whose pods may reach it.
        provider: The OpenID provider, if it is in the cluster.
        opts: The resource's options.
    """
    ingress: list[dict[str, Any]] = [
        {
            **({} if WORLD in clients else {"from": [_range(client) for client in clients]}),
            "ports": [_tcp(port) for port in ports],
        }
    ]
    if monitors:
        ingress.append({"from": [_whole(one) for one in monitors], "ports": [_tcp(status_port)]})
    names = {"port": 53}
    egress: list[dict[str, Any]] = [
        {
            "to": [_whole("kube-system")],
            "ports": [{**names, "protocol": "UDP"}, {**names, "protocol": "TCP"}],
        }
    ]
    reached = list(services.values())
    if provider is None:
        egress.append({"to": [_range("0.0.0.0/0")], "ports": [_tcp(443)]})
    elif all(provider is not one for one in reached):
        reached.append(provider)
    egress += [
        {
            "to": [
                {
                    "namespace_selector": {"match_labels": {_NAMESPACE: one.namespace}},
                    "pod_selector": {"match_labels": one.labels},
                }
            ],
            "ports": [_tcp(one.pod_port)],
        }
        for one in reached
    ]
    made: pulumi.Resource = k8s.networking.v1.NetworkPolicy(
        f"{name}-pods",
        metadata={"name": name, "namespace": namespace},
        spec={
            "pod_selector": {"match_labels": labels},
            "policy_types": ["Ingress", "Egress"],
            "ingress": ingress,
            "egress": egress,
        },
        opts=opts,
    )
    return made


def _tcp(port: pulumi.Input[int]) -> dict[str, Any]:
    return {"port": port, "protocol": "TCP"}


def _range(cidr: str) -> dict[str, Any]:
    return {"ip_block": {"cidr": cidr}}


def _whole(namespace: pulumi.Input[str]) -> dict[str, Any]:
    return {"namespace_selector": {"match_labels": {_NAMESPACE: namespace}}}
