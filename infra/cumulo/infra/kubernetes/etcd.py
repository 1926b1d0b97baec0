"""The cluster's memory, which each server of the control plane has a part of.

A server that goes for good, or whose successor starts with an empty disk, must be taken off the
list of members first: it counts for what a majority is.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cumulo.infra.kubernetes import api
from cumulo.infra.kubernetes.api import ClusterError, Deadline
from cumulo.infra.kubernetes.user_data import ETCDCTL

if TYPE_CHECKING:
    from lightkube import AsyncClient

_SYSTEM = "kube-system"
_PARTS = ("etcd", "kube-apiserver")


def serves(node: str, cluster: str) -> bool:
    """Whether a server has a part of its cluster's memory."""
    return node.rpartition("-")[0] == f"{cluster}-control"


async def unhealthy(client: "AsyncClient", servers: Iterable[str]) -> dict[str, str]:
    """The servers whose etcd or API server is not Ready, and why."""
    from lightkube.resources.core_v1 import Pod

    listed = client.list(Pod, namespace=_SYSTEM, labels={"tier": "control-plane"})
    pods: dict[str, Pod] = {api.name(pod): pod async for pod in listed}
    found = {}
    for server in servers:
        for part in _PARTS:
            reason = api.not_ready(pods.get(f"{part}-{server}"))
            if reason:
                found[server] = f"{part}: {reason}"
    return found


async def remove_member(client: "AsyncClient", node: str, deadline: Deadline) -> None:
    """Takes a server off the list of members, by way of another one."""
    while True:
        try:
            members = await _members(client, node)
            if node not in members:
                return
            number, _ = members.pop(node)
            if not members:
                return
            late = [other for other, (_, votes) in members.items() if not votes]
            if not late:
                await _ctl(client, next(iter(members)), "member", "remove", number)
                continue
            reason = f"{', '.join(late)} does not vote yet"
        except ClusterError as error:
            reason = str(error)
        if deadline.passed():
            raise ClusterError(
                f"{node} stays: it could not be taken off the members of etcd: {reason}"
            )
        await asyncio.sleep(api.PAUSE)


async def _members(client: "AsyncClient", leaving: str) -> dict[str, tuple[str, bool]]:
    """Each member's number, and whether it votes, by its server's name."""
    from lightkube.resources.core_v1 import Pod

    listed = client.list(Pod, namespace=_SYSTEM, labels={"component": "etcd"})
    servers = [api.name(pod).removeprefix("etcd-") async for pod in listed]
    reason = "no other server runs etcd"
    for server in servers:
        if server == leaving:
            continue
        try:
            listing = await _ctl(client, server, "member", "list")
        except ClusterError as error:
            reason = str(error)
            continue
        rows = [line.split(", ") for line in listing.splitlines() if line.count(", ") >= 5]
        return {row[2]: (row[0], row[1] == "started" and row[5] == "false") for row in rows}
    raise ClusterError(reason)


async def _ctl(client: "AsyncClient", server: str, *arguments: str) -> str:
    try:
        answer = await client.exec(
            f"etcd-{server}",
            namespace=_SYSTEM,
            container="etcd",
            command=[*ETCDCTL, *arguments],
            stdout=True,
            stderr=True,
            timeout=30,
        )
    except Exception as error:
        raise ClusterError(f"etcd on {server} could not be asked: {error}") from error
    if answer.exit_code:
        raise ClusterError(f"etcd on {server}: {answer.stderr!s}".strip())
    return str(answer.stdout or "")
