"""The messages and service of Pulumi's language protocol, without the rest of the SDK.

Importing `pulumi.runtime.proto` imports the whole SDK, several times the cost of everything else
that this process loads. The modules with the messages stand alone, so they are loaded under a
package of our own whose path is theirs.
"""

import importlib.machinery
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

_NAME = "cumulo_pulumi_protocol"


def _package(name: str, path: str) -> ModuleType:
    spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [path]
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    return module


if TYPE_CHECKING:
    from pulumi.runtime.proto import language_pb2 as language
    from pulumi.runtime.proto import language_pb2_grpc as language_grpc
    from pulumi.runtime.proto import plugin_pb2 as plugin
else:
    _sdk = importlib.machinery.PathFinder.find_spec("pulumi")
    if _sdk is None or not _sdk.submodule_search_locations:
        raise ImportError("the Pulumi SDK is not installed beside the language host", name="pulumi")
    _proto = f"{_sdk.submodule_search_locations[0]}/runtime/proto"
    _package(_NAME, _proto)
    _package(f"{_NAME}.codegen", f"{_proto}/codegen")
    plugin = importlib.import_module(f"{_NAME}.plugin_pb2")
    language = importlib.import_module(f"{_NAME}.language_pb2")
    language_grpc = importlib.import_module(f"{_NAME}.language_pb2_grpc")

__all__ = ["language", "language_grpc", "plugin"]
