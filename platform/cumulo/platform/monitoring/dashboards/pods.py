"""What pods use; from the cAdvisor in kubelets."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query, Variable

_CHOSEN = 'container!="",namespace=~"$namespace"'

PODS: Final = Dashboard(
    name="pods",
    title="Pods",
    description="Processors, memory, network and volumes of pods, by namespace.",
    variables=(
        Variable(
            name="namespace",
            title="Namespace",
            metric="container_memory_working_set_bytes",
            label="namespace",
        ),
    ),
    rows={
        "Namespaces": (
            Panel(
                title="Processors used",
                unit="count",
                queries=(
                    Query(
                        expr="sum by (namespace) (rate(container_cpu_usage_seconds_total"
                        f"{{{_CHOSEN}}}[{WINDOW}]))",
                        legend="{{namespace}}",
                    ),
                ),
            ),
            Panel(
                title="Memory used",
                unit="bytes",
                queries=(
                    Query(
                        expr="sum by (namespace) "
                        f"(container_memory_working_set_bytes{{{_CHOSEN}}})",
                        legend="{{namespace}}",
                    ),
                ),
            ),
        ),
        "Processors": (
            Panel(
                title="Most used",
                unit="count",
                queries=(
                    Query(
                        expr="topk(20, sum by (namespace, pod) (rate("
                        f"container_cpu_usage_seconds_total{{{_CHOSEN}}}[{WINDOW}])))",
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
            Panel(
                title="Held back by their limit",
                unit="ratio",
                full=1,
                description="The part of periods in which a container wanted more than it may.",
                queries=(
                    Query(
                        expr="topk(20, sum by (namespace, pod) (rate("
                        f"container_cpu_cfs_throttled_periods_total{{{_CHOSEN}}}[{WINDOW}])) / "
                        "sum by (namespace, pod) (rate("
                        f"container_cpu_cfs_periods_total{{{_CHOSEN}}}[{WINDOW}])))",
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
        ),
        "Memory": (
            Panel(
                title="Most used",
                unit="bytes",
                queries=(
                    Query(
                        expr="topk(20, sum by (namespace, pod) "
                        f"(container_memory_working_set_bytes{{{_CHOSEN}}}))",
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
            Panel(
                title="Nearest to their limit",
                unit="ratio",
                full=1,
                description="At 1 a container is killed.",
                queries=(
                    Query(
                        expr="topk(20, max by (namespace, pod, container) "
                        f"(container_memory_working_set_bytes{{{_CHOSEN}}} / "
                        f"(container_spec_memory_limit_bytes{{{_CHOSEN}}} > 0)))",
                        legend="{{namespace}}/{{pod}} {{container}}",
                    ),
                ),
            ),
            Panel(
                title="Killed at their limit",
                unit="count",
                queries=(
                    Query(
                        expr="sum by (namespace, pod) (increase(container_oom_events_total"
                        f"{{{_CHOSEN}}}[{WINDOW}]))",
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
        ),
        "Network": (
            Panel(
                title="Most received",
                unit="bytes/s",
                queries=(
                    Query(
                        expr="topk(20, sum by (namespace, pod) (rate("
                        "container_network_receive_bytes_total"
                        f'{{pod!="",namespace=~"$namespace"}}[{WINDOW}])))',
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
            Panel(
                title="Most sent",
                unit="bytes/s",
                queries=(
                    Query(
                        expr="topk(20, sum by (namespace, pod) (rate("
                        "container_network_transmit_bytes_total"
                        f'{{pod!="",namespace=~"$namespace"}}[{WINDOW}])))',
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
        ),
        "Life": (
            Panel(
                title="Containers that began",
                unit="count",
                description="How many there were of each within 15 minutes: one that restarts is "
                "another each time.",
                queries=(
                    Query(
                        expr="topk(20, count by (namespace, pod, container) (last_over_time("
                        f"container_start_time_seconds{{{_CHOSEN}}}[15m])) > 1)",
                        legend="{{namespace}}/{{pod}} {{container}}",
                    ),
                ),
            ),
            Panel(
                title="Volumes: full",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr='1 - kubelet_volume_stats_available_bytes{namespace=~"$namespace"} / '
                        "kubelet_volume_stats_capacity_bytes",
                        legend="{{namespace}}/{{persistentvolumeclaim}}",
                    ),
                ),
            ),
        ),
    },
)
