"""The OpenStack provider, which at one place kills itself, the language host or the engine.

Pulumi starts it as its plugin. `CUMULO_CRASH` says where: `<who> <moment> <n>`, at the n-th call
of that kind, or nothing.
"""

import os
import runpy
import signal
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import psutil
from cumulo.providers.core import provider, server
from cumulo.providers.openstack import cloud

_serve = server.serve
_who, _moment, _number = (os.environ.get("CUMULO_CRASH") or "nobody never 0").split()
_lock = threading.Lock()
_calls = 0


def _reached(moment: str) -> None:
    """Counts the calls that come to this moment; at the one that is meant, someone dies."""
    global _calls
    if moment != _moment:
        return
    with _lock:
        _calls += 1
        if _calls == int(_number):
            os.kill(_victim(), signal.SIGKILL)


def _victim() -> int:
    engine = psutil.Process(os.getppid())
    if _who == "provider":
        return os.getpid()
    if _who == "engine":
        return engine.pid
    for child in engine.children():
        if any("language_host" in word for word in child.cmdline()):
            return child.pid
    raise LookupError(f"no language host among the children of {engine}")


def _around(work: Callable[..., Any], name: str) -> Callable[..., Any]:
    def wrapped(*arguments: Any, **options: Any) -> Any:
        if not options.get("preview"):
            _reached(f"before-{name}")
        result = work(*arguments, **options)
        if not options.get("preview"):
            _reached(f"after-{name}")
        return result

    return wrapped


def _serve_and_crash(served: Any) -> NoReturn:
    # A create is one or more POSTs: between them the object exists and is not yet complete.
    for owner, method in ((provider.Provider, "create"), (cloud.Service, "post")):
        setattr(owner, method, _around(getattr(owner, method), method))
    _serve(served)


server.serve = _serve_and_crash  # type: ignore[assignment]
runpy.run_module("cumulo.providers.openstack", run_name="__main__")
