"""Grafana, which cannot be built here: what it is told, as far as that can be known without it."""

import json
import re
from typing import Any

import pytest
from cumulo.infra import ArgumentError
from cumulo.platform.monitoring.dashboards import DASHBOARDS
from cumulo.platform.monitoring.grafana import role_expression
from cumulo.platform.monitoring.panels import Dashboard
from cumulo.platform.monitoring.rendering import rendered
from cumulo.platform.versions import GRAFANA
from grafana_foundation_sdk.models.dashboard import Dashboard as Known

from tests.fake_cloud import FakeCloud
from tests.platform.monitoring.declared import declare_grafana

LOGIN: dict[str, Any] = {
    "issuer": "https://platform.example.org/realms/team",
    "client_id": "grafana",
    "client_secret": "s",
    "viewers": ["data-science"],
}


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()


def environment(cloud: FakeCloud) -> dict[str, Any]:
    (container,) = cloud.inputs("main-grafana")["spec"]["template"]["spec"]["containers"]
    return {one["name"]: one["value"] for one in container["env"]}


def test_keycloak_is_the_only_way_in(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    told = environment(fake_cloud)
    realm = "https://platform.example.org/realms/team/protocol/openid-connect"
    assert told["GF_AUTH_GENERIC_OAUTH_AUTH_URL"] == f"{realm}/auth"
    assert told["GF_AUTH_GENERIC_OAUTH_TOKEN_URL"] == f"{realm}/token"
    assert told["GF_AUTH_GENERIC_OAUTH_API_URL"] == f"{realm}/userinfo"
    assert told["GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_STRICT"] == "true"
    assert told["GF_AUTH_DISABLE_LOGIN_FORM"] == "true"
    assert told["GF_AUTH_ANONYMOUS_ENABLED"] == "false"
    assert told["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"


def test_its_secret_is_in_a_secret_and_nowhere_else(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    others = {name: one.inputs for name, one in fake_cloud.resources.items()}
    del others["main-grafana-secrets"]
    assert "grafana's" not in str(others)


def test_the_role_is_that_of_the_first_group_that_has_one() -> None:
    login: Any = {**LOGIN, "administrators": ["platform"], "editors": ["ml", "web"]}
    assert role_expression(login) == (
        "(contains(groups[*], 'platform')) && 'Admin' || "
        "(contains(groups[*], 'ml') || contains(groups[*], 'web')) && 'Editor' || "
        "(contains(groups[*], 'data-science')) && 'Viewer'"
    )


def test_it_asks_the_prometheus_that_it_is_given(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    data = fake_cloud.inputs("main-grafana-provisioning")["data"]
    sources = json.loads(data["datasources.yaml"])["datasources"]
    assert [source["url"] for source in sources] == [
        "http://main-prometheus.watch.svc:9090",
        "http://main-alertmanager.watch.svc:9093",
    ]


def test_all_dashboards_are_there_and_found(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare_grafana)
    data = fake_cloud.inputs("main-grafana-dashboards")["data"]
    assert set(data) == {f"{one.name}.json" for one in DASHBOARDS}
    # A ConfigMap holds no more than that.
    assert sum(map(len, data.values())) < 900_000
    provisioning = fake_cloud.inputs("main-grafana-provisioning")["data"]
    (provider,) = json.loads(provisioning["dashboards.yaml"])["providers"]
    (container,) = fake_cloud.inputs("main-grafana")["spec"]["template"]["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert provider["options"]["path"] == mounts["dashboards"]


@pytest.mark.parametrize("told", DASHBOARDS, ids=lambda told: told.name)
def test_dashboards_are_what_grafana_s_own_types_read(told: Dashboard) -> None:
    text = rendered(told)
    assert rendered(told) == text
    known = Known.from_json(json.loads(text))
    assert known.uid == f"cumulo-{told.name}"
    panels = [one for one in json.loads(text)["panels"] if one["type"] != "row"]
    assert [one["title"] for one in panels] == [panel.title for panel in told.panels()]
    for shown, panel in zip(panels, told.panels(), strict=True):
        assert [one["expr"] for one in shown["targets"]] == [one.expr for one in panel.queries]
        letters = [one["refId"] for one in shown["targets"]]
        assert len(set(letters)) == len(letters)
        assert all(letters)
    numbers = [one["id"] for one in json.loads(text)["panels"]]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize("told", DASHBOARDS, ids=lambda told: told.name)
def test_queries_use_the_variables_that_there_are(told: Dashboard) -> None:
    known = {variable.name for variable in told.variables}
    used = {
        name
        for panel in told.panels()
        for query in panel.queries
        for name in re.findall(r"\$(\w+)", query.expr)
    }
    assert used - {"__rate_interval"} == known


def test_dashboards_are_for_the_grafana_that_runs() -> None:
    from importlib.metadata import version

    built_for = version("grafana-foundation-sdk").partition("!")[2]
    assert GRAFANA.rpartition(".")[0] == built_for.rpartition(".")[0]


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"login": {**LOGIN, "viewers": []}}, "login.viewers", "nobody may look"),
        ({"login": {**LOGIN, "viewers": ["a'b"]}}, "login", "no name of a group"),
        ({"login": {**LOGIN, "realm": "x"}}, "login.realm", "unknown field"),
        ({"memory": 64}, "memory", "not a whole number from 256"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare_grafana(**changes))
    assert caught.value.field == field
