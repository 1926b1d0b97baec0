"""The provider's switches, as the official provider has them."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cumulo.providers.core.values import Properties

_SWITCHES: Final[Mapping[str, str]] = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
}

CONFIG: Final = frozenset(
    {
        *_SWITCHES,
        "alwaysRender",
        "cluster",
        "clusterIdentifier",
        "context",
        "helmReleaseSettings",
        "kubeClientSettings",
        "kubeconfig",
        "namespace",
        "renderYamlToDirectory",
        "strictMode",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
    }
)
"""The official provider's configuration keys."""

UNSUPPORTED: Final[Mapping[str, str]] = {
    "alwaysRender": "manifests cannot be rendered; leave it out",
    "renderYamlToDirectory": "manifests cannot be rendered; leave it out",
}
"""Keys that ask for what this provider does not do, and what to do instead."""


@dataclass(frozen=True)
class Settings:
    """What the configuration and the environment switch on and off.

    Attributes:
        delete_unreachable: Whether a refresh drops what lies in a cluster that does not answer.
        config_map_mutable: Whether a ConfigMap's data may change in place.
        patch_force: Whether fields may always be taken away from other managers.
        secret_mutable: Whether a Secret's data may change in place.
        skip_update_unreachable: Whether a cluster that does not answer is passed over.
        upsert: Whether objects that exist already are taken over by a create.
    """

    delete_unreachable: bool = False
    config_map_mutable: bool = False
    patch_force: bool = False
    secret_mutable: bool = False
    skip_update_unreachable: bool = False
    upsert: bool = False


def settings(options: Properties) -> Settings:
    """The switches, where the configuration wins over the environment."""
    return Settings(
        delete_unreachable=_switch(options, "deleteUnreachable"),
        config_map_mutable=_switch(options, "enableConfigMapMutable"),
        patch_force=_switch(options, "enablePatchForce"),
        secret_mutable=_switch(options, "enableSecretMutable"),
        skip_update_unreachable=_switch(options, "skipUpdateUnreachable"),
        upsert=_switch(options, "upsertExistingObjects"),
    )


def server_side_apply(options: Properties) -> bool:
    """Whether server-side apply is on, as it is unless somebody switches it off."""
    return _switch(options, "enableServerSideApply", otherwise="true")


def _switch(options: Properties, key: str, otherwise: str = "") -> bool:
    value = options.get(key)
    if value is None:
        value = os.environ.get(_SWITCHES[key], otherwise)
    return str(value).lower() == "true"
