"""What Keycloak does; from its management port."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query

_JOB = 'job="keycloak"'

KEYCLOAK: Final = Dashboard(
    name="keycloak",
    title="Keycloak",
    description="Logins, requests and memory of Keycloak.",
    rows={
        "Now": (
            Panel(
                title="Keycloaks that answer",
                unit="count",
                shown="number",
                queries=(Query(expr=f"sum(up{{{_JOB}}})"),),
            ),
            Panel(
                title="Requests",
                unit="per second",
                shown="number",
                queries=(
                    Query(
                        expr=f"sum(rate(http_server_requests_seconds_count{{{_JOB}}}[{WINDOW}]))"
                    ),
                ),
            ),
            Panel(
                title="Requests that failed",
                unit="ratio",
                shown="number",
                queries=(
                    Query(
                        expr="sum(rate(http_server_requests_seconds_count"
                        f'{{{_JOB},outcome="SERVER_ERROR"}}[{WINDOW}])) / '
                        f"sum(rate(http_server_requests_seconds_count{{{_JOB}}}[{WINDOW}]))"
                    ),
                ),
            ),
        ),
        "Logins": (
            Panel(
                title="What people and programs did",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (realm, event) (rate(keycloak_user_events_total"
                        f'{{{_JOB},error=""}}[{WINDOW}]))',
                        legend="{{realm}} {{event}}",
                    ),
                ),
            ),
            Panel(
                title="What they were refused",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (realm, event, error) (rate(keycloak_user_events_total"
                        f'{{{_JOB},error!=""}}[{WINDOW}]))',
                        legend="{{realm}} {{event}} {{error}}",
                    ),
                ),
            ),
        ),
        "Requests": (
            Panel(
                title="By answer",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (outcome) "
                        f"(rate(http_server_requests_seconds_count{{{_JOB}}}[{WINDOW}]))",
                        legend="{{outcome}}",
                    ),
                ),
            ),
            Panel(
                title="Time that one takes",
                unit="seconds",
                queries=(
                    Query(
                        expr="topk(10, sum by (uri) "
                        f"(rate(http_server_requests_seconds_sum{{{_JOB}}}[{WINDOW}])) / "
                        "(sum by (uri) "
                        f"(rate(http_server_requests_seconds_count{{{_JOB}}}[{WINDOW}])) > 0))",
                        legend="{{uri}}",
                    ),
                ),
            ),
        ),
        "Database": (
            Panel(
                title="Connections in use",
                unit="count",
                queries=(
                    Query(expr=f"agroal_active_count{{{_JOB}}}", legend="{{instance}} used"),
                    Query(expr=f"agroal_available_count{{{_JOB}}}", legend="{{instance}} free"),
                ),
            ),
            Panel(
                title="Requests that wait for one",
                unit="count",
                queries=(Query(expr=f"agroal_awaiting_count{{{_JOB}}}", legend="{{instance}}"),),
            ),
        ),
        "Java": (
            Panel(
                title="Heap used",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="sum by (instance) "
                        f'(jvm_memory_used_bytes{{{_JOB},area="heap"}}) / sum by (instance) '
                        f'(jvm_memory_max_bytes{{{_JOB},area="heap"}} > 0)',
                        legend="{{instance}}",
                    ),
                ),
            ),
            Panel(
                title="Time spent tidying the heap",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="sum by (instance) "
                        f"(rate(jvm_gc_pause_seconds_sum{{{_JOB}}}[{WINDOW}]))",
                        legend="{{instance}}",
                    ),
                ),
            ),
            Panel(
                title="Processor used",
                unit="ratio",
                full=1,
                queries=(Query(expr=f"process_cpu_usage{{{_JOB}}}", legend="{{instance}}"),),
            ),
        ),
    },
)
