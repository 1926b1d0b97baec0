"""What `promtool test rules` reads, made of our cases."""

import json
import re
from typing import Any

from cumulo.platform.monitoring.alerts import Alert

from tests.platform.monitoring.cases import Case, Quiet


def test_file(rules: str, alerts: dict[str, Alert], cases: tuple[Case | Quiet, ...]) -> str:
    """A test for each case, named after its alert."""
    return json.dumps(
        {
            "rule_files": [rules],
            "evaluation_interval": "1m",
            "tests": [_test(alerts[case.alert], case) for case in cases],
        }
    )


def _test(alert: Alert, case: Case | Quiet) -> dict[str, Any]:
    moments: list[dict[str, Any]] = []
    if isinstance(case, Case):
        if case.before >= 0:
            moments.append(_moment(alert, case.before, []))
        annotations = {
            "summary": case.summary,
            "remedy": _filled(alert.remedy, {**case.labels, **alert.labels}, case.value),
        }
        labels = {**case.labels, **alert.labels, "severity": alert.severity}
        moments.append(
            _moment(alert, case.at, [{"exp_labels": labels, "exp_annotations": annotations}])
        )
    else:
        moments.append(_moment(alert, case.at, []))
    return {
        "name": f"{type(case).__name__} {case.alert}",
        "interval": "1m",
        "input_series": [
            {"series": series, "values": values} for series, values in case.series.items()
        ],
        "alert_rule_test": moments,
    }


def _moment(alert: Alert, minute: int, expected: list[dict[str, Any]]) -> dict[str, Any]:
    return {"eval_time": f"{minute}m", "alertname": alert.name, "exp_alerts": expected}


def _filled(text: str, labels: dict[str, str], value: str) -> str:
    known = re.sub(r"{{ \$labels\.(\w+) }}", lambda found: labels[found[1]], text)
    return known.replace("{{ $value }}", value)
