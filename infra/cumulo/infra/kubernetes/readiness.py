"""An update ends when the cluster works. If it does not, the update says on which node what failed.

Waiting is left to runs that change things: a preview takes everything as it comes, and a destroy
does not wait for what it deletes. Where all is well, a gate costs one request.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import pulumi
from cumulo.infra.kubernetes import api, operation
from cumulo.infra.kubernetes.api import ClusterError, Deadline

if TYPE_CHECKING:
    from lightkube.resources.core_v1 import Node

_SHOWN_NODES = 3
_SHOWN_LINES = 25
_MARK = "kubernetes-join: "


def answering(
    component: str,
    kubeconfig: pulumi.Output[str],
    servers: Mapping[str, pulumi.Output[str]],
    seconds: int,
    cloud: str | None,
) -> pulumi.Output[str]:
    """The kubeconfig, once the API that it is for answers.

    Args:
        component: What messages call the cluster.
        kubeconfig: The administrator's.
        servers: The ids of the control plane's instances by name.
        seconds: How long to wait; 0 does not.
        cloud: The cloud to read consoles from.
    """

    async def wait() -> str:
        config, started = await _known(kubeconfig, pulumi.Output.all(**servers))
        if config is None or started is None:
            return ""
        async with api.connect(config) as client:
            try:
                waits = f"{component}: waiting for its API"
                await api.patiently(lambda: api.nodes(client), Deadline(seconds), waits)
            except api.UnansweredError as error:
                told = await _consoles(started, cloud)
                raise ClusterError(f"{component}: {error}\n{told}") from None
        return config

    if not _waits(seconds):
        return kubeconfig
    # It depends on no server: otherwise one that is replaced would be a change of whatever uses
    # the kubeconfig, and Pulumi would replace all that is in the cluster.
    nothing: set[pulumi.Resource] = set()
    return pulumi.Output(nothing, wait(), kubeconfig.is_known(), kubeconfig.is_secret())


def joined(
    component: str,
    kubeconfig: pulumi.Output[str],
    servers: Mapping[str, pulumi.Output[str]],
    seconds: int,
    cloud: str | None,
) -> pulumi.Output[bool]:
    """Fails the update unless each server becomes a node of the cluster.

    Args:
        component: What messages call the cluster.
        kubeconfig: The administrator's, once the API answers.
        servers: The ids of all instances by name.
        seconds: How long to wait; 0 does not.
        cloud: The cloud to read consoles from.
    """

    async def wait() -> bool:
        config, started = await _known(kubeconfig, pulumi.Output.all(**servers))
        if config is None or started is None:
            return False
        missing = await _missing(component, config, seconds, lambda found: absent(started, found))
        if missing:
            told = await _consoles({name: started[name] for name in missing}, cloud)
            raise ClusterError(
                f"{component}: {', '.join(missing)} did not join within {seconds} s\n{told}"
            )
        return True

    return pulumi.Output.from_input(wait() if _waits(seconds) else True)


def ready(
    component: str,
    kubeconfig: pulumi.Output[str],
    nodes: pulumi.Output[Mapping[str, str]],
    seconds: int,
) -> pulumi.Output[bool]:
    """Fails the update unless each node becomes Ready.

    Args:
        component: Whom messages name.
        kubeconfig: The administrator's.
        nodes: The nodes by name.
        seconds: How long to wait; 0 does not.
    """

    async def wait() -> bool:
        config, declared = await _known(kubeconfig, nodes)
        if config is None or declared is None:
            return False
        away = await _missing(component, config, seconds, lambda found: api.away(declared, found))
        if away:
            reasons = "\n".join(f"  {node}: {reason}" for node, reason in away.items())
            raise ClusterError(f"{component}: not Ready within {seconds} s\n{reasons}")
        return True

    return pulumi.Output.from_input(wait() if _waits(seconds) else True)


def absent(servers: Mapping[str, str], nodes: "Mapping[str, Node]") -> dict[str, str]:
    """The servers that are no nodes yet, and why.

    A server that was lost leaves its node behind, Ready for a while, and its successor has the
    same name. Kubelet tells which instance it runs in, where the hypervisor tells it: then that
    must be the one that is declared.

    Args:
        servers: The instances' ids by name.
        nodes: The cluster's nodes by name.
    """
    told = {name: _instance(node) for name, node in nodes.items()}
    own = {name: server.replace("-", "") for name, server in servers.items()}
    telling = any(told.get(name) == server for name, server in own.items())
    reasons = {}
    for name, server in sorted(own.items()):
        if name not in told:
            reasons[name] = "has not joined"
        elif telling and told[name] != server:
            reasons[name] = "is still its predecessor, which is gone"
    return reasons


def _instance(node: "Node") -> str:
    info = node.status.nodeInfo if node.status else None
    return info.systemUUID.replace("-", "").lower() if info else ""


def _waits(seconds: int) -> bool:
    return bool(seconds) and not pulumi.runtime.is_dry_run() and operation.updates()


async def _known(
    kubeconfig: pulumi.Output[str], servers: pulumi.Output[Any]
) -> tuple[str | None, Mapping[str, str] | None]:
    """Both, when the servers are there; None for what `--target` leaves unmade."""
    started: Mapping[str, str] | None = await servers.future()
    return await kubeconfig.future(), started


async def _missing(
    component: str,
    kubeconfig: str,
    seconds: int,
    look: "Callable[[Mapping[str, Node]], dict[str, str]]",
) -> dict[str, str]:
    """The nodes that something is missing of to the end, and what."""
    deadline = Deadline(seconds)
    told = False
    async with api.connect(kubeconfig) as client:
        while True:
            found = await api.patiently(lambda: api.nodes(client), deadline)
            away = look(found)
            if not away or deadline.passed():
                return away
            if not told:
                pulumi.log.info(f"{component}: waiting for {', '.join(away)}")
                told = True
            await asyncio.sleep(api.PAUSE)


async def _consoles(servers: Mapping[str, str], cloud: str | None) -> str:
    """What servers said last on their consoles, or how to see it."""
    shown = sorted(servers)[:_SHOWN_NODES]
    told = [await asyncio.to_thread(_console, name, servers[name], cloud) for name in shown]
    rest = len(servers) - len(shown)
    return "\n".join([*told, *([f"and {rest} more"] if rest else [])])


def _console(name: str, server: str, cloud: str | None) -> str:
    command = f"openstack console log show {name}"
    if cloud is None:
        return f"{name}: `{command}` shows how far it came (name a console_cloud to see it here)"
    try:
        import openstack

        with openstack.connect(cloud=cloud) as connection:
            answer = connection.compute.get_server_console_output(server, length=400)
        return f"{name}: {phase(str(answer['output']))}"
    except Exception as error:  # noqa: BLE001 -- what has failed is the cluster, and not this
        return f"{name}: `{command}` shows how far it came ({error})"


def phase(console: str) -> str:
    """How far a server came, and the last lines of its console."""
    lines = [line.rstrip() for line in console.splitlines() if line.strip()]
    steps = [line.partition(_MARK)[2] for line in lines if _MARK in line]
    failures = [number for number, step in enumerate(steps) if step.startswith("failed")]
    last = failures[-1] if failures else 0
    if failures and set(steps[last + 1 :]) <= set(steps[:last]):
        # It tries again what has failed.
        step = repr(steps[last - 1]) if last else "its start"
        at = f"{step} {steps[last].partition(';')[0]}"
    elif steps:
        at = f"it came to {steps[-1]!r}"
    else:
        at = "it has not begun to join; of its console, the last lines:"
    return "\n  ".join([at, *lines[-_SHOWN_LINES:]])
