"""The header of a file, clean, and the file as it was scanned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from provisioning.formats import cleaning
from provisioning.formats.encodings import Examined
from provisioning.formats.intake import SourceFile
from provisioning.formats.layout import OF_EXPORT, SAVED, Kind
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import Head
from provisioning.formats.splitting import MAX_SCHOOL_CODE, PackedRows
from provisioning.roster import Mode, Part

Value = TypeVar("Value")

_OLDEST_EXPORT = 2000
"""No file was exported in an earlier year: such a date was misread or was never set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Header:
    """The header of a file, clean. Missing texts are empty."""

    school_code: str
    exported_at: datetime
    """UTC."""
    school_year: str
    """``2026/2027``; empty when the layout says it later or not at all."""
    parts: frozenset[Part]
    mode: Mode
    school: Mapping[str, str]
    """What the header says about the school, by canonical field."""
    counts: Mapping[str, int]
    """Announced records: a ``Part`` value or ``""`` for all -> number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScannedFile:
    source: SourceFile
    examined: Examined
    head: Head
    header: Header
    rows: PackedRows | None = None
    """The school's rows of a file that holds several schools; None when the file is its own."""


def clean_header(head: Head, *, saved_at: datetime, school_code: str = "") -> Header:
    """The header that a file's head says; raises FileProblem for what cannot be.

    ``saved_at`` is for files that do not tell when they were exported, ``school_code`` for tables
    that do not tell of which school they are.
    """
    layout, row = head.layout, head.row
    fields = {name: cleaning.collapse(text) for name, text in row.values.items()}
    if cleaning.is_empty_date(fields.get("exported_at", "")):
        del fields["exported_at"]

    def problem(name: str) -> FileProblem:
        rule = "header.invalid" if fields.get(name) else "header.field_missing"
        return FileProblem(rule, line=row.line, field_name=name, value=fields.get(name, ""))

    def read(name: str, parse: Callable[[str], Value]) -> Value:
        try:
            return parse(fields.get(name, ""))
        except ValueError as error:
            raise problem(name) from error

    code = fields.get("school_code", "") or school_code
    if not (code or layout.names_schools) and layout.is_table:
        raise FileProblem("table.no_school")
    if not (code or layout.names_schools) or len(code) > MAX_SCHOOL_CODE:
        raise problem("school_code")
    parts = layout.content.get(fields.get("content", "").casefold())
    if parts is None:
        raise problem("content")
    told = fields.get("exported_at", "")
    if told == SAVED or (layout.is_table and not told):
        exported_at = saved_at
    else:
        zone = layout.time_zone
        exported_at = read("exported_at", lambda text: cleaning.parse_moment(text, zone))
    if exported_at.year < _OLDEST_EXPORT:
        raise problem("exported_at")
    spec = layout.record(Kind.HEADER)
    named = spec is not None and "school_year" in spec.fields
    if fields.get("school_year") == OF_EXPORT:
        del fields["school_year"]
        named = False
    if layout.is_table and not fields.get("school_year"):
        named = False
    school_year = read("school_year", cleaning.parse_school_year) if named else ""
    mode = read("mode", lambda text: Mode(text or Mode.FULL))
    counts: dict[str, int] = {}
    for name, text in fields.items():
        if name.startswith("count"):
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise problem(name)
            counts[name.removeprefix("count").removeprefix("_")] = int(text)
    return Header(
        school_code=code,
        exported_at=exported_at,
        school_year=school_year,
        parts=parts,
        mode=mode,
        school=fields,
        counts=counts,
    )
