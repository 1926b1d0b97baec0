"""Commands that images take from Go modules, built once and kept while those stay the same."""

import hashlib
import json
import os
import platform
import re
from pathlib import Path

from cumulo.images.containers import store
from cumulo.images.containers.recipe import Commands
from cumulo.local import files, go
from cumulo.local.command import run
from cumulo.local.errors import CumuloError
from cumulo.local.go import compiler

MODULES = Path(__file__).parent / "go"
"""A Go module for each project, with the versions and checksums of all that it is made of."""

# Containers hold no C library of their own choice.
_ENVIRONMENT = {"CGO_ENABLED": "0"}


def build(commands: Commands) -> Path:
    """The folder of some commands, each under the last part of its package's name.

    They are built where the cache does not have them yet; a build that was killed continues with
    what Go has compiled.

    Raises:
        CumuloError: They could not be built, and what to do about that.
    """
    finished = path(commands)
    if finished.is_dir():
        os.utime(finished)
        return finished
    lock = finished.with_name(f"{commands.module}.lock")
    with files.lock(lock, f"waiting for another build of {commands.module}"):
        if not finished.is_dir():
            part = finished.with_name(f".{finished.name}.part")
            part.mkdir(parents=True, exist_ok=True)
            go.build(_order(commands), part)
            files.settle(part, finished)
            store.discard_unused(finished.parent, f"{commands.module}-*", finished)
    return finished


def path(commands: Commands) -> Path:
    """Where some commands are, or are going to be."""
    order = _order(commands)
    made_of = {
        "modules": (order.module / "go.mod").read_text(),
        "sums": (order.module / "go.sum").read_text(),
        # Of commands of our own; most are upstream's as they are.
        "sources": {file.name: file.read_text() for file in sorted(order.module.glob("*.go"))},
        "flags": order.flags,
        "packages": order.packages,
        "platform": f"{platform.system()} {platform.machine()}",
    }
    key = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]
    return store.folder() / "commands" / f"{commands.module}-{key}"


def version(module: str, project: str) -> str:
    """The version of a project, without its `v`, as a folder's go.mod names it.

    Args:
        module: The folder in `go/`.
        project: The project's own module path.
    """
    return modules(module)[project].removeprefix("v")


def modules(module: str) -> dict[str, str]:
    """Every module that a folder's go.mod names, and its version."""
    file = MODULES / module / "go.mod"
    found = re.findall(r"^(?:require )?\s*(\S+\.\S+) (v\S+)", file.read_text("utf-8"), re.MULTILINE)
    if not found:
        raise CumuloError(f"{file} names no modules", "run `go mod tidy` there")
    return dict(found)


def _order(commands: Commands) -> go.Order:
    variables = " ".join(f"-X {name}={value}" for name, value in commands.variables.items())
    return go.Order(
        name=f"{commands.module} {version(commands.module, commands.main)}",
        module=MODULES / commands.module,
        packages=tuple(commands.paths.values()),
        flags=(
            *("-trimpath", "-buildvcs=false", f"-tags={','.join(commands.tags)}"),
            f"-ldflags=-s -w {variables}".rstrip(),
        ),
        environment=_ENVIRONMENT,
        takes="a few minutes of two cores",
        instead="or push the upstream image into your registry instead",
    )


def contents(commands: Commands) -> dict[str, str]:
    """The modules that are in some commands, as the commands themselves tell, and Go's version."""
    found: dict[str, str] = {}
    file = MODULES / commands.module / "go.mod"
    go_command = compiler.ensure(go.oldest(file))
    for package in commands.paths.values():
        told = run(
            str(go_command), "version", "-m", str(path(commands) / package.rpartition("/")[2])
        )
        found["go"] = told.splitlines()[0].rpartition(" go")[2]
        found |= dict(re.findall(r"^\t(?:dep|=>)\t(\S+)\t(\S+)", told, re.MULTILINE))
    return dict(sorted(found.items()))
