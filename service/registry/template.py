"""Templates to fill in, and the registry as a file with the same columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from io import BytesIO
from typing import Any

import xlsxwriter
from sqlalchemy.orm import Session

from service.access import Scope
from service.models import HeadCountGroup, TotalKey
from service.registry import milestones, schools, totals
from service.registry.columns import Column, Kind
from service.registry.imports import SUBJECTS
from service.registry.lookup import RegistrySchool, registry_schools
from service.registry.mappings import DEFAULT, load_mappings
from service.registry.types import TYPES
from service.spreadsheet import csv_file

FORMS = ("xlsx", "csv")

Line = Sequence[Any]
"""Values of a row: text, whole numbers, days, None."""


def template(subject: str, form: str) -> bytes:
    """Make a file with the titles and what helps to begin: names of the totals, steps of the plan.

    The dates of the plan are empty: the letter's are past.
    """
    is_ours = subject in SUBJECTS
    columns = SUBJECTS[subject].COLUMNS if is_ours else load_mappings([])[DEFAULT].columns
    lines: list[Line] = []
    if subject == "milestones":
        lines = [
            [number, title, "", "", responsible, ""]
            for number, title, responsible in milestones.STARTING_SET
        ]
    elif subject == "totals":
        titles = {key: title for title, key in reversed(totals.KEYS.items()) if title != key}
        lines = [[titles[key], "", "", "", ""] for key in TotalKey]
    return _file(columns, lines, form)


def registry_file(session: Session, scope: Scope, form: str, *, at: date) -> bytes:
    """Make a file of the schools inside, which can be changed and imported again."""
    lines = [_line(one) for one in registry_schools(session, scope, at=at)]
    return _file(schools.COLUMNS, lines, form)


def _line(school: RegistrySchool) -> Line:
    words = {value: word for word, value in reversed(TYPES.items())}
    counts = school.head_counts
    newest = max(counts.values(), key=lambda one: one.as_of, default=None)
    as_of, source = (newest.as_of, newest.source) if newest else (None, None)
    state = {True: "да", False: "нет", None: None}[school.state_system]
    # The file has one date for all head counts: older ones stay out of it.
    current = {
        group: one.people
        for group, one in counts.items()
        if (one.as_of, one.source) == (as_of, source)
    }
    people = [current.get(group) for group in HeadCountGroup]
    return [
        school.code, school.number, school.short_name, school.name,
        words[school.type] if school.type else None, school.district, school.source_system, state,
        school.esia_plan_on, *people, as_of, source, school.closed_on, school.merged_into,
    ]  # fmt: skip


def _file(columns: Sequence[Column], lines: Sequence[Line], form: str) -> bytes:
    if form == "xlsx":
        return _xlsx(columns, lines)
    return csv_file((column.title for column in columns), (map(_text, line) for line in lines))


def _text(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:%d.%m.%Y}" if isinstance(value, date) else str(value)


def _xlsx(columns: Sequence[Column], lines: Sequence[Line]) -> bytes:
    """Make a workbook: titles stay in sight, codes and numbers are text and lose no zero."""
    out = BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet("Данные")
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "border": 1})
        as_text = book.add_format({"num_format": "@"})
        as_day = book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.freeze_panes(1, 0)
        sheet.repeat_rows(0)
        for place, column in enumerate(columns):
            form = as_day if column.kind is Kind.DAY else None
            form = as_text if column.kind in {Kind.TEXT, Kind.NUMBER} else form
            sheet.set_column(place, place, 32 if column.kind is Kind.TEXT else 16, form)
            sheet.write_string(0, place, column.title, bold)
            if column.example:
                sheet.write_comment(0, place, f"Например: {column.example}")
        for row, line in enumerate(lines, start=1):
            for place, value in enumerate(line):
                if isinstance(value, date):
                    sheet.write_datetime(row, place, value, as_day)
                elif isinstance(value, int):
                    sheet.write_number(row, place, value)
                elif value:
                    sheet.write_string(row, place, value, as_text)
    return out.getvalue()
