"""Nodes' containerd pulls through the registry, as KubernetesCluster tells it to."""

import io
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from cumulo.infra.kubernetes.mirror import Mirror
from cumulo.infra.registry import configuration
from cumulo.infra.registry.configuration import Access, Cache, Server

from tests.images.registry.conftest import PASSWORDS
from tests.images.registry.node import Node
from tests.images.registry.running import Client, RefusedError, Running, Shown, running

# One containerd for all of them.
pytestmark = pytest.mark.xdist_group("registry-mirror")

UPSTREAMS = ["docker.io", "quay.io"]
PULL_PASSWORD = "password of pull"


def layer(text: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


@pytest.fixture(scope="module")
def upstream(registry: Running, anyone: Client) -> Client:
    """A registry that stands for quay.io, which cannot be reached from here."""
    pusher = replace(anyone, user="research", password=PASSWORDS["research"])
    pusher.push("research/far", "1", layer("from afar"))
    return anyone


@pytest.fixture(scope="module")
def told_more(told: Server, upstream: Client) -> Server:
    """A mirror that pulls quay.io through, and where nobody pulls without a password."""
    access = Access(
        projects={"research": False, "finance": True},
        upstreams=UPSTREAMS,
        passwords={**PASSWORDS, "pull": PULL_PASSWORD},
    )
    cache = Cache(name="quay.io", port=5001, url=f"https://127.0.0.1:{upstream.port}")
    return replace(told, access=access, caches=[cache])


@pytest.fixture(scope="module")
def mirror(
    registry_command: Path,
    told_more: Server,
    certificates: Shown,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Running]:
    with running(registry_command, told_more) as started:
        trusted = started.folder / "upstream.pem"
        trusted.write_text(certificates.authority)
        started.start("quay.io", SSL_CERT_FILE=str(trusted))
        yield started


@pytest.fixture(scope="module")
def pushed(mirror: Running, certificates: Shown) -> None:
    port = mirror.ports["main"]
    for user, image, text in (
        ("images", "docker.io/library/debian", "debian"),
        ("images", "cumulo.local/plugin", "plugin"),
        ("images", "quay.io/replaced/here", "replaced"),
        ("research", "research/net", "net"),
        ("finance", "finance/book", "book"),
    ):
        Client(port, certificates.authority, user, PASSWORDS[user]).push(image, "1", layer(text))


@pytest.fixture(scope="module")
def node(mirror: Running, certificates: Shown) -> Iterator[Node]:
    ports = {"quay.io": mirror.ports["quay.io"]}
    where = configuration.mirrors("127.0.0.1", UPSTREAMS, ports, "registry.cumulo.local")
    for one in where.values():
        one["endpoints"] = [
            url.replace(":443/", f":{mirror.ports['main']}/") for url in one["endpoints"]
        ]
    with tempfile.TemporaryDirectory(prefix="node-") as folder:
        started = Node(Path(folder) / "root")
        started.tell(Mirror(ca=certificates.authority, mirrors=where, password=PULL_PASSWORD))
        try:
            yield started
        finally:
            started.stop()


@pytest.mark.parametrize(
    "image",
    [
        "docker.io/library/debian:1",
        "cumulo.local/plugin:1",
        "registry.cumulo.local/research/net:1",
        "quay.io/replaced/here:1",
        "quay.io/research/far:1",
    ],
)
def test_a_node_pulls_what_was_pushed_and_what_is_fetched(
    node: Node, pushed: None, image: str
) -> None:
    assert node.pull(image).startswith("sha256:")


def test_what_nobody_has_is_missing_and_nobody_else_is_asked(
    node: Node, mirror: Running, pushed: None
) -> None:
    with pytest.raises(grpc.RpcError) as missing:
        node.pull("docker.io/library/absent:1")

    assert "not found" in missing.value.details()
    assert "docker.io/library/absent" in mirror.log()


def test_what_is_private_takes_the_project_s_own_pull_secret(node: Node, pushed: None) -> None:
    private = "registry.cumulo.local/finance/book:1"
    for login in ((), ("research", PASSWORDS["research"]), ("finance", "wrong")):
        with pytest.raises(grpc.RpcError):
            node.pull(private, *login)

    assert node.pull(private, "finance", PASSWORDS["finance"]).startswith("sha256:")


def test_a_node_has_to_give_a_password_where_not_anyone_may_pull(
    mirror: Running, certificates: Shown, pushed: None
) -> None:
    for port, image in (("main", "docker.io/library/debian"), ("quay.io", "research/far")):
        nobody = Client(mirror.ports[port], certificates.authority)
        with pytest.raises(RefusedError, match="401"):
            nobody.manifest(image, "1")
        knows = replace(nobody, user="pull", password=PULL_PASSWORD)
        assert knows.manifest(image, "1")["layers"]
        with pytest.raises(RefusedError, match="401"):
            knows.push("docker.io/library/debian", "1", b"other")


def test_what_was_fetched_is_kept_while_the_upstream_is_away(
    mirror: Running, certificates: Shown, upstream: Client, registry: Running
) -> None:
    cache = Client(mirror.ports["quay.io"], certificates.authority, "pull", PULL_PASSWORD)
    content = cache.pull("research/far", "1")
    assert content == layer("from afar")
    with pytest.raises(RefusedError):
        cache.push("research/far", "2", b"x")

    registry.stop()
    try:
        assert cache.pull("research/far", "1") == content
    finally:
        registry.start()
