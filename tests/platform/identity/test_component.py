"""What a Keycloak is made of; that it works is tested with the real one."""

from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform import DatabaseCredential, Identity, IdentityArgs

from tests.fake_cloud import FakeCloud


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()


def declare(**changes: Any) -> Identity:
    args: IdentityArgs = {
        "namespace": "identity",
        "url": "https://platform.example.org/",
        "database": DatabaseCredential(
            host=pulumi.Output.from_input("main.data.svc"),
            port=5432,
            database="keycloak",
            user="keycloak",
            password=pulumi.Output.secret("database's"),
            ca=pulumi.Output.from_input("CA"),
        ),
        **changes,  # type: ignore[typeddict-item]
    }
    return Identity("login", args)


def pod(cloud: FakeCloud) -> dict[str, Any]:
    found: dict[str, Any] = cloud.inputs("login-server")["spec"]["template"]["spec"]
    return found


def environment(cloud: FakeCloud) -> dict[str, Any]:
    (container,) = pod(cloud)["containers"]
    return {one["name"]: one.get("value", one.get("valueFrom")) for one in container["env"]}


def test_it_believes_the_database_s_certificate_alone(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    url = environment(fake_cloud)["KC_DB_URL"]
    assert url.startswith("jdbc:postgresql://main.data.svc:5432/keycloak?sslmode=verify-full&")
    assert "sslrootcert=/etc/cumulo/database/ca.crt" in url


def test_passwords_are_in_a_secret_and_nowhere_else(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    told = environment(fake_cloud)
    reference = {"secretKeyRef": {"name": "login", "key": "database"}}
    assert told["KC_DB_PASSWORD"] == reference
    others = {name: one.inputs for name, one in fake_cloud.resources.items()}
    del others["login-secrets"]
    assert "database's" not in str(others)


def test_the_issuer_is_what_the_gateway_s_address_says(fake_cloud: FakeCloud) -> None:
    found: list[str] = []
    fake_cloud.run(lambda: declare().handle.issuer("team").apply(found.append))
    assert found == ["https://platform.example.org/realms/team"]


@pytest.mark.parametrize(("replicas", "cache", "budgets"), [(1, "local", 0), (2, "ispn", 1)])
def test_several_pods_share_their_sessions(
    fake_cloud: FakeCloud, replicas: int, cache: str, budgets: int
) -> None:
    fake_cloud.run(lambda: declare(replicas=replicas))
    assert environment(fake_cloud)["KC_CACHE"] == cache
    assert len(fake_cloud.of_type("PodDisruptionBudget")) == budgets


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"replicas": 0}, "replicas", "not a whole number from 1"),
        ({"memory": 256}, "memory", "not a whole number from 768"),
        ({"hostname": "x"}, "hostname", "unknown field"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ArgumentError, match=problem) as caught:
        fake_cloud.run(lambda: declare(**changes))
    assert caught.value.field == field


def test_an_address_without_tls_is_refused(fake_cloud: FakeCloud) -> None:
    with pytest.raises(Exception, match="url: 'http://x' is no https"):
        fake_cloud.run(lambda: declare(url="http://x"))
