"""The provider as a process, spoken to as the engine does."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grpc
import pytest
from cumulo.providers.core.plugin import PartlyMade
from cumulo.providers.core.server import Servicer, _guard
from google.protobuf.empty_pb2 import Empty
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from tests.providers.core.notes import NOTE, Notebook, Notes

NETWORK = "urn:pulumi:s::p::openstack:networking/network:Network::n"


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The OpenStack provider, started as a plugin, without any cloud in reach."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("OS_")}
    started = subprocess.Popen(
        [sys.executable, "-m", "cumulo.providers.openstack", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**environment, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)},
        cwd=tmp_path,
    )
    yield started
    started.kill()
    started.communicate()


@pytest.fixture
def engine(process: subprocess.Popen[str]) -> Iterator[Any]:
    """A client of that process."""
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


def struct(**properties: Any) -> Struct:
    made = Struct()
    made.update(properties)
    return made


@pytest.mark.parametrize("name", ["openstack", "random", "tls"])
def test_each_provider_says_its_packages_version(name: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", f"cumulo.providers.{name}", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty())
        process.kill()
    assert info.version == version(f"pulumi-{name}")


def test_a_preview_without_a_cloud(engine: Any) -> None:
    engine.Handshake(provider_pb2.ProviderHandshakeRequest(engine_address="x"))
    configured = engine.Configure(provider_pb2.ConfigureRequest(args=struct(cloud="nowhere")))
    assert configured.supportsPreview
    checked = engine.Check(provider_pb2.CheckRequest(urn=NETWORK, news=struct(), randomSeed=b"1"))
    assert not checked.failures
    assert checked.inputs["name"].startswith("n-")
    made = engine.Create(
        provider_pb2.CreateRequest(urn=NETWORK, properties=checked.inputs, preview=True)
    )
    assert made.id == ""
    assert made.properties["name"] == checked.inputs["name"]


def test_failures_and_errors_reach_the_engine(engine: Any) -> None:
    checked = engine.Check(provider_pb2.CheckRequest(urn=NETWORK, news=struct(nam="x")))
    (failure,) = checked.failures
    assert failure.reason == "'nam' is not a property of this type; is 'name' meant?"

    urn = "urn:pulumi:s::p::openstack:dns/zone:Zone::z"
    with pytest.raises(grpc.RpcError) as unknown:
        engine.Check(provider_pb2.CheckRequest(urn=urn, news=struct()))
    assert "openstack:dns/zone:Zone is not supported" in unknown.value.details()

    engine.Configure(provider_pb2.ConfigureRequest(args=struct(cloud="nowhere")))
    with pytest.raises(grpc.RpcError) as missing:
        engine.Create(provider_pb2.CreateRequest(urn=NETWORK, properties=struct(name="n")))
    assert "nowhere" in missing.value.details()
    assert "clouds.yaml" in missing.value.details()


def test_an_unreachable_cloud_is_named(engine: Any) -> None:
    arguments = struct(authUrl="http://127.0.0.1:1/v3", userName="u", password="p", tenantName="t")
    engine.Configure(provider_pb2.ConfigureRequest(args=arguments))
    with pytest.raises(grpc.RpcError) as refused:
        engine.Create(provider_pb2.CreateRequest(urn=NETWORK, properties=struct(name="n")))
    assert "cannot reach the cloud" in refused.value.details()
    assert "http://127.0.0.1:1/v3" in refused.value.details()


def test_unknown_configuration_is_refused(engine: Any) -> None:
    checked = engine.CheckConfig(provider_pb2.CheckRequest(news=struct(clod="x")))
    assert [failure.property for failure in checked.failures] == ["clod"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it(engine: Any, process: subprocess.Popen[str], number: int) -> None:
    engine.Cancel(Empty())
    process.send_signal(number)
    assert process.wait(15) == 0


def test_it_ends_with_its_engine(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-m', 'cumulo.providers.openstack', 'x:1'],"
        " stdout=subprocess.PIPE, text=True)\n"
        "child.stdout.readline()\n"
        "print(child.pid)\n"
    )
    engine = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    provider = Path("/proc", engine.stdout.strip())
    for _ in range(100):
        if not provider.exists():
            break
        signal.sigtimedwait([], 0.1)
    assert not provider.exists()


class AbortedError(Exception):
    """What gRPC raises to end a call."""


class Context:
    """A call's context that notes how the call ended."""

    def __init__(self) -> None:
        self.metadata: tuple[tuple[str, bytes], ...] = ()

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.metadata = metadata

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise AbortedError(code, details)


def test_a_half_made_resource_is_told_to_the_engine() -> None:
    context: Any = Context()

    def work() -> None:
        raise PartlyMade("note-1", {"text": "t"}, "the ink is wet")

    with pytest.raises(AbortedError):
        _guard(context, work)
    ((key, value),) = context.metadata
    assert key == "grpc-status-details-bin"
    status = status_pb2.Status.FromString(value)
    details = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(details)
    assert (details.id, details.properties["text"]) == ("note-1", "t")
    assert list(details.reasons) == ["the ink is wet"]


def test_diff_in_the_protocols_words() -> None:
    servicer = Servicer(Notes(Notebook()))
    answer = servicer.Diff(
        provider_pb2.DiffRequest(
            urn=f"urn:pulumi:s::p::{NOTE}::n",
            id="note-1",
            olds=struct(text="t", kind="a", name="n", size=4),
            news=struct(text="u", kind="b", name="n", size=4, __defaults=["size"]),
        ),
        None,
    )
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert list(answer.replaces) == ["kind"]
    assert answer.deleteBeforeReplace
    assert answer.detailedDiff["text"].kind == provider_pb2.PropertyDiff.UPDATE
    assert answer.detailedDiff["kind"].kind == provider_pb2.PropertyDiff.UPDATE_REPLACE
