"""What happens to a node before its server is deleted: it is drained, and forgotten.

Pulumi calls this where a node goes, whether its pool has become smaller or the server is replaced.
In both cases the successor or the rest of the cluster must be able to take over before the next
node goes, so nodes wait for each other here.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
from cumulo.infra.kubernetes import api, etcd, operation
from cumulo.infra.kubernetes.api import ClusterError, Deadline

if TYPE_CHECKING:
    from lightkube import AsyncClient
    from lightkube.models.core_v1 import Taint
    from lightkube.resources.core_v1 import Node, Pod

_MIRROR = "kubernetes.io/config.mirror"
# The API's own, for states that are looked at anyway.
_STATES = "node.kubernetes.io/"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How a cluster lets its nodes go.

    Attributes:
        cluster: The cluster's name.
        control_plane: The names of its control plane's servers.
        workers: The names of its other nodes.
        at_once: How many nodes of a pool may be away at the same time, by what their names begin
            with.
        drain_seconds: How long a node may take to be drained; 0 if it is not.
        ready_seconds: How long others may take to become Ready.
        replaceable: Whether the only server of a control plane may be replaced.
    """

    cluster: str
    control_plane: frozenset[str]
    workers: frozenset[str]
    at_once: Mapping[str, int]
    drain_seconds: int
    ready_seconds: int
    replaceable: bool


class Drain:
    """The hooks of one cluster's nodes.

    Args:
        rules: How its nodes may go.
        kubeconfig: Its administrator's.

    Attributes:
        control_plane: The hooks of the instances of its control plane.
        workers: Those of all others.
    """

    def __init__(self, rules: Rules, kubeconfig: pulumi.Output[str]) -> None:
        self._rules = rules
        self._kubeconfig = kubeconfig
        self._lock = asyncio.Lock()
        self._leaving: set[str] = set()
        self._dead = False
        # The state names them, and the run that deletes an instance must know them: so they depend
        # on nothing but the cluster's name.
        keep = pulumi.ResourceHook(
            f"cumulo:{rules.cluster}:keep",
            self._keep,
            pulumi.ResourceHookOptions(on_dry_run=True),
        )
        leave = pulumi.ResourceHook(f"cumulo:{rules.cluster}:leave", self._before_delete)
        self.control_plane = pulumi.ResourceHookBinding(before_delete=[keep, leave])
        self.workers = pulumi.ResourceHookBinding(before_delete=[leave])

    def _keep(self, args: pulumi.ResourceHookArgs) -> None:
        """Refuses what would lose the cluster, in previews too."""
        rules = self._rules
        if _hostname(args) not in rules.control_plane or len(rules.control_plane) > 1:
            return
        if operation.updates() and not rules.replaceable:
            raise ClusterError(
                f"this would replace the only server of the control plane of '{rules.cluster}', "
                "and with it everything that the cluster knows. Take the change back; or go to "
                "control_plane.count 3 first, in an update of its own; or, where nothing would be "
                "missed, say control_plane.replaceable: True"
            )

    async def _before_delete(self, args: pulumi.ResourceHookArgs) -> None:
        node = _hostname(args)
        if not self._rules.drain_seconds:
            return
        if operation.destroys_cluster():
            return
        kubeconfig = await self._kubeconfig.future()
        if kubeconfig is None:
            return
        if self._dead:
            _say(f"{node}: the API does not answer; it goes without being drained")
            return
        async with api.connect(kubeconfig) as client:
            try:
                found = await api.patiently(lambda: api.nodes(client), self._deadline())
            except api.UnansweredError as error:
                # Of a cluster that is gone nothing can be drained, and it must not be in the way
                # of its own repair.
                self._dead = True
                pulumi.log.warn(f"{node} goes without being drained: {error}")
                return
            if node in found:
                await self._let_go(client, node)
            else:
                _say(f"{node} is not a node of the cluster; there is nothing to drain")

    async def _let_go(self, client: "AsyncClient", node: str) -> None:
        async with self._turn(client, node) as found:
            await api.patiently(lambda: _cordon(client, node), self._deadline())
            if self._room(found, node):
                _say(f"draining {node}")
                await self._empty(client, node, ready=not api.not_ready(found[node]))
            else:
                _say(f"{node}: no other node could take its pods; it goes without being drained")
            # Its successor has its name, and would be taken for it: cordoned, and with the old
            # labels and taints.
            await api.patiently(lambda: _delete(client, node), self._deadline())
            if etcd.serves(node, self._rules.cluster):
                await etcd.remove_member(client, node, self._deadline())

    def _deadline(self) -> Deadline:
        return Deadline(self._rules.drain_seconds)

    @asynccontextmanager
    async def _turn(self, client: "AsyncClient", node: str) -> "AsyncIterator[dict[str, Node]]":
        """Waits until no more nodes than may be away are, and counts this one among those."""
        at_once = self._rules.at_once.get(node.rpartition("-")[0], 1)
        deadline = Deadline(self._rules.ready_seconds or self._rules.drain_seconds)
        waits_for: dict[str, str] = {}
        while True:
            async with self._lock:
                found, away = await self._away(client, node)
                if found and len(away) < at_once:
                    self._leaving.add(node)
                    break
            if away.keys() != waits_for.keys():
                deadline.extend()
                _say(f"{node} waits for {', '.join(sorted(away))}")
            waits_for = away
            if deadline.passed():
                raise ClusterError(self._not_ready(node, away))
            await asyncio.sleep(api.PAUSE)
        try:
            yield found
        finally:
            self._leaving.discard(node)

    async def _away(
        self, client: "AsyncClient", node: str
    ) -> "tuple[dict[str, Node], dict[str, str]]":
        rules = self._rules
        try:
            found = await api.nodes(client)
            declared = (rules.workers | rules.control_plane) - {node}
            if not operation.updates():
                # Those that are gone do not come back.
                declared &= found.keys()
            away = api.away(declared, found)
            if etcd.serves(node, rules.cluster):
                away |= await etcd.unhealthy(client, rules.control_plane - {node})
        except Exception as error:
            reason = api.outage(error)
            if reason is None:
                raise
            return {}, {"the API": reason}
        return found, away | dict.fromkeys(self._leaving - {node}, "is being drained")

    def _not_ready(self, node: str, away: Mapping[str, str]) -> str:
        reasons = "\n".join(f"  {other}: {reason}" for other, reason in sorted(away.items()))
        return (
            f"{node} was not drained, and stays: others of '{self._rules.cluster}' are not Ready\n"
            f"{reasons}\n"
            "Mend them, or replace them before it with `pulumi up --target-replace` and the URN of "
            "the instance, or say drain_seconds: 0 to go on as it is"
        )

    def _room(self, found: "Mapping[str, Node]", node: str) -> bool:
        own = _kept_away(found[node])
        return any(
            other != node
            and other not in self._leaving
            and not api.not_ready(candidate)
            and not (candidate.spec and candidate.spec.unschedulable)
            and _kept_away(candidate) <= own
            for other, candidate in found.items()
        )

    async def _empty(self, client: "AsyncClient", node: str, *, ready: bool) -> None:
        deadline = self._deadline()
        while True:
            held: dict[str, str] = {}
            try:
                for pod in await _movable(client, node):
                    since = pod.metadata and pod.metadata.deletionTimestamp
                    if not since:
                        held[_key(pod)] = await _evict(client, pod)
                    elif ready:
                        held[_key(pod)] = f"has been ending since {since:%H:%M:%S} UTC"
            except Exception as error:
                reason = api.outage(error)
                if reason is None:
                    raise
                held["the API"] = reason
            if not held:
                return
            if deadline.passed():
                raise ClusterError(self._not_empty(node, held))
            await asyncio.sleep(api.PAUSE)

    def _not_empty(self, node: str, held: Mapping[str, str]) -> str:
        pods = "\n".join(f"  {pod}: {reason}" for pod, reason in sorted(held.items()))
        return (
            f"{node} could not be drained within {self._rules.drain_seconds} s, and stays, "
            f"cordoned. Left on it:\n{pods}\n"
            "Nothing is lost. Make room for them, or change what holds them, and run the update "
            f"again; `kubectl uncordon {node}` gives the node back; drain_seconds is how long to "
            "wait, and 0 deletes nodes undrained"
        )


async def _cordon(client: "AsyncClient", node: str) -> None:
    from lightkube.resources.core_v1 import Node

    await client.patch(Node, node, {"spec": {"unschedulable": True}})


async def _delete(client: "AsyncClient", node: str) -> None:
    from lightkube import ApiError
    from lightkube.resources.core_v1 import Node

    try:
        await client.delete(Node, node)
    except ApiError as error:
        if error.status.code != 404:
            raise


async def _movable(client: "AsyncClient", node: str) -> "list[Pod]":
    """The pods of a node that would run elsewhere, or end, if it were gone."""
    from lightkube.resources.core_v1 import Pod

    listed = client.list(Pod, namespace="*", fields={"spec.nodeName": node})
    return [pod async for pod in listed if not _stays(pod)]


def _stays(pod: "Pod") -> bool:
    metadata, status = pod.metadata, pod.status
    owners = (metadata and metadata.ownerReferences) or []
    return (
        _MIRROR in ((metadata and metadata.annotations) or {})
        or any(owner.controller and owner.kind == "DaemonSet" for owner in owners)
        or (status is not None and status.phase in {"Succeeded", "Failed"})
    )


async def _evict(client: "AsyncClient", pod: "Pod") -> str:
    """Asks for a pod to be ended; why it is still there."""
    from lightkube import ApiError
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.core_v1 import Pod

    namespace = pod.metadata.namespace if pod.metadata else None
    eviction = Pod.Eviction(metadata=ObjectMeta(name=api.name(pod), namespace=namespace))
    try:
        await client.create(eviction, api.name(pod), namespace=namespace)
    except ApiError as error:
        status = error.status
        causes: list[Any] = (status.details and status.details.causes) or []
        if any(cause.reason == "NamespaceTerminating" for cause in causes):
            return "its namespace is being deleted"
        if status.code == 404:
            return ""
        if status.code != 429 and (status.code or 0) < 500:
            raise
        budgets = [cause.message for cause in causes if cause.reason == "DisruptionBudget"]
        return "; ".join(budget for budget in budgets if budget) or status.message or "refused"
    return "is being ended"


def _kept_away(node: "Node") -> "set[tuple[str, str | None, str]]":
    """The taints that keep pods off a node."""
    taints: list[Taint] = (node.spec and node.spec.taints) or []
    return {
        (taint.key, taint.value, taint.effect)
        for taint in taints
        if taint.effect != "PreferNoSchedule" and not taint.key.startswith(_STATES)
    }


def _key(pod: "Pod") -> str:
    return f"{pod.metadata and pod.metadata.namespace}/{api.name(pod)}"


def _hostname(args: pulumi.ResourceHookArgs) -> str:
    return str((args.old_outputs or {}).get("name") or args.name.removesuffix("-instance"))


def _say(message: str) -> None:
    pulumi.log.info(message)
