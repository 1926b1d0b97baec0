"""The database's image: what `docker.io/library/postgres` promises, and what it does not keep."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cumulo.images import containers

from tests.images.containers.running import Container, description, free_port, unpack

USER = 999
PASSWORD = 'it\'s a "secret" $HOME'


@pytest.fixture(scope="module")
def said() -> dict[str, Any]:
    return description(containers.build("postgres"))


@pytest.fixture(scope="module")
def root(said: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("postgres")
    folder.chmod(0o755)
    return unpack(said, folder / "root")


@pytest.fixture
def volume(root: Path) -> Iterator[Path]:
    """An empty data directory, and a password that only the container's user may read."""
    data = root / "var/lib/postgresql/data"
    shutil.rmtree(data)
    data.mkdir()
    data.chmod(0o1777)
    os.chown(data, USER, USER)
    scripts = root / "docker-entrypoint-initdb.d"
    for script in scripts.iterdir():
        script.unlink()
    secret = root / "run/secret"
    secret.write_text(PASSWORD)
    secret.chmod(0o400)
    os.chown(secret, USER, USER)
    yield data
    secret.unlink()


def _server(root: Path, said: dict[str, Any], port: int, **variables: str) -> Container:
    listening = ["postgres", "-c", "listen_addresses=127.0.0.1", "-c", f"port={port}"]
    return Container(root, said, variables, listening)


def _psql(root: Path, said: dict[str, Any], port: int, sql: str, **variables: str) -> str:
    told = {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGPASSWORD": PASSWORD, **variables}
    done = Container(root, said, told, ["--no-psqlrc", "-Atc", sql], ["psql"]).run()
    return (done.stdout + done.stderr).strip()


def _ready(root: Path, said: dict[str, Any], port: int) -> bool:
    told = {"PGHOST": "127.0.0.1", "PGPORT": str(port)}
    return Container(root, said, told, [], ["pg_isready"]).run().returncode == 0


def test_a_database_is_made_once_and_kept(root: Path, said: dict[str, Any], volume: Path) -> None:
    scripts = root / "docker-entrypoint-initdb.d"
    (scripts / "1-table.sql").write_text("CREATE TABLE notes (note text);")
    (scripts / "2-row.sh").write_text(
        'psql --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" '
        "-c \"INSERT INTO notes VALUES ('from a script')\"\n"
    )
    variables = {
        "POSTGRES_USER": "team-a",
        "POSTGRES_DB": 'a "named" one',
        "POSTGRES_PASSWORD_FILE": "/run/secret",
    }
    login = {"PGUSER": "team-a", "PGDATABASE": 'a "named" one'}
    port = free_port()

    with _server(root, said, port, **variables) as server:
        server.wait(lambda: _ready(root, said, port))
        assert _psql(root, said, port, "SELECT note FROM notes", **login) == "from a script"
        _psql(root, said, port, "INSERT INTO notes VALUES ('kept')", **login)
        wrong = _psql(root, said, port, "SELECT 1", **{**login, "PGPASSWORD": "wrong"})
        assert "password authentication failed" in wrong
        assert PASSWORD not in server.log.read_text()
    with _server(root, said, port, **variables) as server:
        server.wait(lambda: _ready(root, said, port))
        assert _psql(root, said, port, "SELECT count(*) FROM notes", **login) == "2"

    # Nobody else may read it, and nothing of the first start is left.
    assert volume.stat().st_mode & 0o777 == 0o700
    assert {entry.lstat().st_uid for entry in volume.rglob("*")} == {USER}
    assert not (volume / ".new").exists()


def test_a_first_start_that_is_killed_begins_anew(
    root: Path, said: dict[str, Any], volume: Path
) -> None:
    scripts = root / "docker-entrypoint-initdb.d"
    (scripts / "1-half.sql").write_text("CREATE TABLE half (); SELECT pg_sleep(60);")
    variables = {"POSTGRES_PASSWORD_FILE": "/run/secret"}
    port = free_port()
    with _server(root, said, port, **variables) as server:
        # The table is not committed before its script's end; that the script runs is in the log.
        server.wait(lambda: "running /docker-entrypoint-initdb.d" in server.log.read_text())
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
    assert not (volume / "PG_VERSION").exists()

    (scripts / "1-half.sql").write_text("CREATE TABLE whole ();")
    with _server(root, said, port, **variables) as server:
        server.wait(lambda: _ready(root, said, port))
        assert "an earlier start was cut off" in server.log.read_text()
        tables = "SELECT string_agg(tablename, ',') FROM pg_tables WHERE schemaname = 'public'"
        assert _psql(root, said, port, tables, PGUSER="postgres") == "whole"


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({}, "set POSTGRES_PASSWORD, or POSTGRES_PASSWORD_FILE"),
        ({"POSTGRES_PASSWORD": "a", "POSTGRES_PASSWORD_FILE": "/run/secret"}, "set one of them"),
        ({"POSTGRES_PASSWORD_FILE": "/run/absent"}, "/run/absent cannot be read"),
        ({"POSTGRES_PASSWORD": "a", "PGDATA": "/usr/data"}, "cannot be made by user 999"),
    ],
)
def test_what_is_wrong_is_one_clear_error_and_nothing_is_made(
    root: Path, said: dict[str, Any], volume: Path, variables: dict[str, str], error: str
) -> None:
    refused = Container(root, said, variables).run()

    assert refused.returncode == 1
    assert error in refused.stderr
    assert list(volume.iterdir()) == []


def test_a_folder_that_holds_something_else_is_left_alone(
    root: Path, said: dict[str, Any], volume: Path
) -> None:
    (volume / "notes").mkdir()

    refused = Container(root, said, {"POSTGRES_PASSWORD": "a"}).run()

    assert "holds notes, and no database" in refused.stderr
    assert [entry.name for entry in volume.iterdir()] == ["notes"]


def test_backups_and_other_commands_run_as_they_are_named(root: Path, said: dict[str, Any]) -> None:
    version = Container(root, said, {}, ["pgbackrest", "version"]).run().stdout
    assert version.strip() == f"pgBackRest {said['debian']['pgbackrest'].rpartition('-')[0]}"
    assert Container(root, said, {}, ["id", "-u"]).run().stdout.strip() == str(USER)
    # What all who have the image would share is in none.
    assert list(root.glob("etc/ssl/private/*.key")) == []
