"""The cache of the CLI, and what is said when it cannot be built.

The build itself takes ten minutes and needs the network; whether it works shows in every test that
uses the CLI. Here a script stands in for Go, because a full disk, a killed compiler or a proxy that
is away cannot be had at will.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cumulo.local import versions
from cumulo.local.errors import CumuloError
from cumulo.local.go import compiler
from cumulo.local.toolchain import cli


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def fake(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def fake_go(folder: Path, at_build: str) -> None:
    fake(
        folder / "go",
        f'if [ "$1" = env ]; then echo go{versions.GO}; exit; fi\n'
        # The arguments are: build -v TAGS LDFLAGS -o TARGET PACKAGE
        f"echo build >> {folder}/builds\n{at_build}",
    )


def builds(folder: Path) -> int:
    file = folder / "builds"
    return len(file.read_text().splitlines()) if file.exists() else 0


def test_a_build_is_kept(bin_folder: Path) -> None:
    fake_go(bin_folder, 'echo made > "$6"')
    first = cli.ensure()
    assert first.read_text() == "made\n"
    assert cli.ensure() == first
    assert builds(bin_folder) == 1


def test_two_at_once_build_once(bin_folder: Path) -> None:
    fake_go(bin_folder, 'sleep 1; echo made > "$6"')
    script = "from cumulo.local import toolchain; print(toolchain.ensure())"
    other = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    found: list[Path] = []
    threads = [threading.Thread(target=lambda: found.append(cli.ensure())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said, _ = other.communicate()
    assert {said.strip()} == {str(path) for path in found}
    assert builds(bin_folder) == 1


def test_a_build_for_other_modules_takes_the_place_of_the_old_one(
    bin_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(bin_folder, 'echo made > "$6"')
    first = cli.ensure()
    module = tmp_path / "module"
    module.mkdir()
    (module / "go.mod").write_bytes((cli.MODULE / "go.mod").read_bytes() + b"// changed\n")
    (module / "go.sum").write_bytes((cli.MODULE / "go.sum").read_bytes())
    monkeypatch.setattr(cli, "MODULE", module)
    second = cli.ensure()
    assert first != second
    assert builds(bin_folder) == 2
    assert not first.exists()


def test_what_a_failed_build_left_is_not_taken_for_the_cli(bin_folder: Path) -> None:
    fake_go(bin_folder, 'echo half > "$6"; exit 1')
    with pytest.raises(CumuloError):
        cli.ensure()
    assert cli.ready() is None


@pytest.mark.parametrize(
    ("at_build", "message", "mend"),
    [
        (
            'echo "write /tmp/x: no space left on device" >&2; exit 1',
            "the disk is full",
            "Free 5 GB",
        ),
        ("kill -9 $$", "the compiler was killed", "2 GB of free memory"),
        (
            'echo "go: x@v1: Get \\"https://proxy.example/x\\": dial tcp: lookup" >&2; exit 1',
            "the Go module proxy cannot be reached",
            "Set GOPROXY",
        ),
        ('echo "# x" >&2; echo "x.go:1: undefined: y" >&2; exit 1', "undefined: y", "yourself"),
    ],
)
def test_a_failure_says_what_and_how_to_mend_it(
    bin_folder: Path, at_build: str, message: str, mend: str
) -> None:
    fake_go(bin_folder, at_build)
    with pytest.raises(CumuloError) as error:
        cli.ensure()
    assert message in error.value.message
    assert mend in error.value.remedy


def test_too_little_memory_is_said_before_the_build(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(bin_folder, 'echo made > "$6"')
    monkeypatch.setattr(cli, "MEMORY_MB", 10**9)
    with pytest.raises(CumuloError, match="MB of memory"):
        cli.ensure()
    assert builds(bin_folder) == 0


def test_too_little_disk_is_said_before_the_build(
    bin_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_go(bin_folder, 'echo made > "$6"')
    monkeypatch.setattr(cli, "DISK_MB", 10**12)
    with pytest.raises(CumuloError, match="MB of disk"):
        cli.ensure()
    assert builds(bin_folder) == 0


def test_an_installed_cli_is_used_and_asked_for_its_version_once(bin_folder: Path) -> None:
    installed = bin_folder / "pulumi"
    fake(installed, f"echo asked >> {bin_folder}/asked; echo v{versions.PULUMI}")
    assert cli.ensure() == installed
    assert cli.ensure() == installed
    assert (bin_folder / "asked").read_text() == "asked\n"


@pytest.mark.parametrize("version", ["v3.1.0", "v4.0.0", "v3.0.0-dev", "nonsense"])
def test_an_installed_cli_that_does_not_fit_is_not_used(bin_folder: Path, version: str) -> None:
    fake(bin_folder / "pulumi", f"echo {version}")
    assert cli.ready() is None


def test_a_newer_installed_cli_is_used(bin_folder: Path) -> None:
    major, minor, _ = versions.PULUMI.split(".")
    fake(bin_folder / "pulumi", f"echo v{major}.{int(minor) + 1}.0")
    assert cli.ready() == bin_folder / "pulumi"


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        (versions.GO, True),
        (versions.GO_WHEEL, True),
        ("1.27", True),
        ("1.99rc1", True),
        ("1.21.5", False),
        ("", False),
        ("devel", False),
    ],
)
def test_go_must_be_new_enough(version: str, enough: bool) -> None:
    assert compiler.is_new_enough(version, versions.GO) is enough


def test_the_module_asks_for_the_version_that_we_name() -> None:
    required = (cli.MODULE / "go.mod").read_text()
    assert f"github.com/pulumi/pulumi/pkg/v3 v{versions.PULUMI}" in required
    assert f"\ngo {versions.GO}\n" in required
    assert "replace" not in required
    from importlib.metadata import version

    assert version("pulumi") == versions.PULUMI
    assert os.access(cli.MODULE / "go.sum", os.R_OK)
