"""Kubernetes manifests: YAML documents, and what a list has in it."""

from typing import Any

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.objects import Object


def parsed(text: str, source: str = "yaml") -> list[Object]:
    """The objects of a manifest; a List stands for what it holds."""
    import yaml

    try:
        documents = list(yaml.load_all(text, Loader=_loader()))
    except yaml.YAMLError as error:
        raise ProviderError(f"{source} is not YAML: {' '.join(str(error).split())}") from error
    found: list[Object] = []
    for document in documents:
        if document is None or document == {}:
            continue
        if not isinstance(document, dict):
            raise ProviderError(f"{source} holds {document!r}, which is no Kubernetes object")
        found += _expanded(document)
    return found


def _expanded(item: Object) -> list[Object]:
    if str(item.get("kind", "")).endswith("List") and isinstance(item.get("items"), list):
        return [inner for one in item["items"] for inner in _expanded(one)]
    return [item]


def _loader() -> Any:
    """A safe loader that leaves times and dates the text they are, as Kubernetes' does."""
    import yaml

    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Loader(base):  # type: ignore[misc, valid-type]
        yaml_implicit_resolvers = {
            first: [
                (tag, pattern)
                for tag, pattern in resolvers
                if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:value")
            ]
            for first, resolvers in base.yaml_implicit_resolvers.items()
        }

    return Loader
