"""A registry that runs, and clients of it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cumulo.images import containers
from cumulo.infra.registry.configuration import Access, Server

from tests.images.registry.running import Client, Running, Shown, running, shown

PASSWORDS = {name: f"password of {name}" for name in ("research", "finance", "images")}


@pytest.fixture(scope="session")
def registry_command() -> Path:
    return containers.registry_command()


@pytest.fixture(scope="session")
def certificates() -> Shown:
    return shown()


@pytest.fixture(scope="session")
def told(certificates: Shown) -> Server:
    """What a server is told: two projects, one of them private."""
    return Server(
        hostname="registry.cumulo.local",
        access=Access(
            projects={"research": False, "finance": True},
            upstreams=["docker.io", "quay.io"],
            passwords=PASSWORDS,
        ),
        caches=[],
        bucket=None,
        certificate=certificates.certificate,
        key=certificates.key,
        secret="of uploads",
        daily_at="03:00",
        keep_tags=2,
        untagged=False,
        cache_days=7,
        trusted=[],
    )


@pytest.fixture(scope="module")
def registry(registry_command: Path, told: Server) -> Iterator[Running]:
    with running(registry_command, told) as started:
        yield started


@pytest.fixture(scope="module")
def anyone(registry: Running, certificates: Shown) -> Client:
    return Client(registry.ports["main"], certificates.authority)


@pytest.fixture(scope="module")
def login(anyone: Client) -> Callable[[str], Client]:
    """A client that has the password of a project, or of `images`."""
    return lambda user: replace(anyone, user=user, password=PASSWORDS[user])
