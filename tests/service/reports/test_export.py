"""A report as CSV, XLSX, JSON, text, chart and PDF: the same figures for other programs."""

from __future__ import annotations

import csv
import ctypes.util
import json
import os
import re
import shutil
import subprocess
import sys
import zlib
from datetime import UTC, date, datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from lxml import etree
from openpyxl import load_workbook

from service.calendar.period import Period
from service.pdf import NoPdf, make_pdf
from service.reports.chart import to_svg
from service.reports.export import to_csv, to_json, to_table, to_xlsx
from service.reports.printing import to_pdf
from service.reports.report import Chart, ChartKind, Column, Freshness, Kind, Report, Series
from service.words.problems import sentence
from tests.language import in_language

pytestmark = pytest.mark.usefixtures("english")

LOADED_AT = datetime(2026, 10, 1, 9, 5, tzinfo=UTC)
BUILT_AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def make_report(*names: str, **overrides: Any) -> Report:
    """Schools with 1, 2 ... of 8 people and one that was never loaded."""
    columns = (
        Column(key="school", title="School", kind=Kind.TEXT, absent="no data"),
        Column(key="loaded", title="Last load", kind=Kind.MOMENT, absent="not loaded"),
        Column(key="role", title="Role", kind=Kind.TEXT, absent="", words={"all": "All roles"}),
        Column(key="ever", title="Signed in", kind=Kind.INTEGER, absent="no data"),
        Column(key="share", title="Share of the roll", kind=Kind.SHARE, absent="no data"),
    )
    rows = [(name, LOADED_AT, "all", n, n / 8) for n, name in enumerate(names or ("243",), 1)]
    fields: dict[str, Any] = {
        "name": "example",
        "title": "Example & report",
        "definition": "Counts examples.",
        "version": "example-1",
        "period": Period(first=date(2026, 10, 1), last=date(2026, 10, 31)),
        "zone": ZoneInfo("Europe/Moscow"),
        "cut_off": BUILT_AT,
        "built_at": BUILT_AT,
        "built_by": "cli:test",
        "freshness": Freshness.of([LOADED_AT, None]),
        "columns": columns,
        "rows": (*rows, ("Lyceum", None, "all", None, None)),
        "totals": (("Total", "", "all", 1500, 1.0),),
    }
    return Report(**fields | overrides)


def read_csv(report: Report) -> list[list[str]]:
    return list(csv.reader(StringIO(to_csv(report).decode("utf-8-sig")), delimiter=";"))


def test_csv_opens_in_a_russian_spreadsheet() -> None:
    data = to_csv(make_report())
    assert data.startswith(b"\xef\xbb\xbfSchool;Last load;")
    assert data.count(b"\r\n") == 4
    assert read_csv(make_report())[1:] == [
        ["243", "01.10.2026 12:05", "All roles", "1", "12,5%"],
        ["Lyceum", "not loaded", "All roles", "no data", "no data"],
        ["Total", "", "All roles", "1500", "100,0%"],
    ]


def test_csv_of_the_same_figures_is_the_same_whenever_it_is_built() -> None:
    later = make_report(built_at=datetime(2027, 1, 1, tzinfo=UTC), built_by="cli:other")
    assert to_csv(make_report()) == to_csv(later)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r", " =", "＝", "\n="])
def test_csv_takes_the_life_out_of_formulas(start: str) -> None:
    name = f'{start}HYPERLINK("http://x";"y")'
    assert read_csv(make_report(name))[1][0] == f"'{name}"


def test_csv_keeps_separators_and_quotes_inside_their_cell() -> None:
    name = 'Школа "Имени; кого-то"\n=1+1'
    assert read_csv(make_report(name))[1][0] == name


def test_shares_are_rounded_half_up_as_a_spreadsheet_does() -> None:
    report = make_report()
    share = report.columns[-1]
    shown = [share.text(value, report.zone) for value in (0.1225, 0.0005, 1 / 3, 0.0, 1.0)]
    assert shown == ["12.3 %", "0.1 %", "33.3 %", "0.0 %", "100.0 %"]
    with in_language("ru"):
        assert share.text(0.1225, report.zone) == "12,3 %"


def open_xlsx(report: Report) -> Any:
    return load_workbook(BytesIO(to_xlsx(report)))


def test_xlsx_has_typed_cells() -> None:
    sheet = open_xlsx(make_report()).worksheets[0]
    loaded = datetime(2026, 10, 1, 12, 5)  # noqa: DTZ001 - spreadsheets know no zones
    assert [cell.value for cell in sheet[2]] == ["243", loaded, "All roles", 1, 0.125]
    assert [cell.data_type for cell in sheet[2]] == ["s", "d", "s", "n", "n"]
    assert sheet["E2"].number_format == "0.0%"
    absent = ["Lyceum", "not loaded", "All roles", "no data", "no data"]
    assert [cell.value for cell in sheet[3]] == absent
    total = sheet["D4"]
    assert (total.value, total.number_format, total.font.bold) == (1500, "#,##0", True)


def test_xlsx_title_row_is_frozen_repeated_in_print_and_filtered() -> None:
    sheet = open_xlsx(make_report()).worksheets[0]
    assert (sheet["A1"].value, sheet.freeze_panes) == ("School", "A2")
    assert (sheet.print_title_rows, sheet.auto_filter.ref) == ("$1:$1", "A1:E3")
    assert sheet.page_setup.orientation == "landscape"
    assert sheet.oddHeader.left.text == "Example && report. 01.10.2026–31.10.2026"


def test_xlsx_second_sheet_says_what_the_figures_are() -> None:
    sheet = open_xlsx(make_report()).worksheets[1]
    about = {row[0].value: row[1].value for row in sheet.rows}
    assert about["What is counted"] == "Counts examples."
    assert about["Cut-off"] == "20.11.2026 15:00"
    assert about["School rolls"].startswith("1 of 2 schools loaded")


def test_xlsx_keeps_a_formula_or_a_link_as_a_name() -> None:
    sheet = open_xlsx(make_report("=1+1", "http://school.invalid")).worksheets[0]
    assert (sheet["A2"].value, sheet["A2"].data_type) == ("=1+1", "s")
    assert sheet["A3"].hyperlink is None


def test_xlsx_of_a_report_without_rows_opens() -> None:
    sheet = open_xlsx(make_report(rows=(), totals=())).worksheets[0]
    assert sheet.max_row == 1


def test_json_has_stable_keys_and_nulls() -> None:
    data = json.loads(to_json(make_report()))
    assert data["rows"] == [
        {"school": "243", "loaded": "2026-10-01T09:05:00+00:00", "role": "all", "ever": 1,
         "share": 0.125},
        {"school": "Lyceum", "loaded": None, "role": "all", "ever": None, "share": None},
    ]  # fmt: skip
    assert data["totals"][0]["loaded"] is None
    assert data["period"] == {"from": "2026-10-01", "to": "2026-10-31"}
    assert data["school_rolls"]["newest_load"] == "2026-10-01T09:05:00+00:00"
    assert [column["key"] for column in data["columns"]] == list(data["rows"][0])
    assert data["preliminary"] is False


def test_table_shows_header_rows_and_totals_in_straight_columns() -> None:
    text = to_table(make_report())
    assert "Period, both days included: 01.10.2026–31.10.2026\n" in text
    _header, _blank, table = text.partition("\n\n")
    assert table.splitlines()[-5:] == [
        "------  ----------------  ---------  -------  -------",
        "243     01.10.2026 12:05  All roles        1   12.5 %",
        "Lyceum        not loaded  All roles  no data  no data",
        "------  ----------------  ---------  -------  -------",
        "Total                     All roles     1500  100.0 %",
    ]


def test_table_cuts_long_names_and_obeys_no_control_characters() -> None:
    text = to_table(make_report("\x1b[2JШкола " + "х" * 100))
    assert "\x1b" not in text
    assert max(len(line) for line in text.splitlines()) < 100
    assert "х…  " in text


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


needs_pango = pytest.mark.skipif(
    not ctypes.util.find_library("pangoft2-1.0"), reason="no Pango in this system"
)


def pages(pdf: bytes) -> int:
    """How many pages the file has, in whichever form its objects are stored."""
    text = pdf
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            text += zlib.decompress(stream)
        except zlib.error:
            continue
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", text))


@needs_pango
def test_a_long_report_is_a_file_of_several_pages(tmp_path: Path) -> None:
    names = [f"Школа № {number}" for number in range(100)]
    with in_language("ru"):
        pdf = to_pdf(make_report(*names, title="Охват школ"))
    assert pdf.startswith(b"%PDF-")
    assert pages(pdf) >= 3
    if not shutil.which("pdftotext"):
        return
    (tmp_path / "report.pdf").write_bytes(pdf)
    command = ["pdftotext", "-layout", tmp_path / "report.pdf", "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    sheets = text.rstrip("\f\n").split("\f")
    assert all("Signed in" in sheet for sheet in sheets), "the title row is on each page"
    assert "Школа № 99" in text
    assert f"{len(sheets)}/{len(sheets)}" in sheets[-1].replace(" ", "")


def test_without_the_library_one_line_says_what_is_missing(tmp_path: Path) -> None:
    broken = tmp_path / "weasyprint.py"
    broken.write_text("raise OSError('cannot load library libpango')\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))
        with pytest.raises(NoPdf) as caught:
            make_pdf("<p>text", "")
    assert "apt-get install" in sentence(caught.value)


@needs_pango
def test_nothing_named_in_a_page_is_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.svg"
    secret.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    plain = make_pdf("<p>text", "")
    assert len(make_pdf(f'<p>text<img src="{secret.as_uri()}">', "")) - len(plain) < 200
