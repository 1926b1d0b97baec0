"""A real Keycloak, run from a root file system."""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from tests.images.containers.running import Container, free_port

JSON = dict[str, Any]

# Made for a test, it need not be fast for long, but soon.
_JAVA = "-XX:TieredStopAtLevel=1"
_HEAP = "-Xms128m -Xmx512m"
_SECONDS = 300.0


@dataclass(frozen=True)
class RunningKeycloak:
    """A Keycloak, and its administrator's login."""

    url: str
    user: str = "admin"
    password: str = "correct horse"

    @property
    def environment(self) -> dict[str, str]:
        """What the provider is configured with."""
        return {
            "KEYCLOAK_URL": self.url,
            "KEYCLOAK_CLIENT_ID": "admin-cli",
            "KEYCLOAK_USER": self.user,
            "KEYCLOAK_PASSWORD": self.password,
        }

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Asks the admin API as a person would, beside the provider."""
        token = self.token("master", "admin-cli", username=self.user, password=self.password)[
            "access_token"
        ]
        answer = urllib3.request(
            method,
            f"{self.url}/admin{path}",
            body=None if body is None else json.dumps(body),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            timeout=60,
        )
        assert answer.status < 400 or answer.status == 404, answer.data
        return json.loads(answer.data) if answer.data else None

    def token(self, realm: str, client: str, /, **form: str) -> JSON:
        """What the token endpoint says: with a username by a password grant, else as the client."""
        grant = "password" if "username" in form else "client_credentials"
        answer = urllib3.request(
            "POST",
            f"{self.url}/realms/{realm}/protocol/openid-connect/token",
            body=urlencode({"client_id": client, "grant_type": grant, **form}),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            timeout=60,
        )
        found: JSON = json.loads(answer.data)
        return found


def claims(token: str) -> JSON:
    """What a token says, whose signature nobody looks at here."""
    return _part(token, 1)


def header(token: str) -> JSON:
    """What a token says of itself."""
    return _part(token, 0)


def _part(token: str, index: int) -> JSON:
    text = token.split(".")[index]
    found: JSON = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return found


@contextmanager
def keycloak(root: Path, said: Mapping[str, Any]) -> Iterator[RunningKeycloak]:
    """Runs the image of a Keycloak.

    Args:
        root: The image's root file system.
        said: The image's description.
    """
    port = free_port()
    made = RunningKeycloak(f"http://127.0.0.1:{port}")
    environment = {
        "KC_BOOTSTRAP_ADMIN_USERNAME": made.user,
        "KC_BOOTSTRAP_ADMIN_PASSWORD": made.password,
        "KC_DB": "dev-mem",
        "KC_HTTP_HOST": "127.0.0.1",
        "KC_HTTP_PORT": str(port),
        "JAVA_OPTS_APPEND": _JAVA,
        "JAVA_OPTS_KC_HEAP": _HEAP,
    }

    def answers() -> bool:
        try:
            found = urllib3.request("GET", f"{made.url}/realms/master", retries=False, timeout=5)
        except urllib3.exceptions.HTTPError:
            return False
        return found.status == 200

    with Container(root, said, environment, command=("start-dev",)) as running:
        running.wait(answers, _SECONDS)
        yield made
