"""The provider as a process, spoken to as the engine does, without any cluster in reach."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from tests.providers.kubernetes.conftest import NOWHERE

CONFIG_MAP = "urn:pulumi:s::p::kubernetes:core/v1:ConfigMap::c"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Any]:
    process = subprocess.Popen(
        [sys.executable, "-m", "cumulo.providers.kubernetes", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "HOME": str(tmp_path), "KUBECONFIG": ""},
        cwd=tmp_path,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    process.terminate()
    assert process.wait(15) == 0


def struct(**properties: Any) -> Struct:
    made = Struct()
    made.update(properties)
    return made


@pytest.mark.parametrize("kubeconfig", ["", NOWHERE])
def test_a_preview_needs_no_cluster(engine: Any, kubeconfig: str) -> None:
    configured = engine.Configure(provider_pb2.ConfigureRequest(args=struct(kubeconfig=kubeconfig)))
    assert configured.acceptSecrets
    checked = engine.Check(
        provider_pb2.CheckRequest(urn=CONFIG_MAP, news=struct(data={"a": "1"}), randomSeed=b"12345")
    )
    assert not checked.failures
    made = engine.Create(
        provider_pb2.CreateRequest(urn=CONFIG_MAP, properties=checked.inputs, preview=True)
    )
    assert made.properties["data"]["a"] == "1"
    with pytest.raises(grpc.RpcError) as refused:
        engine.Create(provider_pb2.CreateRequest(urn=CONFIG_MAP, properties=checked.inputs))
    why = "cannot reach the cluster at http://127.0.0.1:1" if kubeconfig else "no kubeconfig"
    assert why in refused.value.details()
