"""What GPUs do, and for whom; from NVIDIA's DCGM exporter."""

from typing import Final

from cumulo.platform.monitoring.panels import WINDOW, Dashboard, Panel, Query, Variable

_CHOSEN = 'node=~"$node"'
_WHICH = "{{node}} GPU {{gpu}}"

GPUS: Final = Dashboard(
    name="gpus",
    title="GPUs",
    description="How busy GPUs are, for whom, how hot, and what is wrong with them.",
    variables=(Variable(name="node", title="Node", metric="DCGM_FI_DEV_GPU_UTIL", label="node"),),
    rows={
        "All GPUs": (
            Panel(
                title="GPUs",
                unit="count",
                shown="number",
                queries=(Query(expr=f"count(DCGM_FI_DEV_GPU_UTIL{{{_CHOSEN}}})"),),
            ),
            Panel(
                title="Given to a pod",
                unit="count",
                shown="number",
                queries=(Query(expr=f'count(DCGM_FI_DEV_GPU_UTIL{{{_CHOSEN},pod!=""}})'),),
            ),
            Panel(
                title="Busy",
                unit="ratio",
                shown="number",
                queries=(Query(expr=f"avg(DCGM_FI_DEV_GPU_UTIL{{{_CHOSEN}}}) / 100"),),
            ),
            Panel(
                title="Power",
                unit="W",
                shown="number",
                queries=(Query(expr=f"sum(DCGM_FI_DEV_POWER_USAGE{{{_CHOSEN}}})"),),
            ),
        ),
        "Use": (
            Panel(
                title="Busy",
                unit="ratio",
                full=1,
                queries=(Query(expr=f"DCGM_FI_DEV_GPU_UTIL{{{_CHOSEN}}} / 100", legend=_WHICH),),
            ),
            Panel(
                title="Busy, by pod",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr="avg by (namespace, pod) "
                        f'(DCGM_FI_DEV_GPU_UTIL{{{_CHOSEN},pod!=""}}) / 100',
                        legend="{{namespace}}/{{pod}}",
                    ),
                ),
            ),
            Panel(
                title="Memory used",
                unit="ratio",
                full=1,
                queries=(
                    Query(
                        expr=f"DCGM_FI_DEV_FB_USED{{{_CHOSEN}}} / "
                        "(DCGM_FI_DEV_FB_USED + DCGM_FI_DEV_FB_FREE)",
                        legend=_WHICH,
                    ),
                ),
            ),
            Panel(
                title="Memory busy",
                unit="ratio",
                full=1,
                queries=(
                    Query(expr=f"DCGM_FI_DEV_MEM_COPY_UTIL{{{_CHOSEN}}} / 100", legend=_WHICH),
                ),
            ),
            Panel(
                title="Over NVLink",
                unit="bytes/s",
                queries=(
                    # DCGM counts MB there.
                    Query(
                        expr="rate(DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL"
                        f"{{{_CHOSEN}}}[{WINDOW}]) * 1e6",
                        legend=_WHICH,
                    ),
                ),
            ),
        ),
        "Heat": (
            Panel(
                title="Temperature",
                unit="°C",
                queries=(Query(expr=f"DCGM_FI_DEV_GPU_TEMP{{{_CHOSEN}}}", legend=_WHICH),),
            ),
            Panel(
                title="Temperature of the memory",
                unit="°C",
                queries=(Query(expr=f"DCGM_FI_DEV_MEMORY_TEMP{{{_CHOSEN}}}", legend=_WHICH),),
            ),
            Panel(
                title="Power",
                unit="W",
                queries=(Query(expr=f"DCGM_FI_DEV_POWER_USAGE{{{_CHOSEN}}}", legend=_WHICH),),
            ),
            Panel(
                title="Clock",
                unit="MHz",
                description="It falls while a GPU is too hot or draws too much.",
                queries=(Query(expr=f"DCGM_FI_DEV_SM_CLOCK{{{_CHOSEN}}}", legend=_WHICH),),
            ),
        ),
        "Errors": (
            Panel(
                title="Last error (XID)",
                unit="count",
                queries=(Query(expr=f"DCGM_FI_DEV_XID_ERRORS{{{_CHOSEN}}}", legend=_WHICH),),
            ),
            Panel(
                title="Rows of memory replaced",
                unit="count",
                queries=(
                    Query(
                        expr=f"DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS{{{_CHOSEN}}}",
                        legend=f"{_WHICH} in time",
                    ),
                    Query(
                        expr=f"DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS{{{_CHOSEN}}}",
                        legend=f"{_WHICH} too late",
                    ),
                ),
            ),
            Panel(
                title="Packets sent again over PCIe",
                unit="per second",
                queries=(
                    Query(
                        expr=f"rate(DCGM_FI_DEV_PCIE_REPLAY_COUNTER{{{_CHOSEN}}}[{WINDOW}])",
                        legend=_WHICH,
                    ),
                ),
            ),
        ),
    },
)
