"""Grafana: the dashboards, for whoever Keycloak lets in."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import pulumi
import pulumi_kubernetes as k8s
import pulumi_random as random
from cumulo.infra.arguments import ArgumentError, check_at_least, check_fields, title
from cumulo.infra.handle import Handle
from cumulo.platform.database.arguments import Clients
from cumulo.platform.monitoring.arguments import MonitoringHandle
from cumulo.platform.monitoring.component import check_url, peer
from cumulo.platform.monitoring.dashboards import DASHBOARDS
from cumulo.platform.monitoring.panels import SOURCE
from cumulo.platform.pods import (
    SECURE,
    digest,
    labels,
    probe,
    resources,
    restricted,
)
from cumulo.platform.service import ServiceHandle
from cumulo.platform.versions import GRAFANA

PORT = 3000
_USER = 472
"""The user of the image."""
_PROVISIONING = "/etc/cumulo/provisioning"
_DASHBOARDS = "/etc/cumulo/dashboards"
_SECRETS = "/etc/cumulo/secrets"
_KEYCLOAK = "/protocol/openid-connect"


class Login(TypedDict):
    """How people log in: a confidential client in a realm of Keycloak."""

    issuer: pulumi.Input[str]
    """The realm's issuer, as `IdentityHandle.issuer` tells."""
    client_id: pulumi.Input[str]
    """The client. Its redirect URI is `<url>/grafana/login/generic_oauth`."""
    client_secret: pulumi.Input[str]
    """Its secret."""
    groups_claim: NotRequired[str]
    """The claim that lists somebody's groups. Default: `groups`."""
    viewers: Sequence[str]
    """Groups that may look at dashboards."""
    editors: NotRequired[Sequence[str]]
    """Groups that may make dashboards of their own besides."""
    administrators: NotRequired[Sequence[str]]
    """Groups that may do everything."""
    ca: NotRequired[pulumi.Input[str]]
    """The authority of Keycloak's certificate, as PEM, unless it is a public one."""


class GrafanaArgs(TypedDict):
    """Arguments of `Grafana`."""

    namespace: pulumi.Input[str]
    """The namespace, which exists."""
    url: pulumi.Input[str]
    """The gateway's `https://` address; Grafana is at `/grafana/`."""
    monitoring: MonitoringHandle
    """What it asks. Grafana's namespace must be among the clients of that."""
    login: Login
    """Who may come in."""
    clients: Sequence[Clients]
    """The gateway's pods."""
    cpu: NotRequired[str]
    """What it is promised of a processor. Default: `50m`."""
    memory: NotRequired[int]
    """Its memory, in MiB. Default: 384."""


@dataclass(frozen=True, kw_only=True)
class GrafanaHandle(Handle):
    """A Grafana.

    Attributes:
        service: What the gateway's route `/grafana/` leads to, with the path.
    """

    service: ServiceHandle


class Grafana(pulumi.ComponentResource):
    """A Grafana with the platform's dashboards and a login by Keycloak alone.

    It keeps nothing: all that it shows is in the program, so it has no volume and no password,
    and a lost pod is a new one. What people make in it lasts as long as its pod.

    Example:
        >>> from cumulo.platform import Grafana, Monitoring
        >>> monitoring = Monitoring(
        ...     "platform",
        ...     {
        ...         "namespace": "monitoring",
        ...         "url": "https://platform.example.org",
        ...         "clients": [{"namespace": "gateway"}, {"namespace": "monitoring"}],
        ...     },
        ... )
        >>> grafana = Grafana(
        ...     "platform",
        ...     {
        ...         "namespace": "monitoring",
        ...         "url": "https://platform.example.org",
        ...         "monitoring": monitoring.handle,
        ...         "clients": [{"namespace": "gateway"}],
        ...         "login": {
        ...             "issuer": "https://platform.example.org/realms/team",
        ...             "client_id": "grafana",
        ...             "client_secret": pulumi.Config().require_secret("grafanaSecret"),
        ...             "viewers": ["data-science"],
        ...             "administrators": ["platform"],
        ...         },
        ...     },
        ... )
    """

    handle: GrafanaHandle
    """What other components take."""

    def __init__(
        self, name: str, args: GrafanaArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        component = title(Grafana, name)
        _check(component, args)
        # Only programs that have a Grafana wait for its builders.
        from cumulo.platform.monitoring.rendering import rendered

        super().__init__("cumulo:index:Grafana", name, {}, opts)
        own = pulumi.ResourceOptions(parent=self)
        mark = labels(name, "grafana")
        known_as = f"{name}-grafana"

        def meta(suffix: str = "") -> dict[str, Any]:
            return {
                "name": f"{known_as}{suffix}",
                "namespace": args["namespace"],
                "labels": mark,
            }

        url = pulumi.Output.from_input(args["url"]).apply(lambda told: check_url(component, told))
        provisioning = {
            "datasources.yaml": pulumi.Output.json_dumps(_sources(args["monitoring"]), indent=1),
            "dashboards.yaml": json.dumps(_PROVIDERS, indent=1),
        }
        pages = {f"{one.name}.json": rendered(one) for one in DASHBOARDS}
        secrets: dict[str, pulumi.Input[str]] = {
            "client-secret": args["login"]["client_secret"],
            # Whoever has it may read what Grafana encrypts, which lasts as long as its pod.
            "secret-key": random.RandomPassword(
                f"{known_as}-secret-key", length=32, special=False, opts=own
            ).result,
        }
        if "ca" in args["login"]:
            secrets["ca.crt"] = args["login"]["ca"]
        needs: list[pulumi.Resource] = [
            k8s.core.v1.ConfigMap(
                f"{known_as}-provisioning",
                metadata=meta("-provisioning"),
                data=provisioning,
                opts=own,
            ),
            k8s.core.v1.ConfigMap(
                f"{known_as}-dashboards", metadata=meta("-dashboards"), data=pages, opts=own
            ),
            k8s.core.v1.Secret(
                f"{known_as}-secrets", metadata=meta(), string_data=secrets, opts=own
            ),
            k8s.core.v1.Service(
                f"{known_as}-service",
                metadata={**meta(), "annotations": {"pulumi.com/skipAwait": "true"}},
                spec={
                    "selector": mark,
                    "ports": [{"name": "http", "port": PORT, "target_port": "http"}],
                },
                opts=own,
            ),
        ]
        # Or all of what the pods are would be a secret.
        told = pulumi.Output.unsecret(
            pulumi.Output.all(provisioning["datasources.yaml"], *secrets.values()).apply(
                lambda known: digest(*pages.values(), *map(str, known))
            )
        )
        deployment = k8s.apps.v1.Deployment(
            known_as,
            metadata=meta(),
            spec={
                "replicas": 1,
                "selector": {"match_labels": mark},
                "template": {
                    "metadata": {
                        "labels": mark,
                        # It reads its settings at its start.
                        "annotations": {"cumulo.dev/configuration": told},
                    },
                    "spec": _pod(known_as, args, url),
                },
            },
            opts=pulumi.ResourceOptions.merge(own, pulumi.ResourceOptions(depends_on=needs)),
        )
        k8s.networking.v1.NetworkPolicy(
            f"{known_as}-clients",
            metadata=meta(),
            spec={
                "pod_selector": {"match_labels": mark},
                "policy_types": ["Ingress"],
                "ingress": [
                    {
                        "from": [peer(client) for client in args["clients"]],
                        "ports": [{"port": PORT}],
                    }
                ],
            },
            opts=own,
        )
        self.handle = GrafanaHandle(
            name=name,
            needs=(deployment,),
            service=ServiceHandle(
                name=known_as,
                needs=(deployment,),
                namespace=args["namespace"],
                service=known_as,
                port=PORT,
                pod_port=PORT,
                labels=mark,
            ),
        )
        self.register_outputs({"url": url})


_PROVIDERS = {
    "apiVersion": 1,
    "providers": [
        {
            "name": "cumulo",
            "folder": "cumulo",
            "type": "file",
            "disableDeletion": True,
            "allowUiUpdates": False,
            "options": {"path": _DASHBOARDS},
        }
    ],
}


def _sources(monitoring: MonitoringHandle) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "prune": True,
        "datasources": [
            {
                "name": "Prometheus",
                "uid": SOURCE,
                "type": "prometheus",
                "access": "proxy",
                "url": monitoring.prometheus.url,
                "isDefault": True,
                "editable": False,
                "jsonData": {"httpMethod": "POST", "prometheusType": "Prometheus"},
            },
            {
                "name": "Alertmanager",
                "uid": "alertmanager",
                "type": "alertmanager",
                "access": "proxy",
                "url": monitoring.alertmanager.url,
                "editable": False,
                "jsonData": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
            },
        ],
    }


def role_expression(login: Login) -> str:
    """Who is what, in JMESPath, as Grafana asks of a token; null lets nobody in."""
    claim = login.get("groups_claim", "groups")

    def within(groups: Sequence[str]) -> str:
        return " || ".join(f"contains({claim}[*], '{group}')" for group in groups)

    roles = [
        ("Admin", login.get("administrators", ())),
        ("Editor", login.get("editors", ())),
        ("Viewer", login["viewers"]),
    ]
    return " || ".join(f"({within(groups)}) && '{role}'" for role, groups in roles if groups)


def _pod(known_as: str, args: GrafanaArgs, url: pulumi.Output[str]) -> dict[str, Any]:
    login = args["login"]
    issuer = pulumi.Output.from_input(login["issuer"])
    oauth: dict[str, pulumi.Input[str]] = {
        "ENABLED": "true",
        "NAME": "Keycloak",
        "AUTO_LOGIN": "true",
        "ALLOW_SIGN_UP": "true",
        "CLIENT_ID": login["client_id"],
        "CLIENT_SECRET__FILE": f"{_SECRETS}/client-secret",
        "SCOPES": "openid profile email",
        "AUTH_URL": pulumi.Output.concat(issuer, _KEYCLOAK, "/auth"),
        "TOKEN_URL": pulumi.Output.concat(issuer, _KEYCLOAK, "/token"),
        "API_URL": pulumi.Output.concat(issuer, _KEYCLOAK, "/userinfo"),
        "SIGNOUT_REDIRECT_URL": pulumi.Output.concat(issuer, _KEYCLOAK, "/logout"),
        "USE_PKCE": "true",
        "USE_REFRESH_TOKEN": "true",
        "LOGIN_ATTRIBUTE_PATH": "preferred_username",
        "ROLE_ATTRIBUTE_PATH": role_expression(login),
        # Without a role nobody is let in.
        "ROLE_ATTRIBUTE_STRICT": "true",
    }
    if "ca" in login:
        oauth["TLS_CLIENT_CA"] = f"{_SECRETS}/ca.crt"
    values: dict[str, pulumi.Input[str]] = {
        **{f"GF_AUTH_GENERIC_OAUTH_{key}": value for key, value in oauth.items()},
        "GF_SERVER_ROOT_URL": pulumi.Output.concat(url, "/grafana/"),
        "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
        # Keycloak says who somebody is; there is no other way in.
        "GF_AUTH_DISABLE_LOGIN_FORM": "true",
        "GF_AUTH_BASIC_ENABLED": "false",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true",
        "GF_SECURITY_SECRET_KEY__FILE": f"{_SECRETS}/secret-key",
        "GF_SECURITY_COOKIE_SECURE": "true",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        # Nothing leaves the building.
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_ANALYTICS_FEEDBACK_LINKS_ENABLED": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_SNAPSHOTS_EXTERNAL_ENABLED": "false",
        "GF_PLUGINS_PLUGIN_ADMIN_ENABLED": "false",
        # Alerts are Prometheus' and Alertmanager's.
        "GF_UNIFIED_ALERTING_ENABLED": "false",
        "GF_PATHS_PROVISIONING": _PROVISIONING,
        "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH": f"{_DASHBOARDS}/{DASHBOARDS[0].name}.json",
    }
    return {
        "automount_service_account_token": False,
        "enable_service_links": False,
        "security_context": restricted(_USER),
        "containers": [
            {
                "name": "grafana",
                "image": f"docker.io/grafana/grafana:{GRAFANA}",
                "env": [{"name": key, "value": value} for key, value in values.items()],
                "ports": [{"name": "http", "container_port": PORT}],
                "startup_probe": probe("/api/health", "http", 60),
                "readiness_probe": probe("/api/health", "http"),
                "liveness_probe": probe("/api/health", "http", 6),
                "resources": resources(args.get("cpu", "50m"), args.get("memory", 384)),
                "security_context": SECURE,
                "volume_mounts": [
                    {"name": "provisioning", "mount_path": _PROVISIONING, "read_only": True},
                    {"name": "dashboards", "mount_path": _DASHBOARDS, "read_only": True},
                    {"name": "secrets", "mount_path": _SECRETS, "read_only": True},
                    {"name": "data", "mount_path": "/var/lib/grafana"},
                    {"name": "scratch", "mount_path": "/tmp"},  # noqa: S108 -- a volume
                ],
            }
        ],
        "volumes": [
            {
                "name": "provisioning",
                "config_map": {
                    "name": f"{known_as}-provisioning",
                    # A folder for each kind, by which Grafana tells them.
                    "items": [
                        {"key": f"{kind}.yaml", "path": f"{kind}/{kind}.yaml"}
                        for kind in ("datasources", "dashboards")
                    ],
                },
            },
            {"name": "dashboards", "config_map": {"name": f"{known_as}-dashboards"}},
            {"name": "secrets", "secret": {"secret_name": known_as, "default_mode": 0o440}},
            {"name": "data", "empty_dir": {"size_limit": "1Gi"}},
            {"name": "scratch", "empty_dir": {"size_limit": "100Mi"}},
        ],
    }


def _check(component: str, args: GrafanaArgs) -> None:
    check_fields(component, GrafanaArgs, args)
    check_fields(component, Login, args["login"], "login.")
    for number, client in enumerate(args["clients"]):
        check_fields(component, Clients, client, f"clients[{number}].")
    check_at_least(component, "memory", args.get("memory", 384), 256)
    login = args["login"]
    groups = [
        *login["viewers"],
        *login.get("editors", ()),
        *login.get("administrators", ()),
    ]
    if not groups:
        raise ArgumentError(component, "login.viewers", "empty, as the others are: nobody may look")
    for group in groups:
        if "'" in group or "\\" in group:
            raise ArgumentError(component, "login", f"{group!r} is no name of a group")
