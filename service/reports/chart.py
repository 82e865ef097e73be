"""Charts as SVG, drawn here: no script, readable on paper, told in words to who cannot see them.

Colours stand in attributes, for print and PDF; the classes let a style sheet change them. Lines and
bars differ in more than colour: bars by place, lines by their dashes and marks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from babel.numbers import format_decimal

from service.i18n import gettext as _
from service.i18n import language
from service.reports.report import Chart, ChartKind, Kind, show_percent

COLOURS = ("#1f5fa8", "#c2570c", "#17663c", "#7a3b9c")
_DASHES = ("", "6 3", "2 3", "8 3 2 3")

_WIDTH = 760
_CHARACTER = 8
"""Pixels that a character of a label takes, about."""

_BAR, _BAR_GAP, _GROUP_GAP = 14, 2, 8
_TREND_HEIGHT = 220
_LEGEND = 24
_TICKS = 4


def to_svg(chart: Chart, name: str = "chart") -> str:
    """The chart as an ``svg`` element; ``name`` begins the identifiers inside it."""
    draw = _bars if chart.kind is ChartKind.BARS else _trend
    height, body = draw(chart, _top(chart))
    legend = _legend(chart) if len(chart.series) > 1 or chart.target is not None else ()
    full = height + (_LEGEND if legend else 0)
    placed = f'<g transform="translate(0 {height})">{"".join(legend)}</g>' if legend else ""
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {full}" '
        f'width="{_WIDTH}" height="{full}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" font-family="DejaVu Sans, sans-serif" '
        f'font-size="12"><title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-desc">{escape(_in_words(chart))}</desc>{"".join(body)}{placed}</svg>'
    )


def _bars(chart: Chart, top: float) -> tuple[int, list[str]]:
    left = min(260, 12 + _CHARACTER * max(map(len, chart.labels), default=0))
    scale = (_WIDTH - left - 70) / top
    group = len(chart.series) * (_BAR + _BAR_GAP) + _GROUP_GAP
    height = 20 + group * len(chart.labels)
    body = []
    for tick in _ticks(top):
        x = left + tick * scale
        body.append(_line(x, 16, x, height, "grid"))
        body.append(_text(x, 11, _say(chart, tick), anchor="middle", small=True))
    if chart.target is not None:
        x = left + chart.target * scale
        body.append(_line(x, 16, x, height, "target"))
    for row, label in enumerate(chart.labels):
        y = 20 + row * group
        middle = y + (group - _GROUP_GAP) / 2 + 4
        body.append(_text(left - 8, middle, label, anchor="end"))
        for n, series in enumerate(chart.series):
            value, bar = series.values[row], y + n * (_BAR + _BAR_GAP)
            if value is not None:
                width = f"{max(value * scale, 1):.1f}"
                body.append(_tag("rect", n, x=left, y=bar, height=_BAR, width=width))
            end = left + (value or 0) * scale
            body.append(_text(end + 5, bar + 11, _say(chart, value), small=True))
    return height, body


def _trend(chart: Chart, top: float) -> tuple[int, list[str]]:
    left, right, upper, lower = 60, _WIDTH - 60, 16, _TREND_HEIGHT - 36
    step = (right - left) / max(1, len(chart.labels) - 1)

    def height(value: float) -> float:
        return lower - value * (lower - upper) / top

    body = []
    for tick in _ticks(top):
        y = height(tick)
        body.append(_line(left, y, right, y, "grid"))
        body.append(_text(left - 8, y + 4, _say(chart, tick), anchor="end", small=True))
    if chart.target is not None:
        y = height(chart.target)
        body.append(_line(left, y, right, y, "target"))
    every = math.ceil(len(chart.labels) / 8)
    for place, label in enumerate(chart.labels):
        if (len(chart.labels) - 1 - place) % every == 0:
            body.append(_text(left + place * step, lower + 18, label, anchor="middle", small=True))
    for n, series in enumerate(chart.series):
        points = [
            (left + place * step, None if value is None else height(value))
            for place, value in enumerate(series.values)
        ]
        body += _curve(points, n)
        last = next((v for v in reversed(series.values) if v is not None), None)
        if last is not None:
            body.append(_text(right + 6, height(last) + 4, _say(chart, last), small=True))
    return _TREND_HEIGHT, body


def _curve(points: Sequence[tuple[float, float | None]], n: int) -> Iterator[str]:
    """A line broken where a value is missing, with a mark at each value."""
    for known, stretch in groupby(points, key=lambda point: point[1] is not None):
        if known:
            path = [(f"{x:.1f}", f"{y:.1f}") for x, y in stretch if y is not None]
            dashes = {"stroke-dasharray": _DASHES[n]} if _DASHES[n] else {}
            yield _tag(
                "polyline", n, points=" ".join(map(",".join, path)), fill="none",
                stroke=COLOURS[n], **{"stroke-width": 2}, **dashes,
            )  # fmt: skip
            for x, y in path:
                yield _tag("circle", n, cx=x, cy=y, r=3)


def _legend(chart: Chart) -> Iterator[str]:
    x = 12
    for n, series in enumerate(chart.series):
        if chart.kind is ChartKind.BARS:
            yield _tag("rect", n, x=x, y=8, width=12, height=12)
        else:
            yield _line(x - 6, 14, x + 18, 14, f"series{n}")
        yield _text(x + 22, 18, series.name)
        x += 46 + _CHARACTER * len(series.name)
    if chart.target is not None:
        yield _line(x - 6, 14, x + 18, 14, "target")
        yield _text(x + 22, 18, _("Target: {value}", value=_say(chart, chart.target)))


def _in_words(chart: Chart) -> str:
    """Every value, for those who hear the chart."""
    said = [
        ", ".join(f"{series.name} {_say(chart, series.values[place])}" for series in chart.series)
        for place in range(len(chart.labels))
    ]
    return "; ".join(f"{label}: {text}" for label, text in zip(chart.labels, said, strict=True))


def _top(chart: Chart) -> float:
    """The end of the scale: 100 % for shares, else a round number above every value."""
    values = [value for series in chart.series for value in series.values if value is not None]
    most = max([*values, chart.target or 0])
    if chart.unit is Kind.SHARE:
        return max(1.0, most)
    step = 10.0 ** math.floor(math.log10(max(most, _TICKS) / _TICKS))
    return next(
        _TICKS * step * factor for factor in (1, 2, 5, 10) if _TICKS * step * factor >= most
    )


def _ticks(top: float) -> list[float]:
    return [top * n / _TICKS for n in range(_TICKS + 1)]


def _say(chart: Chart, value: float | None) -> str:
    if value is None:
        return _("no data")
    if chart.unit is Kind.SHARE:
        return f"{show_percent(value)} %"
    return str(format_decimal(value, locale=language()))


def _text(x: float, y: float, text: str, *, anchor: str = "start", small: bool = False) -> str:
    size = ' font-size="11"' if small else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{size} fill="#16202e">'
        f"{escape(text)}</text>"
    )


_LINES = {
    "grid": ("#d6dde6", "", 1),
    "target": ("#a3221b", "4 3", 2),
    **{f"series{n}": (colour, _DASHES[n], 2) for n, colour in enumerate(COLOURS)},
}
"""Colour, dashes and width of straight lines, by their class."""


def _line(x1: float, y1: float, x2: float, y2: float, name: str) -> str:
    colour, dashes, width = _LINES[name]
    dash = f' stroke-dasharray="{dashes}"' if dashes else ""
    return (
        f'<line class="{name}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'stroke="{colour}" stroke-width="{width}"{dash}/>'
    )


def _tag(name: str, n: int, **attributes: object) -> str:
    """An element of the series ``n``."""
    said = {"class": f"series{n}", "fill": COLOURS[n]} | attributes
    written = " ".join(f'{key}="{value}"' for key, value in said.items())
    return f"<{name} {written}/>"
