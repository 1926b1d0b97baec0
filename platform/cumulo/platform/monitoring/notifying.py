"""Who is notified of which alerts: Alertmanager's configuration as a value."""

from collections.abc import Mapping
from typing import Any, Final

import pulumi
from cumulo.platform.monitoring.arguments import Receiver

FOLDER: Final = "/etc/alertmanager"
"""Where Alertmanager has its configuration."""
SECRETS: Final = "/etc/cumulo/receivers"
"""Where it has what only it may know, by file."""
NOBODY: Final = "nobody"
HEARTBEAT: Final = "heartbeat"


def configuration(receivers: Mapping[str, Receiver], *, heartbeat: bool) -> dict[str, Any]:
    """The whole of alertmanager.yml.

    Args:
        receivers: Who is notified, by name.
        heartbeat: Whether somebody is told every minute that alerts work.
    """
    routes: list[dict[str, Any]] = []
    if heartbeat:
        routes.append(
            {
                "receiver": HEARTBEAT,
                "matchers": ['alertname="Watchdog"'],
                "group_wait": "0s",
                "group_interval": "1m",
                "repeat_interval": "1m",
            }
        )
    # With or without a heartbeat, it is no news to anybody else.
    routes.append({"receiver": NOBODY, "matchers": ['severity="none"']})
    for name, receiver in receivers.items():
        severities = "|".join(receiver.get("severities", ("critical", "warning")))
        routes.append(
            {"receiver": name, "matchers": [f'severity=~"{severities}"'], "continue": True}
        )
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": ["alertname", "job", "namespace"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": routes,
        },
        "inhibit_rules": [
            # Whoever knows of the worse one needs not hear of the other.
            _silences(["NodeDown"], ["KubeletStuck", "NodeCutOff", "TargetDown"], ["node"]),
            _silences(["NodeDiskFull"], ["NodeDiskFills"], ["node", "mountpoint"]),
            _silences(["VolumeFull"], ["VolumeFills"], ["namespace", "persistentvolumeclaim"]),
            _silences(["ServiceDown"], ["TargetDown"], ["job"]),
        ],
        "receivers": [
            {"name": NOBODY},
            *([_heartbeat()] if heartbeat else []),
            *(_receiver(name, receiver) for name, receiver in receivers.items()),
        ],
    }


def files(
    receivers: Mapping[str, Receiver], heartbeat: pulumi.Input[str] | None
) -> dict[str, pulumi.Input[str]]:
    """What only Alertmanager may know, by the file's name in `SECRETS`."""
    found: dict[str, pulumi.Input[str]] = {}
    if heartbeat is not None:
        found[HEARTBEAT] = heartbeat
    for name, receiver in receivers.items():
        for number, url in enumerate(receiver.get("webhooks", ())):
            found[f"{name}.webhook-{number}"] = url
        if "email" in receiver and "password" in receiver["email"]:
            found[f"{name}.password"] = receiver["email"]["password"]
    return found


def _silences(worse: list[str], other: list[str], same: list[str]) -> dict[str, Any]:
    return {
        "source_matchers": [f'alertname=~"{"|".join(worse)}"'],
        "target_matchers": [f'alertname=~"{"|".join(other)}"'],
        "equal": same,
    }


def _heartbeat() -> dict[str, Any]:
    webhook = {"url_file": f"{SECRETS}/{HEARTBEAT}", "send_resolved": False}
    return {"name": HEARTBEAT, "webhook_configs": [webhook]}


def _receiver(name: str, receiver: Receiver) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name}
    webhooks = receiver.get("webhooks", ())
    if webhooks:
        found["webhook_configs"] = [
            {"url_file": f"{SECRETS}/{name}.webhook-{number}"} for number in range(len(webhooks))
        ]
    if "email" in receiver:
        email = receiver["email"]
        mail: dict[str, Any] = {
            "to": ", ".join(email["to"]),
            "from": email["sender"],
            "smarthost": email["server"],
            "require_tls": True,
            "send_resolved": True,
        }
        if "username" in email:
            mail["auth_username"] = email["username"]
            mail["auth_password_file"] = f"{SECRETS}/{name}.password"
        found["email_configs"] = [mail]
    return found
