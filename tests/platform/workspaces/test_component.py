"""What a workspace is made of; that two of them are apart is seen in a cluster."""

import doctest
import json
from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform import DatabaseCredential, GatewayHandle, ModelsHandle, ServiceHandle
from cumulo.platform.workspaces.component import Workspace

from tests.fake_cloud import FakeCloud

QUOTA = {"cpu": "16", "memory": "64Gi", "gpus": 2}
BUCKET = {
    "endpoint": "https://objects.example.org",
    "region": "RegionOne",
    "bucket": "vision",
    "access_key": "AK",
    "secret_key": pulumi.Output.secret("bucket's secret"),
    "ca": "BUCKET'S CA",
}
SECRET = "4dabf18193072939515e22adb298388d"


def everything() -> dict[str, Any]:
    return {
        "gateway": GatewayHandle(
            name="gateway",
            url=pulumi.Output.from_input("https://ml.example.org"),
            address=pulumi.Output.from_input("203.0.113.1"),
            namespace="gateway",
            labels={"app": "gateway"},
        ),
        "reach": ["10.1.0.0/24"],
        "bucket": BUCKET,
        "database": DatabaseCredential(
            host=pulumi.Output.from_input("main.data.svc.cluster.local"),
            port=5432,
            database="vision",
            user="vision",
            password=pulumi.Output.secret("database's secret"),
            ca=pulumi.Output.from_input("DATABASE'S CA"),
        ),
        "registry": {
            "hostname": "registry.example.org",
            "project": "vision",
            "password": pulumi.Output.secret("registry's secret"),
        },
        "models": ModelsHandle(
            name="mlflow",
            url=pulumi.Output.from_input("https://models.ml.example.org"),
            service=ServiceHandle(
                name="mlflow", namespace="m", service="m", port=1, pod_port=1, labels={}
            ),
            teams=["speech", "vision"],
        ),
        "client": {
            "token_endpoint": "https://ml.example.org/realms/ml/protocol/openid-connect/token",
            "client_id": "team-vision",
            "client_secret": pulumi.Output.secret("client's secret"),
        },
    }


def declare(**changes: Any) -> Workspace:
    args: Any = {"quota": QUOTA, **changes}
    return Workspace("vision", args)


def plain(value: Any) -> Any:
    """An input without the marks of secrets."""
    if isinstance(value, dict):
        if SECRET in value:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def test_pods_are_held_to_the_strictest_standard(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    labels = fake_cloud.inputs("vision-namespace")["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_a_team_has_its_share_and_no_way_past_the_gateway(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    hard = fake_cloud.inputs("vision-quota")["spec"]["hard"]
    assert hard["requests.nvidia.com/gpu"] == "2"
    assert (hard["requests.cpu"], hard["requests.memory"], hard["limits.memory"]) == (
        *("16", "64Gi", "64Gi"),
    )
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")


def test_its_people_may_not_widen_what_they_have(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(group="vision-people"))
    (subject,) = fake_cloud.inputs("vision-people")["subjects"]
    assert (subject["kind"], subject["name"]) == ("Group", "oidc:vision-people")
    writes = {
        resource
        for rule in fake_cloud.inputs("vision-role")["rules"]
        if {"create", "update", "patch", "delete"} & set(rule["verbs"])
        for resource in rule["resources"]
    }
    assert {"pods", "jobs", "services"} <= writes
    kept = {"networkpolicies", "resourcequotas", "limitranges", "roles", "rolebindings"}
    assert not writes & (kept | {"serviceaccounts", "serviceaccounts/token", "*"})
    assert set(fake_cloud.of_type("RoleBinding")) == {"vision-people"}


def test_pods_reach_names_each_other_and_what_is_named(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(**everything()))
    assert fake_cloud.inputs("vision-nothing-else")["spec"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    spec = fake_cloud.inputs("vision-team")["spec"]
    gateway = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}},
        "podSelector": {"matchLabels": {"app": "gateway"}},
    }
    assert [one["from"] for one in spec["ingress"]] == [[{"podSelector": {}}], [gateway]]
    own, names, to_gateway, database, reach = spec["egress"]
    assert own == {"to": [{"podSelector": {}}]}
    assert {one["port"] for one in names["ports"]} == {53}
    assert to_gateway == {"to": [gateway], "ports": [{"port": 8443, "protocol": "TCP"}]}
    assert database == {
        "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}}}],
        "ports": [{"port": 5432, "protocol": "TCP"}],
    }
    assert reach == {"to": [{"ipBlock": {"cidr": "10.1.0.0/24"}}]}


def test_without_more_pods_reach_each_other_alone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    spec = fake_cloud.inputs("vision-team")["spec"]
    assert (len(spec["ingress"]), len(spec["egress"])) == (1, 2)
    assert not fake_cloud.of_type("Secret")


def test_pods_find_what_the_team_has(fake_cloud: FakeCloud) -> None:
    handle = fake_cloud.run(lambda: declare(**everything())).handle
    told = {
        about: plain(fake_cloud.inputs(f"vision-{secret}"))["stringData"]
        for about, secret in handle.environment.items()
    }
    assert set(told) == {"bucket", "client", "database", "models"}
    assert told["bucket"]["AWS_SECRET_ACCESS_KEY"] == "bucket's secret"
    assert told["database"]["PGSSLMODE"] == "verify-full"
    assert told["models"] == {
        "MLFLOW_TRACKING_URI": "https://models.ml.example.org",
        "MLFLOW_WORKSPACE": "vision",
    }
    files = fake_cloud.inputs("vision-authorities")["data"]
    assert files == {"bucket.crt": "BUCKET'S CA", "database.crt": "DATABASE'S CA"}
    for variables in (told["bucket"]["AWS_CA_BUNDLE"], told["database"]["PGSSLROOTCERT"]):
        assert variables.removeprefix("/etc/cumulo/authorities/") in files


def test_the_team_s_images_are_pulled_by_what_its_pods_run_as(fake_cloud: FakeCloud) -> None:
    handle = fake_cloud.run(lambda: declare(**everything())).handle
    account = fake_cloud.inputs("vision-account")
    assert account["metadata"]["name"] == handle.service_account
    assert account["imagePullSecrets"] == [{"name": "registry"}]
    assert not account["automountServiceAccountToken"]
    login = json.loads(
        plain(fake_cloud.inputs("vision-registry"))["stringData"][".dockerconfigjson"]
    )
    assert login["auths"]["registry.example.org"]["password"] == "registry's secret"


def test_secrets_are_in_secrets_alone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(**everything()))
    for name, one in fake_cloud.resources.items():
        if not one.typ.endswith(":Secret"):
            assert "'s secret" not in str(one.inputs), name


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"namespace": "Vision"}, "namespace", "not a name"),
        ({"namespace": "kube-system"}, "namespace", "Kubernetes' own"),
        ({"group": "a b"}, "group", "not the name of a group"),
        ({"quota": {"cpu": "1"}}, "quota.memory", "required"),
        ({"quota": {**QUOTA, "memory": "64 GB"}}, "quota.memory", "no quantity"),
        ({"quota": {**QUOTA, "gpus": -1}}, "quota.gpus", "from 0"),
        ({"container": {"ram": "1Gi"}}, "container.ram", "unknown field"),
        ({"reach": ["10.1.0.0/24", "anywhere"]}, "reach[1]", "anywhere"),
        ({"bucket": {"bucket": "b"}}, "bucket.access_key", "required"),
        ({"registry": {"hostname": "h"}}, "registry.password", "required"),
        ({"group": "audio", "models": everything()["models"]}, "models", "speech, vision"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare(**changes))
    assert caught.value.field == field


def test_a_database_elsewhere_is_refused(fake_cloud: FakeCloud) -> None:
    database = DatabaseCredential(
        host=pulumi.Output.from_input("db.example.org"),
        port=5432,
        database="d",
        user="u",
        password=pulumi.Output.secret("p"),
        ca=pulumi.Output.from_input("CA"),
    )
    with pytest.raises(Exception, match=r"database: 'db\.example\.org' is no service"):
        fake_cloud.run(lambda: declare(database=database))


def test_the_example_makes_the_component(fake_cloud: FakeCloud) -> None:
    examples = doctest.DocTestParser().get_examples(Workspace.__doc__ or "")
    source = "".join(example.source for example in examples)
    fake_cloud.run(lambda: exec(source, {"pulumi": pulumi}))  # noqa: S102
    assert "vision-bucket" in fake_cloud.resources
