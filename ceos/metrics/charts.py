"""Charts of followers and engagement: in the terminal with plotext, as PNG or SVG with matplotlib.

Both libraries are loaded only when a chart is drawn. A gap in the numbers is a gap in the line.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from ceos.errors import CeosError, InvalidInput
from ceos.metrics.report import DayOfPosts, Point, Report

#: More lines in one chart cannot be distinguished.
MAX_AGENTS = 6
WIDTH, HEIGHT = 78, 14
#: The characters of the parts of a bar, and of the lines of several agents, without colours.
FILLS = "█▓▒░"
LINES = "●○▲△■□"
COLOURS = ("blue", "orange", "green", "red", "magenta", "cyan")
PARTS = ("likes", "recasts", "replies", "quotes")
TICKS = 5
#: Points that are further apart have a gap between them: hourly points, and points of a day.
HOUR_GAP, DAY_GAP = dt.timedelta(hours=2), dt.timedelta(hours=47)

#: A line in pieces, with a gap between two pieces.
_Line = list[list[tuple[dt.datetime, float]]]


def terminal(reports: Sequence[Report], *, width: int = WIDTH, colours: bool = False) -> str:
    """Return charts of followers and engagement as text, `width` columns wide; a report without either has none."""
    _check(reports)
    texts = []
    if any(_followers(report) for report in reports):
        texts.append(_line_chart("Followers", {one.agent: _followers(one) for one in reports}, width, colours))
    if any(report.days for report in reports):
        texts.append(
            _bar_chart(reports[0], width, colours)
            if len(reports) == 1
            else _line_chart(
                "Reactions by day of the posts", {one.agent: _daily(one) for one in reports}, width, colours
            )
        )
    return "\n\n".join(texts)


def write(reports: Sequence[Report], path: Path) -> None:
    """Write charts of followers and engagement as a PNG or SVG file; equal numbers give equal bytes."""
    _check(reports)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise InvalidInput(f"{path.name!r} is neither a .png nor an .svg file; the ending says what is written.")
    import matplotlib as mpl  # noqa: PLC0415  # a third of a second, for this alone
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context():
        # Neither the user's own style nor the fonts of this machine: DejaVu comes with matplotlib.
        mpl.rcdefaults()
        mpl.rcParams.update(
            {"svg.hashsalt": "ceos", "font.family": "DejaVu Sans", "axes.grid": True, "grid.alpha": 0.3}
        )
        figure = Figure(figsize=(9, 6.5), dpi=120, layout="constrained")
        FigureCanvasAgg(figure)
        above, below = figure.subplots(2, 1, sharex=True)
        _draw_followers(above, reports)
        _draw_engagement(below, reports)
        below.set_xlim(*_span(reports))
        figure.autofmt_xdate()
        try:
            figure.savefig(path, format=kind, metadata={"Software": None} if kind == "png" else {"Date": None})
        except OSError as error:
            raise CeosError(f"{path} cannot be written: {error.strerror}.") from None


def _check(reports: Sequence[Report]) -> None:
    if len(reports) > MAX_AGENTS:
        raise InvalidInput(
            f"{len(reports)} agents do not fit into one picture; name up to {MAX_AGENTS} of them after 'ceos metrics'."
        )


# The terminal


def _line_chart(title: str, lines: dict[str, _Line], width: int, colours: bool) -> str:
    figure, plotext = _figure(width)
    figure.title(title if len(lines) > 1 else f"{title} of {next(iter(lines))}")
    for number, (name, line) in enumerate(lines.items()):
        marker = plotext.marker("braille" if len(lines) == 1 else LINES[number], COLOURS[number])
        for index, piece in enumerate(line):
            signal = figure.signal(*zip(*((at.timestamp(), value) for at, value in piece), strict=True), marker=marker)
            signal.lines()
            if len(lines) > 1 and index == 0:
                signal.label(name)
            figure.draw(signal)
    points = [point for line in lines.values() for piece in line for point in piece]
    _date_ticks(figure, [at for at, _ in points])
    _whole_ticks(figure, [value for _, value in points])
    return _text(figure, plotext, colours)


def _bar_chart(report: Report, width: int, colours: bool) -> str:
    figure, plotext = _figure(width)
    figure.title(f"Reactions by day of the posts of {report.agent}")
    days = _every_day(report.days)
    numbers = list(range(len(days)))
    heights = [[float(getattr(day, part) or 0) if day else 0.0 for day in days.values()] for part in PARTS]
    figure.draw(figure.bar(numbers, heights, stacked=True, marker=list(FILLS), width=0.7))
    step = max(1, -(-len(days) // TICKS))
    dates = list(days)
    figure.ruler("x").ticks(numbers[::step], [f"{date:%b %d}" for date in dates[::step]])
    _whole_ticks(figure, [0.0, *(sum(column) for column in zip(*heights, strict=True))])
    key = "  ".join(f"{fill} {part}" for fill, part in zip(FILLS, PARTS, strict=True))
    return f"{_text(figure, plotext, colours)}\n{' ' * 6}{key}"


def _figure(width: int) -> tuple[Any, Any]:
    import plotext  # noqa: PLC0415  # only where something is drawn

    figure: Any = plotext.figure
    figure.clear()
    figure.plot_size(width, HEIGHT)
    return figure, plotext


def _text(figure: Any, plotext: Any, colours: bool) -> str:
    drawn = str(figure.build())
    plain = drawn if colours else plotext.uncolorize(drawn)
    return "\n".join(line.rstrip() for line in plain.rstrip().splitlines())


def _date_ticks(figure: Any, moments: Sequence[dt.datetime]) -> None:
    first, last = min(moments), max(moments)
    places = [first + (last - first) * number / (TICKS - 1) for number in range(TICKS)] if last > first else [first]
    form = "%b %d" if last - first > dt.timedelta(days=TICKS) else "%b %d %H:%M"
    figure.ruler("x").ticks([place.timestamp() for place in places], [f"{place:{form}}" for place in places])


def _whole_ticks(figure: Any, values: Sequence[float]) -> None:
    """Label the vertical axis with whole numbers."""
    low, high = min(values), max(values)
    if low == high:
        figure.ruler("y").lim(low - 1, high + 1)
    ticks = sorted({round(low + (high - low) * number / 4) for number in range(5)})
    figure.ruler("y").ticks(ticks, [f"{tick:,}" for tick in ticks])


# The file


def _draw_followers(axes: Any, reports: Sequence[Report]) -> None:
    axes.set_title("Followers", loc="left")
    for number, report in enumerate(reports):
        line = _followers(report)
        moments, values = _with_gaps(line)
        axes.plot(moments, values, label=report.agent, color=f"C{number}", linewidth=1.5)
        # A piece of one point has no line, so it is drawn as a dot.
        lonely = [piece[0] for piece in line if len(piece) == 1]
        axes.scatter([at for at, _ in lonely], [value for _, value in lonely], color=f"C{number}", s=9)
    _finish(axes, any(_followers(report) for report in reports), "no followers were counted in this time")


def _draw_engagement(axes: Any, reports: Sequence[Report]) -> None:
    axes.set_title("Reactions by day of the posts (UTC)", loc="left")
    if len(reports) == 1:
        bottoms = [0.0] * len(reports[0].days)
        noons = [_noon(day) for day in reports[0].days]
        for part in PARTS:
            heights = [float(getattr(day, part) or 0) for day in reports[0].days]
            axes.bar(noons, heights, bottom=bottoms, width=0.7, label=part)
            bottoms = [bottom + height for bottom, height in zip(bottoms, heights, strict=True)]
    else:
        for report in reports:
            moments, values = _with_gaps(_daily(report))
            axes.plot(moments, values, label=report.agent, marker="o", markersize=3)
    _finish(axes, any(report.days for report in reports), "no post was measured in this time")


def _finish(axes: Any, has_data: bool, otherwise: str) -> None:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_axisbelow(True)
    # Above the chart, where it covers no data.
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=MAX_AGENTS, frameon=False, borderaxespad=0.2)
    if not has_data:
        axes.text(0.5, 0.5, otherwise, ha="center", va="center", transform=axes.transAxes)


def _span(reports: Sequence[Report]) -> tuple[dt.datetime, dt.datetime]:
    moments = [
        moment
        for report in reports
        for moment in (*(point.at for point in report.points), *(_noon(day) for day in report.days))
    ]
    if not moments:
        return reports[0].since, reports[0].until
    edge = dt.timedelta(hours=14)
    return min(moments) - edge, max(moments) + edge


def _with_gaps(line: _Line) -> tuple[list[dt.datetime], list[float]]:
    moments: list[dt.datetime] = []
    values: list[float] = []
    for piece in line:
        moments += [at for at, _ in piece] + [piece[-1][0]]
        values += [value for _, value in piece] + [float("nan")]
    return moments, values


# The numbers


def _followers(report: Report) -> _Line:
    return _pieces([(point, float(point.followers)) for point in report.points if point.followers is not None])


def _pieces(points: Sequence[tuple[Point, float]]) -> _Line:
    if not points:
        return []
    line: _Line = [[(points[0][0].at, points[0][1])]]
    for (before, _), (point, value) in pairwise(points):
        if point.at - before.at > (DAY_GAP if before.daily or point.daily else HOUR_GAP):
            line.append([])
        line[-1].append((point.at, value))
    return line


def _daily(report: Report) -> _Line:
    return [[(_noon(day), float(day.interactions)) for day in report.days]] if report.days else []


def _every_day(days: Sequence[DayOfPosts]) -> dict[dt.date, DayOfPosts | None]:
    """Return every date from the first to the last, with its posts or None."""
    known = {day.date: day for day in days}
    length = (days[-1].date - days[0].date).days + 1
    return {date: known.get(date) for date in (days[0].date + dt.timedelta(days=number) for number in range(length))}


def _noon(day: DayOfPosts) -> dt.datetime:
    return dt.datetime.combine(day.date, dt.time(12), dt.UTC)
