"""The language host's service: what Pulumi asks of the language of a program."""

# The names and arguments of the methods are the protocol's.
# ruff: noqa: ARG002, N802

import base64
import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from pathlib import Path
from typing import IO, Any, TypeVar

import grpc
from cumulo.local import versions
from cumulo.local.language_host import packages, processes
from cumulo.local.language_host.interpreter import (
    Interpreter,
    OptionError,
    Options,
    outside,
    parse,
)
from cumulo.local.language_host.protocol import language, language_grpc, plugin
from google.protobuf import empty_pb2

_PLUGIN = str(Path(__file__).with_name("plugin.py"))
_SHOWN = 32

R = TypeVar("R")


def _explained(method: Callable[[Any, Any, Any], R]) -> Callable[[Any, Any, Any], R]:
    """Has a bad option answered as the user's mistake, not as a crash of this service."""

    @wraps(method)
    def wrapper(self: Any, request: Any, context: Any) -> R:
        try:
            return method(self, request, context)
        except (OptionError, RuntimeError, OSError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            raise AssertionError("abort raises") from error

    return wrapper


class LanguageHost(language_grpc.LanguageRuntimeServicer):
    """The service. Each call runs in a thread of its own.

    Args:
        engine: The address of Pulumi's engine; `Handshake` may bring it later.
        children: Where the processes that it starts are kept.
        waiting: A program process that was started ahead, in our own interpreter.
        debug_logs: Whether the program's debug logs are wanted.
    """

    def __init__(
        self,
        engine: str,
        children: processes.Children,
        waiting: "subprocess.Popen[bytes] | None" = None,
        *,
        debug_logs: bool = False,
    ) -> None:
        self._engine = engine
        self._children = children
        self._waiting = waiting
        self._debug_logs = debug_logs
        self._cancelled = threading.Event()

    def Handshake(self, request: Any, context: Any) -> Any:
        """Takes the engine's address."""
        self._engine = request.engine_address or self._engine
        return language.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """Answers with the version, which is Pulumi's own."""
        return plugin.PluginInfo(version=versions.PULUMI)

    @_explained
    def About(self, request: Any, context: Any) -> Any:
        """Answers with what `pulumi about` shows of the language."""
        options = _options(request.info)
        interpreter = options.interpreter()
        version = (
            sys.version.split()[0]
            if interpreter.is_ours
            else interpreter.ask(
                "import json, platform; print(json.dumps(platform.python_version()))"
            )
        )
        return language.AboutResponse(
            executable=interpreter.executable,
            version=version,
            metadata={
                "toolchain": options.toolchain.capitalize(),
                "typechecker": options.typechecker.capitalize() or "None",
            },
        )

    @_explained
    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """Lists what is installed, or only what nothing else needs."""
        found = _find(_options(request.info).interpreter())
        return language.GetProgramDependenciesResponse(
            dependencies=[
                language.DependencyInfo(name=package["name"], version=package["version"])
                for package in found["installed"]
                if request.transitiveDependencies or not package["required"]
            ]
        )

    @_explained
    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """Lists the plugins that the installed packages ask for."""
        options = _options(request.info)
        virtualenv = options.virtualenv
        if virtualenv is not None and not (virtualenv.is_dir() and any(virtualenv.iterdir())):
            for chunk in self._install(options, plugin=False):
                sys.stderr.buffer.write(chunk)
                sys.stderr.buffer.flush()
        interpreter = options.interpreter()
        found = packages.find_plugins() if interpreter.is_ours else _find(interpreter)["plugins"]
        return language.GetRequiredPackagesResponse(packages=[_package(each) for each in found])

    def RuntimeOptionsPrompts(self, request: Any, context: Any) -> Any:
        """Lists what `pulumi new` asks for."""
        prompt = language.RuntimeOptionPrompt
        values = dict(request.info.options.items())

        def choice(value: str) -> Any:
            return prompt.RuntimeOptionValue(
                promptType=prompt.STRING, stringValue=value, displayName=value
            )

        if "toolchain" not in values:
            return language.RuntimeOptionsResponse(
                prompts=[
                    prompt(
                        key="toolchain",
                        description=(
                            "The toolchain to use for installing dependencies and running the "
                            "program"
                        ),
                        promptType=prompt.STRING,
                        choices=[choice("pip"), choice("poetry"), choice("uv")],
                        default=choice("pip"),
                    )
                ]
            )
        if values["toolchain"] == "pip" and "virtualenv" not in values:
            return language.RuntimeOptionsResponse(
                prompts=[
                    prompt(
                        key="virtualenv",
                        description="The virtualenv to use",
                        promptType=prompt.STRING,
                        choices=[choice("venv")],
                        default=choice("venv"),
                    )
                ]
            )
        return language.RuntimeOptionsResponse()

    def Template(self, request: Any, context: Any) -> Any:
        """Does nothing: templates need no further preparation."""
        return language.TemplateResponse()

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """Installs what a project needs, and streams what the tools print."""
        try:
            options = _options(request.info, plugin=request.is_plugin)
            for chunk in self._install(options, plugin=request.is_plugin):
                yield language.InstallDependenciesResponse(stdout=chunk)
        except (OptionError, RuntimeError, OSError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    def Cancel(self, request: Any, context: Any) -> Any:
        """Interrupts the program."""
        self._cancelled.set()
        self._children.interrupt()
        return empty_pb2.Empty()

    @_explained
    def Run(self, request: Any, context: Any) -> Any:
        """Runs a program to its end."""
        if request.attach_debugger:
            return language.RunResponse(
                error="this language host cannot attach a debugger; run without --attach-debugger"
            )
        options = _options(request.info)
        interpreter = options.interpreter()
        if options.typechecker:
            error = self._typecheck(options, interpreter)
            if error:
                return language.RunResponse(error=error)
        process = self._program(interpreter)
        if not context.add_callback(self._children.interrupt):
            self._children.interrupt()
        wanted = {
            "program": request.info.entry_point or ".",
            "directory": request.pwd or request.info.program_directory,
            "arguments": list(request.args),
            "project": request.project,
            "stack": request.stack,
            "organization": request.organization,
            "root": request.info.root_directory,
            "monitor": request.monitor_address,
            "engine": self._engine,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "config": dict(request.config),
            "secret_keys": list(request.configSecretKeys),
            "debug_logs": self._debug_logs,
        }
        assert process.stdin is not None  # noqa: S101 -- it was started with a pipe
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(wanted).encode() + b"\n")
            process.stdin.flush()
        code = self._children.wait(process)
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        if code == 0:
            return language.RunResponse()
        if code == _SHOWN or self._cancelled.is_set():
            # The engine has the error, or knows that it cancelled; it need not say it again.
            return language.RunResponse(bail=True)
        if code < 0:
            name = signal.Signals(-code).name
            return language.RunResponse(error=f"program was ended by signal {name}")
        return language.RunResponse(error=f"program exited with non-zero exit code: {code}")

    def RunPlugin(self, request: Any, context: Any) -> Iterator[Any]:
        """Runs a plugin to its end, and streams what it prints."""
        try:
            process = self._start_plugin(request)
        except (OptionError, RuntimeError, OSError) as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
            return
        context.add_callback(lambda: processes.end(process, signal.SIGKILL))
        for name, chunk in _merge(process.stdout, process.stderr):
            if name == "stdout":
                yield language.RunPluginResponse(stdout=chunk)
            else:
                yield language.RunPluginResponse(stderr=chunk)
        code = self._children.wait(process)
        yield language.RunPluginResponse(exitcode=code)

    def _start_plugin(self, request: Any) -> "subprocess.Popen[bytes]":
        policy = request.kind == "analyzer"
        options = _options(request.info, plugin=not policy)
        interpreter = options.interpreter()
        folder = request.info.program_directory
        command = [interpreter.executable, "-u", _PLUGIN]
        if policy:
            command += ["--policy", *request.args, folder]
        elif (options.root / "__main__.py").is_file():
            command += [folder, *request.args]
        else:
            from cumulo.local.language_host import dependencies

            name = dependencies.project_name(options.root)
            if name is None:
                raise RuntimeError(
                    f"{options.root} is not runnable: it has neither __main__.py nor a "
                    "pyproject.toml with a build system and a name"
                )
            command += ["--package", name, *request.args]
        given = dict(entry.partition("=")[::2] for entry in request.env)
        return self._children.start(
            command,
            cwd=folder if policy else (request.pwd or None),
            env=interpreter.environment(given),
            output=subprocess.PIPE,
        )

    def _program(self, interpreter: Interpreter) -> "subprocess.Popen[bytes]":
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            if interpreter.is_ours and waiting.poll() is None:
                return waiting
            assert waiting.stdin is not None  # noqa: S101 -- it was started with a pipe
            waiting.stdin.close()
            processes.end(waiting, signal.SIGKILL)
        return self._children.start_program(interpreter.executable, interpreter.environment())

    def _typecheck(self, options: Options, interpreter: Interpreter) -> str:
        command = [interpreter.executable, "-m", options.typechecker]
        if options.typechecker == "mypy" and options.virtualenv is not None:
            command += ["--exclude", os.path.relpath(options.virtualenv, options.program)]
        run = subprocess.run(
            [*command, str(options.program)],
            cwd=options.program,
            env=interpreter.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode == 0:
            return ""
        return f"{options.typechecker} failed:\n{run.stdout}{run.stderr}"

    def _install(self, options: Options, *, plugin: bool) -> Iterator[bytes]:
        from cumulo.local.language_host import dependencies

        def run(command: list[str], folder: Path, **given: str) -> Iterator[bytes]:
            process = self._children.start(
                command, cwd=str(folder), env=outside() | given, output=subprocess.PIPE
            )
            for _, chunk in _merge(process.stdout, process.stderr):
                yield chunk
            code = self._children.wait(process)
            if code != 0:
                raise dependencies.InstallError(
                    f"`{' '.join(command)}` failed with exit code {code}"
                )

        return dependencies.install(options, run, plugin=plugin)


def _options(info: Any, *, plugin: bool = False) -> Options:
    values = dict(info.options.items())
    root = info.root_directory or os.getcwd()  # noqa: PTH109
    return parse(root, info.program_directory or root, values, plugin=plugin)


def _find(interpreter: Interpreter) -> packages.Found:
    if interpreter.is_ours:
        return packages.find()
    found: packages.Found = interpreter.ask(Path(packages.__file__).read_text("utf-8"))
    return found


def _package(each: packages.Dependency) -> Any:
    return plugin.PackageDependency(
        kind="resource",
        name=each["name"],
        version=each["version"],
        server=each["server"],
        parameterization=_parameterization(each["parameterization"]),
        extension=_parameterization(each["extension"]),
    )


def _parameterization(declared: dict[str, Any] | None) -> Any:
    if not declared:
        return None
    return plugin.PackageParameterization(
        name=declared.get("name", ""),
        version=declared.get("version", ""),
        value=base64.b64decode(declared.get("value", "")),
    )


def _merge(*streams: IO[bytes] | None) -> Iterable[tuple[str, bytes]]:
    """Yields what comes from standard output and standard error, as it comes."""
    chunks: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()

    def read(name: str, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), 1 << 16):
                chunks.put((name, chunk))
        chunks.put((name, b""))

    readers = 0
    for name, stream in zip(("stdout", "stderr"), streams, strict=True):
        if stream is not None:
            readers += 1
            threading.Thread(target=read, args=(name, stream), daemon=True).start()
    while readers:
        name, chunk = chunks.get()
        if chunk:
            yield name, chunk
        else:
            readers -= 1
