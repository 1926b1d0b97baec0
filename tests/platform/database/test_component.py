"""What a database is made of; that it works is tested with the real server."""

import json
from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform.database import server_files
from cumulo.platform.database.arguments import DatabaseArgs
from cumulo.platform.database.component import Database

from tests.fake_cloud import FakeCloud

REPOSITORY = {
    "endpoint": "https://objects.example.org:8443",
    "region": "RegionOne",
    "bucket": "backups",
    "access_key": "AK",
    "secret_key": pulumi.Output.secret("SK"),
    "ca": "CA",
}
ARGS: dict[str, Any] = {
    "namespace": "data",
    "consumers": {
        "keycloak": {"clients": [{"namespace": "identity", "pods": {"app": "keycloak"}}]},
        "ml_flow": {"clients": [{"namespace": "models"}], "connections": 7},
    },
}


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()


def declare(**changes: Any) -> Database:
    args: DatabaseArgs = ARGS | changes  # type: ignore[assignment]
    return Database("main", args)


def secret(value: Any) -> Any:
    """What a secret has, on the wire."""
    return value["value"] if isinstance(value, dict) and "value" in value else value


def test_only_pods_that_consumers_name_reach_it(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    clients, backups = fake_cloud.inputs("main-clients")["spec"]["ingress"]
    own = {
        "podSelector": {
            "matchLabels": {
                "app.kubernetes.io/name": "postgresql-job",
                "app.kubernetes.io/instance": "main",
            }
        }
    }
    assert clients["ports"] == [{"port": 5432}]
    assert clients["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "identity"}},
            "podSelector": {"matchLabels": {"app": "keycloak"}},
        },
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "models"}}},
        own,
    ]
    assert backups["from"] == [own]


def test_each_role_has_its_own_database_and_nobody_another(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    rules = fake_cloud.inputs("main-config")["data"]["pg_hba.conf"].splitlines()
    assert 'hostssl "keycloak" "keycloak" all scram-sha-256' in rules
    assert 'hostssl "ml_flow" "ml_flow" all scram-sha-256' in rules
    assert rules[-1] == "host all all all reject"


def test_without_backups_nothing_asks_for_a_bucket(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert not fake_cloud.of_type("CronJob")
    assert "archive" not in fake_cloud.inputs("main-config")["data"]["postgresql.conf"]
    (server,) = fake_cloud.of_type("StatefulSet").values()
    assert "PGBACKREST" not in json.dumps(server)


def test_backups_are_made_from_the_beginning(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(backups={"repository": REPOSITORY, "keep": 2}))
    data = fake_cloud.inputs("main-config")["data"]
    assert "archive_mode = 'on'" in data["postgresql.conf"]
    assert "repo1-retention-full=2" in data["pgbackrest.conf"]
    repository = secret(fake_cloud.inputs("main-repository")["stringData"])
    assert secret(repository["endpoint"]) == "objects.example.org"
    assert secret(repository["port"]) == "8443"
    assert sorted(fake_cloud.of_type("CronJob")) == ["main-full", "main-incremental"]
    assert "main-first-backup-job" in fake_cloud.resources


def test_pods_may_do_nothing_that_they_need_not(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(backups={"repository": REPOSITORY}))
    pods = [
        fake_cloud.inputs(name)["spec"]["template"]["spec"]
        for name in ("main-server", "main-keycloak-job", "main-first-backup-job")
    ]
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"]
        assert not pod["automountServiceAccountToken"]
        for container in [*pod["containers"], *pod.get("initContainers", [])]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_only_secrets_are_secret(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(backups={"repository": REPOSITORY}))
    for name, inputs in {**fake_cloud.of_type("Job"), **fake_cloud.of_type("StatefulSet")}.items():
        assert "4dabf18193072939515e22adb298388d" not in str(inputs), name


def test_the_handle_gives_each_consumer_its_own_way_in(fake_cloud: FakeCloud) -> None:
    found: list[Any] = []

    def program() -> None:
        way = declare().handle.credential("keycloak")
        pulumi.Output.all(way.host, way.ca).apply(found.append)
        assert (way.port, way.database, way.user) == (server_files.PORT, "keycloak", "keycloak")

    fake_cloud.run(program)
    assert found == [["main.data.svc.cluster.local", "CERTIFICATE main-ca-certificate\n"]]


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"consumers": {"Keycloak": {"clients": []}}}, "consumers.Keycloak", "lower-case"),
        ({"consumers": {"postgres": {"clients": []}}}, "consumers.postgres", "PostgreSQL's own"),
        ({"consumers": {"a": {}}}, "consumers.a.clients", "required"),
        ({"consumers": {"a": {"clients": [{"ns": "b"}]}}}, "consumers.a.clients.ns", "unknown"),
        ({"memory": 64}, "memory", "not a whole number from 128"),
        ({"restore": "latest"}, "restore", "no backups"),
        ({"backups": {}}, "backups.repository", "required"),
        ({"size": "1Gi"}, "size", "unknown field"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare(**changes))
    assert caught.value.field == field


def test_an_endpoint_without_tls_is_refused(fake_cloud: FakeCloud) -> None:
    repository = {**REPOSITORY, "endpoint": "http://objects.example.org"}
    with pytest.raises(Exception, match=r"backups\.repository\.endpoint: .* is no https"):
        fake_cloud.run(lambda: declare(backups={"repository": repository}))
