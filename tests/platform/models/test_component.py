"""What `Models` is made of; that it works is tested with the real server."""

import doctest
from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform import DatabaseCredential, Models
from cumulo.platform.models import server_files

from tests.fake_cloud import FakeCloud

SECRET = "4dabf18193072939515e22adb298388d"
ARTIFACTS = {
    "endpoint": "https://objects.example.org:8080/",
    "region": "RegionOne",
    "bucket": "models",
    "access_key": "AK",
    "secret_key": pulumi.Output.secret("bucket's secret"),
    "ca": "BUCKET'S CA",
}


def declare(**changes: Any) -> Models:
    args: Any = {
        "namespace": "models",
        "url": "https://models.ml.example.org/",
        "database": DatabaseCredential(
            host=pulumi.Output.from_input("main.data.svc"),
            port=5432,
            database="mlflow",
            user="mlflow",
            password=pulumi.Output.secret("p@ss/word"),
            ca=pulumi.Output.from_input("DATABASE'S CA"),
        ),
        "artifacts": ARTIFACTS,
        "teams": {"vision": {}, "speech": {"members": ["speech-people"], "readers": ["auditors"]}},
        **changes,
    }
    return Models("mlflow", args)


def plain(value: Any) -> Any:
    """An input without the marks of secrets."""
    if isinstance(value, dict):
        if SECRET in value:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def pod(cloud: FakeCloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.inputs("mlflow-server")["spec"]["template"]["spec"]
    return found


def environment(cloud: FakeCloud) -> dict[str, Any]:
    (container,) = pod(cloud)["containers"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_the_database_is_believed_by_its_certificate_and_name(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert plain(fake_cloud.inputs("mlflow-secrets"))["stringData"]["database"] == (
        "postgresql+psycopg2://mlflow:p%40ss%2Fword@main.data.svc:5432/mlflow"
        "?sslmode=verify-full&sslrootcert=/etc/cumulo/authorities/database.crt"
    )


def test_secrets_are_in_a_secret_and_nowhere_else(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    told = environment(fake_cloud)
    for variable, key in server_files.SECRETS.items():
        assert told[variable] == {"secretKeyRef": {"name": "mlflow", "key": key}}
    others = {name: one.inputs for name, one in fake_cloud.resources.items()}
    del others["mlflow-secrets"]
    assert "bucket's secret" not in str(others)
    assert "p@ss" not in str(others)
    assert "p%40ss" not in str(others)
    # The usual variables would open the bucket to whatever location a client makes up.
    assert not {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} & set(told)


def test_the_pod_has_the_whole_plugin_where_python_looks(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    data = fake_cloud.inputs("mlflow-plugin")["data"]
    volume = next(one for one in pod(fake_cloud)["volumes"] if one["name"] == "plugin")
    placed = {one["path"]: data[one["key"]] for one in volume["configMap"]["items"]}
    assert placed == server_files.package()
    (container,) = pod(fake_cloud)["containers"]
    mounts = {one["name"]: one["mountPath"] for one in container["volumeMounts"]}
    told = environment(fake_cloud)
    assert told["PYTHONPATH"] == mounts["plugin"]
    assert told["CUMULO_TEAMS"] == f"{mounts['teams']}/teams.json"
    assert told["AWS_CA_BUNDLE"] == f"{mounts['authorities']}/artifacts.crt"


def test_a_team_is_the_group_that_is_called_so_unless_it_says(fake_cloud: FakeCloud) -> None:
    handle = fake_cloud.run(declare).handle
    assert handle.teams == ["speech", "vision"]
    assert fake_cloud.inputs("mlflow-teams")["data"]["teams.json"] == server_files.roster(
        {"vision": (["vision"], []), "speech": (["speech-people"], ["auditors"])}
    )


def test_browsers_come_by_the_gateway_s_address_alone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    told = environment(fake_cloud)
    assert told["MLFLOW_SERVER_ALLOWED_HOSTS"] == "models.ml.example.org"
    assert told["MLFLOW_SERVER_CORS_ALLOWED_ORIGINS"] == "https://models.ml.example.org"


def test_pods_may_do_nothing_that_they_need_not(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert pod(fake_cloud)["securityContext"]["runAsNonRoot"]
    assert not pod(fake_cloud)["automountServiceAccountToken"]
    for container in (*pod(fake_cloud)["containers"], *pod(fake_cloud)["initContainers"]):
        assert container["securityContext"]["readOnlyRootFilesystem"]
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(("replicas", "budgets"), [(1, 0), (2, 1)])
def test_several_pods_are_not_all_taken_at_once(
    fake_cloud: FakeCloud, replicas: int, budgets: int
) -> None:
    fake_cloud.run(lambda: declare(replicas=replicas))
    assert len(fake_cloud.of_type("PodDisruptionBudget")) == budgets


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"teams": {}}, "teams", "empty"),
        ({"teams": {"Vision": {}}}, "teams.Vision", "not a name"),
        ({"teams": {"default": {}}}, "teams.default", "keeps for itself"),
        ({"teams": {"vision": {"owners": []}}}, "teams.vision.owners", "unknown field"),
        ({"teams": {"vision": {"members": ["a, b"]}}}, "teams.vision.members", "not the name"),
        ({"artifacts": {"bucket": "b"}}, "artifacts.access_key", "required"),
        ({"memory": 256}, "memory", "from 768"),
        ({"replicas": 0}, "replicas", "from 1"),
        ({"size": "small"}, "size", "unknown field"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare(**changes))
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"url": "http://models.example.org"}, "url: .* is no https"),
        ({"url": "https://ml.example.org/models/"}, "url: .* without a path"),
        ({"artifacts": {**ARTIFACTS, "endpoint": "objects"}}, r"artifacts\.endpoint: 'objects'"),
    ],
)
def test_addresses_that_cannot_be_meant_are_refused(
    fake_cloud: FakeCloud, changes: dict[str, Any], problem: str
) -> None:
    with pytest.raises(Exception, match=problem):
        fake_cloud.run(lambda: declare(**changes))


def test_the_example_makes_the_component(fake_cloud: FakeCloud) -> None:
    examples = doctest.DocTestParser().get_examples(Models.__doc__ or "")
    source = "".join(example.source for example in examples)
    fake_cloud.run(lambda: exec(source, {"pulumi": pulumi}))  # noqa: S102
    assert "cumulo:index:Models" in fake_cloud.components
