"""`yaml/v2`: manifests as a component, each object of which is a resource."""

import glob
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final

import grpc
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.values import (
    Properties,
    from_wire,
    has_unknown,
    plain,
    reference,
    to_wire,
)
from cumulo.providers.kubernetes import checkpoint, manifests
from cumulo.providers.kubernetes.objects import (
    SKIP_AWAIT,
    Object,
    annotation,
    at,
    identity_of,
    kind_of,
    name_of,
    namespace_of,
)
from pulumi.runtime.proto import provider_pb2, resource_pb2, resource_pb2_grpc

COMPONENTS: Final = frozenset({"kubernetes:yaml/v2:ConfigFile", "kubernetes:yaml/v2:ConfigGroup"})

_DEPENDS_ON: Final = "config.kubernetes.io/depends-on"
_MESSAGE_BYTES: Final = 400 << 20


def construct(
    request: Any, version: str, place: Callable[[list[Object]], None], warn: Callable[[str], None]
) -> Any:
    """Makes a component and its objects.

    Args:
        request: The engine's request.
        version: The provider's version.
        place: Puts objects into their namespaces.
        warn: Tells the user something.
    """
    options = [("grpc.max_receive_message_length", _MESSAGE_BYTES)]
    with grpc.insecure_channel(request.monitorEndpoint, options=options) as channel:
        monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
        component = _register(monitor, _component(request)).urn
        said = from_wire(request.inputs)
        made: list[Any] = []
        if has_unknown(said):
            warn("what is in it is not known yet: its resources are not in this preview")
        else:
            items = _objects(plain(said))
            place(items)
            made = _children(monitor, request, component, items, plain(said), version)
        state = to_wire({"resources": made})
        monitor.RegisterResourceOutputs(
            resource_pb2.RegisterResourceOutputsRequest(urn=component, outputs=state)
        )
    return provider_pb2.ConstructResponse(urn=component, state=state)


def _component(request: Any) -> Any:
    registered = resource_pb2.RegisterResourceRequest(
        type=request.type,
        name=request.name,
        parent=request.parent,
        custom=False,
        object=to_wire({}),
        dependencies=request.dependencies,
        providers=request.providers,
        aliasURNs=request.aliases,
        deletedWith=request.deletedWith,
        acceptSecrets=True,
        acceptResources=True,
    )
    for option in ("protect", "retainOnDelete"):
        if request.HasField(option):
            setattr(registered, option, getattr(request, option))
    return registered


def _objects(said: Properties) -> list[Object]:
    found: list[Object] = []
    files = said.get("files") or ([said["file"]] if said.get("file") else [])
    for file in files:
        for source, text in _read(str(file)):
            found += manifests.parsed(text, source)
    if said.get("yaml"):
        found += manifests.parsed(str(said["yaml"]))
    found += [checkpoint.from_program(item) for item in said.get("objs") or []]
    for item in found:
        if not kind_of(item).name or not kind_of(item).version:
            raise ProviderError(f"an object has no apiVersion and kind: {str(item)[:200]}")
        if not name_of(item):
            raise ProviderError(f"a {kind_of(item).name} has no metadata.name, which it needs here")
        item["apiVersion"] = kind_of(item).api_version
    return found


def _read(file: str) -> Iterable[tuple[str, str]]:
    if file.startswith(("http://", "https://")):
        import urllib3

        answer = urllib3.PoolManager().request("GET", file)
        if answer.status != 200:
            raise ProviderError(f"{file} cannot be fetched: HTTP {answer.status}")
        return [(file, answer.data.decode())]
    paths = sorted(glob.glob(file)) if glob.has_magic(file) else [file]  # noqa: PTH207 (any path)
    try:
        return [(path, Path(path).read_text("utf-8")) for path in paths]
    except OSError as error:
        raise ProviderError(f"{error.filename} cannot be read: {error.strerror}") from error


def _children(
    monitor: Any,
    request: Any,
    component: str,
    items: list[Object],
    said: Properties,
    version: str,
) -> list[Any]:
    """Registers the objects, those that need each other one after the other."""
    prefix = said.get("resourcePrefix")
    prefix = request.name if prefix is None else prefix
    needs = [_needs(item, items) for item in items]
    urns: dict[int, str] = {}
    while len(urns) < len(items):
        turn = [
            index
            for index in range(len(items))
            if index not in urns and all(need in urns for need in needs[index])
        ]
        if not turn:
            stuck = ", ".join(
                identity_of(item) for at_, item in enumerate(items) if at_ not in urns
            )
            raise ProviderError(f"{stuck} depend on each other ({_DEPENDS_ON})")
        calls = {}
        for index in turn:
            child = _child(items[index], prefix, skip=bool(said.get("skipAwait")))
            child.parent, child.version = component, version
            child.provider = request.providers.get("kubernetes", "")
            child.dependencies.extend(urns[need] for need in needs[index])
            calls[index] = monitor.RegisterResource.future(child)
        for index, call in calls.items():
            try:
                urns[index] = call.result().urn
            except grpc.RpcError as error:
                raise ProviderError(
                    f"{kind_of(items[index]).name} {identity_of(items[index])} "
                    f"was not made: {error.details()}"
                ) from error
    return [reference(urns[index], version) for index in range(len(items))]


def _child(item: Object, prefix: str, *, skip: bool) -> Any:
    properties = checkpoint.to_program(item)
    if skip:
        data = properties["metadata"] = dict(properties.get("metadata") or {})
        data["annotations"] = {**(data.get("annotations") or {}), SKIP_AWAIT: "true"}
    checkpoint.with_secrets(properties, {})
    kind = kind_of(item)
    module = kind.api_version if kind.group else f"core/{kind.version}"
    name = identity_of(item)
    return resource_pb2.RegisterResourceRequest(
        type=f"kubernetes:{module}:{kind.name}",
        name=f"{prefix}:{name}" if prefix else name,
        custom=True,
        object=to_wire(properties),
        acceptSecrets=True,
        acceptResources=True,
        supportsPartialValues=True,
    )


def _needs(item: Object, items: list[Object]) -> list[int]:
    """Which other objects an object can only be made after."""
    kind = kind_of(item)
    asked = {part.strip() for part in annotation(item, _DEPENDS_ON).split(",")} - {""}
    return [
        index
        for index, other in enumerate(items)
        if other is not item
        and (
            (kind_of(other).is_("", "Namespace") and name_of(other) == namespace_of(item))
            or (
                kind_of(other).is_("apiextensions.k8s.io", "CustomResourceDefinition")
                and at(other, "spec", "group") == kind.group
                and at(other, "spec", "names", "kind") == kind.name
            )
            or _reference_text(other) in asked
        )
    ]


def _reference_text(item: Object) -> str:
    """How the annotation names an object: `group/kind/name`, or with a namespace in between."""
    kind, namespace = kind_of(item), namespace_of(item)
    parts = [kind.group, *(("namespaces", namespace) if namespace else ()), kind.name]
    return "/".join([*parts, name_of(item)])


def _register(monitor: Any, registered: Any) -> Any:
    try:
        return monitor.RegisterResource(registered)
    except grpc.RpcError as error:
        raise ProviderError(f"{registered.name} was not registered: {error.details()}") from error
