"""Permissions, in the shapes that Kubernetes gives them."""

from typing import Any


def rule(group: str, resources: list[str], *verbs: str) -> dict[str, Any]:
    """Leave to do something with kinds of objects of an API group."""
    return {"api_groups": [group], "resources": resources, "verbs": list(verbs)}


def role(kind: str, name: str) -> dict[str, str]:
    """A role, as a binding names it."""
    return {"api_group": "rbac.authorization.k8s.io", "kind": kind, "name": name}
