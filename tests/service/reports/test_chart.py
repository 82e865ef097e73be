"""Charts: well-formed SVG that says in words what it draws."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree

from service.reports.chart import to_svg
from service.reports.report import Chart, ChartKind, Kind, Series

pytestmark = pytest.mark.usefixtures("english")

SVG = "{http://www.w3.org/2000/svg}"


def drawn(kind: ChartKind, *series: tuple[float | None, ...], **overrides: Any) -> etree._Element:
    fields: dict[str, Any] = {
        "title": "Signed in",
        "unit": Kind.SHARE,
        "labels": tuple(f"<{n}> & more" for n in range(len(series[0]))),
        "series": tuple(Series(name=f"line {n}", values=each) for n, each in enumerate(series)),
    }
    return etree.fromstring(to_svg(Chart(kind=kind, **fields | overrides)))


def test_bars_are_as_long_as_their_values_and_absent_ones_are_none() -> None:
    svg = drawn(ChartKind.BARS, (0.25, 0.5, None))
    widths = [float(bar.get("width", 0)) for bar in svg.iter(f"{SVG}rect")]
    assert len(widths) == 2
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert "no data" in [text.text for text in svg.iter(f"{SVG}text")]


def test_a_trend_breaks_where_a_week_is_missing() -> None:
    svg = drawn(ChartKind.TREND, (0.1, 0.2, None, 0.4), (1.0, 1.0, 1.0, 1.0), target=1.0)
    lines = [line.get("points", "") for line in svg.iter(f"{SVG}polyline")]
    assert [len(points.split()) for points in lines] == [2, 1, 4]
    assert len([line for line in svg.iter(f"{SVG}line") if line.get("class") == "target"]) == 2


def test_a_chart_tells_its_title_and_every_value_in_words() -> None:
    svg = drawn(ChartKind.BARS, (0.25, None))
    title, words = svg[0], svg[1]
    assert svg.get("aria-labelledby", "").split() == [title.get("id"), words.get("id")]
    assert title.text == "Signed in"
    assert words.text == "<0> & more: line 0 25.0 %; <1> & more: line 0 no data"


@pytest.mark.parametrize(("most", "top"), [(3, "4"), (99, "200"), (0, "4"), (7406, "8,000")])
def test_the_scale_of_counts_ends_at_a_round_number(most: int, top: str) -> None:
    svg = drawn(ChartKind.BARS, (most,), unit=Kind.INTEGER)
    ticks = [
        text.text for text in svg.iter(f"{SVG}text") if re.fullmatch(r"[\d,]+", text.text or "")
    ]
    assert top in ticks


def test_nothing_in_a_chart_needs_a_script_or_a_style() -> None:
    text = to_svg(Chart(kind=ChartKind.TREND, title="t", unit=Kind.SHARE, labels=("a",),
                        series=(Series(name="<script>", values=(0.5,)),)))  # fmt: skip
    assert "<script" not in text
    assert "style=" not in text
