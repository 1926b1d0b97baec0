"""The environment's registry, as its settings say."""

from typing import cast

from cumulo.infra import NetworkHandle, Registry, RegistryArgs, RegistryHandle, registry_image
from settings import RegistrySettings


def make_registry(wanted: RegistrySettings, network: NetworkHandle) -> RegistryHandle:
    """Makes the registry; the handle is what clusters and other stacks take."""
    if wanted.bucket is None:
        storage: object = {"filesystem": {"replaceable": wanted.replaceable}}
    else:
        storage = {
            "bucket": {
                "endpoint": wanted.bucket.endpoint,
                "region": wanted.bucket.region,
                "bucket": wanted.bucket.name,
                "access_key": wanted.bucket.access_key,
                "secret_key": wanted.bucket.secret_key,
            }
        }
    args = {
        "network": network,
        "image": registry_image(),
        "flavor": wanted.flavor,
        "storage": storage,
        "clients": wanted.clients,
        "projects": {name: one.model_dump() for name, one in wanted.projects.items()},
        # What is not set is left out.
        "upstreams": {
            name: one.model_dump(exclude_none=True) for name, one in wanted.upstreams.items()
        },
        "anonymous_pull": wanted.anonymous_pull,
        "floating_ip": wanted.floating_ip,
        "retention": {"tags": wanted.tags_kept, "cache_days": wanted.cache_days},
    }
    return Registry("registry", cast("RegistryArgs", args)).handle
