"""Every picture's question is asked of a real Prometheus; where it can know, it must answer."""

import re
import ssl
from pathlib import Path
from xml.etree import ElementTree

import pytest
import urllib3
from cumulo.platform.monitoring import pictures, rules
from cumulo.platform.monitoring.alerts import Alert, all_alerts
from cumulo.platform.monitoring.dashboards import DASHBOARDS
from cumulo.platform.monitoring.nodes import GPU_FIGURES
from cumulo.platform.monitoring.panels import Dashboard, Panel

from tests.platform.monitoring.conftest import NODE, Monitoring, wait

EXPORTERS = Path(__file__).parent / "exporters"
PANELS = [
    pytest.param(dashboard, panel, id=f"{dashboard.name}: {panel.title}")
    for dashboard in DASHBOARDS
    for panel in dashboard.panels()
]
# The machine that runs the tests has no pods, and a kernel may not tell these.
_TOLD_BY_ANY_MACHINE = 11


def names(monitoring: Monitoring, expr: str) -> set[str]:
    """The figures that a query asks for, as Prometheus itself parses it."""
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if node.get("type") in ("vectorSelector", "matrixSelector") and node.get("name"):
                found.add(str(node["name"]))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(monitoring.ask("parse_query", query=expr))
    return found


def known(monitoring: Monitoring) -> set[str]:
    """What exporters tell: by the lists of those that do not run here, and by those that do."""
    listed = {
        line
        for file in EXPORTERS.glob("*.txt")
        for line in file.read_text().splitlines()
        if line and not line.startswith("#")
    }
    # What the component's own file has DCGM tell.
    return listed | set(GPU_FIGURES) | monitoring.figures()


@pytest.mark.parametrize(("dashboard", "panel"), PANELS)
def test_panels_ask_for_what_there_is(
    monitoring: Monitoring, dashboard: Dashboard, panel: Panel
) -> None:
    told = known(monitoring)
    here = monitoring.figures()
    for query in panel.queries:
        expr = dashboard.asked(query.expr, "5s")
        asked = names(monitoring, expr)
        assert asked
        assert asked <= told, f"no exporter tells {asked - told}"
        found = monitoring.query(expr)
        # Of these jobs alone there is somebody here.
        if asked <= here and not re.search(r'job="(?!node-exporter|prometheus|alertmanager)', expr):
            assert found, expr


def test_the_nodes_dashboard_shows_this_machine(monitoring: Monitoring) -> None:
    (dashboard,) = (one for one in DASHBOARDS if one.name == "nodes")
    with_figures = {
        panel.title
        for panel in dashboard.panels()
        if all(monitoring.query(dashboard.asked(one.expr, "5s")) for one in panel.queries)
    }
    assert len(with_figures) >= _TOLD_BY_ANY_MACHINE, with_figures
    (busy,) = monitoring.query(
        dashboard.asked(
            next(one for one in dashboard.panels() if one.title == "Busy").queries[0].expr,
            "5s",
            {"node": NODE},
        )
    )
    assert busy["metric"] == {"node": NODE}
    assert 0 <= float(busy["value"][1]) <= 1
    expr = "count(node_cpu_seconds_total{mode='idle'})"
    processors = Path("/proc/cpuinfo").read_text().count("processor\t")
    assert float(monitoring.query(expr)[0]["value"][1]) == processors


def test_variables_are_chosen_from_labels_that_there_are(monitoring: Monitoring) -> None:
    (dashboard,) = (one for one in DASHBOARDS if one.name == "nodes")
    (variable,) = dashboard.variables
    values = monitoring.ask(f"label/{variable.label}/values", **{"match[]": variable.metric})
    assert values == [NODE]


@pytest.mark.parametrize(
    "alert",
    list(all_alerts((*rules.ALWAYS, rules.GPUS, rules.STATE, rules.CONTROL_PLANE))),
    ids=lambda alert: alert.name,
)
def test_alerts_are_about_what_there_is(monitoring: Monitoring, alert: Alert) -> None:
    told = known(monitoring)
    asked = names(monitoring, alert.expr)
    assert asked <= told, f"no exporter tells {asked - told}"


def test_no_rule_fails_on_real_figures(monitoring: Monitoring) -> None:
    wait(
        lambda: all(
            rule["lastEvaluation"] > "1"
            for group in monitoring.ask("rules")["groups"]
            for rule in group["rules"]
        ),
        "an evaluation of every rule",
    )
    wrong = [
        (rule["name"], rule["lastError"])
        for group in monitoring.ask("rules")["groups"]
        for rule in group["rules"]
        if rule["health"] != "ok"
    ]
    assert not wrong


def test_alerts_reach_who_waits_for_them(monitoring: Monitoring) -> None:
    wait(lambda: bool(monitoring.posted), "the first heartbeat")
    alert = monitoring.posted[0]["alerts"][0]
    assert alert["labels"]["alertname"] == "Watchdog"
    assert alert["annotations"]["summary"] == "Alerts work."
    # As the gateway has it.
    assert alert["generatorURL"].startswith("https://platform.test/prometheus/")
    assert monitoring.posted[0]["externalURL"] == "https://platform.test/alerts"


def test_new_rules_are_taken_without_a_restart(monitoring: Monitoring) -> None:
    folder = monitoring.certificates.parent
    before = (folder / "rules.yml").read_text()
    rule = '{"groups":[{"name":"new","rules":[{"alert":"New","expr":"vector(1)"}]}]}'
    (folder / "rules.yml").write_text(rule)
    try:
        wait(
            lambda: [group["name"] for group in monitoring.ask("rules")["groups"]] == ["new"],
            "the new rules",
        )
    finally:
        (folder / "rules.yml").write_text(before)
    wait(lambda: len(monitoring.ask("rules")["groups"]) > 1, "the old rules")


def test_nobody_without_a_certificate_asks_a_node(monitoring: Monitoring) -> None:
    context = ssl.create_default_context(cafile=str(monitoring.certificates / "ca.crt"))
    context.check_hostname = False
    url = f"{monitoring.exporter}/metrics"
    with (
        urllib3.PoolManager(ssl_context=context, retries=False, assert_hostname=False) as pool,
        pytest.raises(urllib3.exceptions.HTTPError, match=r"(?i)certificate.required"),
    ):
        pool.request("GET", url, timeout=10)
    context.load_cert_chain(
        monitoring.certificates / "client.crt", monitoring.certificates / "client.key"
    )
    with urllib3.PoolManager(ssl_context=context, retries=False, assert_hostname=False) as pool:
        assert pool.request("GET", url, timeout=10).status == 200


def test_pictures_are_drawn_of_what_is_there(
    monitoring: Monitoring, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = 'count_over_time(up{job="node-exporter"}[1m])'
    wait(lambda: float(monitoring.query(asked)[0]["value"][1]) > 8, "enough for a line")
    assert pictures.main([monitoring.url, str(tmp_path), "--minutes", "0.5"]) == 0
    assert "pictures:" in capsys.readouterr().out
    page = (tmp_path / "dashboards.md").read_text()
    assert "- **Nodes that answer**: 1." in page
    # There is no GPU, and none is drawn.
    assert "- **Temperature**: no figures." in page
    named = set(re.findall(r"\(dashboards/(\S+\.svg)\)", page))
    assert named == {file.name for file in (tmp_path / "dashboards").iterdir()}
    for file in (tmp_path / "dashboards").iterdir():
        ElementTree.parse(file)  # noqa: S314 -- it is our own
    drawing = (tmp_path / "dashboards/nodes-processors-busy.svg").read_text()
    assert NODE in drawing
    assert re.search(r'<path d="M[\d.]+ [\d.]+ L', drawing)


def test_each_picture_has_a_file_of_its_own(tmp_path: Path) -> None:
    when = pictures.Time(0, 60, 1)
    line = pictures.Line({"node": "w<1>"}, [(at, 5e9 * at) for at in range(60)])
    drawn = pictures.write(DASHBOARDS, lambda _: [line], when, tmp_path)
    with_lines = [one for page in DASHBOARDS for one in page.panels() if one.shown == "lines"]
    assert drawn == len(with_lines) == len(list((tmp_path / "dashboards").iterdir()))
    drawing = (tmp_path / "dashboards/nodes-memory-available.svg").read_text()
    assert "w&lt;1&gt;: 275 GiB" in drawing
    assert ">400 GiB<" in drawing


def test_old_pictures_are_removed(tmp_path: Path) -> None:
    (tmp_path / "dashboards").mkdir()
    (tmp_path / "dashboards/gone.svg").write_text("")
    line = pictures.Line({}, [(0, 1)])
    pictures.write(DASHBOARDS, lambda _: [line], pictures.Time(0, 60, 1), tmp_path)
    assert not (tmp_path / "dashboards/gone.svg").exists()


def test_pictures_need_a_prometheus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert pictures.main(["http://127.0.0.1:9", str(tmp_path)]) == 1
    assert "is no Prometheus that answers" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
