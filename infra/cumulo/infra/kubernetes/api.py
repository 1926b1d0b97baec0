"""The cluster's API, as hooks and gates ask it.

Nothing else imports its client, so that a preview does not pay for it.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import pulumi

if TYPE_CHECKING:
    from lightkube import AsyncClient
    from lightkube.resources.core_v1 import Node, Pod

PAUSE = 1.0
"""Seconds between two looks at something that is waited for."""

_REQUEST_SECONDS = 10.0

T = TypeVar("T")


class ClusterError(pulumi.RunError):
    """A cluster that is not as it should be. Pulumi shows it without a traceback."""


class UnansweredError(ClusterError):
    """The API did not answer in time."""


class Deadline:
    """A wait that ends.

    Args:
        seconds: How long to wait.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.extend()

    def extend(self) -> None:
        """Starts anew, because there was progress."""
        self._end = time.monotonic() + self.seconds

    def passed(self) -> bool:
        """Whether it is over."""
        return time.monotonic() >= self._end


@asynccontextmanager
async def connect(kubeconfig: str) -> "AsyncIterator[AsyncClient]":
    """A client of the cluster that a kubeconfig, as JSON, is for."""
    import httpx2
    from lightkube import AsyncClient, KubeConfig

    config = KubeConfig.from_dict(json.loads(kubeconfig))
    async with AsyncClient(config, timeout=httpx2.Timeout(_REQUEST_SECONDS)) as client:
        yield client


def outage(error: Exception) -> str | None:
    """Why the API did not answer; None if the error is an answer."""
    import httpx2

    if isinstance(error, httpx2.HTTPStatusError):
        code = error.response.status_code
        return f"HTTP {code}: {error}" if code == 429 or code >= 500 else None
    if isinstance(error, httpx2.TransportError):
        return str(error) or type(error).__name__
    return None


async def patiently(
    ask: Callable[[], Awaitable[T]], deadline: Deadline, waits: str = "waiting for the API"
) -> T:
    """What the API answers, asked again while there is no answer.

    Args:
        ask: Asks it.
        deadline: When to end.
        waits: What to tell users who wait.

    Raises:
        UnansweredError: There was none before the deadline.
    """
    told = False
    while True:
        try:
            return await ask()
        except Exception as error:
            reason = outage(error)
            if reason is None:
                raise
        if deadline.passed():
            raise UnansweredError(
                f"the API has not answered for {deadline.seconds:.0f} s: {reason}"
            )
        if not told:
            pulumi.log.info(f"{waits} ({reason})")
            told = True
        await asyncio.sleep(PAUSE)


async def nodes(client: "AsyncClient") -> "dict[str, Node]":
    """The cluster's nodes by name."""
    from lightkube.resources.core_v1 import Node

    found = [node async for node in client.list(Node)]
    return {name(node): node for node in found}


def name(item: "Node | Pod") -> str:
    """An object's name; what the API has always has one."""
    metadata = item.metadata
    return (metadata and metadata.name) or ""


def not_ready(item: "Node | Pod | None") -> str:
    """Why a node or pod is not Ready; empty if it is."""
    if item is None:
        return "has not joined"
    conditions = (item.status and item.status.conditions) or []
    for condition in conditions:
        if condition.type == "Ready":
            said = condition.message or condition.reason or f"Ready is {condition.status}"
            return "" if condition.status == "True" else said
    return "has said nothing yet"


def away(declared: Iterable[str], found: "Mapping[str, Node]") -> dict[str, str]:
    """The declared nodes that are not Ready, and why."""
    reasons = {node: not_ready(found.get(node)) for node in sorted(declared)}
    return {node: reason for node, reason in reasons.items() if reason}
