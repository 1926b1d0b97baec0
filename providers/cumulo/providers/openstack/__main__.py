"""`python -m cumulo.providers.openstack ENGINE_ADDRESS`: what Pulumi starts as a plugin."""

import importlib.util
import sys
import types


def _bare(package: str) -> None:
    """Makes a package importable without running its `__init__`.

    `pulumi` and `openstack` import hundreds of modules there, most of the second and a half that
    a start would take; only their protocol stubs and the configuration loader are needed here.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{package} is not installed", name=package)
    module = types.ModuleType(package)
    module.__path__ = list(spec.submodule_search_locations)
    module.__spec__ = spec
    sys.modules[package] = module


for _package in ("pulumi", "pulumi.runtime", "pulumi.runtime.proto", "openstack"):
    _bare(_package)

from cumulo.providers.core.server import serve  # noqa: E402
from cumulo.providers.openstack.provider import OpenStack  # noqa: E402

serve(OpenStack())
