"""Manifests as a component, registered with an engine that a test plays."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import UNKNOWN, Secret, from_wire, to_wire
from cumulo.providers.kubernetes import manifests
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

from tests.providers.kubernetes.driver import Stack

GROUP = "kubernetes:yaml/v2:ConfigGroup"


class Engine(resource_pb2_grpc.ResourceMonitorServicer):
    """Notes what is registered."""

    def __init__(self) -> None:
        self.registered: list[Any] = []
        self.outputs: dict[str, Any] = {}
        self.refused = ""

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        if self.refused and request.name.endswith(self.refused):
            context.abort(grpc.StatusCode.UNKNOWN, "it cannot be")
        self.registered.append(request)
        return resource_pb2.RegisterResourceResponse(urn=f"urn:{request.name}")

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.outputs[request.urn] = from_wire(request.outputs)
        return Empty()

    def find(self, name: str) -> Any:
        return next(one for one in self.registered if one.name == name)


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    server = grpc.server(ThreadPoolExecutor(8))
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(made, server)
    made.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"  # type: ignore[attr-defined]
    server.start()
    yield made
    server.stop(None)


def construct(stack: Stack, engine: Any, token: str = GROUP, **inputs: Any) -> Any:
    request = provider_pb2.ConstructRequest(
        type=token,
        name="g",
        monitorEndpoint=engine.address,
        inputs=to_wire(inputs),
        providers={"kubernetes": "urn:provider::id"},
        parent="urn:parent",
    )
    return stack.provider.construct(request)


MANIFEST = """
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: apps}
data: {when: 2030-01-01}
---
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: password, namespace: apps}
  stringData: {a: b}
- apiVersion: v1
  kind: Namespace
  metadata: {name: apps}
"""


def test_each_object_is_a_resource(offline: Stack, engine: Any) -> None:
    answer = construct(offline, engine, yaml=MANIFEST)
    assert answer.urn == "urn:g"
    component = engine.find("g")
    assert (component.type, component.custom, component.parent) == (GROUP, False, "urn:parent")
    settings = engine.find("g:apps/settings")
    assert settings.type == "kubernetes:core/v1:ConfigMap"
    assert settings.custom
    assert (settings.parent, settings.provider) == ("urn:g", "urn:provider::id")
    assert from_wire(settings.object)["data"] == {"when": "2030-01-01"}
    assert from_wire(engine.find("g:apps/password").object)["stringData"] == Secret({"a": "b"})
    assert len(engine.outputs["urn:g"]["resources"]) == 3


def test_what_others_need_comes_first(offline: Stack, engine: Any) -> None:
    construct(offline, engine, yaml=MANIFEST)
    names = [one.name for one in engine.registered]
    assert names[:2] == ["g", "g:apps"]
    assert list(engine.find("g:apps/settings").dependencies) == ["urn:g:apps"]


def test_a_definition_comes_before_its_objects(offline: Stack, engine: Any) -> None:
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "planets.test.dev"},
        "spec": {"group": "test.dev", "scope": "Cluster", "names": {"kind": "Planet"}},
    }
    planet = {"apiVersion": "test.dev/v1", "kind": "Planet", "metadata": {"name": "mars"}}
    construct(offline, engine, objs=[planet, definition], resourcePrefix="")
    assert list(engine.find("mars").dependencies) == ["urn:planets.test.dev"]


def test_an_object_may_name_what_it_needs(offline: Stack, engine: Any) -> None:
    def config_map(name: str, needs: str = "") -> dict[str, Any]:
        annotations = {"config.kubernetes.io/depends-on": needs} if needs else {}
        metadata = {"name": name, "namespace": "n", "annotations": annotations}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}

    second = config_map("b", "/namespaces/n/ConfigMap/a")
    construct(offline, engine, objs=[second, config_map("a")])
    assert list(engine.find("g:n/b").dependencies) == ["urn:g:n/a"]
    circle = config_map("a", "/namespaces/n/ConfigMap/b")
    with pytest.raises(ProviderError, match="depend on each other"):
        construct(offline, engine, objs=[second, circle])


def test_files_and_globs(offline: Stack, engine: Any, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            f"{{apiVersion: v1, kind: Namespace, metadata: {{name: {name}}}}}"
        )
    construct(offline, engine, files=[str(tmp_path / "*.yaml")], skipAwait=True)
    assert {one.name for one in engine.registered} == {"g", "g:a", "g:b"}
    annotations = from_wire(engine.find("g:a").object)["metadata"]["annotations"]
    assert annotations == {"pulumi.com/skipAwait": "true"}
    engine.registered.clear()
    file = "kubernetes:yaml/v2:ConfigFile"
    construct(offline, engine, file, file=str(tmp_path / "a.yaml"))
    assert [one.name for one in engine.registered] == ["g", "g:a"]


def test_what_is_not_known_yet_is_left_out_with_a_warning(offline: Stack, engine: Any) -> None:
    construct(offline, engine, yaml=UNKNOWN)
    assert [one.name for one in engine.registered] == ["g"]
    (warning,) = offline.log.warnings
    assert "not known yet" in warning


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"yaml": "a: [\nb"}, "yaml is not YAML"),
        ({"yaml": "hello"}, "yaml holds 'hello', which is no Kubernetes object"),
        ({"yaml": "{metadata: {name: x}}"}, "an object has no apiVersion and kind"),
        ({"yaml": "{apiVersion: v1, kind: Pod}"}, "a Pod has no metadata.name"),
        ({"files": ["/nowhere/x.yaml"]}, "/nowhere/x.yaml cannot be read: No such file"),
    ],
)
def test_manifests_that_make_no_sense(
    offline: Stack, engine: Any, inputs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ProviderError) as refused:
        construct(offline, engine, **inputs)
    assert message in str(refused.value)


def test_an_object_that_cannot_be_made(offline: Stack, engine: Any) -> None:
    engine.refused = "settings"
    with pytest.raises(ProviderError, match="ConfigMap apps/settings was not made: it cannot be"):
        construct(offline, engine, yaml=MANIFEST)


def test_other_components_are_refused_by_name(offline: Stack, engine: Any) -> None:
    with pytest.raises(ProviderError, match=r"kubernetes:helm\.sh/v4:Chart is not supported"):
        construct(offline, engine, "kubernetes:helm.sh/v4:Chart")


def test_yaml_is_decoded_for_programs(offline: Stack) -> None:
    arguments = {"text": MANIFEST, "defaultNamespace": "other"}
    answer, failures = offline.provider.invoke("kubernetes:yaml:decode", arguments)
    assert not failures
    assert [item["kind"] for item in answer["result"]] == ["ConfigMap", "Secret", "Namespace"]
    assert "namespace" not in answer["result"][2]["metadata"]
    with pytest.raises(ProviderError, match=r"kubernetes:helm:template is not supported"):
        offline.provider.invoke("kubernetes:helm:template", {})


def test_numbers_and_booleans_of_yaml() -> None:
    (item,) = manifests.parsed("{kind: X, a: 1, b: yes, c: 010, d: 1.5, e: '1', f: =}")
    assert item == {"kind": "X", "a": 1, "b": True, "c": 8, "d": 1.5, "e": "1", "f": "="}
