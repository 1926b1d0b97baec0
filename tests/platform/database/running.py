"""A PostgreSQL of our image, with the files and scripts that a database's pods have.

The repository is a folder: pgBackRest's S3 needs TLS and a store, and is the same from there on.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cumulo.platform.database import server_files
from cumulo.platform.database.pods import USER, script

from tests.images.containers.running import Container, free_port
from tests.platform.monitoring.certificates import write_certificates

PASSWORD = "the administrator's"
CONFIG = "/etc/cumulo/postgresql"


class Server:
    """An image of PostgreSQL, unpacked, with what a pod would mount."""

    def __init__(self, root: Path, said: Mapping[str, Any]) -> None:
        self.root = root
        self.said = said
        self.port = free_port()
        self.data = root / "var/lib/postgresql/data"
        self.environment = {
            "PGDATA": server_files.DATA,
            "STANZA": server_files.STANZA,
            "POSTGRES_PASSWORD": PASSWORD,
            "PGBACKREST_CONFIG": f"{CONFIG}/pgbackrest.conf",
            "PGBACKREST_PG1_PORT": str(self.port),
            "PGBACKREST_REPO1_TYPE": "posix",
            "PGBACKREST_REPO1_PATH": "/var/lib/postgresql/repository",
        }
        for name, text in {
            "postgresql.conf": server_files.postgresql(256, 20, archive=True),
            "pg_hba.conf": server_files.access({"shop": {}, "stock": {}}),
            "pgbackrest.conf": server_files.backrest_server(2),
            "before_start.sh": script("before_start"),
        }.items():
            file = root / CONFIG[1:] / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        certificates = root / server_files.CERTIFICATES[1:]
        write_certificates(certificates)
        for file in certificates.iterdir():
            os.chown(file, USER, USER)
            file.chmod(0o400)
        for folder in (server_files.SCRATCH, "/var/lib/postgresql/repository"):
            (root / folder[1:]).mkdir(parents=True, exist_ok=True)
            os.chown(root / folder[1:], USER, USER)

    def start(self) -> Container:
        words = [
            *("postgres", f"--config_file={CONFIG}/postgresql.conf"),
            *(f"--hba_file={CONFIG}/pg_hba.conf", f"--port={self.port}"),
        ]
        return Container(self.root, self.said, self.environment, words)

    def answers(self) -> bool:
        return self.psql("SELECT 1", "postgres", PASSWORD) == "1"

    def writes(self) -> bool:
        return self.psql("SELECT pg_is_in_recovery()", "postgres", PASSWORD) == "f"

    def psql(self, sql: str, user: str, password: str, database: str = "") -> str:
        told = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": user,
            "PGDATABASE": database or user,
            "PGPASSWORD": password,
            "PGSSLMODE": "require",
        }
        done = self.run(["psql", "--no-psqlrc", "-Atc", sql], **told)
        return str(done.stdout + done.stderr).strip()

    def run(self, words: list[str], **told: str) -> Any:
        return Container(self.root, self.said, {**self.environment, **told}, words, []).run(120)

    def provide(self, consumer: str, password: str) -> Any:
        told = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": "postgres",
            "PGPASSWORD": PASSWORD,
            "PGSSLMODE": "verify-ca",
            "PGSSLROOTCERT": f"{server_files.CERTIFICATES}/ca.crt",
            "CONSUMER": consumer,
            "PASSWORD": password,
            "CONNECTIONS": "5",
        }
        return self.run(["sh", "-c", script("provide")], **told)

    def before_start(self, to: str = "") -> Any:
        return self.run(["sh", f"{CONFIG}/before_start.sh"], RESTORE_TO=to)

    def lose(self) -> None:
        """The volume is another one, and empty."""
        shutil.rmtree(self.data)
        self.data.mkdir()
        os.chown(self.data, USER, USER)
