"""The life of objects in a real cluster."""

import threading
import time
from typing import Any

import pytest
from cumulo.providers.core.errors import DeadlineExceeded, ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret, plain
from cumulo.providers.kubernetes import managers
from cumulo.providers.kubernetes.api import ApiError
from cumulo.providers.kubernetes.cluster import Cluster
from cumulo.providers.kubernetes.objects import Kind, Object, at

from tests.providers.kubernetes.driver import (
    CONFIG_MAP,
    DEPLOYMENT,
    NAMESPACE,
    SECRET,
    SERVICE,
    Entry,
    Stack,
)

pytestmark = pytest.mark.cluster

DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"


def live(cluster: Cluster, entry: Entry) -> Object:
    found = cluster.get(entry.outputs)
    assert found is not None
    return found


def deployment(**spec: Any) -> dict[str, Any]:
    """A Deployment that nobody waits for."""
    container = {"name": "c", "image": "example.invalid/c:1", **spec.pop("container", {})}
    labels = {"app": "x"}
    return {
        "metadata": {"name": "d", "annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            **spec,
        },
    }


def test_it_is_made_changed_and_deleted(stack: Stack, cluster: Cluster) -> None:
    stack.options["enableConfigMapMutable"] = "true"
    stack.rerun()
    made = stack.create(CONFIG_MAP, "c", data={"a": "1"}, metadata={"labels": {"x": "y"}})
    assert made.id == f"{stack.options['namespace']}/{made['metadata']['name']}"
    assert made["metadata"]["uid"]
    assert made["__initialApiVersion"] == "v1"
    assert managers.manages(live(cluster, made), made["__fieldManager"])
    assert stack.changes(made, data={"a": "1"}, metadata={"labels": {"x": "y"}}) == {}

    assert stack.update(made, data={"b": "2"}) == {"data.a", "data.b", "metadata.labels"}
    assert live(cluster, made)["data"] == {"b": "2"}
    assert "labels" not in live(cluster, made)["metadata"]

    stack.delete(made)
    assert cluster.get(made.outputs) is None
    stack.delete(made)


def test_a_preview_says_what_will_be(stack: Stack) -> None:
    shown = stack.preview(
        SERVICE, "s", metadata={"name": "s"}, spec={"ports": [{"port": 80}], "selector": {"a": "b"}}
    )
    assert shown["spec"]["type"] == "ClusterIP"
    assert shown["spec"]["ports"][0]["protocol"] == "TCP"
    for unknown in (
        shown["spec"]["clusterIP"],
        shown["status"],
        shown["metadata"]["uid"],
    ):
        assert unknown is UNKNOWN
    waiting = stack.preview(CONFIG_MAP, "c", data={"a": UNKNOWN})
    assert waiting["data"]["a"] is UNKNOWN
    nowhere = stack.preview(CONFIG_MAP, "c", metadata={"namespace": "not-there-yet"})
    assert nowhere["metadata"]["namespace"] == "not-there-yet"
    other = stack.preview("kubernetes:not.there/v1:Planet", "p", spec={"a": 1})
    assert other["spec"] == {"a": 1}


def test_bad_input_is_refused_in_the_preview(stack: Stack) -> None:
    with pytest.raises(ProviderError, match=r"\.spec\.replica: field not declared in schema"):
        stack.preview(DEPLOYMENT, "d", **deployment(replica=3))
    with pytest.raises(ProviderError, match=r"spec\.replicas"):
        stack.preview(DEPLOYMENT, "d", **deployment(replicas=-1))
    with pytest.raises(ProviderError, match=r"metadata\.name"):
        stack.preview(CONFIG_MAP, "c", metadata={"name": "Not_A_Name"})


def test_an_update_is_previewed(stack: Stack) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    checked = stack.check(DEPLOYMENT, "d", deployment(paused=True), made.inputs)
    shown = stack.provider.update(made.urn, made.id, made.outputs, checked, preview=True)
    assert shown["spec"]["paused"] is True
    wrong = stack.check(DEPLOYMENT, "d", deployment(minReadySeconds=-1), made.inputs)
    with pytest.raises(ProviderError, match="minReadySeconds"):
        stack.provider.update(made.urn, made.id, made.outputs, wrong, preview=True)


def test_the_cluster_says_which_differences_are_none(stack: Stack) -> None:
    limits = {"resources": {"limits": {"cpu": "1000m"}}}
    made = stack.create(DEPLOYMENT, "d", **deployment(container=limits))
    same = {"resources": {"limits": {"cpu": "1"}}}
    assert stack.changes(made, **deployment(container=same)) == {}
    more = {"resources": {"limits": {"cpu": "1500m"}}}
    assert stack.changes(made, **deployment(container=more)) == {
        "spec.template.spec.containers[0].resources.limits.cpu": False
    }


def test_what_makes_an_object_the_one_it_is_needs_another(stack: Stack) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    renamed, moved = deployment(), deployment()
    renamed["metadata"]["name"] = "e"
    assert stack.changes(made, **renamed) == {"metadata.name": True}
    moved["metadata"]["namespace"] = "default"
    assert stack.changes(made, **moved) == {"metadata.namespace": True}


def test_a_default_that_is_written_out_does_not_replace(stack: Stack) -> None:
    spec = {"containers": [{"name": "c", "image": "example.invalid/c:1"}]}
    skipped = {"annotations": {"pulumi.com/skipAwait": "true"}}
    token = "kubernetes:core/v1:Pod"
    made = stack.create(token, "p", metadata=skipped, spec=spec)
    same = {**spec, "hostNetwork": False, "dnsPolicy": "ClusterFirst"}
    assert stack.changes(made, metadata=skipped, spec=same) == {}


def test_the_cluster_says_what_is_immutable(stack: Stack) -> None:
    token = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
    made = stack.create(token, "p", value=1)
    assert stack.changes(made, value=2) == {"value": True}


def test_a_refresh_sees_what_changed_and_what_is_gone(stack: Stack, cluster: Cluster) -> None:
    made = stack.create(CONFIG_MAP, "c", data={"a": "1"})
    changed = {**live(cluster, made), "data": {"a": "2", "b": "3"}}
    changed["metadata"].pop("managedFields")
    cluster.apply(changed, "somebody", force=True)
    assert stack.refresh(made)
    assert made.inputs["data"] == {"a": "2"}
    assert made["data"] == {"a": "2", "b": "3"}
    assert stack.changes(made, data={"a": "1"}) == {"data.a": True}
    cluster.delete(made.outputs, "Background")
    assert not stack.refresh(made)


def test_an_import(stack: Stack) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    found = stack.imported(DEPLOYMENT, made.id)
    assert found.inputs["metadata"]["name"] == "d"
    assert "status" not in found.inputs
    assert "uid" not in found.inputs["metadata"]
    assert found.inputs["spec"]["replicas"] == 0
    assert stack.provider.diff(found.urn, found.id, found.outputs, found.inputs).changes == []


def test_secrets_are_secret(stack: Stack) -> None:
    made = stack.create(SECRET, "s", stringData={"a": "b"})
    assert made.outputs["data"] == Secret({"a": "Yg=="})
    assert made.outputs["__inputs"]["data"] == Secret({"a": "Yg=="})
    assert stack.changes(made, stringData={"a": "b"}) == {}
    assert stack.changes(made, data={"a": "Yg=="}) == {}
    assert stack.changes(made, stringData={"a": "c"}) == {"data.a": True}


def test_an_interrupted_create_is_found_again(stack: Stack) -> None:
    lost = stack.lose(CONFIG_MAP, "c", data={"a": "1"})
    again = stack.create(CONFIG_MAP, "c", data={"a": "2"})
    assert again.id == lost.id
    assert again["metadata"]["uid"] == lost["metadata"]["uid"]
    assert again["data"] == {"a": "2"}

    named = stack.lose(CONFIG_MAP, "n", metadata={"name": "named"})
    assert stack.create(CONFIG_MAP, "n", metadata={"name": "named"}).id == named.id


def test_what_is_somebody_elses_is_not_taken(stack: Stack, cluster: Cluster) -> None:
    other = Stack(stack.options)
    theirs = other.create(CONFIG_MAP, "c", metadata={"name": "named"}, data={"a": "1"})
    with pytest.raises(ProviderError, match=r"ConfigMap .*/named exists already: `pulumi import`"):
        stack.create(CONFIG_MAP, "c", metadata={"name": "named"})
    stack.preview(CONFIG_MAP, "c", metadata={"name": "named"})
    (warning,) = stack.log.warnings
    assert "exists already" in warning
    assert live(cluster, theirs)["data"] == {"a": "1"}

    stack.options["upsertExistingObjects"] = "true"
    stack.rerun()
    ours = stack.create(CONFIG_MAP, "c", metadata={"name": "named"}, data={"b": "2"})
    assert ours["data"] == {"a": "1", "b": "2"}
    assert ours["metadata"]["uid"] == theirs["metadata"]["uid"]


def test_one_that_is_on_its_way_out_is_waited_for(stack: Stack, cluster: Cluster) -> None:
    held = {"name": "named", "finalizers": ["test.dev/hold"]}
    old = stack.create(CONFIG_MAP, "c", metadata=held)
    cluster.delete(old.outputs, "Background")
    stack.entries.remove(old)
    release = threading.Timer(1.0, _release, (cluster, old))
    release.start()
    new = stack.create(CONFIG_MAP, "c", metadata={"name": "named"})
    release.join()
    assert new["metadata"]["uid"] != old["metadata"]["uid"]


def _release(cluster: Cluster, entry: Entry) -> None:
    cluster.patch(entry.outputs, [{"op": "remove", "path": "/metadata/finalizers"}])


def test_a_finalizer_is_waited_for_and_named(stack: Stack, cluster: Cluster) -> None:
    held = {"finalizers": ["test.dev/hold"]}
    made = stack.create(CONFIG_MAP, "c", metadata=held)
    with pytest.raises(DeadlineExceeded, match=r"held by finalizers test\.dev/hold"):
        stack.provider.delete(made.urn, made.id, made.outputs, 1.0)
    assert "waiting to be gone: held by finalizers test.dev/hold" in stack.log.statuses
    _release(cluster, made)
    stack.delete(made)
    assert cluster.get(made.outputs) is None


def test_what_is_gone_is_made_again_by_an_update(stack: Stack, cluster: Cluster) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    cluster.delete(made.outputs, "Background")
    stack.update(made, **deployment(paused=True))
    assert live(cluster, made)["spec"]["paused"] is True


def test_fields_of_other_managers_stay_theirs(stack: Stack, cluster: Cluster) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    scaled = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    scaled["metadata"]["namespace"] = stack.options["namespace"]  # type: ignore[index]
    cluster.apply({**scaled, "spec": {"replicas": 5}}, "autoscaler", force=True)

    with pytest.raises(ProviderError) as refused:
        stack.update(made, **deployment(replicas=3))
    assert '.spec.replicas ("autoscaler")' in str(refused.value)
    assert 'pulumi.com/patchForce: "true"' in str(refused.value)

    ignoring = frozenset({"spec.replicas"})
    stack.update(made, ignore=ignoring, **deployment(replicas=3, paused=True))
    assert live(cluster, made)["spec"]["replicas"] == 5
    assert live(cluster, made)["spec"]["paused"] is True

    forced = deployment(replicas=3)
    forced["metadata"]["annotations"]["pulumi.com/patchForce"] = "true"
    stack.update(made, **forced)
    assert live(cluster, made)["spec"]["replicas"] == 3


def test_what_somebody_typed_gives_way_to_the_program(stack: Stack, cluster: Cluster) -> None:
    made = stack.create(DEPLOYMENT, "d", **deployment())
    path = f"/apis/apps/v1/namespaces/{stack.options['namespace']}/deployments/d"
    cluster.api.request(
        "PATCH",
        path,
        {"spec": {"replicas": 4}, "metadata": {"labels": {"by": "hand"}}},
        query={"fieldManager": "kubectl-edit"},
        content="application/merge-patch+json",
    )
    assert stack.refresh(made)
    assert stack.update(made, **deployment()) == {"spec.replicas"}
    assert live(cluster, made)["spec"]["replicas"] == 0
    assert live(cluster, made)["metadata"]["labels"] == {"by": "hand"}


def test_another_manager_may_be_named(stack: Stack, cluster: Cluster) -> None:
    made = stack.create(CONFIG_MAP, "c", metadata={"annotations": {}}, data={"a": "1"})
    first = made["__fieldManager"]
    named = {"annotations": {"pulumi.com/patchFieldManager": "mine"}}
    stack.update(made, metadata=named, data={"a": "1"})
    assert made["__fieldManager"] == "mine"
    assert managers.manages(live(cluster, made), "mine")
    assert not managers.manages(live(cluster, made), first)


def test_a_patch_changes_what_is_somebody_elses(stack: Stack, cluster: Cluster) -> None:
    theirs = stack.create(CONFIG_MAP, "c", metadata={"name": "shared"}, data={"a": "1"})
    token = "kubernetes:core/v1:ConfigMapPatch"
    said: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}}
    patch = stack.create(token, "p", **said, data={"b": "2"})
    assert patch.id == theirs.id
    assert live(cluster, theirs)["data"] == {"a": "1", "b": "2"}
    assert stack.update(patch, **said, data={"b": "3"}) == {"data.b"}
    assert live(cluster, theirs)["data"] == {"a": "1", "b": "3"}
    stack.delete(patch)
    assert live(cluster, theirs)["data"] == {"a": "1"}

    missing: dict[str, Any] = {**said, "metadata": {"name": "missing"}}
    with pytest.raises(ProviderError, match=r"no ConfigMap .*/missing to patch"):
        stack.create(token, "m", **missing, data={"b": "2"})


def test_a_namespace_is_gone_with_all_that_is_in_it(stack: Stack, cluster: Cluster) -> None:
    namespace = stack.create(NAMESPACE, "n")
    stack.create(CONFIG_MAP, "c", metadata={"namespace": namespace.id})
    stack.delete(namespace)
    assert cluster.read(Kind("", "v1", "Namespace"), "", namespace.id) is None
    stack.entries.clear()


def test_a_definition_and_its_objects_at_once(stack: Stack, cluster: Cluster) -> None:
    group = f"{stack.options['namespace']}.test.dev"
    spec = {
        "group": group,
        "scope": "Cluster",
        "names": {"kind": "Planet", "plural": "planets", "singular": "planet"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x_kubernetes_preserve_unknown_fields": True}
                        },
                    }
                },
            }
        ],
    }
    planets: list[Entry] = []
    token = f"kubernetes:{group}/v1:Planet"

    def make() -> None:
        # Not waiting for its definition, as a program that forgot to say so.
        planets.append(stack.create(token, "mars", spec={"moons": 2, "name": "x"}))

    early = threading.Thread(target=make)
    early.start()
    time.sleep(0.5)
    definition = stack.create(DEFINITION, "d", metadata={"name": f"planets.{group}"}, spec=spec)
    early.join()
    (mars,) = planets
    assert mars["spec"] == {"moons": 2, "name": "x"}
    assert "/" not in mars.id
    assert stack.changes(mars, spec={"moons": 2, "name": "x"}) == {}
    assert stack.update(mars, spec={"moons": 2}) == {"spec.name"}
    schema = at(definition.outputs, "spec", "versions", 0, "schema", "openAPIV3Schema")
    assert schema["properties"]["spec"]["x_kubernetes_preserve_unknown_fields"] is True
    assert stack.changes(definition, metadata={"name": f"planets.{group}"}, spec=spec) == {}
    stack.delete(mars)
    stack.delete(definition)
    assert not stack.refresh(mars)


def test_the_official_providers_objects_are_taken_over(stack: Stack, cluster: Cluster) -> None:
    said = stack.check(DEPLOYMENT, "d", deployment(container={"args": ["a"]}))
    path = f"/apis/apps/v1/namespaces/{stack.options['namespace']}/deployments"
    query = {"fieldManager": "pulumi-kubernetes"}
    theirs = cluster.api.request("POST", path, plain(said), query=query)
    outputs = {
        **theirs,
        "__inputs": said,
        "__fieldManager": "pulumi-kubernetes-1a2b3c4d",
        "__initialApiVersion": "apps/v1",
    }
    entry = Entry(stack.urn(DEPLOYMENT, "d"), f"{stack.options['namespace']}/d", said, outputs)
    stack.entries.append(entry)
    assert stack.changes(entry, **deployment(container={"args": ["a"]})) == {}
    stack.update(entry, **deployment(paused=True))
    changed = live(cluster, entry)
    assert changed["spec"]["paused"] is True
    assert "args" not in changed["spec"]["template"]["spec"]["containers"][0]
    assert managers.manages(changed, "pulumi-kubernetes-1a2b3c4d")


def test_a_refusal_names_what_was_refused(stack: Stack) -> None:
    with pytest.raises(ApiError, match=r"spec\.ports"):
        stack.create(SERVICE, "s", spec={"ports": [{"port": 70000}]})
