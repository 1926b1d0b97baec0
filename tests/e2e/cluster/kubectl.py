"""Drives a cluster with its own client, in a namespace that a test has for itself."""

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cumulo.images.kubectl import client
from cumulo.images.node.release import release

AGNHOST = f"registry.k8s.io/e2e-test-images/agnhost:{release().agnhost}"
"""Upstream's image for such tests; nodes have it."""


@dataclass(frozen=True)
class Kubectl:
    """The client, and the namespace that it works in.

    Attributes:
        kubeconfig: Who it is, and where the cluster is.
        namespace: Where what it names is looked for.
    """

    kubeconfig: Path
    namespace: str = "default"

    def command(self, *arguments: str) -> list[str]:
        """The words that run it."""
        who = (f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}")
        return [*client(), *who, *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Starts it, with pipes to talk with it."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(
        self, *arguments: str, stdin: str | None = None, seconds: float = 180
    ) -> "subprocess.CompletedProcess[str]":
        """How a command ended, and what it said."""
        return subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def ok(self, *arguments: str, stdin: str | None = None, seconds: float = 180) -> str:
        """What a command said; fails the test unless it succeeded."""
        run = self.run(*arguments, stdin=stdin, seconds=seconds)
        assert run.returncode == 0, f"kubectl {' '.join(arguments)}:\n{run.stdout}{run.stderr}"
        return run.stdout

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Has these objects be as they are written here."""
        self.ok("apply", "-f", "-", stdin="---\n".join(json.dumps(each) + "\n" for each in objects))

    def get(self, *what: str) -> Any:
        """An object, or a list's items."""
        found = json.loads(self.ok("get", *what, "--output", "json"))
        return found.get("items", found)

    def rolled_out(self, what: str, seconds: int = 180) -> None:
        """Waits until a workload runs as it is declared."""
        self.ok("rollout", "status", what, f"--timeout={seconds}s", seconds=seconds + 30)

    def ready(self, pod: str, seconds: int = 180) -> None:
        """Waits until a pod is ready."""
        self.ok(
            *("wait", "--for=condition=Ready", f"pod/{pod}", f"--timeout={seconds}s"),
            seconds=seconds + 30,
        )

    def execute(self, pod: str, *words: str, seconds: float = 60) -> str:
        """What a command says inside a pod; fails the test unless it succeeded."""
        return self.ok("exec", pod, "--", *words, seconds=seconds)

    def fetch(self, pod: str, url: str, seconds: int = 5) -> str | None:
        """What a pod gets from an address, or None where nobody answers it in time."""
        run = self.run("exec", pod, "--", "curl", "-sS", "--max-time", str(seconds), url)
        if run.returncode == 0:
            return run.stdout
        assert "command terminated with exit code" in run.stderr, run.stderr
        return None


def pod(name: str, command: Sequence[str] = ("pause",), **spec: Any) -> dict[str, Any]:
    """A pod of upstream's test image, that ends at once when it is told to."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "main", "image": AGNHOST, "args": list(command)}],
            **spec,
        },
    }


def web(name: str, replicas: int = 2, **spec: Any) -> list[dict[str, Any]]:
    """A deployment of web servers that say which pod they are (`/hostname`), and its service."""
    labels = {"app": name}
    container = {
        "name": "main",
        "image": AGNHOST,
        # Until every node's proxy knows that a pod ends, it must answer.
        "args": ["netexec", "--http-port=8080", "--delay-shutdown=10"],
        "ports": [{"containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1},
    }
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": labels},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "topologySpreadConstraints": [spread],
                        "terminationGracePeriodSeconds": 15,
                        "containers": [container],
                        **spec,
                    },
                },
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]
