"""An API server that answers at once, with pods that can be held: no real one can be made so slow,
so broken or so full on demand."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from lightkube import AsyncClient, KubeConfig
from lightkube.config.models import Cluster, Context, User

Thing = dict[str, Any]


class FakeCluster:
    """Nodes and pods, and what was asked of them, in order."""

    def __init__(self) -> None:
        self.nodes: dict[str, Thing] = {}
        self.pods: dict[str, Thing] = {}
        self.budgets: dict[str, str] = {}
        self.asked: list[str] = []
        self.answers = True
        self.slow_to_end: set[str] = set()

    def node(self, name: str, *, ready: bool = True, taints: tuple[str, ...] = ()) -> None:
        self.nodes[name] = {
            "metadata": {"name": name},
            "spec": {"taints": [{"key": taint, "effect": "NoSchedule"} for taint in taints]},
            "status": {
                "conditions": [
                    {"type": "Ready", "status": str(ready), "message": "kubelet says so"}
                ]
            },
        }

    def pod(self, name: str, node: str, **changes: Any) -> None:
        metadata = {"name": name, "namespace": "default", **changes.pop("metadata", {})}
        self.pods[name] = {
            "metadata": metadata,
            "spec": {"nodeName": node, "containers": []},
            "status": {"phase": "Running", **changes.pop("status", {})},
        }

    @asynccontextmanager
    async def connect(self, kubeconfig: str) -> AsyncIterator[AsyncClient]:
        """What `api.connect` is replaced by."""
        config = KubeConfig(
            clusters={"c": Cluster("http://cluster")},
            contexts={"c": Context("c", "u")},
            users={"u": User()},
            current_context="c",
        )
        transport: Any = httpx2.MockTransport(self._answer)
        async with AsyncClient(config, transport=transport) as client:
            yield client

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(0)
        if not self.answers:
            raise httpx2.ConnectError("connection refused", request=request)
        parts = request.url.path.strip("/").split("/")
        wanted = request.url.params.get("fieldSelector", "")
        match (request.method, parts[2:]):
            case ("GET", ["nodes"]):
                return self._list(list(self.nodes.values()))
            case ("PATCH", ["nodes", name]):
                assert json.loads(request.content) == {"spec": {"unschedulable": True}}
                self.nodes[name]["spec"]["unschedulable"] = True
                self.asked.append(f"cordon {name}")
                return httpx2.Response(200, json=self.nodes[name])
            case ("DELETE", ["nodes", name]):
                self.asked.append(f"delete {name}")
                del self.nodes[name]
                return httpx2.Response(200, json={"kind": "Status"})
            case ("GET", ["pods"]):
                node = wanted.removeprefix("spec.nodeName=")
                return self._list(
                    [pod for pod in self.pods.values() if pod["spec"]["nodeName"] == node]
                )
            case ("POST", ["namespaces", _, "pods", name, "eviction"]):
                return self._evict(name)
        raise AssertionError(f"nobody knows {request.method} {request.url}")

    def _evict(self, name: str) -> httpx2.Response:
        if name in self.budgets:
            cause = {"reason": "DisruptionBudget", "message": self.budgets[name]}
            return self._refuse(429, "Cannot evict pod", [cause])
        if name not in self.pods:
            return self._refuse(404, "not found", [])
        self.asked.append(f"evict {name}")
        if name in self.slow_to_end:
            self.pods[name]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        else:
            del self.pods[name]
        return httpx2.Response(201, json={"kind": "Status"})

    @staticmethod
    def _list(items: list[Thing]) -> httpx2.Response:
        return httpx2.Response(200, json={"kind": "List", "metadata": {}, "items": items})

    @staticmethod
    def _refuse(code: int, message: str, causes: list[Thing]) -> httpx2.Response:
        details = {"causes": causes}
        status = {"kind": "Status", "message": message, "code": code, "details": details}
        return httpx2.Response(code, json=status)
