"""The files a report can be had as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.reports.export import to_csv, to_json, to_xlsx
from service.reports.printing import to_pdf
from service.reports.report import Report


@dataclass(frozen=True, kw_only=True, slots=True)
class FileKind:
    make: Callable[[Report], bytes]
    media_type: str


FILES: Mapping[str, FileKind] = {
    "xlsx": FileKind(
        make=to_xlsx,
        media_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    "csv": FileKind(make=to_csv, media_type="text/csv; charset=utf-8"),
    "pdf": FileKind(make=to_pdf, media_type="application/pdf"),
    "json": FileKind(make=lambda report: to_json(report).encode(), media_type="application/json"),
}
"""By the ending of the file's name, in the order of the buttons on a page."""


def file_name(report: Report, ending: str) -> str:
    """Such as ``coverage-2026-11-20.csv``: the report and the day of its cut-off."""
    return f"{report.name}-{report.cut_off.astimezone(report.zone):%Y-%m-%d}.{ending}"
