"""Runs one Pulumi program. Started by the language host, in the project's own interpreter.

It is started early, before the host knows what to run, and imports the SDK while Pulumi is busy
elsewhere; then it reads one JSON object from its standard input (see `Request`) and runs that.
At the end of the input it goes: there was nothing to run, or the host is gone.

It imports nothing but the standard library, the SDK and `later`, which is beside it.
Its exit code says what Pulumi is told: 0, 32 for an error that the user has been shown, or
whatever the program exited with.
"""

import asyncio
import ctypes
import gc
import json
import logging
import os
import runpy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from cumulo.local.language_host import later
else:
    import later  # beside this file, which is not part of a package here

SHOWN = 32
INTERRUPTED = 130


class Request(TypedDict):
    """What to run, and what Pulumi says about it."""

    program: str
    directory: str
    arguments: list[str]
    project: str
    stack: str
    organization: str
    root: str
    monitor: str
    engine: str
    parallel: int
    dry_run: bool
    config: dict[str, str]
    secret_keys: list[str]
    debug_logs: bool


def die_with_parent() -> None:
    """Has the kernel kill this process when the language host ends, however that happens."""
    death_signal = 1  # PR_SET_PDEATHSIG
    try:
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL)
    except (AttributeError, OSError):
        return  # not Linux
    if os.getppid() == 1:
        os._exit(1)


def import_sdk() -> ModuleType:
    """Imports the SDK, as cheaply as it goes."""
    later.import_later(later.GRPC | later.SDK)
    placeholder = None
    name = "opentelemetry.sdk.trace"
    if "TRACEPARENT" not in os.environ and name not in sys.modules:
        # Without a trace to join, the SDK only names this class, in an annotation.
        placeholder = ModuleType(name)
        placeholder.TracerProvider = type("TracerProvider", (), {})  # type: ignore[attr-defined]
        sys.modules[name] = placeholder
    try:
        import pulumi
        import pulumi.runtime
    finally:
        if placeholder is not None and sys.modules.get(name) is placeholder:
            del sys.modules[name]
    return pulumi


def calm_collector() -> None:
    """Has Python look for garbage less often.

    A program makes objects that all live to its end, tens of thousands for each hundred resources.
    By default Python looks through them so often that it takes half of a large preview's time.
    """
    # What was imported so far stays for good.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def engine_client(address: str, *, debug_logs: bool) -> Any:
    """What the SDK logs to: the engine, but without the debug logs that nobody asked to see.

    The SDK sends several for each resource, one round trip each.
    """
    if debug_logs or not address:
        return address
    import grpc
    from google.protobuf import empty_pb2
    from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

    limit = 400 << 20
    options = [("grpc.max_receive_message_length", limit), ("grpc.max_send_message_length", limit)]
    client: Any = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=options))
    send = client.Log

    def log(request: engine_pb2.LogRequest, *args: Any, **kwargs: Any) -> Any:
        if request.severity == engine_pb2.DEBUG:
            return empty_pb2.Empty()
        return send(request, *args, **kwargs)

    client.Log = log
    return client


def main_file(program: str) -> str:
    """The file that a program starts with, absolute."""
    path = os.path.abspath(program)  # noqa: PTH100 -- the user's own way to write it
    # A folder's name may have a dot in it.
    is_file = os.path.splitext(path)[1] and not os.path.isdir(path)  # noqa: PTH112, PTH122
    return path if is_file else os.path.join(path, "__main__.py")  # noqa: PTH118


def user_traceback(error: BaseException, main: str) -> str:
    """The traceback from the program's own first frame on; whole if it has none."""
    start: TracebackType | None = error.__traceback__
    while start is not None:
        if os.path.abspath(start.tb_frame.f_code.co_filename) == main:  # noqa: PTH100
            break
        start = start.tb_next
    if start is None and isinstance(error, SyntaxError) and error.filename == main:
        return "".join(traceback.format_exception_only(error))
    # The SDK raises what a failed call raised from within other errors, each with its own frames.
    return "".join(traceback.format_exception(error.with_traceback(start or error.__traceback__)))


def run(request: Request, pulumi: ModuleType) -> int:
    """Runs a program; returns the exit code."""
    # Both ways to read configuration work, as under the official host.
    os.environ["PULUMI_CONFIG"] = json.dumps(request["config"])
    os.environ["PULUMI_CONFIG_SECRET_KEYS"] = json.dumps(request["secret_keys"])
    runtime = pulumi.runtime
    runtime.set_all_config(request["config"], request["secret_keys"])
    runtime.configure(
        runtime.Settings(
            project=request["project"],
            stack=request["stack"],
            organization=request["organization"],
            root_directory=request["root"],
            monitor=request["monitor"],
            engine=engine_client(request["engine"], debug_logs=request["debug_logs"]),
            parallel=request["parallel"],
            dry_run=request["dry_run"],
        )
    )
    os.chdir(request["directory"])
    program = request["program"]
    main = main_file(program)
    sys.argv = [program, *request["arguments"]]
    if os.path.isdir(program) and not os.path.isfile(main):  # noqa: PTH112, PTH113
        folder = os.path.abspath(program)  # noqa: PTH100
        pulumi.log.error(f"unable to find main python program `__main__.py` in `{folder}`")
        return SHOWN

    # What is imported late, in an apply for instance, is found as well.
    sys.path.insert(0, os.path.dirname(main))  # noqa: PTH120
    # Outputs that nobody awaits when a program fails are no news to its author.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    executor = ThreadPoolExecutor(max_workers=max(request["parallel"], 1) * 4)
    loop.set_default_executor(executor)
    try:
        loop.run_until_complete(
            runtime.run_in_stack(lambda: runpy.run_path(program, run_name="__main__"))
        )
    except pulumi.RunError as error:
        pulumi.log.error(str(error))  # noqa: TRY400 -- not Python's logging
        return SHOWN
    except Exception as error:  # noqa: BLE001 -- whatever the program raised is shown to its author
        shown = user_traceback(error, main)
        pulumi.log.error(  # noqa: TRY400 -- not Python's logging
            f"Program failed with an unhandled exception:\n{shown}"
        )
        return SHOWN
    finally:
        executor.shutdown(wait=True)
        loop.close()
    return 0


def main() -> int:
    """Waits for what to run, and runs it."""
    die_with_parent()
    # What lies beside this file must not be found by the program's imports.
    sys.path.pop(0)
    sys.modules.pop("later", None)
    try:
        pulumi: ModuleType | None = import_sdk()
        missing = ""
    except ImportError:
        pulumi, missing = None, traceback.format_exc()
    calm_collector()
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    if pulumi is None:
        sys.stderr.write(
            f"{missing}\nThe Pulumi SDK is not installed in {sys.prefix}.\n"
            "Run `pulumi install` to install the project's dependencies.\n"
        )
        return 1
    # What a program prints appears when it prints it.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    return run(json.loads(line), pulumi)


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)
