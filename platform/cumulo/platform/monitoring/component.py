"""The component."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import pulumi
import pulumi_kubernetes as k8s
from cumulo.infra.arguments import (
    ArgumentError,
    check_at_least,
    check_choice,
    check_fields,
    check_port,
    title,
)
from cumulo.platform.database.arguments import Clients
from cumulo.platform.monitoring import notifying, rules, scraping
from cumulo.platform.monitoring.alerts import Group, rule_file
from cumulo.platform.monitoring.arguments import (
    Email,
    MonitoringArgs,
    MonitoringHandle,
    Receiver,
    Target,
)
from cumulo.platform.monitoring.certificates import Certificates
from cumulo.platform.monitoring.nodes import dcgm_exporter, node_exporter
from cumulo.platform.monitoring.rbac import account
from cumulo.platform.monitoring.state import state_metrics
from cumulo.platform.pods import (
    NOBODY,
    SECURE,
    apart,
    claim,
    digest,
    labels,
    probe,
    resources,
    restricted,
)
from cumulo.platform.service import ServiceHandle
from cumulo.platform.versions import ALERTMANAGER, PROMETHEUS

PROMETHEUS_PORT = 9090
ALERTMANAGER_PORT = 9093
_GOSSIP_PORT = 9094
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")
_STORAGE = re.compile(r"([1-9][0-9]*)(Mi|Gi|Ti)")
_UNITS = {"Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}
# The log of the last hours, and what is being compacted, come on top of what is kept.
_KEPT = 0.8

_RULES: list[dict[str, Any]] = [
    {
        "api_groups": [""],
        "resources": ["nodes", "pods", "services"],
        "verbs": ["get", "list", "watch"],
    },
    {
        "api_groups": ["discovery.k8s.io"],
        "resources": ["endpointslices"],
        "verbs": ["get", "list", "watch"],
    },
    # What kubelets ask the API about whoever wants their figures.
    {"api_groups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
    {"non_resource_urls": ["/metrics", "/metrics/resources"], "verbs": ["get"]},
]


class Monitoring(pulumi.ComponentResource):
    """Prometheus, which asks nodes, containers, the cluster and the platform for their figures.

    With it come alerts, an Alertmanager that notifies of them, and exporters on all nodes.
    Prometheus takes new settings and targets within a minute and a half, without a restart.
    Browsers and programs come through the gateway; both servers speak HTTP in the cluster, and
    only the pods that are named as clients reach them.

    Pods that say `prometheus.io/scrape: "true"` are asked too, with `prometheus.io/port`, `path`
    and `scheme`; their namespaces' network policies must let Prometheus in.

    Example:
        >>> from cumulo.platform import Monitoring
        >>> monitoring = Monitoring(
        ...     "platform",
        ...     {
        ...         "namespace": "monitoring",
        ...         "url": "https://platform.example.org",
        ...         "clients": [{"namespace": "gateway"}],
        ...         "targets": {"registry": {"addresses": ["192.0.2.7:5001"]}},
        ...     },
        ... )
        >>> pulumi.export("prometheus", monitoring.handle.prometheus.url)
    """

    handle: MonitoringHandle
    """What other components take."""

    def __init__(
        self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Monitoring, name)
        _check(component, args)
        groups = _groups(component, args)
        super().__init__("cumulo:index:Monitoring", name, {}, opts)
        self._name = name
        self._args = args
        self._own = pulumi.ResourceOptions(parent=self)
        self._namespace = pulumi.Output.from_input(args["namespace"])
        self._url = pulumi.Output.from_input(args["url"]).apply(
            lambda known: check_url(component, known)
        )
        self._targets = args.get("targets", {})
        nodes = pulumi.Output.from_input(args.get("node_namespace", "kube-system"))
        certificates = Certificates(name, self._own)

        needs = [node_exporter(name, nodes, certificates, self._own)]
        if args.get("gpus", False):
            needs.append(dcgm_exporter(name, nodes, self._asker(), self._own))
        if args.get("state_metrics", False):
            needs.append(state_metrics(name, args["namespace"], self._own))
        alertmanager = self._alertmanager()
        prometheus = self._prometheus(nodes, certificates, rule_file(groups))
        needs += [alertmanager, prometheus]
        self._policies()
        self.handle = MonitoringHandle(
            name=name,
            needs=tuple(needs),
            prometheus=self._service_handle("prometheus", PROMETHEUS_PORT, prometheus),
            alertmanager=self._service_handle("alertmanager", ALERTMANAGER_PORT, alertmanager),
        )
        self.register_outputs({"url": self._url})

    def _meta(self, part: str, suffix: str = "") -> dict[str, Any]:
        return {
            "name": f"{self._name}-{part}{suffix}",
            "namespace": self._args["namespace"],
            "labels": labels(self._name, part),
        }

    def _service_handle(self, part: str, port: int, needs: pulumi.Resource) -> ServiceHandle:
        return ServiceHandle(
            name=f"{self._name}-{part}",
            needs=(needs,),
            namespace=self._args["namespace"],
            service=f"{self._name}-{part}",
            port=port,
            pod_port=port,
            labels=labels(self._name, part),
        )

    def _prometheus(
        self, nodes: pulumi.Output[str], certificates: Certificates, alerts: str
    ) -> pulumi.Resource:
        args = self._args
        part = "prometheus"
        known_as = f"{self._name}-{part}"
        allowed = account(known_as, args["namespace"], _RULES, self._own)
        config = k8s.core.v1.ConfigMap(
            f"{known_as}-config",
            metadata=self._meta(part),
            data={
                "prometheus.yml": pulumi.Output.json_dumps(self._scraping(nodes), indent=1),
                "rules.yml": alerts,
            },
            opts=self._own,
        )
        secrets = [
            self._secret(part, "-targets", scraping.files(self._targets)),
            self._secret(
                part,
                "-nodes-tls",
                {
                    "ca.crt": certificates.authority,
                    "tls.crt": certificates.client.certificate,
                    "tls.key": certificates.client.key,
                },
            ),
        ]
        service = self._service(part, PROMETHEUS_PORT)
        container = {
            "name": part,
            "image": f"quay.io/prometheus/prometheus:v{PROMETHEUS}",
            "args": [
                f"--config.file={scraping.FOLDER}/prometheus.yml",
                "--config.auto-reload",
                "--storage.tsdb.path=/prometheus",
                # The gateway takes the path away, and links must have it.
                pulumi.Output.concat("--web.external-url=", self._url, "/prometheus/"),
                "--web.route-prefix=/",
            ],
            "ports": [{"name": "http", "container_port": PROMETHEUS_PORT}],
            # After a crash it reads its log first.
            "startup_probe": probe("/-/ready", "http", 360),
            "readiness_probe": probe("/-/ready", "http"),
            "liveness_probe": probe("/-/healthy", "http", 6),
            "resources": resources(args.get("cpu", "100m"), args.get("memory", 1024)),
            "security_context": SECURE,
            "volume_mounts": [
                {"name": "data", "mount_path": "/prometheus"},
                {"name": "config", "mount_path": scraping.FOLDER, "read_only": True},
                {"name": "targets", "mount_path": scraping.TARGETS, "read_only": True},
                {"name": "nodes", "mount_path": scraping.CERTIFICATES, "read_only": True},
            ],
        }
        volumes = [
            {"name": "config", "config_map": {"name": known_as}},
            _secret_volume("targets", f"{known_as}-targets"),
            _secret_volume("nodes", f"{known_as}-nodes-tls"),
        ]
        return self._set(
            part,
            args.get("replicas", 1),
            {"service_account_name": known_as, "termination_grace_period_seconds": 300},
            container,
            volumes,
            claim(args.get("storage", "20Gi"), args.get("storage_class")),
            {},
            [allowed, config, service, *secrets],
        )

    def _scraping(self, nodes: pulumi.Output[str]) -> dict[str, Any]:
        args = self._args
        known_as = f"{self._name}-alertmanager"
        return scraping.configuration(
            scraping.Scraping(
                interval=args.get("interval", 30),
                retention_days=args.get("retention_days", 15),
                retention_bytes=int(_bytes(args.get("storage", "20Gi")) * _KEPT),
                namespace=args["namespace"],
                node_namespace=nodes,
                instance=self._name,
                alertmanagers=[
                    pulumi.Output.concat(
                        f"{known_as}-{number}.{known_as}-peers.",
                        self._namespace,
                        f".svc:{ALERTMANAGER_PORT}",
                    )
                    for number in range(args.get("alertmanagers", 1))
                ],
                targets=self._targets,
                gpus=args.get("gpus", False),
                state_metrics=args.get("state_metrics", False),
                control_plane=args.get("control_plane", False),
            )
        )

    def _alertmanager(self) -> pulumi.Resource:
        args = self._args
        part = "alertmanager"
        known_as = f"{self._name}-{part}"
        receivers = args.get("receivers", {})
        heartbeat = args.get("heartbeat")
        told = pulumi.Output.json_dumps(
            notifying.configuration(receivers, heartbeat=heartbeat is not None), indent=1
        )
        config = k8s.core.v1.ConfigMap(
            f"{known_as}-config",
            metadata=self._meta(part),
            data={"alertmanager.yml": told},
            opts=self._own,
        )
        secret = self._secret(part, "-receivers", notifying.files(receivers, heartbeat))
        replicas = args.get("alertmanagers", 1)
        services = [self._service(part, ALERTMANAGER_PORT), self._peers(part)]
        container = {
            "name": part,
            "image": f"quay.io/prometheus/alertmanager:v{ALERTMANAGER}",
            "args": [
                f"--config.file={notifying.FOLDER}/alertmanager.yml",
                "--storage.path=/alertmanager",
                pulumi.Output.concat("--web.external-url=", self._url, "/alerts/"),
                "--web.route-prefix=/",
                *self._gossip(known_as, replicas),
            ],
            "ports": [
                {"name": "http", "container_port": ALERTMANAGER_PORT},
                {"name": "gossip-tcp", "container_port": _GOSSIP_PORT},
                {"name": "gossip-udp", "container_port": _GOSSIP_PORT, "protocol": "UDP"},
            ],
            "readiness_probe": probe("/-/ready", "http"),
            "liveness_probe": probe("/-/healthy", "http", 6),
            "resources": resources("10m", 128),
            "security_context": SECURE,
            "volume_mounts": [
                {"name": "data", "mount_path": "/alertmanager"},
                {"name": "config", "mount_path": notifying.FOLDER, "read_only": True},
                {"name": "receivers", "mount_path": notifying.SECRETS, "read_only": True},
            ],
        }
        return self._set(
            part,
            replicas,
            {"automount_service_account_token": False},
            container,
            [
                {"name": "config", "config_map": {"name": known_as}},
                _secret_volume("receivers", f"{known_as}-receivers"),
            ],
            claim("1Gi", args.get("storage_class")),
            # It reads its settings at its start. A secret, all of what its pods are would be one.
            {"cumulo.dev/configuration": pulumi.Output.unsecret(told.apply(digest))},
            [config, secret, *services],
        )

    def _gossip(self, known_as: str, replicas: int) -> list[pulumi.Input[str]]:
        if replicas == 1:
            return ["--cluster.listen-address="]
        return [
            pulumi.Output.concat(
                f"--cluster.peer={known_as}-{number}.{known_as}-peers.",
                self._namespace,
                f".svc:{_GOSSIP_PORT}",
            )
            for number in range(replicas)
        ]

    def _service(self, part: str, port: int) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Service(
            f"{self._name}-{part}-service",
            # Its pods come after it.
            metadata={**self._meta(part), "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "selector": labels(self._name, part),
                "ports": [{"name": "http", "port": port, "target_port": "http"}],
                # Each Prometheus has figures of its own; a page's queries go to one of them.
                "session_affinity": "ClientIP",
            },
            opts=self._own,
        )
        return made

    def _peers(self, part: str) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Service(
            f"{self._name}-{part}-peers",
            metadata={
                **self._meta(part, "-peers"),
                "annotations": {"pulumi.com/skipAwait": "true"},
            },
            spec={
                "cluster_ip": "None",
                "selector": labels(self._name, part),
                # They find each other before they are ready.
                "publish_not_ready_addresses": True,
                "ports": [
                    {"name": "http", "port": ALERTMANAGER_PORT},
                    {"name": "gossip-tcp", "port": _GOSSIP_PORT},
                    {"name": "gossip-udp", "port": _GOSSIP_PORT, "protocol": "UDP"},
                ],
            },
            opts=self._own,
        )
        return made

    def _set(
        self,
        part: str,
        replicas: int,
        pod: dict[str, Any],
        container: dict[str, Any],
        volumes: list[dict[str, Any]],
        volume: dict[str, Any],
        annotations: dict[str, pulumi.Input[str]],
        needs: list[pulumi.Resource],
    ) -> pulumi.Resource:
        mark = labels(self._name, part)
        if replicas > 1:
            k8s.policy.v1.PodDisruptionBudget(
                f"{self._name}-{part}-disruptions",
                metadata=self._meta(part),
                spec={"max_unavailable": 1, "selector": {"match_labels": mark}},
                opts=self._own,
            )
        made: pulumi.Resource = k8s.apps.v1.StatefulSet(
            f"{self._name}-{part}",
            metadata=self._meta(part),
            spec={
                "replicas": replicas,
                "service_name": f"{self._name}-{part}"
                + ("-peers" if part == "alertmanager" else ""),
                "pod_management_policy": "Parallel",
                "selector": {"match_labels": mark},
                "template": {
                    "metadata": {"labels": mark, "annotations": annotations},
                    "spec": {
                        **pod,
                        "enable_service_links": False,
                        "security_context": restricted(NOBODY),
                        "topology_spread_constraints": apart(mark),
                        "containers": [container],
                        "volumes": volumes,
                    },
                },
                "volume_claim_templates": [volume],
            },
            opts=pulumi.ResourceOptions.merge(self._own, pulumi.ResourceOptions(depends_on=needs)),
        )
        return made

    def _secret(
        self, part: str, suffix: str, values: Mapping[str, pulumi.Input[str]]
    ) -> pulumi.Resource:
        made: pulumi.Resource = k8s.core.v1.Secret(
            f"{self._name}-{part}{suffix}",
            metadata=self._meta(part, suffix),
            string_data=dict(values),
            opts=self._own,
        )
        return made

    def _policies(self) -> None:
        """Lets clients in, and Prometheus to what it asks."""
        asker = {"pod_selector": {"match_labels": labels(self._name, "prometheus")}}
        other = {"pod_selector": {"match_labels": labels(self._name, "alertmanager")}}
        clients = [peer(client) for client in self._args["clients"]]
        gossip = [{"port": _GOSSIP_PORT}, {"port": _GOSSIP_PORT, "protocol": "UDP"}]
        self._policy(
            "prometheus", [{"from": [*clients, asker], "ports": [{"port": PROMETHEUS_PORT}]}]
        )
        self._policy(
            "alertmanager",
            [
                {"from": [*clients, asker], "ports": [{"port": ALERTMANAGER_PORT}]},
                {"from": [other], "ports": gossip},
            ],
        )
        for name, target in self._targets.items():
            service = target.get("service")
            if service is None or not target.get("isolated", True):
                continue
            k8s.networking.v1.NetworkPolicy(
                f"{self._name}-asks-{name}",
                metadata={
                    "name": f"{self._name}-asks-{name}",
                    "namespace": service.namespace,
                    "labels": labels(self._name, "prometheus"),
                },
                spec={
                    "pod_selector": {"match_labels": service.labels},
                    "policy_types": ["Ingress"],
                    "ingress": [
                        {
                            "from": [self._asker()],
                            "ports": [{"port": target.get("port", service.pod_port)}],
                        }
                    ],
                },
                opts=self._own,
            )

    def _asker(self) -> dict[str, Any]:
        """Prometheus, as a policy of another namespace names it."""
        return {
            "namespace_selector": {
                "match_labels": {"kubernetes.io/metadata.name": self._args["namespace"]}
            },
            "pod_selector": {"match_labels": labels(self._name, "prometheus")},
        }

    def _policy(self, part: str, ingress: list[dict[str, Any]]) -> None:
        k8s.networking.v1.NetworkPolicy(
            f"{self._name}-{part}-clients",
            metadata=self._meta(part),
            spec={
                "pod_selector": {"match_labels": labels(self._name, part)},
                "policy_types": ["Ingress"],
                "ingress": ingress,
            },
            opts=self._own,
        )


def _secret_volume(name: str, secret: str) -> dict[str, Any]:
    return {"name": name, "secret": {"secret_name": secret, "default_mode": 0o440}}


def peer(client: Clients) -> dict[str, Any]:
    """Pods that may come in, as a network policy names them."""
    named: dict[str, Any] = {
        "namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": client["namespace"]}}
    }
    if "pods" in client:
        named["pod_selector"] = {"match_labels": dict(client["pods"])}
    return named


def _bytes(storage: str) -> int:
    parts = _STORAGE.fullmatch(storage)
    assert parts  # noqa: S101 -- checked at construction
    return int(parts[1]) * _UNITS[parts[2]]


def check_url(component: str, url: str) -> str:
    """The gateway's address without a slash at its end; refuses what is none."""
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/"):
        raise ArgumentError(component, "url", f"{url!r} is no https:// address without a path")
    return url.rstrip("/")


def _groups(component: str, args: MonitoringArgs) -> list[Group]:
    groups = list(rules.ALWAYS)
    if args.get("gpus", False):
        groups.append(rules.GPUS)
    if args.get("state_metrics", False):
        groups.append(rules.STATE)
    if args.get("control_plane", False):
        groups.append(rules.CONTROL_PLANE)
    if args.get("targets"):
        groups.append(rules.services(sorted(args["targets"])))
    groups += args.get("rules", ())
    try:
        rule_file(groups)
    except ValueError as error:
        raise ArgumentError(component, "rules", str(error)) from None
    return groups


def _check(component: str, args: MonitoringArgs) -> None:
    check_fields(component, MonitoringArgs, args)
    for number, client in enumerate(args["clients"]):
        check_fields(component, Clients, client, f"clients[{number}].")
    for name, target in args.get("targets", {}).items():
        _check_target(component, name, target)
    for name, receiver in args.get("receivers", {}).items():
        _check_receiver(component, name, receiver)
    check_at_least(component, "replicas", args.get("replicas", 1), 1)
    check_at_least(component, "alertmanagers", args.get("alertmanagers", 1), 1)
    check_at_least(component, "interval", args.get("interval", 30), 5)
    check_at_least(component, "retention_days", args.get("retention_days", 15), 1)
    check_at_least(component, "memory", args.get("memory", 1024), 256)
    storage = args.get("storage", "20Gi")
    if not _STORAGE.fullmatch(storage):
        raise ArgumentError(component, "storage", f"{storage!r} is no size such as 20Gi")
    if _bytes(storage) < _UNITS["Gi"]:
        raise ArgumentError(component, "storage", f"{storage!r} is less than 1Gi")


def _check_target(component: str, name: str, target: Target) -> None:
    at = f"targets.{name}"
    check_fields(component, Target, target, f"{at}.")
    if not _NAME.fullmatch(name):
        raise ArgumentError(component, at, "not a name of a-z, 0-9 and '-', such as registry")
    if name in scraping.RESERVED:
        raise ArgumentError(component, at, "there is something of this name already")
    if ("service" in target) == ("addresses" in target):
        raise ArgumentError(component, at, "needs one of `service` and `addresses`")
    if "addresses" in target:
        if not target["addresses"]:
            raise ArgumentError(component, f"{at}.addresses", "empty: there is nobody to ask")
        for field in ("port", "isolated"):
            if field in target:
                raise ArgumentError(component, f"{at}.{field}", "is for a `service` only")
    if "port" in target:
        check_port(component, f"{at}.port", target["port"])
    scheme = target.get("scheme", "http")
    check_choice(component, f"{at}.scheme", scheme, ("http", "https"))
    for field in ("ca", "server_name"):
        if field in target and scheme != "https":
            raise ArgumentError(component, f"{at}.{field}", "needs `scheme` https")
    if ("username" in target) != ("password" in target):
        raise ArgumentError(component, at, "`username` and `password` need each other")
    if "password" in target and scheme != "https":
        raise ArgumentError(component, f"{at}.password", "needs `scheme` https")


def _check_receiver(component: str, name: str, receiver: Receiver) -> None:
    at = f"receivers.{name}"
    check_fields(component, Receiver, receiver, f"{at}.")
    if not _NAME.fullmatch(name) or name in (notifying.NOBODY, notifying.HEARTBEAT):
        raise ArgumentError(component, at, "not a name of a-z, 0-9 and '-' of its own")
    if not receiver.get("webhooks") and "email" not in receiver:
        raise ArgumentError(component, at, "needs `webhooks` or `email`")
    if "severities" in receiver and not receiver["severities"]:
        raise ArgumentError(component, f"{at}.severities", "empty: it would hear of nothing")
    for severity in receiver.get("severities", ()):
        check_choice(component, f"{at}.severities", severity, ("critical", "warning"))
    if "email" in receiver:
        email = receiver["email"]
        check_fields(component, Email, email, f"{at}.email.")
        if not re.fullmatch(r"[^:]+:[0-9]+", email["server"]):
            raise ArgumentError(
                component, f"{at}.email.server", f"{email['server']!r} is no host:port"
            )
        if ("username" in email) != ("password" in email):
            raise ArgumentError(
                component, f"{at}.email", "`username` and `password` need each other"
            )
