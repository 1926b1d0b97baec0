from pathlib import Path

import pytest
from cumulo.local import resolver
from cumulo.local.errors import CumuloError


@pytest.fixture(autouse=True)
def _no_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(resolver.VARIABLE, raising=False)


def test_the_machine_s_servers_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text(
        "search a.example\nnameserver 192.0.2.1\n#nameserver 192.0.2.9\nnameserver 192.0.2.2\n"
    )
    assert resolver.name_servers((file,)) == ["192.0.2.1", "192.0.2.2"]


def test_behind_a_loopback_resolver_its_own_list_counts(tmp_path: Path) -> None:
    stub, behind = tmp_path / "stub", tmp_path / "behind"
    stub.write_text("nameserver 127.0.0.53\nnameserver ::1\nnameserver fd00::1\n")
    behind.write_text("nameserver 192.0.2.7\n")
    assert resolver.name_servers((stub, behind)) == ["192.0.2.7"]


def test_without_a_usable_one_the_error_names_the_variable(tmp_path: Path) -> None:
    stub = tmp_path / "stub"
    stub.write_text("nameserver 127.0.0.1\n")
    with pytest.raises(CumuloError) as error:
        resolver.name_servers((stub, tmp_path / "absent"))
    assert resolver.VARIABLE in error.value.remedy


def test_the_variable_wins_and_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(resolver.VARIABLE, "192.0.2.5, 192.0.2.6")
    assert resolver.name_servers((tmp_path / "absent",)) == ["192.0.2.5", "192.0.2.6"]
    monkeypatch.setenv(resolver.VARIABLE, "127.0.0.53")
    with pytest.raises(CumuloError, match=resolver.VARIABLE):
        resolver.name_servers((tmp_path / "absent",))
