"""What the tests have a program declare."""

from typing import Any

import pulumi
from cumulo.platform import Grafana, Monitoring, ServiceHandle

KEYCLOAK_LABELS = {
    "app.kubernetes.io/name": "keycloak",
    "app.kubernetes.io/instance": "login",
}
KEYCLOAK = ServiceHandle(
    name="keycloak",
    namespace=pulumi.Output.from_input("identity"),
    service="keycloak",
    port=8080,
    pod_port=8080,
    labels=KEYCLOAK_LABELS,
)
ARGS: dict[str, Any] = {
    "namespace": "watch",
    "url": "https://platform.example.org/",
    "clients": [{"namespace": "gateway", "pods": {"app": "gateway"}}],
}
EVERYTHING: dict[str, Any] = {
    "targets": {
        "keycloak": {"service": KEYCLOAK, "port": 9000},
        "registry": {
            "addresses": ["192.0.2.7:5001", pulumi.Output.from_input("192.0.2.8:5001")],
            "scheme": "https",
            "ca": "-----BEGIN CERTIFICATE-----",
            "server_name": "registry",
            "username": "prometheus",
            "password": pulumi.Output.secret("swordfish"),
        },
    },
    "receivers": {
        "operators": {
            "webhooks": [pulumi.Output.secret("https://chat.example.org/hook")],
            "email": {
                "to": ["a@example.org", "b@example.org"],
                "sender": "cumulo@example.org",
                "server": "mail.example.org:587",
                "username": "cumulo",
                "password": pulumi.Output.secret("anchovy"),
            },
            "severities": ["critical"],
        }
    },
    "heartbeat": pulumi.Output.secret("https://heart.example.org/beat"),
    "gpus": True,
    "state_metrics": True,
    "control_plane": True,
    "replicas": 2,
    "alertmanagers": 3,
}


def declare(**changes: Any) -> Monitoring:
    args: Any = ARGS | changes
    return Monitoring("main", args)


def declare_grafana(**changes: Any) -> Grafana:
    args: Any = {
        "namespace": "watch",
        "url": "https://platform.example.org",
        "monitoring": declare().handle,
        "clients": [{"namespace": "gateway"}],
        "login": {
            "issuer": "https://platform.example.org/realms/team",
            "client_id": "grafana",
            "client_secret": pulumi.Output.secret("grafana's"),
            "viewers": ["data-science", "ml"],
            "administrators": ["platform"],
        },
        **changes,
    }
    return Grafana("main", args)
