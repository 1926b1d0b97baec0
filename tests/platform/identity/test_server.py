"""A real Keycloak with the variables of the component's pods, on a real database."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
import urllib3
from cumulo.images import containers
from cumulo.platform import DatabaseCredential, Identity
from cumulo.platform.database import server_files

from tests.fake_cloud import FakeCloud
from tests.images.containers.running import Container, description, free_port, unpack
from tests.platform.database.running import Server
from tests.providers.keycloak.running import RunningKeycloak

# What the database's certificate is for.
HOST = "node-exporter"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Server]:
    tmp_path.chmod(0o755)
    said = description(containers.build("postgres"))
    made = Server(unpack(said, tmp_path / "database"), said)
    made.lose()
    with made.start() as running:
        running.wait(made.answers)
        done = made.provide("shop", "the shop's")
        assert done.returncode == 0, done.stdout + done.stderr
        yield made
    shutil.rmtree(made.root, ignore_errors=True)


def variables(database: Server) -> dict[str, str]:
    """What the component tells its pods."""
    cloud = FakeCloud()

    def program() -> None:
        way = DatabaseCredential(
            host=pulumi.Output.from_input(HOST),
            port=database.port,
            database="shop",
            user="shop",
            password=pulumi.Output.secret("the shop's"),
            ca=pulumi.Output.from_input("CA"),
        )
        url = "https://platform.example.org"
        Identity("login", {"namespace": "identity", "url": url, "database": way})

    cloud.run(program)
    (container,) = cloud.inputs("login-server")["spec"]["template"]["spec"]["containers"]
    secrets = {
        "KC_BOOTSTRAP_ADMIN_PASSWORD": "correct horse",
        "KC_DB_PASSWORD": "the shop's",
    }
    return {one["name"]: one.get("value") or secrets[one["name"]] for one in container["env"]}


@pytest.mark.timeout(900)
def test_it_starts_on_the_database_and_says_who_it_is(database: Server, tmp_path: Path) -> None:
    said = description(containers.build("keycloak"))
    root = unpack(said, tmp_path / "keycloak")
    (root / "etc/hosts").write_text(f"127.0.0.1 localhost {HOST}\n")
    authority = root / "etc/cumulo/database/ca.crt"
    authority.parent.mkdir(parents=True)
    certificates = database.root / server_files.CERTIFICATES[1:]
    authority.write_bytes((certificates / "ca.crt").read_bytes())
    port, management = free_port(), free_port()
    # The pod has an address of its own; here, ports are the machine's.
    told = {
        **variables(database),
        "KC_HTTP_PORT": str(port),
        "KC_HTTP_MANAGEMENT_PORT": str(management),
    }

    def ready() -> bool:
        try:
            url = f"http://127.0.0.1:{management}/health/ready"
            return urllib3.request("GET", url, retries=False, timeout=5).status == 200
        except urllib3.exceptions.HTTPError:
            return False

    try:
        with Container(root, said, told, ["start"]) as running:
            running.wait(ready, 600)
            keycloak = RunningKeycloak(f"http://127.0.0.1:{port}")
            # TLS ends at the gateway: what comes by it is told so.
            forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "platform.example.org"}
            answer = urllib3.request(
                "GET",
                f"{keycloak.url}/realms/master/.well-known/openid-configuration",
                headers=forwarded,
                timeout=60,
            )
            assert answer.json()["issuer"] == "https://platform.example.org/realms/master"
            metrics = f"http://127.0.0.1:{management}/metrics"
            assert b"jvm_memory_used_bytes" in urllib3.request("GET", metrics, timeout=60).data
    finally:
        shutil.rmtree(root, ignore_errors=True)
    realms = database.psql("SELECT name FROM realm", "shop", "the shop's")
    assert realms == "master"
