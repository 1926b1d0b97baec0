"""Who may do what, asked of the registry itself as its server is told to run it."""

import base64
import http.client
import re
import ssl
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from tests.images.registry.running import NOBODY, Client, RefusedError, Running

Login = Callable[[str], Client]


def refused(call: Callable[[], object]) -> int:
    with pytest.raises(RefusedError) as told:
        call()
    return told.value.status


def test_a_project_pushes_and_anyone_pulls(login: Login, anyone: Client) -> None:
    login("research").push("research/deep/net", "1", b"weights")

    assert anyone.pull("research/deep/net", "1") == b"weights"
    assert login("finance").pull("research/deep/net", "1") == b"weights"
    assert anyone.tags("research/deep/net") == ["1"]


@pytest.mark.parametrize(
    ("user", "image"),
    [
        ("", "research/net"),
        ("finance", "research/net"),
        ("images", "research/net"),
        ("research", "finance/book"),
        ("research", "researcher/net"),
        ("research", "other/research/net"),
        ("research", "research"),
        ("research", "docker.io/library/debian"),
        ("research", "cumulo.local/gpu-device-plugin"),
    ],
)
def test_nobody_pushes_what_is_not_theirs(
    login: Login, anyone: Client, user: str, image: str
) -> None:
    client = login(user) if user else anyone
    if image == "research":  # What is called as the project itself is the project's.
        assert client.push(image, "1", b"own")
        return

    assert refused(lambda: client.push(image, "1", b"of others")) == 401
    # Nor by way of a blob that is there, nor over what is there.
    begin = f"/v2/{image}/blobs/uploads/?mount=sha256:{'0' * 64}&from=research/deep/net"
    assert refused(lambda: client.ask("POST", begin)) == 401
    assert refused(lambda: client.ask("DELETE", f"/v2/{image}/manifests/sha256:{'0' * 64}")) == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v2/research/../finance/x/blobs/uploads/",
        "/v2/research/%2e%2e/finance/x/blobs/uploads/",
        "/v2/research%2f..%2ffinance/x/blobs/uploads/",
        "/v2//finance/x/blobs/uploads/",
    ],
)
def test_a_path_that_winds_does_not_lead_to_others(anyone: Client, path: str) -> None:
    trust = ssl.create_default_context(cadata=anyone.authority)
    login_text = base64.b64encode(b"research:password of research").decode()
    headers = {"Authorization": f"Basic {login_text}"}
    for _ in range(3):
        connection = http.client.HTTPSConnection("127.0.0.1", anyone.port, context=trust)
        connection.request("POST", path, headers=headers)  # As it stands here.
        answer = connection.getresponse()
        if answer.status not in (301, 307, 308):
            break
        path = answer.headers["Location"]

    assert answer.status in (400, 401, 404)


def test_what_is_private_is_seen_by_its_project_alone(login: Login, anyone: Client) -> None:
    login("finance").push("finance/book", "1", b"numbers")
    digest = login("finance").manifest("finance/book", "1")["layers"][0]["digest"]

    assert login("finance").pull("finance/book", "1") == b"numbers"
    for other in (anyone, login("research"), login("images")):
        assert refused(lambda: other.manifest("finance/book", "1")) == 401  # noqa: B023
        assert refused(lambda: other.ask("GET", f"/v2/finance/book/blobs/{digest}")) == 401  # noqa: B023
        assert refused(lambda: other.tags("finance/book")) == 401  # noqa: B023
    # Not by mounting it into an image of one's own, either.
    stolen = f"/v2/research/x/blobs/uploads/?mount={digest}&from=finance/book"
    assert refused(lambda: login("research").ask("POST", stolen)) == 401


def test_images_of_upstreams_are_pushed_by_their_own_user(login: Login, anyone: Client) -> None:
    login("images").push("docker.io/library/debian", "13", b"system")
    login("images").push("cumulo.local/gpu-device-plugin", "1", b"plugin")

    assert anyone.pull("docker.io/library/debian", "13") == b"system"
    assert b"docker.io/library/debian" in login("images").ask("GET", "/v2/_catalog").data
    for other in (anyone, login("research")):
        assert refused(lambda: other.ask("GET", "/v2/_catalog")) == 401  # noqa: B023


def test_a_wrong_password_is_told_when_logging_in(login: Login, anyone: Client) -> None:
    assert login("research").ask("GET", "/v2/").status == 200
    assert anyone.ask("GET", "/v2/").status == 200  # With a token that nobody had to log in for.
    for user, password in (("research", "password of finance"), ("nobody", ""), ("", "x")):
        wrong = replace(anyone, user=user or "\0", password=password)
        assert refused(lambda: wrong.ask("GET", "/v2/")) == 401  # noqa: B023


def test_tokens_are_the_registry_s_own(login: Login, anyone: Client) -> None:
    url = f"https://127.0.0.1:{anyone.port}"
    login_text = base64.b64encode(b"research:password of research").decode()
    with urllib3.PoolManager(ca_cert_data=anyone.authority) as pool:
        given = pool.request(
            "GET", f"{url}/token", headers={"Authorization": f"Basic {login_text}"}
        ).json()["token"]

        def status(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return pool.request(
                "POST", f"{url}/v2/research/y/blobs/uploads/", headers=headers
            ).status

        assert status(given) == 202
        said, _, signature = given.partition(".")
        forged = base64.urlsafe_b64encode(b'{"name":"research","ends":99999999999}').decode()
        for token in (f"{said}.", f"{forged.rstrip('=')}.{signature}", f"{said}.AAAA", "x", ""):
            assert status(token) == 401
        # Whoever cannot do tokens gives the password each time.
        basic = {"Authorization": f"Basic {login_text}"}
        direct = pool.request("POST", f"{url}/v2/research/y/blobs/uploads/", headers=basic)
        assert direct.status == 202
        assert pool.request("POST", f"{url}/token").status == 405


def test_only_its_authority_vouches_for_it(anyone: Client) -> None:
    with urllib3.PoolManager(retries=False) as pool, pytest.raises(urllib3.exceptions.SSLError):
        pool.request("GET", f"https://127.0.0.1:{anyone.port}/v2/")
    asked = subprocess.run(
        ["curl", "--silent", "--tls-max", "1.1", "--insecure", f"https://127.0.0.1:{anyone.port}"],
        check=False,
    )
    assert asked.returncode != 0


def test_it_runs_as_nobody_and_says_who_has_asked(registry: Running, login: Login) -> None:
    login("research").push("research/logged", "1", b"x")

    assert '"auth.user.name":"research"' in registry.log()
    assert "password of" not in registry.log()
    owners = {file.stat().st_uid for file in (registry.folder / "data/main").rglob("*")}
    assert owners == {NOBODY}
    assert not re.search(r'"level":"(error|fatal|panic)".*(config|auth)', registry.log())


@pytest.mark.parametrize(
    ("rules", "error"),
    [
        ('{"users": {"a": {"sha256": "12"}}}', "users.a.sha256: no SHA-256"),
        ('{"user": {}}', 'unknown field "user"'),
        (None, "no such file"),
    ],
)
def test_bad_rules_are_refused_at_the_start(
    tmp_path: Path, registry_command: Path, rules: str | None, error: str
) -> None:
    file = tmp_path / "rules.json"
    if rules is not None:
        file.write_text(rules)
    config = tmp_path / "config.yml"
    config.write_text(
        '{"version": "0.1", "storage": {"inmemory": {}}, "http": {"addr": "127.0.0.1:0"},'
        f'"auth": {{"projects": {{"service": "x", "path": "{file}"}}}}}}'
    )
    done = subprocess.run(
        [registry_command, "serve", config], capture_output=True, text=True, timeout=60
    )

    assert done.returncode != 0
    assert error in done.stdout + done.stderr
