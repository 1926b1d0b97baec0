"""Whether the local cloud is usable: asked of its APIs, as a user would."""

import functools
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cumulo.local import progress
from cumulo.local.errors import CumuloError

# By the name that users know the service by; the path answers without credentials.
ENDPOINTS = {
    "keystone": ":5000/v3",
    "glance": ":9292/",
    "placement": ":8778/",
    "nova": ":8774/",
    "neutron": ":9696/",
    "octavia": ":9876/",
    # Its proxy starts when the servers behind it do.
    "swift": ":8080/healthcheck",
}
_SILENCE = 20.0
# What is starting needs the processors more than whoever asks.
_PAUSE = 1.0
# The machine's proxy, if it has one, does not know the local networks.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Health:
    """What the APIs say.

    Attributes:
        endpoints: By service, an empty text, or why it does not answer.
        problems: What else is not as it must be, in words.
        hypervisor: The state of the hypervisor, `up` or `down`.
        instances: How many servers there are, in all projects.
    """

    endpoints: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    hypervisor: str = "unknown"
    instances: int | None = None

    @property
    def ready(self) -> bool:
        """Whether everything is as it must be."""
        return bool(self.endpoints) and not any(self.endpoints.values()) and not self.problems

    @property
    def missing(self) -> list[str]:
        """Everything that is not as it must be, in words."""
        silent = [f"{name}: {why}" for name, why in self.endpoints.items() if why]
        return silent + self.problems


def check(
    host: str, entry: dict[str, Any], since: float = 0, timeout: float = 15, agents: int = 1
) -> Health:
    """Asks everything once, at the same time.

    Args:
        host: The server's address.
        entry: The administrator's entry of a clouds.yaml.
        since: When the server was switched on: older signs of life do not count.
        timeout: Seconds for each question.
        agents: How many network agents there must be at the least.
    """
    with ThreadPoolExecutor(len(ENDPOINTS)) as pool:
        probes = {
            name: pool.submit(_reason, f"http://{host}{tail}", timeout)
            for name, tail in ENDPOINTS.items()
        }
        endpoints = {name: probe.result() for name, probe in probes.items()}
        if any(endpoints.values()):
            return Health(endpoints)
        try:
            token = _token(json.dumps(entry), timeout)
            compute = f"http://{host}:8774/v2.1"
            services = pool.submit(_get, f"{compute}/os-services", token, timeout)
            hypervisors = pool.submit(_get, f"{compute}/os-hypervisors", token, timeout)
            servers = pool.submit(_get, f"{compute}/servers?all_tenants=1", token, timeout)
            networks = pool.submit(_get, f"http://{host}:9696/v2.0/agents", token, timeout)
            problems = compute_problems(services.result()["services"], since)
            if len([agent for agent in networks.result()["agents"] if agent["alive"]]) < agents:
                problems.append("neutron: the OVN controller is not alive")
            states = [item["state"] for item in hypervisors.result()["hypervisors"]]
            if "up" not in states:
                problems.append("nova: no hypervisor is up")
            count = len(servers.result()["servers"])
        except (OSError, KeyError, ValueError) as error:
            _token.cache_clear()
            return Health(endpoints, [f"the APIs answer, but not all is well: {error}"])
    return Health(endpoints, problems, "up" if "up" in states else "down", count)


def wait(ask: Callable[[], Health], deadline: float, explain: Callable[[], str]) -> Health:
    """Asks until all is well.

    Args:
        ask: Asks once.
        deadline: Seconds to wait at most.
        explain: Says what to look at when that was not enough.

    Raises:
        CumuloError: It was not enough.
    """
    began = told = time.monotonic()
    while True:
        health = ask()
        if health.ready:
            return health
        now = time.monotonic()
        if now - told > _SILENCE:
            progress.say(f"  still waiting for {health.missing[0]}")
            told = now
        if now - began > deadline:
            missing = "\n  ".join(health.missing)
            raise CumuloError(
                f"the local cloud is not ready after {deadline:.0f} s:\n  {missing}", explain()
            )
        time.sleep(_PAUSE)


def compute_problems(services: list[dict[str, Any]], since: float) -> list[str]:
    """What is wrong with Nova's services; a heartbeat from before `since` is none."""
    alive = set()
    for service in services:
        seen = service.get("updated_at")
        beat = datetime.fromisoformat(seen).replace(tzinfo=UTC).timestamp() if seen else 0
        if service["state"] == "up" and beat >= since:
            alive.add(service["binary"])
    binaries = ("nova-conductor", "nova-scheduler", "nova-compute")
    return [f"nova: {binary} is not up" for binary in binaries if binary not in alive]


def _reason(url: str, timeout: float) -> str:
    try:
        with _opener.open(url, timeout=timeout):
            return ""
    except urllib.error.HTTPError as error:
        # Version documents answer 300, and 401 comes from a service that works.
        return "" if error.code < 500 else f"answers {error.code}"
    except OSError as error:
        return str(getattr(error, "reason", error))


@functools.lru_cache(maxsize=1)
def _token(entry: str, timeout: float) -> str:
    """One for all questions: Keystone takes a third of a second of a core to look at a password."""
    auth = json.loads(entry)["auth"]
    domain = {"name": auth.get("user_domain_name", "Default")}
    project_domain = {"name": auth.get("project_domain_name", "Default")}
    user = {"name": auth["username"], "password": auth["password"], "domain": domain}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": {"user": user}},
            "scope": {"project": {"name": auth["project_name"], "domain": project_domain}},
        }
    }
    url = f"{auth['auth_url'].rstrip('/').removesuffix('/v3')}/v3/auth/tokens?nocatalog"
    request = urllib.request.Request(  # noqa: S310 - the role wrote it
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with _opener.open(request, timeout=timeout) as answer:
        return str(answer.headers["X-Subject-Token"])


def _get(url: str, token: str, timeout: float) -> Any:
    request = urllib.request.Request(url, headers={"X-Auth-Token": token})  # noqa: S310
    with _opener.open(request, timeout=timeout) as answer:
        return json.load(answer)
