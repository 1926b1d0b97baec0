"""Makes packages importable without running their `__init__`.

`pulumi` and the clouds' client libraries import hundreds of modules there, most of the second and
a half that a provider's start would take; only their protocol stubs and a few modules are needed.
"""

import importlib.util
import sys
import types
from typing import Final

PULUMI: Final = ("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
"""What lies above the protocol's stubs."""


def bare(*packages: str) -> None:
    """Puts empty packages in the place of these, whose modules can be imported all the same."""
    for package in packages:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{package} is not installed", name=package)
        module = types.ModuleType(package)
        module.__path__ = list(spec.submodule_search_locations)
        module.__spec__ = spec
        sys.modules[package] = module
