"""Every alert fires at what it is for and is quiet otherwise, as Prometheus' own tool says."""

import subprocess
from pathlib import Path

import pytest
from cumulo.platform.monitoring import rules
from cumulo.platform.monitoring.alerts import Alert, Group, all_alerts, rule_file

from tests.platform.monitoring.cases import CASES, Case, Quiet
from tests.platform.monitoring.conftest import Programs
from tests.platform.monitoring.promtool import test_file as written

GROUPS = (
    *rules.ALWAYS,
    *(rules.GPUS, rules.STATE, rules.CONTROL_PLANE),
    rules.services(["keycloak", "registry"]),
)
ALERTS: dict[str, Alert] = {}
for one in all_alerts(GROUPS):
    ALERTS.setdefault(one.name, one)


def promtool(programs: Programs, *arguments: str, folder: Path) -> str:
    """What it says; empty where all is as expected."""
    run = subprocess.run(
        [str(programs.promtool), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return "" if run.returncode == 0 else run.stdout + run.stderr


def test_alerts_fire_and_are_quiet(programs: Programs, tmp_path: Path) -> None:
    files = []
    for group in GROUPS:
        # Each with its own rules only: all of them, for hours, would take long.
        (tmp_path / f"{group.name}.rules.yml").write_text(rule_file([group]))
        own = {alert.name for alert in group.alerts}
        cases = tuple(case for case in CASES if case.alert in own)
        files.append(f"{group.name}.tests.yml")
        (tmp_path / files[-1]).write_text(written(f"{group.name}.rules.yml", ALERTS, cases))
    assert not promtool(programs, "test", "rules", *files, folder=tmp_path)


def test_a_wrong_expectation_is_noticed(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rule_file([rules.NODES]))
    case = Case(
        alert="NodeDown",
        series={'up{job="kubelet",node="w1"}': "0x10"},
        before=1,
        at=5,
        labels={"node": "w2"},
        summary="",
    )
    (tmp_path / "tests.yml").write_text(written("rules.yml", ALERTS, (case,)))
    said = promtool(programs, "test", "rules", "tests.yml", folder=tmp_path)
    assert "FAILED" in said
    assert 'node="w1"' in said


def test_no_alert_is_without_a_case() -> None:
    fired = {case.alert for case in CASES if isinstance(case, Case)}
    quiet = {case.alert for case in CASES if isinstance(case, Quiet)}
    assert fired == set(ALERTS)
    # It always fires.
    assert quiet == set(ALERTS) - {"Watchdog"}


def test_the_rules_are_as_prometheus_wants_them(programs: Programs, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rule_file(GROUPS))
    assert not promtool(programs, "check", "rules", "--lint-fatal", "rules.yml", folder=tmp_path)


@pytest.mark.parametrize(
    ("name", "after", "problem"),
    [("node down", "5m", "no name such as NodeDown"), ("NodeDown", "5 min", "no duration")],
)
def test_what_is_no_alert_is_refused(name: str, after: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Alert(name=name, expr="up", after=after, severity="warning", summary="", remedy="")


def test_two_groups_of_one_name_are_refused() -> None:
    group = Group(name="mine", alerts=())
    with pytest.raises(ValueError, match="'mine' is the name of two groups"):
        rule_file([group, group])
