import sys
from pathlib import Path

import pytest
from cumulo.local.language_host.interpreter import OptionError, parse


def test_without_options_a_program_runs_in_our_own_interpreter(tmp_path: Path) -> None:
    interpreter = parse(str(tmp_path), str(tmp_path), {}).interpreter()
    assert interpreter.executable == sys.executable
    assert interpreter.is_ours


def test_a_virtual_environment_is_relative_to_the_project_and_activated(tmp_path: Path) -> None:
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    options = parse(str(tmp_path), str(tmp_path / "stacks"), {"virtualenv": "venv"})
    interpreter = options.interpreter()
    environment = interpreter.environment({"PATH": "/usr/bin", "PYTHONHOME": "/elsewhere"})
    assert interpreter.executable == str(python)
    assert not interpreter.is_ours
    assert environment["PATH"] == f"{python.parent}:/usr/bin"
    assert environment["VIRTUAL_ENV"] == str(tmp_path / "venv")
    assert "PYTHONHOME" not in environment


def test_a_lock_file_decides_the_toolchain(tmp_path: Path) -> None:
    program = tmp_path / "stacks"
    program.mkdir()
    assert parse(str(tmp_path), str(program), {}).toolchain == "pip"
    (tmp_path / "uv.lock").touch()
    options = parse(str(tmp_path), str(program), {})
    assert options.toolchain == "uv"
    assert options.virtualenv == tmp_path / ".venv"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"toolchain": "conda"}, "unsupported toolchain option: conda"),
        ({"typechecker": "guess"}, "unsupported typechecker option: guess"),
        ({"virtualenv": 3.0}, "virtualenv option must be a string"),
    ],
)
def test_a_bad_option_is_named(tmp_path: Path, values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        parse(str(tmp_path), str(tmp_path), values)


def test_a_plugin_that_needs_packages_gets_an_environment_of_its_own(tmp_path: Path) -> None:
    assert parse(str(tmp_path), str(tmp_path), {}, plugin=True).virtualenv is None
    (tmp_path / "requirements.txt").touch()
    assert parse(str(tmp_path), str(tmp_path), {}, plugin=True).virtualenv == tmp_path / "venv"
