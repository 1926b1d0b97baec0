"""Alerts and recorded figures as values, and Prometheus' rule files made of them."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Severity = Literal["critical", "warning", "none"]

_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]*")
_DURATION: Final = re.compile(r"0|([0-9]+[smhd])+")


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A condition that somebody should know of.

    Attributes:
        name: What it is called, such as `NodeDown`.
        expr: The condition, in PromQL: it holds where this has a result.
        after: How long it must have held, such as `5m`.
        severity: `critical` wakes people, `warning` waits for the morning; `none` notifies nobody.
        summary: One sentence on what is wrong, with what the alert knows: `{{ $labels.node }}`.
        remedy: What to look at, or to do.
        labels: Labels that it has besides.

    Raises:
        ValueError: The name or the duration is none.
    """

    name: str
    expr: str
    after: str = "0"
    severity: Severity
    summary: str
    remedy: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name: {self.name!r} is no name such as NodeDown")
        if not _DURATION.fullmatch(self.after):
            raise ValueError(f"{self.name}: after: {self.after!r} is no duration such as 5m")

    def rendered(self) -> dict[str, Any]:
        """The rule, as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.after,
            "labels": {**self.labels, "severity": self.severity},
            "annotations": {"summary": self.summary, "remedy": self.remedy},
        }


@dataclass(frozen=True, kw_only=True)
class Group:
    """Alerts about one thing; they are evaluated one after the other.

    Attributes:
        name: What they are about.
        alerts: The alerts.
    """

    name: str
    alerts: Sequence[Alert]


def rule_file(groups: Sequence[Group]) -> str:
    """A rule file of Prometheus; JSON, which is YAML.

    Raises:
        ValueError: Two groups have one name.
    """
    names = [group.name for group in groups]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"{name!r} is the name of two groups of rules")
    rendered = [
        {"name": group.name, "rules": [alert.rendered() for alert in group.alerts]}
        for group in groups
    ]
    return json.dumps({"groups": rendered}, indent=1) + "\n"


def all_alerts(groups: Sequence[Group]) -> Iterator[Alert]:
    """Every alert of some groups."""
    for group in groups:
        yield from group.alerts
