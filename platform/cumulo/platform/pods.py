"""What the pods of the platform have in common."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final

NOBODY: Final = 65534
"""The user of images that know no other, such as Prometheus'."""

SECURE: Mapping[str, Any] = {
    "allow_privilege_escalation": False,
    "read_only_root_filesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def restricted(user: int) -> dict[str, Any]:
    """What Pod Security `restricted` asks of a pod, for one user and their volumes."""
    return {
        "run_as_non_root": True,
        "run_as_user": user,
        "run_as_group": user,
        "fs_group": user,
        "fs_group_change_policy": "OnRootMismatch",
        "seccomp_profile": {"type": "RuntimeDefault"},
    }


def labels(name: str, part: str) -> dict[str, str]:
    """What marks the pods of a part, and no others."""
    return {"app.kubernetes.io/name": part, "app.kubernetes.io/instance": name}


def probe(path: str, port: str, failures: int = 3) -> dict[str, Any]:
    """Asks a page that answers 200 while all is well."""
    return {
        "http_get": {"path": path, "port": port},
        "period_seconds": 5,
        "timeout_seconds": 5,
        "failure_threshold": failures,
    }


def resources(cpu: str, memory: int) -> dict[str, Any]:
    """A promise of processor time, and memory in MiB that is promised and not exceeded."""
    return {
        "requests": {"cpu": cpu, "memory": f"{memory}Mi"},
        "limits": {"memory": f"{memory}Mi"},
    }


def apart(match: Mapping[str, str]) -> list[dict[str, Any]]:
    """Pods of one kind go to different nodes while there are some."""
    return [
        {
            "max_skew": 1,
            "topology_key": "kubernetes.io/hostname",
            "when_unsatisfiable": "ScheduleAnyway",
            "label_selector": {"match_labels": dict(match)},
        }
    ]


def claim(storage: str, storage_class: str | None) -> dict[str, Any]:
    """A volume of a pod's own."""
    spec: dict[str, Any] = {
        "access_modes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}},
    }
    if storage_class is not None:
        spec["storage_class_name"] = storage_class
    return {"metadata": {"name": "data"}, "spec": spec}


def digest(*texts: str) -> str:
    """Ten characters that change when one of the texts does."""
    whole = hashlib.sha256()
    for text in texts:
        whole.update(f"{len(text)}:{text}".encode())
    return whole.hexdigest()[:10]
