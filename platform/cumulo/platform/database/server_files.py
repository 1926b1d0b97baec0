"""The files that PostgreSQL and pgBackRest read."""

from collections.abc import Mapping

PORT = 5432
DATA = "/var/lib/postgresql/data/pgdata"
SOCKETS = "/var/run/postgresql"
CERTIFICATES = "/etc/cumulo/certificates"
SCRATCH = "/run/cumulo"
"""The only other place that containers may write to."""
STANZA = "main"
BACKREST_PORT = 8432
CONTROL_USER = "backup"
"""The common name of the certificate with which backups are asked for."""


def postgresql(memory: int, connections: int, *, archive: bool) -> str:
    """`postgresql.conf`.

    Args:
        memory: The container's memory, in MiB.
        connections: How many all consumers may have together.
        archive: Whether the write-ahead log is kept in a repository.
    """
    settings = {
        "listen_addresses": "*",
        "port": PORT,
        "unix_socket_directories": SOCKETS,
        # Of maintenance and of metrics.
        "max_connections": connections + 10,
        "password_encryption": "scram-sha-256",
        "ssl": "on",
        "ssl_cert_file": f"{CERTIFICATES}/tls.crt",
        "ssl_key_file": f"{CERTIFICATES}/tls.key",
        "ssl_min_protocol_version": "TLSv1.3",
        "shared_buffers": f"{memory // 4}MB",
        "effective_cache_size": f"{memory // 2}MB",
        "maintenance_work_mem": f"{max(memory // 16, 16)}MB",
        # No larger than what is replayed in a few minutes.
        "max_wal_size": "1GB",
        "wal_level": "replica",
        "hot_standby": "on",
        "log_destination": "stderr",
        "logging_collector": "off",
        "log_connections": "off",
        "log_min_duration_statement": "1s",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    if archive:
        settings |= {
            "archive_mode": "on",
            "archive_command": f"pgbackrest --stanza={STANZA} archive-push %p",
            # At most that much is lost with the volume.
            "archive_timeout": "60s",
        }
    return "".join(f"{name} = '{value}'\n" for name, value in settings.items())


def access(consumers: Mapping[str, object]) -> str:
    """`pg_hba.conf`: each role its own database, by TLS and password; nobody anything else."""
    lines = [
        # The container's own user, for maintenance: no other reaches the socket.
        ("local", "all", "postgres", "", "peer"),
        ("hostssl", "all", "postgres", "all", "scram-sha-256"),
        *(("hostssl", f'"{name}"', f'"{name}"', "all", "scram-sha-256") for name in consumers),
        ("host", "all", "all", "all", "reject"),
    ]
    return "".join(" ".join(filter(None, line)) + "\n" for line in lines)


def backrest_server(keep: int) -> str:
    """`pgbackrest.conf` beside the server; the bucket and its key are in the environment."""
    return _sections(
        {
            "global": {
                "repo1-type": "s3",
                "repo1-path": "/",
                "repo1-s3-uri-style": "path",
                "repo1-retention-full": keep,
                "repo1-bundle": "y",
                "compress-type": "zst",
                "log-level-console": "info",
                "log-level-file": "off",
                "lock-path": SCRATCH,
                "spool-path": f"{SCRATCH}/spool",
                "start-fast": "y",
                "tls-server-address": "*",
                "tls-server-port": BACKREST_PORT,
                "tls-server-ca-file": f"{CERTIFICATES}/ca.crt",
                "tls-server-cert-file": f"{CERTIFICATES}/tls.crt",
                "tls-server-key-file": f"{CERTIFICATES}/tls.key",
                "tls-server-auth": f"{CONTROL_USER}={STANZA}",
            },
            STANZA: {"pg1-path": DATA, "pg1-socket-path": SOCKETS},
        }
    )


def backrest_client(host: str, keep: int) -> str:
    """`pgbackrest.conf` of the jobs that make backups from elsewhere."""
    return _sections(
        {
            "global": {
                "repo1-type": "s3",
                "repo1-path": "/",
                "repo1-s3-uri-style": "path",
                "repo1-retention-full": keep,
                "repo1-bundle": "y",
                "compress-type": "zst",
                "log-level-console": "info",
                "log-level-file": "off",
                "lock-path": SCRATCH,
                "start-fast": "y",
            },
            STANZA: {
                "pg1-host": host,
                "pg1-host-type": "tls",
                "pg1-host-port": BACKREST_PORT,
                "pg1-host-ca-file": f"{CERTIFICATES}/ca.crt",
                "pg1-host-cert-file": f"{CERTIFICATES}/tls.crt",
                "pg1-host-key-file": f"{CERTIFICATES}/tls.key",
                "pg1-path": DATA,
                "pg1-socket-path": SOCKETS,
            },
        }
    )


def _sections(sections: Mapping[str, Mapping[str, object]]) -> str:
    lines = []
    for name, settings in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key}={value}" for key, value in settings.items()]
    return "\n".join(lines) + "\n"
