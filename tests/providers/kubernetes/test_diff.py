"""What a program changes, seen from the state alone: the cluster does not answer."""

from typing import Any

import pytest
from cumulo.providers.core.values import UNKNOWN, Secret

from tests.providers.kubernetes.driver import (
    CONFIG_MAP,
    DEPLOYMENT,
    JOB,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    Entry,
    Stack,
)


def entry(stack: Stack, token: str, added: dict[str, Any] | None = None, **inputs: Any) -> Entry:
    """An entry in the state, whose object has what the cluster `added`."""
    checked = stack.check(token, "x", inputs)
    live = _merged(checked, added or {})
    live["metadata"] = {
        **live["metadata"],
        "uid": "1",
        "resourceVersion": "7",
        "managedFields": [{"manager": "m"}],
    }
    outputs = {
        **live,
        "__inputs": checked,
        "__fieldManager": "pulumi-kubernetes-1",
        "__initialApiVersion": checked["apiVersion"],
    }
    name = checked["metadata"]["name"]
    return Entry(stack.urn(token, "x"), f"default/{name}", checked, outputs)


def _merged(one: Any, other: Any) -> Any:
    if isinstance(one, dict) and isinstance(other, dict):
        return {
            key: _merged(one[key], other[key])
            if key in one and key in other
            else one.get(key, other.get(key))
            for key in one.keys() | other.keys()
        }
    if isinstance(one, list) and isinstance(other, list):
        return [_merged(a, b) for a, b in zip(one, other, strict=True)]
    return other


def deployment(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i:1", **spec.pop("container", {})}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    selector = {"matchLabels": {"app": "x"}}
    return {"spec": {"selector": selector, "template": template, **spec}}


def test_what_the_cluster_fills_in_is_no_change(offline: Stack) -> None:
    added = {
        "spec": {"replicas": 1, "template": {"spec": {"containers": [{"terminationPath": "/x"}]}}},
        "status": {"replicas": 1},
    }
    made = entry(offline, DEPLOYMENT, added, **deployment())
    assert offline.changes(made, **deployment()) == {}


def test_what_the_cluster_writes_differently_is_no_change(offline: Stack) -> None:
    said = deployment(container={"resources": {"limits": {"cpu": "1000m"}}})
    added = {
        "spec": {"template": {"spec": {"containers": [{"resources": {"limits": {"cpu": "1"}}}]}}}
    }
    made = entry(offline, DEPLOYMENT, added, **said)
    assert made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "1"
    assert offline.changes(made, **said) == {}


def test_changes_are_named_by_their_path(offline: Stack) -> None:
    made = entry(offline, DEPLOYMENT, {"spec": {"replicas": 1}}, **deployment(paused=False))
    new = deployment(replicas=3, container={"image": "i:2", "args": ["a"]})
    assert offline.changes(made, **new) == {
        "spec.paused": False,
        "spec.replicas": False,
        "spec.template.spec.containers[0].args": False,
        "spec.template.spec.containers[0].image": False,
    }


def test_keys_with_dots_are_quoted(offline: Stack) -> None:
    made = entry(offline, CONFIG_MAP, metadata={"labels": {"a.b/c": "1"}})
    assert offline.changes(made, metadata={"labels": {"a.b/c": "2"}}) == {
        'metadata.labels["a.b/c"]': False
    }


@pytest.mark.parametrize(
    ("token", "old", "new", "replaced"),
    [
        (CONFIG_MAP, {"data": {"a": "1"}}, {"data": {"a": "2"}}, {"data.a": True}),
        (CONFIG_MAP, {"data": {"a": "1"}}, {"data": {}}, {"data.a": True}),
        (SECRET, {"data": {"a": "eA=="}}, {"data": {"a": "eQ=="}}, {"data.a": True}),
        (
            CONFIG_MAP,
            {"metadata": {"name": "a"}},
            {"metadata": {"name": "b"}},
            {"metadata.name": True},
        ),
        (
            CONFIG_MAP,
            {"metadata": {"name": "a"}},
            {"metadata": {"name": "a", "namespace": "n"}},
            {"metadata.namespace": True},
        ),
        (
            SERVICE,
            {"spec": {"clusterIP": "10.0.0.1"}},
            {"spec": {"clusterIP": "10.0.0.2"}},
            {"spec.clusterIP": True},
        ),
        (
            JOB,
            {"spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}},
            {"spec": {"template": {"spec": {"containers": [{"image": "b"}]}}}},
            {"spec.template.spec.containers[0].image": True},
        ),
        (
            STATEFUL_SET,
            {"spec": {"serviceName": "a", "replicas": 1}},
            {"spec": {"serviceName": "b", "replicas": 2}},
            {"spec.replicas": False, "spec.serviceName": True},
        ),
        (
            "kubernetes:core/v1:Pod",
            {"spec": {"containers": [{"name": "c", "image": "a"}]}},
            {"spec": {"containers": [{"name": "c", "image": "b"}]}},
            {"spec.containers[0].image": True},
        ),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            {"roleRef": {"name": "a"}},
            {"roleRef": {"name": "b"}},
            {"roleRef.name": True},
        ),
        (
            "kubernetes:storage.k8s.io/v1:StorageClass",
            {"provisioner": "a", "parameters": {"x": "1"}},
            {"provisioner": "a", "parameters": {"x": "2"}},
            {"parameters.x": True},
        ),
    ],
)
def test_what_cannot_change_in_place_is_replaced(
    offline: Stack, token: str, old: Any, new: Any, replaced: dict[str, bool]
) -> None:
    assert offline.changes(entry(offline, token, **old), **new) == replaced


def test_data_may_be_made_mutable(offline: Stack) -> None:
    offline.options |= {"enableConfigMapMutable": "true", "enableSecretMutable": True}
    offline.rerun()
    made = entry(offline, CONFIG_MAP, data={"a": "1"})
    assert offline.changes(made, data={"a": "2"}) == {"data.a": False}
    assert offline.changes(made, data={"a": "2"}, immutable=True) == {
        "data.a": True,
        "immutable": False,
    }
    made = entry(offline, SECRET, data={"a": "eA=="})
    assert offline.changes(made, data={"a": "eQ=="}) == {"data.a": False}


def test_the_old_object_goes_first_only_when_it_is_in_the_way(offline: Stack) -> None:
    named = entry(offline, CONFIG_MAP, metadata={"name": "c"}, data={"a": "1"})
    assert offline.diff(named, metadata={"name": "c"}, data={"a": "2"}).delete_first
    assert not offline.diff(named, metadata={"name": "d"}, data={"a": "1"}).delete_first
    autonamed = entry(offline, CONFIG_MAP, data={"a": "1"})
    assert not offline.diff(autonamed, data={"a": "2"}).delete_first


def test_a_name_that_goes_is_a_replacement(offline: Stack) -> None:
    made = entry(offline, CONFIG_MAP, metadata={"name": "c"})
    assert offline.changes(made) == {"metadata.name": True}


def test_ignored_changes_are_left_out(offline: Stack) -> None:
    made = entry(offline, DEPLOYMENT, **deployment(replicas=1))
    checked = offline.check(DEPLOYMENT, "x", deployment(replicas=5, paused=True), made.inputs)
    found = offline.provider.diff(
        made.urn, made.id, made.outputs, checked, frozenset({"spec.replicas"})
    )
    assert [change.key for change in found.changes] == ["spec.paused"]


def test_what_is_not_known_yet_is_a_change(offline: Stack) -> None:
    made = entry(offline, CONFIG_MAP, data={"a": "1"})
    assert offline.changes(made, data={"a": UNKNOWN}) == {"data.a": True}


def test_secrets_are_compared_by_what_is_in_them(offline: Stack) -> None:
    made = entry(offline, CONFIG_MAP, data={"a": Secret("1")})
    assert offline.changes(made, data={"a": "1"}) == {}


def test_the_schema_of_a_definition_may_have_dashes(offline: Stack) -> None:
    token = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
    schema = {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
    said = {"metadata": {"name": "a.b"}, "spec": {"schema": schema, "preserveUnknownFields": False}}
    made = entry(offline, token, {"status": {"storedVersions": ["v1"]}}, **said)
    assert made.inputs["spec"]["schema"] == schema
    assert "preserveUnknownFields" not in made.inputs["spec"]
    assert offline.changes(made, **said) == {}


def test_a_patch_changes_in_place(offline: Stack) -> None:
    token = "kubernetes:apps/v1:DeploymentPatch"
    said: dict[str, Any] = {
        "kind": "Deployment",
        "apiVersion": "apps/v1",
        "metadata": {"name": "d"},
    }
    made = entry(offline, token, **said, spec={"selector": {"matchLabels": {"a": "1"}}})
    new = {**said, "spec": {"selector": {"matchLabels": {"a": "2"}}}}
    assert offline.changes(made, **new) == {"spec.selector.matchLabels.a": False}
