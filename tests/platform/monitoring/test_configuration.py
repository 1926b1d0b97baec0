"""What the component writes for Prometheus and Alertmanager, read by their own tools."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cumulo.platform.monitoring import notifying, rules, scraping
from cumulo.platform.monitoring.alerts import all_alerts
from cumulo.platform.monitoring.dashboards import DASHBOARDS

from tests.fake_cloud import FakeCloud
from tests.platform.monitoring.conftest import Programs
from tests.platform.monitoring.declared import EVERYTHING, declare


def check(*command: str) -> str:
    """What a tool says; empty where all is well."""
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return "" if run.returncode == 0 else run.stdout + run.stderr


def config(cloud: FakeCloud, part: str, file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloud.inputs(f"main-{part}-config")["data"][file])
    return found


@pytest.fixture
def cloud() -> FakeCloud:
    fake = FakeCloud()
    fake.run(lambda: declare(**EVERYTHING))
    return fake


def test_prometheus_takes_its_configuration(
    cloud: FakeCloud, programs: Programs, tmp_path: Path
) -> None:
    data = cloud.inputs("main-prometheus-config")["data"]
    text: str = data["prometheus.yml"]
    # As they are in its pod.
    for folder, names in (
        (scraping.FOLDER, {"rules.yml": data["rules.yml"]}),
        (scraping.TARGETS, dict.fromkeys(("registry.ca", "registry.password"), "")),
        (scraping.CERTIFICATES, dict.fromkeys(("ca.crt", "tls.crt", "tls.key"), "")),
        ("/var/run/secrets/kubernetes.io/serviceaccount", dict.fromkeys(("ca.crt", "token"), "")),
    ):
        here = tmp_path / Path(folder).name
        here.mkdir()
        for name, content in names.items():
            (here / name).write_text(content)
        text = text.replace(folder, str(here))
    (tmp_path / "prometheus.yml").write_text(text)
    said = check(str(programs.promtool), "check", "config", str(tmp_path / "prometheus.yml"))
    assert not said
    # All that it reads is there, and no more is asked for.
    assert f'"{tmp_path}' in text
    assert not check(
        str(programs.promtool), "check", "config", "--lint=all", str(tmp_path / "prometheus.yml")
    )


@pytest.mark.parametrize("changes", [{}, EVERYTHING])
def test_alertmanager_takes_its_configuration(
    programs: Programs, tmp_path: Path, changes: dict[str, Any]
) -> None:
    cloud = FakeCloud()
    cloud.run(lambda: declare(**changes))
    text: str = cloud.inputs("main-alertmanager-config")["data"]["alertmanager.yml"]
    secrets = cloud.inputs("main-alertmanager-receivers").get("stringData", {})
    for name in secrets:
        (tmp_path / name).write_text("https://example.org/")
    (tmp_path / "alertmanager.yml").write_text(text.replace(notifying.SECRETS, str(tmp_path)))
    assert not check(str(programs.amtool), "check-config", str(tmp_path / "alertmanager.yml"))


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        (("alertname=NodeDown", "severity=critical"), "operators"),
        (("alertname=NodeDiskFills", "severity=warning"), "nobody"),
        (("alertname=Watchdog", "severity=none"), "heartbeat"),
    ],
)
def test_alerts_go_to_whom_they_are_for(
    cloud: FakeCloud,
    programs: Programs,
    tmp_path: Path,
    labels: tuple[str, ...],
    receivers: str,
) -> None:
    told = tmp_path / "alertmanager.yml"
    told.write_text(json.dumps(config(cloud, "alertmanager", "alertmanager.yml")))
    test = f"--verify.receivers={receivers}"
    said = check(
        *(str(programs.amtool), "config", "routes", "test"),
        *(f"--config.file={told}", test, *labels),
    )
    assert not said


def test_nobody_is_notified_unless_somebody_is_named(programs: Programs, tmp_path: Path) -> None:
    fake = FakeCloud()
    fake.run(declare)
    told = tmp_path / "alertmanager.yml"
    told.write_text(json.dumps(config(fake, "alertmanager", "alertmanager.yml")))
    said = check(
        *(str(programs.amtool), "config", "routes", "test"),
        *(f"--config.file={told}", "--verify.receivers=nobody", "severity=critical"),
    )
    assert not said


def test_what_is_secret_is_in_no_config_map(cloud: FakeCloud) -> None:
    told = json.dumps(cloud.of_type("ConfigMap"))
    for secret in ("swordfish", "chat.example.org", "anchovy", "heart.example.org"):
        assert secret not in told
    receivers = cloud.inputs("main-alertmanager-receivers")["stringData"]
    assert "https://chat.example.org/hook" in str(receivers)


def test_every_pod_of_a_service_is_asked(cloud: FakeCloud) -> None:
    jobs = {
        job["job_name"]: job
        for job in config(cloud, "prometheus", "prometheus.yml")["scrape_configs"]
    }
    (found,) = jobs["keycloak"]["kubernetes_sd_configs"]
    assert found == {
        "role": "pod",
        "namespaces": {"names": ["identity"]},
        "selectors": [
            {
                "role": "pod",
                "label": "app.kubernetes.io/instance=login,app.kubernetes.io/name=keycloak",
            }
        ],
    }
    addresses = [
        rule["replacement"]
        for rule in jobs["keycloak"]["relabel_configs"]
        if rule.get("target_label") == "__address__"
    ]
    assert addresses == ["$1:9000"]
    static = jobs["registry"]["static_configs"]
    assert static == [{"targets": ["192.0.2.7:5001", "192.0.2.8:5001"]}]


def test_kubelets_are_believed_by_the_cluster_s_authority_alone(cloud: FakeCloud) -> None:
    jobs = config(cloud, "prometheus", "prometheus.yml")["scrape_configs"]
    unchecked = {
        job["job_name"] for job in jobs if job.get("tls_config", {}).get("insecure_skip_verify")
    }
    # Kubernetes has these sign for themselves.
    assert unchecked == {"scheduler", "scheduler-resources", "controller-manager"}


def test_no_job_is_there_twice_or_not_reserved(cloud: FakeCloud) -> None:
    jobs = [
        job["job_name"] for job in config(cloud, "prometheus", "prometheus.yml")["scrape_configs"]
    ]
    assert len(jobs) == len(set(jobs))
    assert set(jobs) == {*scraping.RESERVED, "keycloak", "registry"}


def test_what_is_dropped_is_asked_for_by_nobody(cloud: FakeCloud) -> None:
    dropped = [
        rule["regex"]
        for job in config(cloud, "prometheus", "prometheus.yml")["scrape_configs"]
        for rule in job.get("metric_relabel_configs", ())
        if rule["action"] == "drop"
    ]
    assert dropped
    groups = (*rules.ALWAYS, rules.GPUS, rules.STATE, rules.CONTROL_PLANE)
    asked = " ".join(
        [
            *(
                query.expr
                for board in DASHBOARDS
                for one in board.panels()
                for query in one.queries
            ),
            *(alert.expr for alert in all_alerts(groups)),
        ]
    )
    for name in set(re.findall(r"[a-z]\w+", asked)):
        assert not any(re.fullmatch(regex, name) for regex in dropped), name


def test_figures_end_before_the_volume_does(cloud: FakeCloud) -> None:
    retention = config(cloud, "prometheus", "prometheus.yml")["storage"]["tsdb"]["retention"]
    assert retention == {"time": "15d", "size": f"{int(20 * 2**30 * 0.8)}B"}
