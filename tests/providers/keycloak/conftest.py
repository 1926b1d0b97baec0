"""One Keycloak for all tests, one realm that they share, and a stack for each."""

import os
import shutil
import uuid
from collections.abc import Iterator

import pytest
from cumulo.images import containers
from cumulo.providers.keycloak.provider import Keycloak

from tests.images.containers.running import description, unpack
from tests.providers.driver import Entry, Stack
from tests.providers.keycloak.running import RunningKeycloak, keycloak

REALM = "keycloak:index/realm:Realm"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningKeycloak]:
    """A Keycloak, from the image that the platform runs; or the one that is named."""
    named = os.environ.get("CUMULO_TEST_KEYCLOAK")
    if named:
        yield RunningKeycloak(named)
        return
    folder = tmp_path_factory.mktemp("keycloak")
    folder.chmod(0o755)
    said = description(containers.build("keycloak"))
    root = unpack(said, folder / "root")
    try:
        with keycloak(root, said) as running:
            yield running
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def login(server: RunningKeycloak, monkeypatch: pytest.MonkeyPatch) -> RunningKeycloak:
    """The Keycloak, which the provider finds through the environment."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


@pytest.fixture(scope="session")
def shared_realm(server: RunningKeycloak) -> Iterator[str]:
    """The name of a realm; a stack that uses it has to know of it: `stack`."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        stack = Stack(make=Keycloak)
        made = stack.create(REALM, "shared", realm=unique("shared"))
        yield made.id
        stack.destroy()


@pytest.fixture
def own(login: RunningKeycloak) -> Iterator[Stack]:
    """An empty stack; what a test leaves in it is destroyed."""
    made = Stack(make=Keycloak)
    yield made
    made.rerun()
    made.destroy()


@pytest.fixture
def stack(own: Stack, shared_realm: str) -> Iterator[Stack]:
    """A stack whose realm is the one that all tests share, and which stays."""
    kept = own.imported(REALM, shared_realm)
    own.entries.append(kept)
    own.rerun()
    yield own
    own.entries.remove(kept)


def unique(name: str) -> str:
    """A name that nobody has: the Keycloak may be one that runs for long."""
    return f"{name}-{uuid.uuid4().hex[:6]}"


def refresh_is_quiet(stack: Stack, entry: Entry) -> bool:
    """Whether a refresh finds what the state says, and the inputs as they were."""
    inputs = entry.inputs
    assert stack.refresh(entry)
    return entry.inputs == inputs
