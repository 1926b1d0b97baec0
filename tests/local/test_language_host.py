"""The language host under the real Pulumi CLI."""

import json
import os
import signal
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from .project import Project

TELLING = """
    import json, os, sys
    import pulumi

    config = pulumi.Config()
    pulumi.export("told", {
        "project": pulumi.get_project(),
        "stack": pulumi.get_stack(),
        "organization": pulumi.get_organization(),
        "root": pulumi.runtime.get_root_directory(),
        "dry_run": pulumi.runtime.is_dry_run(),
        "plain": config.get("plain"),
        "is_secret": pulumi.runtime.is_config_secret("sample:hidden"),
        "from_environment": json.loads(os.environ["PULUMI_CONFIG"])["sample:plain"],
        "directory": os.getcwd(),
        "arguments": sys.argv[1:],
        "main": __name__,
    })
    pulumi.export("hidden", config.require_secret("hidden"))
"""


HOOKED = """
    import os
    import pulumi
    import pulumi_random
    from cumulo.infra.kubernetes import operation

    def before(args):
        length = args.old_outputs["length"]
        print("deletes", length, operation.destroys_cluster(), operation.updates())
        if "REFUSE" in os.environ:
            raise Exception("not yet")

    hook = pulumi.ResourceHook("before", before)
    for number in range(int(os.environ["COUNT"])):
        pulumi_random.RandomString(
            f"string-{number}",
            length=8 + number,
            opts=pulumi.ResourceOptions(hooks=pulumi.ResourceHookBinding(before_delete=[hook])),
        )
"""


def wait_for(file: Path) -> int:
    deadline = time.monotonic() + 120
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < deadline, f"{file} was not written"
        time.sleep(0.05)
    return int(file.read_text())


def test_a_program_knows_what_pulumi_knows(project: Project) -> None:
    project.program(TELLING)
    project.ok("config", "set", "plain", "visible")
    project.ok("config", "set", "--secret", "hidden", "classified")
    project.ok("up", "--yes", "--skip-preview")
    assert json.loads(project.ok("stack", "output", "told", "--json")) == {
        "project": "sample",
        "stack": "dev",
        "organization": "organization",
        "root": str(project.folder),
        "dry_run": False,
        "plain": "visible",
        "is_secret": True,
        "from_environment": "visible",
        "directory": str(project.folder),
        "arguments": [],
        "main": "__main__",
    }
    assert "classified" not in project.ok("stack", "output")
    assert project.ok("stack", "output", "hidden", "--show-secrets").strip() == "classified"


def test_a_preview_is_a_dry_run(project: Project) -> None:
    project.program("import pulumi\npulumi.info(f'dry: {pulumi.runtime.is_dry_run()}')")
    assert "dry: True" in project.ok("preview")


def test_a_second_up_changes_nothing(project: Project) -> None:
    project.program("""
        import pulumi
        pulumi.ComponentResource("sample:index:Part", "part")
    """)
    assert "2 created" in project.ok("up", "--yes", "--skip-preview")
    assert "2 unchanged" in project.ok("up", "--yes", "--skip-preview")


@pytest.mark.parametrize("folder", ["stacks", "stacks.d"])
def test_main_may_be_a_folder_below(project: Project, folder: str) -> None:
    project.write("Pulumi.yaml", f"name: sample\nruntime: python\nmain: {folder}\n")
    project.write(f"{folder}/beside.py", "answer = 42")
    project.write(
        f"{folder}/__main__.py", "import pulumi, beside\npulumi.export('answer', beside.answer)"
    )
    project.ok("up", "--yes", "--skip-preview")
    assert project.ok("stack", "output", "answer").strip() == "42"


def test_what_a_program_prints_is_shown(project: Project) -> None:
    project.program("import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)")
    shown = project.ok("preview")
    assert "to stdout" in shown
    assert "to stderr" in shown


def test_a_run_error_is_shown_plain_and_once(project: Project) -> None:
    project.program("import pulumi\nraise pulumi.RunError('settings.yaml: no such key: colour')")
    run = project.run("preview")
    diagnostics = run.stdout.partition("Diagnostics:")[2]
    assert run.returncode != 0
    assert diagnostics.count("error:") == 1
    assert "error: settings.yaml: no such key: colour" in diagnostics
    assert "Traceback" not in run.stdout


def test_an_exception_is_shown_from_the_programs_first_frame_on(project: Project) -> None:
    project.write("helper.py", "def fail():\n    raise ValueError('no good')\n")
    project.program("import helper\nhelper.fail()\n")
    run = project.run("up", "--yes", "--skip-preview")
    diagnostics = run.stdout.partition("Diagnostics:")[2]
    assert run.returncode != 0
    assert diagnostics.count("error:") == 1
    assert "Program failed with an unhandled exception:" in diagnostics
    frames = [line.strip() for line in diagnostics.splitlines() if 'File "' in line]
    assert frames == [
        f'File "{project.folder}/__main__.py", line 2, in <module>',
        f'File "{project.folder}/helper.py", line 2, in fail',
    ]
    assert "ValueError: no good" in diagnostics


def test_an_exception_in_an_apply_fails_the_program(project: Project) -> None:
    project.program("""
        import pulumi
        def fail(value):
            raise LookupError("in an apply")
        pulumi.export("never", pulumi.Output.from_input(1).apply(fail))
    """)
    run = project.run("preview")
    assert run.returncode != 0
    assert "LookupError: in an apply" in run.stdout


def test_a_syntax_error_is_shown_without_our_frames(project: Project) -> None:
    project.program("def (\n")
    run = project.run("preview")
    assert run.returncode != 0
    assert f'File "{project.folder}/__main__.py", line 1' in run.stdout
    assert "SyntaxError" in run.stdout
    assert "language_host" not in run.stdout


def test_a_missing_program_is_named(project: Project) -> None:
    run = project.run("preview")
    assert run.returncode != 0
    expected = f"unable to find main python program `__main__.py` in `{project.folder}`"
    assert expected in run.stdout


def test_an_exit_code_is_named(project: Project) -> None:
    project.program("import sys\nsys.exit(3)")
    run = project.run("preview")
    assert run.returncode != 0
    assert "program exited with non-zero exit code: 3" in run.stdout


def test_a_killed_program_is_named(project: Project) -> None:
    project.program("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    run = project.run("preview")
    assert run.returncode != 0
    assert "program was ended by signal SIGKILL" in run.stdout


def test_hooks_run_before_what_they_are_of_is_deleted(project: Project) -> None:
    project.program(HOOKED)
    project.env["COUNT"] = "2"
    project.ok("up", "--yes", "--skip-preview")
    project.env["COUNT"] = "1"
    refused = project.run("up", "--yes", "--skip-preview", REFUSE="1")
    assert refused.returncode != 0
    assert "not yet" in refused.stdout + refused.stderr
    # It is tried again, since it is still there; its hook is in the program without it too.
    assert "deletes 9.0 False True" in project.ok("up", "--yes", "--skip-preview")
    assert "deletes 8.0 True False" in project.ok("destroy", "--yes", "--skip-preview")


def test_debug_logs_come_only_when_asked_for(project: Project) -> None:
    project.program("import pulumi\npulumi.debug('a detail')\npulumi.warn('a warning')")
    plain, debug = project.ok("preview"), project.ok("preview", "--debug")
    assert "a warning" in plain
    assert "a detail" not in plain
    assert "a detail" in debug


def test_messages_may_be_far_larger_than_grpc_has_it(project: Project) -> None:
    megabytes = 8
    project.program("import pulumi\npulumi.export('size', len(pulumi.Config().require('big')))")
    project.ok("config", "set", "big", stdin="x" * (megabytes << 20))
    project.ok("up", "--yes", "--skip-preview")
    assert project.ok("stack", "output", "size").strip() == str(megabytes << 20)


def test_parts_of_the_sdk_that_are_imported_late_are_all_there(project: Project) -> None:
    project.program("""
        import pulumi
        from opentelemetry.sdk.trace import TracerProvider
        pulumi.export("late", [
            pulumi.automation.LocalWorkspace.__name__,
            pulumi.dynamic.ResourceProvider.__name__,
            pulumi.policy.__name__,
            TracerProvider.__module__,
        ])
    """)
    project.ok("up", "--yes", "--skip-preview")
    assert json.loads(project.ok("stack", "output", "late", "--json")) == [
        "LocalWorkspace",
        "ResourceProvider",
        "pulumi.policy",
        "opentelemetry.sdk.trace",
    ]


def test_a_bad_runtime_option_is_named(project: Project) -> None:
    project.write(
        "Pulumi.yaml",
        "name: sample\nruntime:\n  name: python\n  options:\n    toolchain: conda\n",
    )
    project.program("")
    run = project.run("preview")
    assert run.returncode != 0
    assert "unsupported toolchain option: conda" in run.stdout + run.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_no_process_and_no_traceback(
    project: Project, gone: Callable[[int], bool], number: signal.Signals
) -> None:
    file = project.folder / "pid"
    project.program(f"""
        import os, pathlib, time
        pathlib.Path({str(file)!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """)
    command = project.start("preview", "--non-interactive")
    program = wait_for(file)
    host = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(command.pid, number)
    shown, _ = command.communicate(timeout=120)
    assert command.returncode != 0
    assert gone(program)
    assert gone(host)
    assert "Traceback" not in shown
    assert "KeyboardInterrupt" not in shown


@pytest.mark.parametrize("victim", ["pulumi", "host"])
def test_the_program_ends_with_whoever_started_it(
    project: Project, gone: Callable[[int], bool], victim: str
) -> None:
    file = project.folder / "pid"
    project.program(f"""
        import os, pathlib, time
        pathlib.Path({str(file)!r}).write_text(str(os.getpid()))
        time.sleep(600)
    """)
    command = project.start("preview", "--non-interactive")
    program = wait_for(file)
    host = int(Path(f"/proc/{program}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(command.pid if victim == "pulumi" else host, signal.SIGKILL)
    assert gone(program)
    assert gone(host)
    command.communicate(timeout=120)
    assert command.returncode != 0


def test_a_component_package_runs(project: Project) -> None:
    project.write("greeter/PulumiPlugin.yaml", "runtime: python\n")
    project.write(
        "greeter/__main__.py",
        """
        from typing import TypedDict
        import pulumi
        from pulumi.provider.experimental import component_provider_host

        class Args(TypedDict):
            name: pulumi.Input[str]

        class Greeter(pulumi.ComponentResource):
            greeting: pulumi.Output[str]

            def __init__(self, name: str, args: Args, opts=None):
                super().__init__("greeter:index:Greeter", name, {}, opts)
                self.greeting = pulumi.Output.concat("Hello, ", args["name"])
                self.register_outputs({"greeting": self.greeting})

        component_provider_host(name="greeter", components=[Greeter])
        """,
    )
    project.write(
        "Pulumi.yaml",
        """
        name: sample
        runtime: python
        plugins:
          providers:
            - name: greeter
              path: ./greeter
        """,
    )
    project.program("""
        import pulumi

        class Greeter(pulumi.ComponentResource):
            greeting: pulumi.Output[str]

            def __init__(self, name, who):
                props = {"name": who, "greeting": None}
                super().__init__("greeter:index:Greeter", name, props, None, remote=True)

        pulumi.export("greeting", Greeter("one", "world").greeting)
    """)
    project.ok("up", "--yes", "--skip-preview")
    assert project.ok("stack", "output", "greeting").strip() == "Hello, world"


def tiny_wheel(folder: Path) -> str:
    name = "tiny_thing-1.5-py3-none-any.whl"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        info = "tiny_thing-1.5.dist-info"
        wheel.writestr("tiny_thing.py", "answer = 42\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-thing\nVersion: 1.5\n"
        )
        wheel.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr(f"{info}/RECORD", f"tiny_thing.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")
    return name


def test_install_makes_the_virtual_environment_and_fills_it(project: Project) -> None:
    project.write(
        "Pulumi.yaml",
        "name: sample\nruntime:\n  name: python\n  options:\n    toolchain: pip\n"
        "    virtualenv: venv\n",
    )
    project.write("requirements.txt", f"./{tiny_wheel(project.folder)}\n")
    project.program("import tiny_thing")
    shown = project.ok("install")
    assert "Creating virtual environment" in shown
    assert (project.folder / "venv" / "bin" / "python").is_file()
    assert "tiny-thing" in project.ok("about", "--json")
    # What is not in there is not borrowed from our own environment.
    run = project.run("preview")
    assert run.returncode != 0
    assert "The Pulumi SDK is not installed in" in run.stdout


def test_a_failed_install_is_an_error(project: Project) -> None:
    project.write(
        "Pulumi.yaml",
        "name: sample\nruntime:\n  name: python\n  options:\n    virtualenv: venv\n",
    )
    project.write("requirements.txt", "./absent-1.0-py3-none-any.whl\n")
    run = project.run("install")
    assert run.returncode != 0
    assert "absent-1.0" in run.stdout + run.stderr


def test_a_virtual_environment_that_is_ours_is_recognized(project: Project) -> None:
    project.write(
        "Pulumi.yaml",
        f"name: sample\nruntime:\n  name: python\n  options:\n    virtualenv: {Path(sys.prefix)}\n",
    )
    project.program("import os, sys, pulumi\npulumi.export('prefix', sys.prefix)")
    project.ok("up", "--yes", "--skip-preview")
    assert project.ok("stack", "output", "prefix").strip() == sys.prefix


def test_a_program_sees_none_of_our_modules_and_its_own_to_the_end(project: Project) -> None:
    project.write("inside.py", "answer = 42")
    project.program("""
        import importlib.util
        import pulumi

        def late(_):
            import inside
            return inside.answer

        names = ["later", "packages", "plugin", "processes", "program", "protocol", "server"]
        pulumi.export("ours", [name for name in names if importlib.util.find_spec(name)])
        pulumi.export("late", pulumi.Output.from_input(1).apply(late))
    """)
    project.ok("up", "--yes", "--skip-preview")
    assert json.loads(project.ok("stack", "output", "--json")) == {"ours": [], "late": 42}
