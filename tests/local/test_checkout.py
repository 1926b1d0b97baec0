import shutil
import subprocess
from pathlib import Path

import pytest
from cumulo.local import checkout


def test_git_does_not_see_the_salt_of_the_local_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        command = ["git", *identity, *arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    shutil.copy(Path(__file__).parents[2] / ".gitattributes", tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: sample\nruntime: python\n")
    settings = tmp_path / "stacks" / "Pulumi.local.yaml"
    settings.parent.mkdir()
    settings.write_text("config:\n  a: b\n")
    git("init", "--quiet")
    monkeypatch.chdir(tmp_path)
    checkout.hide_salts()
    git("add", ".")
    git("commit", "--quiet", "--message=start")

    settings.write_text("config:\n  a: b\nencryptionsalt: v1:abc=:v1:def=\n")
    assert git("diff") == ""
    checkout.hide_salts()
    assert git("status", "--porcelain") == ""

    settings.write_text("config:\n  a: c\nencryptionsalt: v1:abc=:v1:def=\n")
    assert "+  a: c" in git("diff")
    assert "encryptionsalt" not in git("diff")


def test_a_salt_that_no_passphrase_fits_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: sample\nruntime: python\n")
    settings = tmp_path / "stacks" / "Pulumi.local.yaml"
    settings.parent.mkdir()
    salted = "config:\n  a: b\nencryptionsalt: v1:abc=:v1:def=\n"

    settings.write_text(salted)
    checkout.hide_salts()
    assert settings.read_text() == "config:\n  a: b\n"

    settings.write_text(salted.replace("a: b", "a:\n    secure: v1:abc"))
    checkout.hide_salts()
    assert "encryptionsalt" in settings.read_text()

    settings.write_text(salted)
    (tmp_path / "data" / "cumulo").mkdir(parents=True)
    (tmp_path / "data" / "cumulo" / "passphrase").write_text("here\n")
    checkout.hide_salts()
    assert settings.read_text() == salted
