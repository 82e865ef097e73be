"""The print view of a report, and the PDF made of it."""

from __future__ import annotations

from functools import cache
from importlib import resources

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from service.i18n import gettext, language, ngettext
from service.pdf import make_pdf
from service.reports.chart import to_svg
from service.reports.report import Kind, Report
from service.reports.table import groups, total_groups

STYLE = "print.css"
"""Among the static files."""

_MANY_COLUMNS, _CROWDED_COLUMNS = 9, 14
"""More are written smaller, and smaller still."""

_TEXT_WIDTHS = (7, 30)
_FIGURE_WIDTHS = (8, 14)
"""Characters that a column of texts, or of figures, may take at least and at most."""

_PADDING = 3
"""Characters that the edges of a cell take, with what bold titles need more."""


def to_page(report: Report, *, style_address: str = "") -> str:
    """The whole report as a page for printing: its head, chart, all rows, the titles repeated."""
    return (
        _templates()
        .get_template("report_print.html")
        .render(
            report=report,
            widths=_widths(report),
            many=len(report.columns) > _MANY_COLUMNS,
            crowded=len(report.columns) > _CROWDED_COLUMNS,
            groups=groups(report),
            totals=total_groups(report),
            chart=Markup(to_svg(report.chart)) if report.chart else "",  # noqa: S704 - made by us
            language=language(),
            style_address=style_address,
        )
    )


def to_pdf(report: Report) -> bytes:
    """The print view as PDF, with numbered pages. Raises ``service.pdf.NoPdf``."""
    style = resources.files("service").joinpath("static", STYLE).read_text("utf-8")
    return make_pdf(to_page(report), style)


def _widths(report: Report) -> list[int]:
    """Of each column, in per cent of the page: a page is no wider than its paper."""
    characters = []
    for i, column in enumerate(report.columns):
        least, most = _TEXT_WIDTHS if column.kind is Kind.TEXT else _FIGURE_WIDTHS
        cells = [len(column.text(row[i], report.zone)) for row in report.rows]
        longest_word = max(map(len, column.title.split()), default=0)
        characters.append(_PADDING + min(most, max(least, longest_word, *cells)))
    return [round(100 * each / sum(characters)) for each in characters]


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("service"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_callables(gettext, ngettext)  # type: ignore[attr-defined]
    return environment
