import importlib.metadata
import json
import os
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cumulo.local import environment, paths, versions

OPENSTACK = f"resource-openstack-v{importlib.metadata.version('pulumi_openstack')}"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if "PULUMI" in name or name.startswith("XDG_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def made() -> dict[str, str]:
    return environment.environment(Path("/tools/pulumi"))


def test_the_cli_is_first_on_the_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/bin:/tools:/usr/bin")
    assert made()["PATH"] == "/tools:/bin:/usr/bin"


def test_our_plugins_are_installed_as_scripts_for_any_checkout(home: Path) -> None:
    variables = made()
    plugins = Path(variables["PULUMI_HOME"]) / "plugins"
    assert {folder.name for folder in plugins.iterdir()} == {
        *(
            f"resource-{name}-v{importlib.metadata.version(package)}"
            for name, package in environment.PROVIDERS.items()
        ),
        f"language-python-v{versions.PULUMI}",
    }
    script = plugins / f"language-python-v{versions.PULUMI}" / "pulumi-language-python"
    assert sys.prefix not in script.read_text()
    run = subprocess.run(
        [script, "--version"], env=variables, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == f"v{versions.PULUMI}"


def test_a_plugin_outside_of_the_environment_says_how_to_get_it(home: Path) -> None:
    plugins = Path(made()["PULUMI_HOME"]) / "plugins"
    run = subprocess.run(
        [plugins / OPENSTACK / "pulumi-resource-openstack"], env={}, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert 'eval "$(cumulo env)"' in run.stderr


def test_an_official_plugin_of_the_right_version_is_used(home: Path) -> None:
    official = home / ".pulumi" / "plugins" / OPENSTACK / "pulumi-resource-openstack"
    official.parent.mkdir(parents=True)
    official.write_text("official")
    used = Path(made()["PULUMI_HOME"]) / "plugins" / OPENSTACK / "pulumi-resource-openstack"
    assert used.resolve() == official
    official.unlink()
    official.parent.rmdir()
    made()
    assert "cumulo.providers.openstack" in used.read_text()


def test_a_plugin_of_another_version_is_there_beside_ours(home: Path) -> None:
    other = home / ".pulumi" / "plugins" / "resource-openstack-v4.0.0" / "pulumi-resource-openstack"
    other.parent.mkdir(parents=True)
    other.write_text("older")
    plugins = Path(made()["PULUMI_HOME"]) / "plugins"
    assert (plugins / "resource-openstack-v4.0.0" / other.name).read_text() == "older"
    assert "cumulo.providers.openstack" in (plugins / OPENSTACK / other.name).read_text()


def test_state_and_passphrase_are_private_and_stay(home: Path) -> None:
    first, second = made(), made()
    file = Path(first["PULUMI_CONFIG_PASSPHRASE_FILE"])
    assert first == second
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().strip()) >= 32
    assert first["PULUMI_BACKEND_URL"] == f"file://{paths.data()}/state"
    assert stat.S_IMODE((paths.data() / "state").stat().st_mode) == 0o700


def test_the_users_passphrase_and_backend_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://bucket")
    variables = made()
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in variables
    assert "PULUMI_BACKEND_URL" not in variables
    assert not (paths.data() / "passphrase").exists()


def test_a_login_stays(home: Path) -> None:
    credentials = home / ".pulumi" / "credentials.json"
    credentials.parent.mkdir()
    credentials.write_text(json.dumps({"current": "https://api.example.com", "accounts": {}}))
    variables = made()
    assert "PULUMI_BACKEND_URL" not in variables
    assert (Path(variables["PULUMI_HOME"]) / "credentials.json").resolve() == credentials
    credentials.write_text(json.dumps({"current": ""}))
    variables = made()
    assert variables["PULUMI_BACKEND_URL"].startswith("file://")
    assert not (Path(variables["PULUMI_HOME"]) / "credentials.json").exists()
    assert credentials.exists()


def lock(state: Path, pid: int, host: str) -> Path:
    file = state / ".pulumi" / "locks" / "organization" / "cumulo" / "local" / f"{pid}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"pid": pid, "hostname": host, "username": "me"}))
    return file


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_killed_pulumi_is_broken_with_a_notice(tmp_path: Path) -> None:
    pid = dead_pid()
    file = lock(tmp_path, pid, socket.gethostname())
    assert environment.tidy({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}) == [
        f"stack cumulo/local was locked by process {pid}, which is gone: unlocked it"
    ]
    assert not file.exists()


def test_the_lock_of_a_pulumi_that_runs_stays(tmp_path: Path) -> None:
    running = tmp_path / "pulumi"
    running.symlink_to("/bin/sleep")
    with subprocess.Popen([running, "60"]) as process:
        while Path(f"/proc/{process.pid}/comm").read_text() != "pulumi\n":
            time.sleep(0.01)
        file = lock(tmp_path, process.pid, socket.gethostname())
        assert environment.tidy({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}) == []
        process.kill()
    assert file.exists()


def test_the_lock_of_a_process_id_that_is_now_anothers_is_broken(tmp_path: Path) -> None:
    file = lock(tmp_path, os.getpid(), socket.gethostname())
    assert environment.tidy({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}) != []
    assert not file.exists()


def test_the_lock_of_another_machine_stays(tmp_path: Path) -> None:
    file = lock(tmp_path, dead_pid(), "elsewhere")
    assert environment.tidy({"PULUMI_BACKEND_URL": f"file://{tmp_path}"}) == []
    assert file.exists()


def test_the_newest_backups_and_updates_are_kept(tmp_path: Path) -> None:
    def make(folder: str, *patterns: str) -> Path:
        path = tmp_path / ".pulumi" / folder / "cumulo" / "local"
        path.mkdir(parents=True)
        for number in range(250):
            for pattern in patterns:
                (path / pattern.format(1_700_000_000_000_000_000 + number)).touch()
        return path

    backups = make("backups", "local.{}.json", "local.{}.json.attrs")
    updates = make("history", "local-{}.history.json", "local-{}.checkpoint.json")
    environment.tidy({"PULUMI_BACKEND_URL": f"file://{tmp_path}"})
    assert len(list(backups.iterdir())) == 2 * environment.KEPT_BACKUPS
    assert len(list(updates.iterdir())) == 2 * environment.KEPT_UPDATES
    assert (backups / f"local.{1_700_000_000_000_000_249}.json.attrs").exists()
    assert not (backups / f"local.{1_700_000_000_000_000_000}.json").exists()


def test_another_backend_is_left_alone() -> None:
    assert environment.tidy({"PULUMI_BACKEND_URL": "s3://bucket"}) == []
