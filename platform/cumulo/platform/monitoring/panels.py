"""Dashboards as values: what is asked, and how it is shown. Grafana and the pictures take them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Unit = Literal["bytes", "bytes/s", "count", "per second", "ratio", "seconds", "°C", "W", "MHz"]

WINDOW: Final = "$__rate_interval"
"""What a rate is taken over: Grafana puts in what fits the figures and the width of a panel."""
SOURCE: Final = "prometheus"
"""What Grafana knows Prometheus by."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """One question.

    Attributes:
        expr: It, in PromQL; `$__rate_interval` and the dashboard's variables stand for values.
        legend: What each line is called: `{{node}}` is its label.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One picture.

    Attributes:
        title: What it shows.
        unit: What the figures are.
        queries: What is asked.
        shown: As lines over time, or as the last number.
        description: What to know when one reads it.
        full: The most that there can be, where the picture should show how far that is.
    """

    title: str
    unit: Unit
    queries: Sequence[Query]
    shown: Literal["lines", "number"] = "lines"
    description: str = ""
    full: float | None = None


@dataclass(frozen=True, kw_only=True)
class Variable:
    """What a reader may choose, one or several of.

    Attributes:
        name: By which queries have it, as `$name` within `=~`.
        title: What it is.
        metric: The figures whose label is chosen from.
        label: The label.
    """

    name: str
    title: str
    metric: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A page of pictures about one thing.

    Attributes:
        name: Its name in addresses and files.
        title: Its name for people.
        description: What it is for.
        rows: The pictures, by the heading above them.
        variables: What a reader may choose.
    """

    name: str
    title: str
    description: str
    rows: Mapping[str, Sequence[Panel]]
    variables: Sequence[Variable] = ()

    def panels(self) -> Iterator[Panel]:
        """Every picture, from top to bottom."""
        for row in self.rows.values():
            yield from row

    def asked(self, expr: str, window: str, chosen: Mapping[str, str] | None = None) -> str:
        """A query as Prometheus takes it.

        Args:
            expr: The query.
            window: What rates are taken over, such as `5m`.
            chosen: The variables' values, as regular expressions. Default: everything.
        """
        told = expr.replace(WINDOW, window)
        for variable in self.variables:
            told = told.replace(f"${variable.name}", (chosen or {}).get(variable.name, ".*"))
        return told
