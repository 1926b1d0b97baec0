"""The Pulumi SDK's own cost: a program run against a resource monitor that does nothing.

No engine, no provider, no state: each registration is answered at once with what was sent. What a
preview costs above this is the engine's, the language host's and the provider's.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    resource_pb2,
    resource_pb2_grpc,
)

MESSAGE_LIMIT = ("grpc.max_receive_message_length", 400 << 20)

PROGRAM = """
import asyncio, os, runpy, sys
from pulumi.runtime import Settings, configure, run_in_stack
address, program = sys.argv[1:]
configure(Settings(project="bench", stack="floor", monitor=address, engine=address, parallel=64,
                   dry_run=True, organization="organization", root_directory=program))
sys.path.insert(0, program)
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.run_until_complete(run_in_stack(lambda: runpy.run_path(program, run_name="__main__")))
"""


class DoNothing(resource_pb2_grpc.ResourceMonitorServicer, engine_pb2_grpc.EngineServicer):
    """Monitor and engine in one, as far as a program calls them."""

    def __init__(self) -> None:
        self.root = ""
        self.registered = 0

    async def SupportsFeature(self, request: Any, _context: Any) -> Any:  # noqa: N802
        known = {"secrets", "resourceReferences", "outputValues", "aliasSpecs", "deletedWith"}
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    async def RegisterResource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self.registered += 1
        urn = f"urn:pulumi:floor::bench::{request.type}::{request.name}"
        return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)

    async def RegisterResourceOutputs(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    async def Invoke(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return provider_pb2.InvokeResponse(**{"return": struct_pb2.Struct()})

    async def SignalAndWaitForShutdown(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    async def Log(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    async def GetRootResource(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self.root)

    async def SetRootResource(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self.root = request.urn
        return engine_pb2.SetRootResourceResponse()


async def serve(program: Path) -> int:
    """Runs the program against a monitor of its own; returns how many resources it registered."""
    monitor = DoNothing()
    server = grpc.aio.server(options=[MESSAGE_LIMIT])
    resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
    engine_pb2_grpc.add_EngineServicer_to_server(monitor, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM, f"127.0.0.1:{port}", str(program), env=dict(os.environ)
    )
    status = await child.wait()
    await server.stop(0)
    if status:
        raise RuntimeError(f"{program} ended with {status}")
    return monitor.registered


if __name__ == "__main__":
    print(asyncio.run(serve(Path(sys.argv[1]))), "resources registered")
