"""What PostgreSQL does; from postgres_exporter."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query, Variable

_CHOSEN = 'datname=~"$database",datname!~"template.*"'

POSTGRESQL: Final = Dashboard(
    name="postgresql",
    title="PostgreSQL",
    description="Connections, transactions, size and backups of the platform's databases.",
    variables=(
        Variable(
            name="database", title="Database", metric="pg_database_size_bytes", label="datname"
        ),
    ),
    rows={
        "Now": (
            Panel(
                title="Servers that answer",
                unit="count",
                shown="number",
                queries=(Query(expr="sum(pg_up)"),),
            ),
            Panel(
                title="Connections taken",
                unit="ratio",
                shown="number",
                full=1,
                queries=(
                    Query(
                        expr="sum(pg_stat_database_numbackends) / sum(pg_settings_max_connections)"
                    ),
                ),
            ),
            Panel(
                title="Since the log was copied last",
                unit="seconds",
                shown="number",
                description="What would be lost with the volume.",
                queries=(Query(expr="max(pg_stat_archiver_last_archive_age)"),),
            ),
        ),
        "Use": (
            Panel(
                title="Connections",
                unit="count",
                queries=(
                    Query(
                        expr=f"sum by (datname, state) (pg_stat_activity_count{{{_CHOSEN}}}) > 0",
                        legend="{{datname}} {{state}}",
                    ),
                ),
            ),
            Panel(
                title="Transactions",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (datname) (rate(pg_stat_database_xact_commit"
                        f"{{{_CHOSEN}}}[{WINDOW}]))",
                        legend="{{datname}} done",
                    ),
                    Query(
                        expr="sum by (datname) (rate(pg_stat_database_xact_rollback"
                        f"{{{_CHOSEN}}}[{WINDOW}]))",
                        legend="{{datname}} undone",
                    ),
                ),
            ),
            Panel(
                title="Longest transaction",
                unit="seconds",
                queries=(
                    Query(
                        expr=f"max by (datname) (pg_stat_activity_max_tx_duration{{{_CHOSEN}}})",
                        legend="{{datname}}",
                    ),
                ),
            ),
            Panel(
                title="Found in memory",
                unit="ratio",
                full=1,
                description="Far below 1, more memory would make it faster.",
                queries=(
                    Query(
                        expr="sum by (datname) (rate(pg_stat_database_blks_hit"
                        f"{{{_CHOSEN}}}[{WINDOW}])) / (sum by (datname) ("
                        f"rate(pg_stat_database_blks_hit{{{_CHOSEN}}}[{WINDOW}]) + "
                        f"rate(pg_stat_database_blks_read{{{_CHOSEN}}}[{WINDOW}])) > 0)",
                        legend="{{datname}}",
                    ),
                ),
            ),
            Panel(
                title="Deadlocks",
                unit="per second",
                queries=(
                    Query(
                        expr=f"rate(pg_stat_database_deadlocks{{{_CHOSEN}}}[{WINDOW}])",
                        legend="{{datname}}",
                    ),
                ),
            ),
        ),
        "Size": (
            Panel(
                title="Databases",
                unit="bytes",
                queries=(Query(expr=f"pg_database_size_bytes{{{_CHOSEN}}}", legend="{{datname}}"),),
            ),
            Panel(
                title="Log on the volume",
                unit="bytes",
                description="It grows while it cannot be copied away.",
                queries=(Query(expr="pg_wal_size_bytes", legend="{{instance}}"),),
            ),
            Panel(
                title="Parts of the log copied",
                unit="per second",
                queries=(
                    Query(expr=f"rate(pg_stat_archiver_archived_count[{WINDOW}])", legend="copied"),
                    Query(expr=f"rate(pg_stat_archiver_failed_count[{WINDOW}])", legend="failed"),
                ),
            ),
        ),
    },
)
