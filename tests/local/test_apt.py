from pathlib import Path

import pytest
from cumulo.local import apt
from cumulo.local.apt import Archives, Source
from cumulo.local.errors import CumuloError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

DEB822 = f"""\
# Debian's own
Types: deb deb-src
URIs: http://mirror.example/debian/
Suites: bookworm
 bookworm-updates
# a comment in the middle
Components: main contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: {KEYRING}

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://sources.example/debian
Suites: bookworm
Components: main
"""


def test_deb822_stanzas_with_several_suites_comments_and_disabled_ones() -> None:
    found = apt.parse_deb822(DEB822)
    assert [(source.uri, source.suite) for source in found] == [
        ("http://mirror.example/debian", "bookworm"),
        ("http://mirror.example/debian", "bookworm-updates"),
        ("http://mirror.example/debian-security", "bookworm-security"),
    ]
    assert found[0].components == ("main", "contrib")
    assert found[0].keyring == KEYRING


def test_one_line_entries_with_options_and_comments() -> None:
    found = apt.parse_one_line(
        "deb-src http://a.example/debian bookworm main\n"
        "# deb http://b.example/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/k.gpg] http://c.example/debian/ bookworm main non-free # c\n"
        "deb http://d.example/flat ./\n"
    )
    assert found == [
        Source("http://c.example/debian", "bookworm", ("main", "non-free"), "/k.gpg"),
        Source("http://d.example/flat", "./", ()),
    ]


def test_both_formats_are_read_from_a_directory(tmp_path: Path) -> None:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text("deb http://a.example/debian trixie main\n")
    (parts / "debian.sources").write_text(DEB822)
    (parts / "debian.sources.bak").write_text(DEB822)
    assert len(apt.sources(tmp_path)) == 4


def test_a_mirror_list_stands_for_its_first_mirror(tmp_path: Path) -> None:
    listed = tmp_path / "mirrors.list"
    listed.write_text(
        "# the nearest\nhttp://near.example/debian/\tpriority:1\nhttp://far.example/\n"
    )
    (tmp_path / "sources.list").write_text(f"deb mirror+file:{listed} trixie main\n")
    assert apt.sources(tmp_path)[0].uri == "http://near.example/debian"


def test_the_machine_s_debian_becomes_debian_13_at_the_same_mirror() -> None:
    lines = apt.debian_lines(apt.parse_deb822(DEB822))
    assert lines == [
        f"deb [signed-by={KEYRING}] http://mirror.example/debian trixie main",
        f"deb [signed-by={KEYRING}] http://mirror.example/debian trixie-updates main",
        f"deb [signed-by={KEYRING}] http://mirror.example/debian-security trixie-security main",
    ]


def test_third_parties_that_use_debian_s_suite_names_are_passed_over() -> None:
    foreign = Source("http://docker.example/linux/debian", "bookworm", ("main",), "/docker.gpg")
    other = Source("http://tools.example/apt", "bookworm", ("main",))
    backports = Source("http://mirror.example/debian", "bookworm-backports", ("main",))
    own = Source("http://mirror.example/debian", "stable", ("main",))
    lines = apt.debian_lines([foreign, other, backports, own])
    assert lines == [f"deb [signed-by={KEYRING}] http://mirror.example/debian trixie main"]
    with pytest.raises(CumuloError) as error:
        apt.debian_lines([foreign, other, backports])
    assert "CUMULO_DEBIAN_MIRROR" in error.value.remedy


def test_a_mirror_can_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(apt.VARIABLE, "http://own.example/debian/")
    monkeypatch.setattr(apt, "proxies", dict)
    assert apt.archives().lines == (
        f"deb [signed-by={KEYRING}] http://own.example/debian trixie main",
    )


def test_proxies_are_read_from_apt_s_configuration() -> None:
    dump = (
        'Acquire::http::Proxy "http://proxy.example:3142";\n'
        'Acquire::https::Proxy "DIRECT";\n'
        'Acquire::http::Proxy::direct.example "DIRECT";\n'
    )
    assert apt.parse_proxies(dump) == {"http": "http://proxy.example:3142"}


def test_a_proxy_on_the_machine_is_reached_from_the_server_by_the_machine_s_address() -> None:
    archives = Archives((), {"http": "http://u:p@127.0.0.1:3142/", "https": "http://p.example:1"})
    assert archives.configuration("10.9.0.1") == {
        "Acquire::http::Proxy": "http://u:p@10.9.0.1:3142/",
        "Acquire::https::Proxy": "http://p.example:1",
    }
    assert archives.configuration()["Acquire::http::Proxy"] == "http://u:p@127.0.0.1:3142/"
