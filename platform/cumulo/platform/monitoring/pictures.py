"""Draws the dashboards from a Prometheus that runs, for the documentation.

    python -m cumulo.platform.monitoring.pictures http://127.0.0.1:9090 docs

writes docs/dashboards.md, and a drawing for each picture in docs/dashboards/. What has no figures
there is said to have none.
"""

import argparse
import json
import math
import re
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Final

from cumulo.platform.monitoring.dashboards import DASHBOARDS
from cumulo.platform.monitoring.panels import Dashboard, Panel, Unit

Ask = Callable[[str], Sequence["Line"]]
"""Answers a query over the time that is drawn."""

_WIDTH: Final = 640
_HEIGHT: Final = 240
_LEFT: Final = 80
_RIGHT: Final = 16
_TOP: Final = 34
_BOTTOM: Final = 26
_LEGEND_LINE: Final = 16
_LEGENDS: Final = 8
"""How many lines are named; a picture with more of them is a crowd."""
# Told apart by those who see few colours as well.
_COLOURS: Final = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31", "#555555"),
)
_PAGE: Final = "dashboards"
_SECONDS_TO_ANSWER: Final = 30


class PicturesError(Exception):
    """Why there are no pictures, and what to do about it."""


@dataclass(frozen=True)
class Line:
    """One line of a picture.

    Attributes:
        labels: What it is of.
        points: Seconds since the epoch, and the figure.
    """

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Time:
    """What is drawn.

    Attributes:
        begin: Seconds since the epoch.
        end: Likewise.
        step: Seconds between two figures.
    """

    begin: float
    end: float
    step: float

    @property
    def window(self) -> str:
        """What rates are taken over: four figures at least."""
        return f"{max(int(self.step * 4), 4)}s"


def asker(url: str, when: Time) -> Ask:
    """Asks a Prometheus.

    Args:
        url: Where it is, such as `http://127.0.0.1:9090`.
        when: The time that is drawn.
    """

    def ask(expr: str) -> Sequence[Line]:
        query = urllib.parse.urlencode(
            {"query": expr, "start": when.begin, "end": when.end, "step": when.step}
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 -- checked where it comes from
                f"{url.rstrip('/')}/api/v1/query_range?{query}", timeout=_SECONDS_TO_ANSWER
            ) as answer:
                told: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            raise PicturesError(f"{expr}: {error.read().decode(errors='replace')}") from None
        except (OSError, ValueError) as error:
            raise PicturesError(
                f"{url} is no Prometheus that answers: {error}. Forward its port: "
                "`cumulo kubectl port-forward --namespace monitoring "
                "service/platform-prometheus 9090`"
            ) from None
        return [
            Line(one["metric"], [(at, float(value)) for at, value in one["values"]])
            for one in told["data"]["result"]
        ]

    return ask


def draw(panel: Panel, lines: Sequence[tuple[str, Line]], when: Time) -> str:
    """A picture as SVG.

    Args:
        panel: What it shows.
        lines: Each line's name, and the line.
        when: The time that is drawn.
    """
    named = list(lines[:_LEGENDS])
    height = _HEIGHT + _LEGEND_LINE * len(named)
    figures = [value for _, line in lines for _, value in line.points if math.isfinite(value)]
    top = _rounded_up(panel.full or max([*figures, 0.0]), panel.unit)
    bottom = min([*figures, 0.0])
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="20" font-size="14" fill="#222222">{escape(panel.title)}</text>',
    ]
    parts += _grid(panel.unit, bottom, top, when)
    for number, (_, line) in enumerate(lines):
        parts.append(_path(line, _COLOURS[number % len(_COLOURS)], bottom, top, when))
    for number, (name, line) in enumerate(named):
        y = _HEIGHT + _LEGEND_LINE * number + 8
        last = [value for _, value in line.points if math.isfinite(value)][-1:]
        said = f"{name}: {shown(last[0], panel.unit)}" if last else name
        parts.append(
            f'<rect x="{_LEFT}" y="{y - 8}" width="10" height="10" '
            f'fill="{_COLOURS[number % len(_COLOURS)]}"/>'
            f'<text x="{_LEFT + 16}" y="{y + 1}" fill="#222222">{escape(said)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def shown(figure: float, unit: Unit) -> str:
    """A figure for people."""
    if unit == "ratio":
        return f"{figure * 100:.3g} %"
    if unit in ("bytes", "bytes/s"):
        power = min(int(math.log(abs(figure), 1024)), 4) if abs(figure) >= 1 else 0
        prefix = ("", "Ki", "Mi", "Gi", "Ti")[power]
        return f"{figure / 1024**power:.3g} {prefix}{'B' if unit == 'bytes' else 'B/s'}"
    words = {"count": "", "per second": " /s", "seconds": " s"}
    return f"{figure:.3g}{words.get(unit, f' {unit}')}"


def write(dashboards: Sequence[Dashboard], ask: Ask, when: Time, folder: Path) -> int:
    """Writes the page and its pictures; returns how many have figures.

    Pictures of an earlier time that are not drawn again are removed.

    Raises:
        PicturesError: Nothing has figures, or Prometheus does not answer.
    """
    drawings: dict[str, str] = {}
    began = time.strftime("%Y-%m-%d %H:%M", time.gmtime(when.begin))
    ended = time.strftime("%H:%M", time.gmtime(when.end))
    made = "Drawn from a running Prometheus by `python -m cumulo.platform.monitoring.pictures`"
    page = ["# What the dashboards show", "", f"{made}, {began} to {ended} UTC."]
    for dashboard in dashboards:
        page += ["", f"## {dashboard.title}", "", dashboard.description]
        for heading, row in dashboard.rows.items():
            page += ["", f"### {heading}", ""]
            for panel in row:
                name = f"{dashboard.name} {heading} {panel.title}".lower()
                file = re.sub(r"[^a-z0-9]+", "-", name).strip("-") + ".svg"
                text, drawing = _section(dashboard, panel, file, ask, when)
                page += text[1:] if text[0] == page[-1] == "" else text
                if drawing is not None:
                    drawings[file] = drawing
    if not drawings:
        raise PicturesError("Prometheus has no figures for any picture; does it ask anybody?")
    target = folder / _PAGE
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.svg"):
        if old.name not in drawings:
            old.unlink()
    for name, drawing in drawings.items():
        (target / name).write_text(drawing, "utf-8")
    (folder / f"{_PAGE}.md").write_text("\n".join(page) + "\n", "utf-8")
    return len(drawings)


def _section(
    dashboard: Dashboard, panel: Panel, file: str, ask: Ask, when: Time
) -> tuple[list[str], str | None]:
    """What the page says of a picture, and the picture, if there is one."""
    lines = [
        (_name(query.legend or panel.title, line.labels), line)
        for query in panel.queries
        for line in ask(dashboard.asked(query.expr, when.window))
    ]
    said = f" {panel.description}" if panel.description else ""
    figures = [line.points[-1][1] for _, line in lines if line.points]
    if not figures:
        return [f"- **{panel.title}**: no figures.{said}"], None
    if panel.shown == "number":
        return [f"- **{panel.title}**: {shown(figures[-1], panel.unit)}.{said}"], None
    text = ["", f"![{panel.title}]({_PAGE}/{file})"]
    return [*text, "", said.strip()] if said else text, draw(panel, lines, when)


def _name(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), legend).strip()


def _rounded_up(figure: float, unit: Unit) -> float:
    """The next figure that an axis may end with, so that its quarters can be read."""
    if figure <= 0:
        return 1.0
    scale = 1.0
    while unit in ("bytes", "bytes/s") and figure / scale >= 1024:
        scale *= 1024
    power = scale * 10.0 ** math.floor(math.log10(figure / scale))
    return float(next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= figure))


def _across(at: float, when: Time) -> float:
    room = _WIDTH - _LEFT - _RIGHT
    return _LEFT + room * (at - when.begin) / max(when.end - when.begin, 1.0)


def _down(figure: float, bottom: float, top: float) -> float:
    room = _HEIGHT - _TOP - _BOTTOM
    return _HEIGHT - _BOTTOM - room * (figure - bottom) / (top - bottom)


def _grid(unit: Unit, bottom: float, top: float, when: Time) -> list[str]:
    parts = []
    for part in range(5):
        figure = bottom + (top - bottom) * part / 4
        y = _down(figure, bottom, top)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="#dddddd"/><text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" '
            f'fill="#555555">{escape(shown(figure, unit))}</text>'
        )
    written = "%H:%M" if when.end - when.begin >= 600 else "%H:%M:%S"
    for part in range(4):
        at = when.begin + (when.end - when.begin) * part / 3
        anchor = ("start", "middle", "middle", "end")[part]
        parts.append(
            f'<text x="{_across(at, when):.1f}" y="{_HEIGHT - 8}" text-anchor="{anchor}" '
            f'fill="#555555">{time.strftime(written, time.gmtime(at))}</text>'
        )
    return parts


def _path(line: Line, colour: str, bottom: float, top: float, when: Time) -> str:
    steps = []
    before: float | None = None
    for at, figure in line.points:
        if not math.isfinite(figure):
            continue
        # Where nothing was told, nothing is drawn.
        letter = "L" if before is not None and at - before <= when.step * 1.5 else "M"
        y = _down(min(max(figure, bottom), top), bottom, top)
        steps.append(f"{letter}{_across(at, when):.1f} {y:.1f}")
        before = at
    return f'<path d="{" ".join(steps)}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def main(arguments: Sequence[str] | None = None) -> int:
    """Draws the pictures; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m cumulo.platform.monitoring.pictures", description=__doc__
    )
    parser.add_argument("url", help="where Prometheus is, such as http://127.0.0.1:9090")
    parser.add_argument("folder", type=Path, help="where the page goes: docs")
    parser.add_argument("--minutes", type=float, default=60, help="how long ago they begin")
    options = parser.parse_args(arguments)
    if not options.url.startswith(("http://", "https://")):
        parser.error(f"{options.url!r} is no http:// or https:// address")
    end = time.time()
    seconds = max(options.minutes * 60, 10.0)
    when = Time(end - seconds, end, max(seconds / 240, 1.0))
    try:
        drawn = write(DASHBOARDS, asker(options.url, when), when, options.folder)
    except PicturesError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"{drawn} pictures: {options.folder / _PAGE}.md\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
