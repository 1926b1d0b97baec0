from pathlib import Path

import pytest
from cumulo.local import addresses
from cumulo.local.addresses import Addresses
from cumulo.local.errors import CumuloError


def test_everything_follows_from_the_prefix() -> None:
    ours = Addresses("10.9")
    assert ours.management == "10.9.0.0/24"
    assert (ours.machine, ours.server) == ("10.9.0.1", "10.9.0.10")
    assert ours.provider == "10.9.1.0/24"
    assert ours.gateway == "10.9.1.1"
    assert ours.pool == ("10.9.1.20", "10.9.1.250")


@pytest.mark.parametrize(
    "prefix", ["", "10", "10.0.0", "10.256", "10.x", "127.0", "169.254", "0.1", "224.1", "10.01"]
)
def test_a_bad_prefix_is_refused_by_the_variable_s_name(prefix: str) -> None:
    with pytest.raises(CumuloError, match="CUMULO_LOCAL_PREFIX"):
        Addresses(prefix)


def test_a_new_cloud_gets_what_the_environment_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(addresses.VARIABLE, raising=False)
    assert addresses.current(tmp_path / "prefix") == Addresses("10.231")
    monkeypatch.setenv(addresses.VARIABLE, "10.7")
    assert addresses.current(tmp_path / "prefix") == Addresses("10.7")


def test_an_existing_cloud_keeps_its_addresses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = tmp_path / "prefix"
    record.write_text("10.7")
    monkeypatch.delenv(addresses.VARIABLE, raising=False)
    assert addresses.current(record) == Addresses("10.7")
    monkeypatch.setenv(addresses.VARIABLE, "10.8")
    with pytest.raises(CumuloError, match=r"was made with 10\.7"):
        addresses.current(record)
