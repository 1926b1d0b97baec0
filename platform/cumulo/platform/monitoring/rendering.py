"""Dashboards as Grafana reads them, by Grafana's own builders."""

import itertools
import json
import string
from collections.abc import Mapping
from typing import Final

from cumulo.platform.monitoring import panels
from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DataSourceRef,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

_UNITS: Final[Mapping[panels.Unit, str]] = {
    "bytes": "bytes",
    "bytes/s": "Bps",
    "count": "short",
    "per second": "cps",
    "ratio": "percentunit",
    "seconds": "s",
    "°C": "celsius",
    "W": "watt",
    "MHz": "rotmhz",
}
_WIDTH = 24
_NUMBER_WIDTH = 6
_LINES_WIDTH = 12


def rendered(told: panels.Dashboard) -> str:
    """A dashboard as JSON; the same dashboard is always the same text."""
    built = (
        dashboard.Dashboard(told.title)
        .uid(f"cumulo-{told.name}")
        .description(told.description)
        .tags(["cumulo"])
        # What is changed here is changed in the program.
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .time("now-6h", "now")
        .refresh("1m")
        .timezone("browser")
    )
    for variable in told.variables:
        built.with_variable(_variable(variable))
    numbers = itertools.count(1)
    for title, row in told.rows.items():
        built.with_row(dashboard.Row(title).id(next(numbers)))
        for panel in row:
            shown = _number(panel) if panel.shown == "number" else _lines(panel)
            for letter, query in zip(string.ascii_uppercase, panel.queries, strict=False):
                shown.with_target(_query(query).ref_id(letter))
            built.with_panel(shown.id(next(numbers)))
    return json.dumps(built.build(), cls=JSONEncoder, indent=1, sort_keys=True) + "\n"


def _source() -> DataSourceRef:
    return DataSourceRef(type_val="prometheus", uid=panels.SOURCE)


def _variable(variable: panels.Variable) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(variable.name)
        .label(variable.title)
        .datasource(_source())
        .query(f"label_values({variable.metric}, {variable.label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(selected=True, text="All", value="$__all"))
    )


def _number(panel: panels.Panel) -> stat.Panel:
    return (
        stat.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(_source())
        .unit(_UNITS[panel.unit])
        .span(_NUMBER_WIDTH)
        .height(4)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _lines(panel: panels.Panel) -> timeseries.Panel:
    shown = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.description)
        .datasource(_source())
        .unit(_UNITS[panel.unit])
        .span(_LINES_WIDTH)
        .height(8)
        .min(0)
        .draw_style(GraphDrawStyle.LINE)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(5)
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
        )
    )
    return shown if panel.full is None else shown.max(panel.full)


def _query(query: panels.Query) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(query.expr).legend_format(query.legend).datasource(_source())
