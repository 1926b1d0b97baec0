"""What the component declares, on a fake cluster: what it does there is for tests on a real one."""

import doctest
from typing import Any

import pulumi
import pytest
from cumulo import platform
from cumulo.infra import ArgumentError
from cumulo.platform import AccessRules, Gateway, Route, ServiceHandle, allow
from cumulo.platform.gateway import answers

from tests.fake_cloud import FakeCloud

MLFLOW = ServiceHandle(
    name="mlflow",
    namespace="models",
    service="tracking",
    port=80,
    pod_port=5000,
    labels={"app": "mlflow"},
)
GRAFANA = ServiceHandle(
    name="grafana",
    namespace="monitoring",
    service="grafana",
    port=3000,
    pod_port=3000,
    labels={"app": "grafana"},
)
KEYCLOAK = ServiceHandle(
    name="keycloak",
    namespace="identity",
    service="keycloak",
    port=80,
    pod_port=8080,
    labels={"app": "keycloak"},
)
RULES = AccessRules(
    roles={"data-science": "makes models"},
    routes={
        "models": Route(backend=MLFLOW, path="/models/", rules=[allow("data-science")]),
        "models-api": Route(
            backend=MLFLOW, path="/models/api/", within="models", rules=[allow("data-science")]
        ),
        "charts": Route(backend=GRAFANA, subdomain="charts", rules=[allow("data-science")]),
    },
)
REALM: dict[str, Any] = {
    "issuer": "https://ml.example.org/realms/ml",
    "client_id": "gateway",
    "client_secret": "CLIENT-SECRET",
    "audience": "ml",
}
ARGS: dict[str, Any] = {
    "namespace": "gateway",
    "host": "ml.example.org",
    "rules": RULES,
    "realm": REALM,
    "certificate": "CERTIFICATE",
    "private_key": "PRIVATE-KEY",
    "clients": ["10.0.0.0/8"],
}
SECRET = "4dabf18193072939515e22adb298388d"


def declare(cloud: FakeCloud, **changes: Any) -> FakeCloud:
    args: Any = {**ARGS, **changes}
    cloud.run(lambda: Gateway("gateway", args))
    return cloud


def plain(value: Any) -> Any:
    """An input without the marks of secrets."""
    if isinstance(value, dict):
        if SECRET in value:
            return plain(value["value"])
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


def configuration(cloud: FakeCloud) -> str:
    return str(cloud.inputs("gateway-configuration")["data"]["httpd.conf"])


def pod(cloud: FakeCloud) -> Any:
    return plain(cloud.inputs("gateway-deployment"))["spec"]["template"]


def test_only_the_gateway_reaches_the_services(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud)

    policy = fake_cloud.inputs("gateway-to-mlflow")
    assert policy["metadata"]["namespace"] == "models"
    assert policy["spec"] == {
        "podSelector": {"matchLabels": {"app": "mlflow"}},
        "policyTypes": ["Ingress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": "gateway"}
                        },
                        "podSelector": {"matchLabels": pod(fake_cloud)["metadata"]["labels"]},
                    }
                ],
                "ports": [{"port": 5000, "protocol": "TCP"}],
            }
        ],
    }
    assert fake_cloud.inputs("gateway-to-grafana")["metadata"]["namespace"] == "monitoring"
    assert set(fake_cloud.of_type("NetworkPolicy")) == {
        "gateway-to-mlflow",
        "gateway-to-grafana",
        "gateway-pods",
    }


def test_the_gateway_reaches_what_it_needs_and_is_reached_by_clients(fake_cloud: FakeCloud) -> None:
    realm = {**REALM, "service": KEYCLOAK}
    declare(fake_cloud, realm=realm, monitors=["monitoring"])

    spec = fake_cloud.inputs("gateway-pods")["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    clients, monitors = spec["ingress"]
    assert clients["from"] == [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
    assert [port["port"] for port in clients["ports"]] == [8443, 8080]
    assert [port["port"] for port in monitors["ports"]] == [8081]
    names, *services = spec["egress"]
    assert {port["port"] for port in names["ports"]} == {53}
    reached = {
        (
            rule["to"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
            rule["ports"][0]["port"],
        )
        for rule in services
    }
    assert reached == {("models", 5000), ("monitoring", 3000), ("identity", 8080)}


def test_a_provider_elsewhere_is_reached_by_https(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud)
    assert {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
        "ports": [{"port": 443, "protocol": "TCP"}],
    } in fake_cloud.inputs("gateway-pods")["spec"]["egress"]


def test_everyone_may_be_a_client_if_that_is_said(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud, clients=["world"])
    assert "from" not in fake_cloud.inputs("gateway-pods")["spec"]["ingress"][0]
    service = fake_cloud.inputs("gateway-service")["spec"]
    assert "loadBalancerSourceRanges" not in service


def test_clients_come_by_a_load_balancer_and_are_seen(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud)
    service = fake_cloud.inputs("gateway-service")["spec"]
    assert service["type"] == "LoadBalancer"
    assert service["externalTrafficPolicy"] == "Local"
    assert service["loadBalancerSourceRanges"] == ["10.0.0.0/8"]
    assert {port["port"]: port["targetPort"] for port in service["ports"]} == {
        443: "https",
        80: "http",
    }


def test_services_are_asked_by_their_names(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud, realm={**REALM, "service": KEYCLOAK})
    text = configuration(fake_cloud)
    assert 'ProxyPass "/models/" "http://tracking.models.svc:80/models/"' in text
    assert 'ProxyPass "/" "http://grafana.monitoring.svc:3000/"' in text
    inside = "http://keycloak.identity.svc:80/realms/ml/protocol/openid-connect"
    assert f"OIDCProviderJwksUri {inside}/certs" in text
    assert f"OIDCProviderTokenEndpoint {inside}/token" in text
    assert (
        "OIDCProviderAuthorizationEndpoint "
        "https://ml.example.org/realms/ml/protocol/openid-connect/auth" in text
    )


def test_what_is_secret_is_in_the_secret_alone(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud)
    for value in ("CLIENT-SECRET", "PRIVATE-KEY"):
        holders = {name for name, args in fake_cloud.resources.items() if value in str(args.inputs)}
        assert holders == {"gateway-secrets"}
    held = fake_cloud.inputs("gateway-secrets")["stringData"]
    assert set(plain(held)) == {"client-secret", "session-key", "tls.crt", "tls.key"}
    assert SECRET in str(held)


def test_httpd_finds_its_files(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud, authority="AUTHORITY")
    config_map = fake_cloud.inputs("gateway-configuration")["data"]
    assert set(config_map) == {"httpd.conf", "ca.crt", *answers.files()}
    (volume,) = [one for one in pod(fake_cloud)["spec"]["volumes"] if "projected" in one]
    secret = volume["projected"]["sources"][1]["secret"]
    assert {item["key"]: item["path"] for item in secret["items"]} == {
        "client-secret": "secrets/client-secret",
        "session-key": "secrets/session-key",
        "tls.crt": "tls/tls.crt",
        "tls.key": "tls/tls.key",
    }
    text = config_map["httpd.conf"]
    for path in (*(item["path"] for item in secret["items"]), "ca.crt"):
        assert f"/etc/cumulo/gateway/{path}" in text


def test_a_change_of_rules_or_secrets_rolls_the_pods(fake_cloud: FakeCloud) -> None:
    def annotations(**changes: Any) -> dict[str, str]:
        found: dict[str, str] = pod(declare(FakeCloud(), **changes))["metadata"]["annotations"]
        return found

    before = annotations()
    assert annotations() == before
    fewer = AccessRules(roles=RULES.roles, routes={"models": RULES.routes["models"]})
    changed = {
        "rules": annotations(rules=fewer),
        "certificate": annotations(certificate="RENEWED"),
        "secret": annotations(realm={**REALM, "client_secret": "NEW"}),
        "size": annotations(size="large"),
    }
    assert {name: one != before for name, one in changed.items()} == dict.fromkeys(changed, True)


def test_its_pods_are_restricted(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud)
    spec = pod(fake_cloud)["spec"]
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["image"] == "cumulo.local/gateway:1"
    assert {port["containerPort"] for port in container["ports"]} == {8443, 8080, 8081}
    assert container["resources"]["limits"]["memory"]
    assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_replicas_are_apart_and_one_always_stays(fake_cloud: FakeCloud) -> None:
    declare(fake_cloud, replicas=3)
    assert fake_cloud.inputs("gateway-budget")["spec"]["minAvailable"] == 1
    deployment = fake_cloud.inputs("gateway-deployment")["spec"]
    assert deployment["replicas"] == 3
    assert deployment["strategy"]["rollingUpdate"]["maxUnavailable"] == 1
    assert "podAntiAffinity" in pod(fake_cloud)["spec"]["affinity"]

    alone = declare(FakeCloud())
    assert not alone.of_type("PodDisruptionBudget")
    assert alone.inputs("gateway-deployment")["spec"]["strategy"]["rollingUpdate"] == {
        "maxUnavailable": 0
    }


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"host": "localhost"}, "host", "not a name such as"),
        ({"host": 'x"y.org'}, "host", "not a name such as"),
        ({"clients": []}, "clients", "nobody could reach it"),
        ({"clients": ["0.0.0.0/0"]}, "clients[0]", "say 'world'"),
        ({"size": "huge"}, "size", "not one of small, medium, large"),
        ({"replicas": 0}, "replicas", "from 1 up"),
        ({"session_seconds": 5}, "session_seconds", "from 60 up"),
        ({"realm": {**REALM, "audience": "gateway"}}, "realm.audience", "is the client's id"),
        ({"realm": {**REALM, "audience": "a b"}}, "realm.audience", "has characters"),
        ({"realm": {**REALM, "issuer": "ml.example.org"}}, "realm.issuer", "is not a URL"),
        ({"realm": {**REALM, "issuer": "https://x.org/"}}, "realm.issuer", "is not a URL"),
        ({"realm": {**REALM, "roles_claim": "a.b"}}, "realm.roles_claim", "not a claim's name"),
        ({"realm": {"issuer": "https://x.org"}}, "realm.audience", "required"),
        ({"realms": REALM}, "realms", "unknown field"),
    ],
)
def test_refuses_at_construction(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(ArgumentError) as refused:
        declare(fake_cloud, **changes)
    assert refused.value.field == field
    assert words in refused.value.problem
    assert fake_cloud.resources == {}


def test_refuses_two_services_of_one_name(fake_cloud: FakeCloud) -> None:
    other = ServiceHandle(
        name="mlflow", namespace="b", service="b", port=80, pod_port=80, labels={"app": "b"}
    )
    rules = AccessRules(
        roles=RULES.roles,
        routes={
            **RULES.routes,
            "other": Route(backend=other, path="/other/", rules=[allow("data-science")]),
        },
    )
    with pytest.raises(ArgumentError, match=r"routes\.other and routes\.models .* 'mlflow'"):
        declare(fake_cloud, rules=rules)


def test_the_example_makes_the_component(fake_cloud: FakeCloud) -> None:
    examples = doctest.DocTestParser().get_examples(platform.Gateway.__doc__ or "")
    source = "".join(example.source for example in examples)

    fake_cloud.run(lambda: exec(source, {"pulumi": pulumi}))  # noqa: S102

    assert "cumulo:index:Gateway" in fake_cloud.components


def test_the_address_is_an_output(fake_cloud: FakeCloud) -> None:
    args: Any = ARGS
    handle = fake_cloud.run(lambda: Gateway("gateway", args).handle)
    assert set(handle.outputs()) == {"url", "address", "namespace", "labels", "status_port"}
