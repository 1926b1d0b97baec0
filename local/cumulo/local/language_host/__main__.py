"""The language host's process: `pulumi-language-python [--tracing ADDRESS] ENGINE_ADDRESS`."""

import os
import signal
import sys
from typing import NoReturn

from cumulo.local.language_host import processes

_LIMIT = 400 << 20
"""How large a message may be, as in the CLI."""


def main(arguments: list[str]) -> None:
    """Serves until Pulumi ends, or says to."""
    if "--version" in arguments or "-version" in arguments:
        from cumulo.local import versions

        print(f"v{versions.PULUMI}")  # noqa: T201
        return
    parent = os.getppid()
    children = processes.Children()

    def stop(*_: object) -> NoReturn:
        children.kill()
        os._exit(0)

    ends = (signal.SIGINT, signal.SIGTERM)
    for number in ends:
        signal.signal(number, stop)

    # Pulumi starts one host to ask about the language, and then another to run the program. That
    # one can start the program's process ahead: it imports the SDK while this one imports gRPC.
    runs = processes.has_had_children(parent)
    waiting = children.start_program(sys.executable) if runs else None

    from concurrent.futures import ThreadPoolExecutor

    from cumulo.local.language_host import later

    later.import_later(later.GRPC)

    import grpc
    from cumulo.local.language_host.protocol import language_grpc
    from cumulo.local.language_host.server import LanguageHost

    engine = arguments[-1] if arguments and not arguments[-1].startswith("-") else ""
    server = grpc.server(
        # Every running program and plugin holds one; they only wait.
        ThreadPoolExecutor(max_workers=256),
        options=[
            ("grpc.max_receive_message_length", _LIMIT),
            ("grpc.max_send_message_length", _LIMIT),
            ("grpc.so_reuseport", 0),
        ],
    )
    host = LanguageHost(engine, children, waiting, debug_logs=processes.keeps_debug_logs(parent))
    language_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    processes.wait_for_end(parent, ends)
    stop()


if __name__ == "__main__":
    main(sys.argv[1:])
