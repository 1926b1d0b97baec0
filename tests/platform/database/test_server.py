"""The database's own server, with the files and scripts that its pods have."""

import shutil
import time
from collections.abc import Iterator

import pytest
from cumulo.images import containers
from cumulo.platform.database.pods import script

from tests.images.containers.running import description, unpack
from tests.platform.database.running import PASSWORD, Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    said = description(containers.build("postgres"))
    folder = tmp_path_factory.mktemp("database")
    folder.chmod(0o755)
    made = Server(unpack(said, folder / "root"), said)
    made.lose()
    yield made
    shutil.rmtree(folder, ignore_errors=True)


def test_what_was_committed_comes_back_after_the_volume_is_lost(server: Server) -> None:
    assert server.before_start().returncode == 0
    with server.start() as running:
        running.wait(server.answers)
        for consumer, password in (("shop", "s1"), ("stock", "s2"), ("shop", "s1")):
            done = server.provide(consumer, password)
            assert done.returncode == 0, done.stdout + done.stderr
        # Each its own database, and nobody another's.
        assert server.psql("CREATE TABLE t (n int)", "shop", "s1") == "CREATE TABLE"
        assert "rejects" in server.psql("SELECT 1", "shop", "s1", database="stock")
        assert "authentication failed" in server.psql("SELECT 1", "shop", "s2")

        first = server.run(["sh", "-c", script("first_backup")])
        assert first.returncode == 0, first.stdout + first.stderr
        assert server.psql("INSERT INTO t VALUES (1)", "shop", "s1") == "INSERT 0 1"
        time.sleep(1)
        then = server.psql("SELECT now()", "postgres", PASSWORD)
        time.sleep(1)
        assert server.psql("INSERT INTO t VALUES (2)", "shop", "s1") == "INSERT 0 1"
        # What a minute does by itself.
        archived = "SELECT last_archived_wal FROM pg_stat_archiver"
        switched = server.psql("SELECT pg_walfile_name(pg_switch_wal())", "postgres", PASSWORD)
        running.wait(lambda: server.psql(archived, "postgres", PASSWORD) >= switched)

    server.lose()
    refused = server.before_start()
    assert refused.returncode == 1
    assert "the volume is empty, and there are backups" in refused.stderr

    for to, rows in (("latest", "1\n2"), (then, "1")):
        restored = server.before_start(to)
        assert restored.returncode == 0, restored.stdout + restored.stderr
        with server.start() as running:
            running.wait(server.answers)
            running.wait(server.writes)
            assert server.psql("SELECT n FROM t ORDER BY n", "shop", "s1") == rows
        # Once for each value: what is committed afterwards stays.
        assert "restoring" not in server.before_start(to).stdout


def test_nobody_speaks_without_tls(server: Server) -> None:
    with server.start() as running:
        running.wait(server.answers)
        told = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGSSLMODE": "disable"}
        done = server.run(["psql", "-c", "SELECT 1"], PGUSER="shop", PGPASSWORD="s1", **told)
    assert "pg_hba.conf rejects connection" in done.stderr
