"""What a program says is completed, and refused where it makes no sense."""

import base64
from typing import Any

import pytest
from cumulo.providers.core.check import Autonaming
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.kubernetes.driver import (
    CONFIG_MAP,
    NAMESPACE,
    SECRET,
    RefusedError,
    Stack,
)


def test_what_the_token_says_and_a_name_are_filled_in(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "settings", {"data": {"a": "1"}})
    name = checked["metadata"].pop("name")
    assert name.startswith("settings-")
    assert len(name) == len("settings-") + 8
    assert checked == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "data": {"a": "1"},
        "metadata": {
            "namespace": "default",
            "annotations": {"pulumi.com/autonamed": "true"},
        },
    }


def test_the_same_resource_gets_the_same_name_again(offline: Stack) -> None:
    first = offline.check(CONFIG_MAP, "c", {})
    offline.rerun()
    assert offline.check(CONFIG_MAP, "c", {}) == first
    other = Stack(offline.options)
    assert other.check(CONFIG_MAP, "c", {})["metadata"]["name"] != first["metadata"]["name"]


def test_a_replacement_gets_another_name(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "c", {"data": {"a": "1"}})
    urn = offline.urn(CONFIG_MAP, "c")
    identity = f"default/{checked['metadata']['name']}"
    offline.provider.diff(urn, identity, {**checked, "__inputs": checked}, checked)
    assert offline.check(CONFIG_MAP, "c", {})["metadata"]["name"] != checked["metadata"]["name"]


def test_a_name_stays_once_it_is_made(offline: Stack) -> None:
    first = offline.check(CONFIG_MAP, "c", {})
    again = offline.check(CONFIG_MAP, "c", {"data": {"b": "2"}}, first)
    assert again["metadata"] == first["metadata"]


def test_a_name_of_the_users_own_is_kept_as_it_is(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "c", {"metadata": {"name": "mine", "namespace": "n"}})
    assert checked["metadata"] == {"name": "mine", "namespace": "n"}


def test_the_engine_may_name_things(offline: Stack) -> None:
    urn = offline.urn(CONFIG_MAP, "c")
    checked, _ = offline.provider.check(urn, {}, {}, b"", Autonaming("ours-c", enforced=True))
    assert checked["metadata"]["name"] == "ours-c"
    _, failures = offline.provider.check(urn, {}, {}, b"", Autonaming("", enforced=True))
    assert [failure.path for failure in failures] == ["metadata.name"]


def test_what_lies_in_no_namespace_gets_none(offline: Stack) -> None:
    checked = offline.check(NAMESPACE, "n", {"metadata": {"name": "n", "namespace": "wrong"}})
    assert checked["metadata"] == {"name": "n"}
    role = offline.check("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "r", {})
    assert "namespace" not in role["metadata"]


def test_a_definition_says_where_its_objects_lie(offline: Stack) -> None:
    definition = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    spec = {"group": "test.dev", "scope": "Cluster", "names": {"kind": "Planet"}}
    offline.check(definition, "d", {"metadata": {"name": "planets.test.dev"}, "spec": spec})
    planet = offline.check("kubernetes:test.dev/v1:Planet", "p", {"metadata": {"name": "mars"}})
    assert planet["metadata"] == {"name": "mars"}
    moon = offline.check("kubernetes:test.dev/v1:Moon", "m", {"metadata": {"name": "io"}})
    assert moon["metadata"] == {"name": "io", "namespace": "default"}


def test_the_namespace_of_the_configuration_is_the_default() -> None:
    stack = Stack({"kubeconfig": "/nowhere", "namespace": "team"})
    assert stack.check(CONFIG_MAP, "c", {})["metadata"]["namespace"] == "team"


def test_values_that_are_not_known_yet_stay_so(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "c", {"metadata": UNKNOWN, "data": {"a": UNKNOWN}})
    assert checked["metadata"] is UNKNOWN
    assert checked["data"]["a"] is UNKNOWN
    named = offline.check(CONFIG_MAP, "c", {"metadata": {"name": UNKNOWN}})
    assert named["metadata"]["name"] is UNKNOWN


def test_nulls_are_left_to_the_cluster(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "c", {"data": {"a": None}, "immutable": None})
    assert checked["data"] == {}
    assert "immutable" not in checked


def test_a_secret_is_one_and_is_encoded(offline: Stack) -> None:
    checked = offline.check(SECRET, "s", {"stringData": {"password": "x"}, "data": {"k": "eQ=="}})
    assert "stringData" not in checked
    assert checked["data"] == Secret({"k": "eQ==", "password": base64.b64encode(b"x").decode()})


def test_what_is_secret_in_the_program_stays_secret(offline: Stack) -> None:
    checked = offline.check(CONFIG_MAP, "c", {"data": {"a": Secret("x"), "b": "y"}})
    assert checked["data"] == {"a": Secret("x"), "b": "y"}


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"metadata": "x"}, "metadata must be an object, not 'x'"),
        ({"metadata": {"name": 3}}, "metadata.name must be a string, not 3"),
        ({"metadata": {"labels": {"a": True}}}, "metadata.labels.a must be a string, not True"),
        ({"metadata": {"annotations": []}}, "metadata.annotations must be an object, not []"),
        ({"metadata": {"generateName": "c-"}}, "metadata.generateName is not supported"),
        ({"kind": "Secret"}, "kind must be ConfigMap, not 'Secret'"),
        ({"apiVersion": "v2"}, "apiVersion must be v1, not 'v2'"),
        ({"apiVersion": 1}, "apiVersion must be v1, not 1"),
    ],
)
def test_bad_input_is_refused_by_name(offline: Stack, inputs: dict[str, Any], message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        offline.check(CONFIG_MAP, "c", inputs)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        ("timeoutSeconds", "1m", "must be whole seconds, not '1m'"),
        ("deletionPropagationPolicy", "later", "must be one of background, foreground, orphan"),
        ("waitFor", "Ready", "'Ready' must be condition=Type"),
        ("waitFor", '["condition=Ready", "jsonpath=.a"]', "'jsonpath=.a' must be jsonpath={.path}"),
    ],
)
def test_annotations_for_the_provider_are_checked(
    offline: Stack, annotation: str, value: str, message: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        offline.check(
            CONFIG_MAP, "c", {"metadata": {"annotations": {f"pulumi.com/{annotation}": value}}}
        )
    assert f"metadata.annotations.pulumi.com/{annotation} {message}" in str(refused.value)


def test_a_patch_must_say_of_what(offline: Stack) -> None:
    token = "kubernetes:core/v1:ConfigMapPatch"
    with pytest.raises(RefusedError, match=r"metadata\.name is required"):
        offline.check(token, "p", {"kind": "ConfigMap", "apiVersion": "v1"})
    checked = offline.check(
        token, "p", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "c"}}
    )
    assert checked["metadata"] == {"name": "c", "namespace": "default"}


@pytest.mark.parametrize(
    "token",
    [
        "kubernetes:helm.sh/v3:Release",
        "kubernetes:helm.sh/v4:Chart",
        "kubernetes:kustomize/v2:Directory",
    ],
)
def test_what_only_the_official_provider_has_is_refused_by_name(offline: Stack, token: str) -> None:
    with pytest.raises(ProviderError, match=f"{token} is not supported by cumulo's kubernetes"):
        offline.check(token, "x", {})


def test_lists_are_refused(offline: Stack) -> None:
    with pytest.raises(ProviderError, match="make the objects of the list by themselves"):
        offline.check("kubernetes:core/v1:ConfigMapList", "l", {})
