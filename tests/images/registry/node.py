"""A node's containerd as the node image has it, and nothing else of a node."""

import subprocess
import time
from pathlib import Path

import grpc
import jinja2
from cumulo.infra.kubernetes import mirror
from cumulo.infra.kubernetes.mirror import Mirror
from cumulo.local import apt, image, rootfs, tree

_CONFIG = Path(__file__).parents[3] / "ansible/roles/kubernetes_node/templates/containerd.toml.j2"
_SOCKET = "/var/lib/containerd.sock"  # Not in /run, which only containerd itself sees.
_PATIENCE_S = 60.0
# The folder of a test may lie where no overlay can.
_SNAPSHOTTER = """
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
"""
_DOWNLOAD = """
chroot . apt-get update -qq
chroot . sh -c 'cd /var/tmp && apt-get download -qq containerd && dpkg-deb -x containerd*.deb /'
"""


class Node:
    """A containerd that is asked for images as kubelet asks for them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        archives = apt.archives()
        root.mkdir()
        rootfs.unpack(image.build(archives), root)
        tree.run(root, _DOWNLOAD)
        given = {"nested": True, "kubernetes_node_pause_image": "registry.k8s.io/pause:3.10.1"}
        config = jinja2.Template(_CONFIG.read_text()).render(given)
        folder = root / "etc/containerd"
        (folder / "certs.d").mkdir(parents=True, exist_ok=True)
        (folder / "config.toml").write_text(config + _SNAPSHOTTER)
        self._log = root.with_name("containerd.log")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [*tree.within(root), "chroot", str(root), "containerd", "--address", _SOCKET],
                stdout=log,
                stderr=log,
            )
        self._channel = grpc.insecure_channel(f"unix://{root}{_SOCKET}")
        try:
            grpc.channel_ready_future(self._channel).result(_PATIENCE_S)
        except grpc.FutureTimeoutError:
            raise AssertionError(f"containerd did not start: {self.log()}") from None

    def stop(self) -> None:
        self._channel.close()
        self._process.kill()  # Of what runs in namespaces of its own, this ends all.
        self._process.wait(_PATIENCE_S)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def tell(self, told: Mirror) -> None:
        """Writes what cloud-init would."""
        for path, content in mirror.files(told).items():
            file = self._root / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def pull(self, name: str, username: str = "", password: str = "") -> str:
        """The digest of an image that is pulled as by kubelet, with or without a pull secret."""
        request = _field(1, _field(1, name.encode()))
        if username:
            request += _field(2, _field(1, username.encode()) + _field(2, password.encode()))
        ask = self._channel.unary_unary(
            "/runtime.v1.ImageService/PullImage",
            request_serializer=bytes,
            response_deserializer=bytes,
        )
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return bytes(ask(request, timeout=_PATIENCE_S))[2:].decode()
            except grpc.RpcError as error:
                # Its services come one after the other.
                starting = "not initialized" in error.details() or (
                    error.code() is grpc.StatusCode.UNIMPLEMENTED
                )
                if not starting or time.monotonic() > end:
                    raise
                time.sleep(0.1)


def _field(number: int, content: bytes) -> bytes:
    """A field of a message of protobuf's, which holds bytes."""
    length, size = len(content), b""
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return bytes([number << 3 | 2]) + size + bytes([length]) + content
