from pathlib import Path

import pytest
from cumulo.local import credentials
from cumulo.local.errors import CumuloError

ENTRY = {"auth": {"auth_url": "http://10.231.0.10:5000/v3", "password": "p"}, "region_name": "R"}
OTHERS = """\
# the clouds of the team
clouds:
  prod: # handle with care
    auth:
      auth_url: "https://prod.example/v3"
    verify: yes
cache:
  expiration_time: 3600
"""


def test_the_entry_is_merged_and_all_else_stays_to_the_letter(tmp_path: Path) -> None:
    file = tmp_path / "openstack" / "clouds.yaml"
    file.parent.mkdir()
    file.write_text(OTHERS)
    assert credentials.merge(ENTRY, file)
    text = file.read_text()
    for line in OTHERS.splitlines():
        assert line in text.splitlines()
    assert "cumulo-local:" in text
    assert file.stat().st_mode & 0o777 == 0o600
    assert not credentials.merge(ENTRY, file)
    assert file.read_text() == text
    credentials.remove(file)
    assert file.read_text() == OTHERS


def test_a_new_entry_replaces_the_old_one(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    credentials.merge(ENTRY, file)
    credentials.merge({"auth": {"password": "other"}}, file)
    assert file.read_text().count("cumulo-local") == 1
    assert "other" in file.read_text()


def test_a_file_of_ours_alone_is_removed_whole(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "clouds.yaml"
    assert credentials.merge(ENTRY, file)
    credentials.remove(file)
    assert not file.exists()
    credentials.remove(file)


def test_the_mode_is_mended(tmp_path: Path) -> None:
    file = tmp_path / "clouds.yaml"
    credentials.merge(ENTRY, file)
    file.chmod(0o644)
    assert credentials.merge(ENTRY, file)
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["clouds: [", "- a list"])
def test_a_broken_file_is_named_and_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text(text)
    with pytest.raises(CumuloError, match=r"clouds\.yaml"):
        credentials.merge(ENTRY, file)
    assert file.read_text() == text


def test_the_server_s_own_entry_is_read_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    with pytest.raises(CumuloError, match=r"no usable .*clouds\.yaml"):
        credentials.of_server(tmp_path)
    (tmp_path / "root/clouds.yaml").write_text("clouds:\n  x:\n    region_name: R\n")
    assert credentials.of_server(tmp_path) == {"region_name": "R"}
