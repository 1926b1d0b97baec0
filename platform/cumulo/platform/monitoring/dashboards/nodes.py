"""What nodes do; from node-exporter and kubelets."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query, Variable

_DISKS = 'node=~"$node",fstype!~"tmpfs|ramfs|overlay|squashfs|iso9660|fuse.*|nsfs|autofs"'

NODES: Final = Dashboard(
    name="nodes",
    title="Nodes",
    description="Processors, memory, disks and network of the cluster's nodes.",
    variables=(Variable(name="node", title="Node", metric="node_uname_info", label="node"),),
    rows={
        "All nodes": (
            Panel(
                title="Nodes that answer",
                unit="count",
                shown="number",
                queries=(Query(expr='sum(up{job="node-exporter"})'),),
            ),
            Panel(
                title="Nodes that do not",
                unit="count",
                shown="number",
                queries=(Query(expr='sum(1 - up{job="node-exporter"})'),),
            ),
            Panel(
                title="Processors",
                unit="count",
                shown="number",
                queries=(Query(expr='count(node_cpu_seconds_total{mode="idle"})'),),
            ),
            Panel(
                title="Memory",
                unit="bytes",
                shown="number",
                queries=(Query(expr="sum(node_memory_MemTotal_bytes)"),),
            ),
        ),
        "Processors": (
            Panel(
                title="Busy",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="1 - avg by (node) (rate(node_cpu_seconds_total"
                        f'{{mode="idle",node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}}",
                    ),
                ),
            ),
            Panel(
                title="Runnable processes per processor",
                unit="count",
                description="Above 1 for long, processes wait for a processor.",
                queries=(
                    Query(
                        expr='node_load5{node=~"$node"} / on (node) '
                        'count by (node) (node_cpu_seconds_total{mode="idle"})',
                        legend="{{node}}",
                    ),
                ),
            ),
            Panel(
                title="Time in which processes waited for a processor",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="rate(node_pressure_cpu_waiting_seconds_total"
                        f'{{node=~"$node"}}[{WINDOW}])',
                        legend="{{node}}",
                    ),
                ),
            ),
        ),
        "Memory": (
            Panel(
                title="Used",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr='1 - node_memory_MemAvailable_bytes{node=~"$node"} / '
                        "node_memory_MemTotal_bytes",
                        legend="{{node}}",
                    ),
                ),
            ),
            Panel(
                title="Available",
                unit="bytes",
                queries=(
                    Query(expr='node_memory_MemAvailable_bytes{node=~"$node"}', legend="{{node}}"),
                ),
            ),
            Panel(
                title="Time in which processes waited for memory",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="rate(node_pressure_memory_waiting_seconds_total"
                        f'{{node=~"$node"}}[{WINDOW}])',
                        legend="{{node}}",
                    ),
                ),
            ),
        ),
        "Disks": (
            Panel(
                title="Full",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr=f"1 - node_filesystem_avail_bytes{{{_DISKS}}} / "
                        f"node_filesystem_size_bytes{{{_DISKS}}}",
                        legend="{{node}} {{mountpoint}}",
                    ),
                ),
            ),
            Panel(
                title="Read and written",
                unit="bytes/s",
                queries=(
                    Query(
                        expr="sum by (node) (rate(node_disk_read_bytes_total"
                        f'{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}} read",
                    ),
                    Query(
                        expr="sum by (node) (rate(node_disk_written_bytes_total"
                        f'{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}} written",
                    ),
                ),
            ),
            Panel(
                title="Time in which a disk was busy",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="max by (node) (rate(node_disk_io_time_seconds_total"
                        f'{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}}",
                    ),
                ),
            ),
        ),
        "Network": (
            Panel(
                title="Received and sent",
                unit="bytes/s",
                queries=(
                    Query(
                        expr="sum by (node) (rate(node_network_receive_bytes_total"
                        f'{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}} received",
                    ),
                    Query(
                        expr="sum by (node) (rate(node_network_transmit_bytes_total"
                        f'{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}} sent",
                    ),
                ),
            ),
            Panel(
                title="Packets lost",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (node) (rate(node_network_receive_drop_total"
                        f'{{node=~"$node"}}[{WINDOW}]) + '
                        f'rate(node_network_transmit_drop_total{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}}",
                    ),
                ),
            ),
        ),
        "Kubernetes": (
            Panel(
                title="Pods",
                unit="count",
                queries=(
                    Query(
                        expr='kubelet_running_pods{job="kubelet",node=~"$node"}', legend="{{node}}"
                    ),
                ),
            ),
            Panel(
                title="Calls of the container runtime that failed",
                unit="per second",
                queries=(
                    Query(
                        expr="sum by (node, operation_type) (rate("
                        f'kubelet_runtime_operations_errors_total{{node=~"$node"}}[{WINDOW}]))',
                        legend="{{node}} {{operation_type}}",
                    ),
                ),
            ),
        ),
    },
)
