"""The device plugin against a kubelet of the test's own, which speaks the same protocol."""

import queue
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from cumulo.images.node import commands
from cumulo.images.node.release import release

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]

PACKAGE = "/v1beta1"


class Kubelet:
    """Takes registrations; messages stay the bytes they are, since strings show in them."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "kubelet.sock"
        self.registered: queue.Queue[bytes] = queue.Queue()
        self._server = self._started()

    def _started(self) -> grpc.Server:
        server = grpc.server(ThreadPoolExecutor(2))
        register = grpc.unary_unary_rpc_method_handler(self._register)
        handler = grpc.method_handlers_generic_handler(
            f"{PACKAGE[1:]}.Registration", {"Register": register}
        )
        server.add_generic_rpc_handlers((handler,))
        server.add_insecure_port(f"unix:{self.socket}")
        server.start()
        return server

    def _register(self, request: bytes, _: grpc.ServicerContext) -> bytes:
        self.registered.put(request)
        return b""

    def restart(self) -> None:
        self.stop()
        self.socket.unlink(missing_ok=True)
        self._server = self._started()

    def stop(self) -> None:
        self._server.stop(None).wait()


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[Kubelet]:
    made = Kubelet(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def plugin(tmp_path: Path, kubelet: Kubelet) -> Iterator[Callable[[str | None], None]]:
    """Starts the plugin with a list of devices, or without that file."""
    running: list[subprocess.Popen[bytes]] = []
    program = commands.build(release()) / "gpu-device-plugin"

    def start(devices: str | None) -> None:
        file = tmp_path / "devices"
        if devices is not None:
            file.write_text(devices)
        command = [str(program), f"--devices={file}", f"--folder={tmp_path}"]
        running.append(subprocess.Popen(command))

    yield start
    for process in running:
        process.terminate()
        assert process.wait(timeout=30) == 0


def _call(folder: Path, method: str, kind: str, request: bytes) -> Any:
    (socket,) = folder.glob("cumulo-*.sock")
    with grpc.insecure_channel(f"unix:{socket}") as channel:
        called = getattr(channel, kind)(f"{PACKAGE}.DevicePlugin/{method}")
        answer = called(request, timeout=30)
        return next(answer) if kind == "unary_stream" else answer


def test_every_device_of_the_instance_is_told_and_handed_out(
    tmp_path: Path, kubelet: Kubelet, plugin: Callable[[str | None], None]
) -> None:
    plugin("0000:41:00.0\n0000:42:00.0\n")

    assert b"nvidia.com/gpu" in kubelet.registered.get(timeout=60)
    told = _call(tmp_path, "ListAndWatch", "unary_stream", b"")
    assert told.count(b"Healthy") == 2
    assert b"GPU-0000:42:00.0" in told
    # Field 1 of a request holds a container's, whose field 1 is an id.
    one = b"GPU-0000:42:00.0"
    container = b"\x0a" + bytes([len(one)]) + one
    allocated = _call(
        tmp_path, "Allocate", "unary_unary", b"\x0a" + bytes([len(container)]) + container
    )
    assert b"NVIDIA_VISIBLE_DEVICES" in allocated
    assert one in allocated


def test_a_kubelet_that_has_started_anew_is_told_again(
    kubelet: Kubelet, plugin: Callable[[str | None], None]
) -> None:
    plugin("0000:41:00.0\n")
    first = kubelet.registered.get(timeout=60)

    kubelet.restart()

    assert kubelet.registered.get(timeout=60) == first


def test_an_instance_without_devices_offers_none(
    tmp_path: Path, kubelet: Kubelet, plugin: Callable[[str | None], None]
) -> None:
    plugin(None)

    kubelet.registered.get(timeout=60)
    assert _call(tmp_path, "ListAndWatch", "unary_stream", b"") == b""
