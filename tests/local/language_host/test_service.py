"""The language host's service as Pulumi calls it."""

import ctypes
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from cumulo.local import versions
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import language_pb2, language_pb2_grpc


@pytest.fixture
def process() -> "Iterator[subprocess.Popen[str]]":
    with subprocess.Popen(
        [sys.executable, "-m", "cumulo.local.language_host", "127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        yield started
        started.kill()


@pytest.fixture
def host(process: "subprocess.Popen[str]") -> Iterator[Any]:
    assert process.stdout is not None
    port = int(process.stdout.readline())
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)


def info(folder: Path, **options: str) -> language_pb2.ProgramInfo:
    values = struct_pb2.Struct()
    values.update(options)
    return language_pb2.ProgramInfo(
        root_directory=str(folder), program_directory=str(folder), entry_point=".", options=values
    )


def sleeper(folder: Path) -> Path:
    (folder / "__main__.py").write_text(
        "import os, sys, time\nprint(os.getpid(), *sys.argv[1:], flush=True)\ntime.sleep(600)\n"
    )
    return folder


def test_it_has_pulumis_version(host: Any) -> None:
    assert host.GetPluginInfo(empty_pb2.Empty()).version == versions.PULUMI


def test_about_names_the_interpreter(host: Any, tmp_path: Path) -> None:
    about = host.About(language_pb2.AboutRequest(info=info(tmp_path)))
    assert about.executable == sys.executable
    assert about.version == sys.version.split()[0]
    assert about.metadata["toolchain"] == "Pip"


def test_required_packages_are_the_providers_that_are_installed(host: Any, tmp_path: Path) -> None:
    request = language_pb2.GetRequiredPackagesRequest(info=info(tmp_path))
    packages = {package.name: package for package in host.GetRequiredPackages(request).packages}
    from importlib.metadata import version

    assert packages["openstack"].version == f"v{version('pulumi_openstack')}"
    assert packages["openstack"].kind == "resource"
    assert "pulumi" not in packages


def test_dependencies_are_all_or_only_those_that_nothing_needs(host: Any, tmp_path: Path) -> None:
    def names(*, transitive: bool) -> set[str]:
        request = language_pb2.GetProgramDependenciesRequest(
            info=info(tmp_path), transitiveDependencies=transitive
        )
        return {each.name for each in host.GetProgramDependencies(request).dependencies}

    every, direct = names(transitive=True), names(transitive=False)
    assert {"pulumi", "grpcio", "cumulo"} <= every
    assert "cumulo" in direct
    assert "grpcio" not in direct


def test_a_virtual_environment_that_is_missing_is_named(host: Any, tmp_path: Path) -> None:
    request = language_pb2.AboutRequest(info=info(tmp_path, virtualenv="nowhere"))
    with pytest.raises(grpc.RpcError) as error:
        host.About(request)
    assert 'is set to "nowhere"' in error.value.details()
    assert "pulumi install" in error.value.details()


def test_new_projects_are_asked_for_toolchain_and_virtual_environment(
    host: Any, tmp_path: Path
) -> None:
    def asked(**options: str) -> list[str]:
        request = language_pb2.RuntimeOptionsRequest(info=info(tmp_path, **options))
        return [prompt.key for prompt in host.RuntimeOptionsPrompts(request).prompts]

    assert asked() == ["toolchain"]
    assert asked(toolchain="pip") == ["virtualenv"]
    assert asked(toolchain="pip", virtualenv="venv") == []


def test_a_plugin_gets_its_arguments_and_environment_and_its_exit_code_comes_back(
    host: Any, tmp_path: Path
) -> None:
    (tmp_path / "__main__.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.environ['GIVEN'], os.getcwd())\n"
        "print('oops', file=sys.stderr)\nsys.exit(7)\n"
    )
    request = language_pb2.RunPluginRequest(
        info=info(tmp_path), args=["127.0.0.1:1", "-x"], env=["GIVEN=a=b"], pwd=str(tmp_path)
    )
    answers = list(host.RunPlugin(request))
    assert b"".join(answer.stdout for answer in answers).decode().split("\n")[0] == (
        f"['127.0.0.1:1', '-x'] a=b {tmp_path}"
    )
    assert b"".join(answer.stderr for answer in answers) == b"oops\n"
    assert answers[-1].exitcode == 7


def test_a_plugin_that_cannot_run_is_named(host: Any, tmp_path: Path) -> None:
    with pytest.raises(grpc.RpcError) as error:
        list(host.RunPlugin(language_pb2.RunPluginRequest(info=info(tmp_path))))
    assert str(tmp_path) in error.value.details()
    assert "__main__.py" in error.value.details()


def test_cancel_interrupts_what_runs(host: Any, tmp_path: Path) -> None:
    answers = host.RunPlugin(language_pb2.RunPluginRequest(info=info(sleeper(tmp_path))))
    next(answers)
    host.Cancel(empty_pb2.Empty())
    assert list(answers)[-1].exitcode == 130


def test_a_plugin_ends_when_nobody_listens_any_more(host: Any, tmp_path: Path, gone: Any) -> None:
    answers = host.RunPlugin(language_pb2.RunPluginRequest(info=info(sleeper(tmp_path))))
    plugin = int(next(answers).stdout)
    answers.cancel()
    assert gone(plugin)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_quietly_with_all_that_it_started(
    host: Any, process: "subprocess.Popen[str]", tmp_path: Path, gone: Any, number: signal.Signals
) -> None:
    answers = host.RunPlugin(language_pb2.RunPluginRequest(info=info(sleeper(tmp_path))))
    plugin = int(next(answers).stdout)
    process.send_signal(number)
    assert process.wait(timeout=30) == 0
    assert gone(plugin)
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_it_ends_with_the_engine(tmp_path: Path, gone: Any) -> None:
    script = (
        "import subprocess, sys, time\n"
        "command = [sys.executable, '-m', 'cumulo.local.language_host', '127.0.0.1:1']\n"
        "host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "print(host.pid, host.stdout.readline().strip(), flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        pid, port = (int(word) for word in engine.stdout.readline().split())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = language_pb2_grpc.LanguageRuntimeStub(channel)
            request = language_pb2.RunPluginRequest(info=info(sleeper(tmp_path)))
            plugin = int(next(stub.RunPlugin(request)).stdout)
            engine.kill()
            assert gone(pid)
            assert gone(plugin)


def test_a_program_that_waits_ahead_goes_with_its_host(gone: Any) -> None:
    # The engine starts a first host to ask about the language; the second one expects a program.
    script = (
        "import subprocess, sys, time\n"
        "subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])\n"
        "command = [sys.executable, '-m', 'cumulo.local.language_host', '127.0.0.1:1']\n"
        "host = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)\n"
        "host.stdout.readline()\n"
        "print(host.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as engine:
        assert engine.stdout is not None
        host = int(engine.stdout.readline())
        children = [
            int(pid)
            for listed in Path(f"/proc/{host}/task").glob("*/children")
            for pid in listed.read_text().split()
        ]
        assert len(children) == 1
        os.kill(host, signal.SIGKILL)
        assert gone(children[0])
        engine.kill()


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the number of a system call")
def test_signals_end_it_whichever_thread_they_reach(process: Any) -> None:
    process.stdout.readline()
    threads = {int(entry.name) for entry in Path(f"/proc/{process.pid}/task").iterdir()}
    other = max(threads - {process.pid})
    ctypes.CDLL(None).syscall(234, process.pid, other, signal.SIGINT)  # tgkill on x86-64
    assert process.wait(timeout=30) == 0
