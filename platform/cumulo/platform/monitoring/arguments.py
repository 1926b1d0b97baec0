"""What `Monitoring` is told, and what it hands on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

import pulumi
from cumulo.infra.handle import Handle
from cumulo.platform.database.arguments import Clients
from cumulo.platform.monitoring.alerts import Group
from cumulo.platform.service import ServiceHandle


class Target(TypedDict):
    """Something with figures to ask for: the pods of `service`, or `addresses`."""

    service: NotRequired[ServiceHandle]
    """A service in the cluster; each of its pods is asked, past the service."""
    addresses: NotRequired[Sequence[pulumi.Input[str]]]
    """`host:port` of servers outside the cluster."""
    port: NotRequired[int]
    """The pods' port with the figures. Default: the port that they serve on."""
    path: NotRequired[str]
    """The path of the figures. Default: `/metrics`."""
    scheme: NotRequired[Literal["http", "https"]]
    """What is spoken there. Default: `http`."""
    ca: NotRequired[pulumi.Input[str]]
    """The authority of their certificates, as PEM, unless it is a public one."""
    server_name: NotRequired[pulumi.Input[str]]
    """The name in their certificates, where it is not the address."""
    username: NotRequired[pulumi.Input[str]]
    """Who asks, where a name and a password are needed."""
    password: NotRequired[pulumi.Input[str]]
    """Their password."""
    isolated: NotRequired[bool]
    """Whether network policies keep others away from the pods, so that one must let Prometheus in.
    It is written here. Default: yes. A policy for pods that have none would cut them off."""


class Email(TypedDict):
    """Notifications by mail."""

    to: Sequence[str]
    """Whom to write to."""
    sender: str
    """Who writes."""
    server: str
    """`host:port` of the mail server, which must speak TLS."""
    username: NotRequired[pulumi.Input[str]]
    """The account there."""
    password: NotRequired[pulumi.Input[str]]
    """Its password."""


class Receiver(TypedDict):
    """Somebody who is notified, one way or several."""

    webhooks: NotRequired[Sequence[pulumi.Input[str]]]
    """URLs that Alertmanager posts to; who knows one may post there, so they are secret."""
    email: NotRequired[Email]
    """Mail."""
    severities: NotRequired[Sequence[Literal["critical", "warning"]]]
    """Of which alerts. Default: all."""


class MonitoringArgs(TypedDict):
    """Arguments of `Monitoring`."""

    namespace: pulumi.Input[str]
    """The namespace, which exists."""
    url: pulumi.Input[str]
    """The gateway's `https://` address; Prometheus is at `/prometheus/`, Alertmanager at
    `/alerts/`, and links in notifications lead there."""
    clients: Sequence[Clients]
    """The gateway's pods, and whoever else may ask Prometheus and Alertmanager."""
    targets: NotRequired[Mapping[str, Target]]
    """Services to ask, by the name that their figures have as `job`."""
    receivers: NotRequired[Mapping[str, Receiver]]
    """Who is notified of alerts. Default: nobody; alerts are shown."""
    heartbeat: NotRequired[pulumi.Input[str]]
    """A URL that is posted to every minute while alerts work, for somebody who misses it."""
    rules: NotRequired[Sequence[Group]]
    """Alerts of one's own, on top of those that come with this."""
    node_namespace: NotRequired[pulumi.Input[str]]
    """Where the exporters on nodes run; Pod Security must be `privileged` there, for they see
    their nodes. Default: `kube-system`."""
    gpus: NotRequired[bool]
    """Whether nodes have GPUs to ask, by NVIDIA's DCGM exporter, which needs their driver and
    container toolkit in the node image. Default: no."""
    state_metrics: NotRequired[bool]
    """Whether kube-state-metrics tells what the API knows of deployments, jobs, pods and nodes.
    Default: no; kubelets and the API server tell what most alerts need."""
    control_plane: NotRequired[bool]
    """Whether the scheduler and the controller manager are asked too. They must listen on their
    nodes' addresses for that; kubeadm has them listen on loopback. Default: no."""
    replicas: NotRequired[int]
    """How many Prometheus; each asks everything itself. Default: 1."""
    alertmanagers: NotRequired[int]
    """How many Alertmanagers; they agree on who notifies. Default: 1."""
    interval: NotRequired[int]
    """Seconds between two questions. Default: 30."""
    retention_days: NotRequired[int]
    """How long figures stay; less, where the volume is too small. Default: 15."""
    storage: NotRequired[str]
    """The size of each Prometheus' volume, such as `20Gi`. Default: `20Gi`."""
    storage_class: NotRequired[str]
    """The class of the volumes. Default: the cluster's."""
    cpu: NotRequired[str]
    """What a Prometheus is promised of a processor. Default: `100m`."""
    memory: NotRequired[int]
    """The memory of a Prometheus, in MiB; 1,000 pods take about 3,000. Default: 1024."""


@dataclass(frozen=True, kw_only=True)
class MonitoringHandle(Handle):
    """A Prometheus with an Alertmanager.

    Attributes:
        prometheus: Where queries go.
        alertmanager: Where alerts are shown and silenced.
    """

    prometheus: ServiceHandle
    alertmanager: ServiceHandle
