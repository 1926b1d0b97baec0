"""The gRPC server that the engine talks to.

`pulumi.provider.experimental` does not pass on all that the engine says (the provider's own id,
naming options) and imports the whole SDK; so this answers the protocol itself. Calls run in
threads, because the cloud's client library blocks.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn, TypeVar

import grpc
from cumulo.providers.core.check import Autonaming, Failure
from cumulo.providers.core.diff import Change, Kind
from cumulo.providers.core.errors import Cancelled, DeadlineExceeded, ProviderError
from cumulo.providers.core.log import Log
from cumulo.providers.core.plugin import PartlyMade, Plugin
from cumulo.providers.core.values import Properties, from_wire, has_unknown, to_wire
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

Answer = TypeVar("Answer")

_THREADS = 128
_MESSAGE_BYTES = 400 << 20
_GRACE_SECONDS = 10.0
_PARENT_CHECK_SECONDS = 0.1

_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Pulumi's provider protocol over a `Plugin`."""

    def __init__(self, provider: Plugin) -> None:
        self._provider = provider

    def Handshake(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        self._provider.log = Log(request.engine_address)
        return provider_pb2.ProviderHandshakeResponse(
            accept_secrets=self._provider.keeps_secrets,
            supports_autonaming_configuration=True,
        )

    def Attach(self, request: Any, context: Any) -> Any:  # noqa: N802
        del context
        self._provider.log = Log(request.address)
        return Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:  # noqa: N802
        del request, context
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def Cancel(self, request: Any, context: Any) -> Any:  # noqa: N802
        del request, context
        self._provider.cancelled.set()
        return Empty()

    def CheckConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        new = from_wire(request.news)
        failures = _guard(context, lambda: self._provider.check_config(new))
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(failures))

    def DiffConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _guard(
            context,
            lambda: _diff_config(self._provider, from_wire(request.olds), from_wire(request.news)),
        )

    def Configure(self, request: Any, context: Any) -> Any:  # noqa: N802
        options = from_wire(request.args) if request.HasField("args") else {}
        if not options:
            options = {key.rsplit(":", 1)[-1]: value for key, value in request.variables.items()}
        identity = "" if has_unknown(from_wire_text(request.id)) else request.id
        _guard(context, lambda: self._provider.configure(identity, options))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=self._provider.keeps_secrets,
            supportsPreview=True,
            supports_autonaming_configuration=True,
        )

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802
        inputs, failures = _guard(
            context,
            lambda: self._provider.check(
                request.urn,
                from_wire(request.olds),
                from_wire(request.news),
                request.randomSeed,
                _autonaming(request),
            ),
        )
        return provider_pb2.CheckResponse(inputs=to_wire(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:  # noqa: N802
        difference = _guard(
            context,
            lambda: self._provider.diff(
                request.urn,
                request.id,
                from_wire(request.olds),
                from_wire(request.news),
                frozenset(request.ignoreChanges),
            ),
        )
        return _difference(difference.changes, delete_first=difference.delete_first)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        identity, properties = _guard(
            context,
            lambda: self._provider.create(
                request.urn,
                from_wire(request.properties),
                request.timeout,
                preview=request.preview,
            ),
        )
        return provider_pb2.CreateResponse(id=identity, properties=to_wire(properties))

    def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        identity, inputs, properties = _guard(
            context,
            lambda: self._provider.read(
                request.urn, request.id, from_wire(request.inputs), from_wire(request.properties)
            ),
        )
        return provider_pb2.ReadResponse(
            id=identity, inputs=to_wire(inputs), properties=to_wire(properties)
        )

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        properties = _guard(
            context,
            lambda: self._provider.update(
                request.urn,
                request.id,
                from_wire(request.olds),
                from_wire(request.news),
                request.timeout,
                frozenset(request.ignoreChanges),
                preview=request.preview,
            ),
        )
        return provider_pb2.UpdateResponse(properties=to_wire(properties))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        warning = _guard(
            context,
            lambda: self._provider.delete(
                request.urn, request.id, from_wire(request.properties), request.timeout
            ),
        )
        if warning:
            self._provider.log.warning(request.urn, warning)
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        result, failures = _guard(
            context, lambda: self._provider.invoke(request.tok, from_wire(request.args))
        )
        answer = provider_pb2.InvokeResponse(failures=_failures(failures))
        getattr(answer, "return").CopyFrom(to_wire(result))
        return answer

    def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _guard(context, lambda: self._provider.construct(request))


def serve(provider: Plugin) -> NoReturn:
    """Serves until the engine is gone or a signal comes; never returns."""
    # Before the engine can know of us, and so before it can be gone.
    parent = os.getppid()
    options = [
        ("grpc.max_receive_message_length", _MESSAGE_BYTES),
        ("grpc.max_send_message_length", _MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(_THREADS), options=options)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    done = threading.Event()

    def stop(signal_number: int, frame: object) -> None:
        del signal_number, frame
        provider.cancelled.set()
        done.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    threading.Thread(target=provider.warm, daemon=True, name="warm").start()
    while not done.wait(_PARENT_CHECK_SECONDS):
        # The engine may have been killed; nobody is left to take an answer.
        if os.getppid() != parent:
            os._exit(1)
    server.stop(_GRACE_SECONDS).wait(_GRACE_SECONDS)
    # Threads may still be in a request to the cloud, which nobody waits for any more.
    os._exit(0)


def from_wire_text(text: str) -> object:
    """A single string of a request, which may be an unknown."""
    struct = to_wire({})
    struct.fields["text"].string_value = text
    return from_wire(struct)["text"]


def _guard(context: grpc.ServicerContext, work: Callable[[], Answer]) -> Answer:
    """Runs the work and turns its errors into the protocol's."""
    try:
        return work()
    except PartlyMade as error:
        details = provider_pb2.ErrorResourceInitFailed(
            id=error.identity, properties=to_wire(error.properties), reasons=[error.reason]
        )
        if error.inputs is not None:
            details.inputs.CopyFrom(to_wire(error.inputs))
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message="resource is not ready"
        )
        status.details.add().Pack(details)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, "resource is not ready")
    except Cancelled as error:
        context.abort(grpc.StatusCode.CANCELLED, str(error))
    except DeadlineExceeded as error:
        context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, str(error))
    except ProviderError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    raise AssertionError("abort raises")


def _failures(failures: list[Failure]) -> list[Any]:
    return [
        provider_pb2.CheckFailure(
            property=failure.path, reason=f"'{failure.path}' {failure.reason}"
        )
        for failure in failures
    ]


def _autonaming(request: Any) -> Autonaming | None:
    if not request.HasField("autonaming"):
        return None
    options = request.autonaming
    modes = provider_pb2.CheckRequest.AutonamingOptions
    if options.mode == modes.DISABLE:
        return Autonaming("", enforced=True)
    return Autonaming(options.proposed_name, enforced=options.mode == modes.ENFORCE)


def _diff_config(provider: Plugin, old: Properties, new: Properties) -> Any:
    changed = sorted(
        key
        for key in old.keys() | new.keys()
        if not key.startswith("__") and key != "version" and old.get(key) != new.get(key)
    )
    return provider_pb2.DiffResponse(
        changes=_changes(bool(changed)),
        diffs=changed,
        replaces=provider.elsewhere(old, new, changed),
    )


def _difference(changes: list[Change], *, delete_first: bool) -> Any:
    replaces = [change.key for change in changes if change.replace]
    return provider_pb2.DiffResponse(
        changes=_changes(bool(changes)),
        diffs=[change.key for change in changes],
        replaces=replaces,
        deleteBeforeReplace=bool(replaces) and delete_first,
        hasDetailedDiff=True,
        detailedDiff={
            change.key: provider_pb2.PropertyDiff(kind=_KINDS[change.kind, change.replace])
            for change in changes
        },
    )


def _changes(some: bool) -> Any:
    return provider_pb2.DiffResponse.DIFF_SOME if some else provider_pb2.DiffResponse.DIFF_NONE
