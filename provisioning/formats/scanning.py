"""A first look at every file of an upload: its layout and header, grouped by school."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from provisioning.findings import Finding
from provisioning.formats import cleaning
from provisioning.formats.encodings import Examined, examine, utf8_chunks
from provisioning.formats.intake import SourceFile, find_files
from provisioning.formats.layout import OF_EXPORT, SAVED, Kind, Layout
from provisioning.formats.layout_text import in_order, layouts
from provisioning.formats.lookups import LookupTables
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import CHUNK, Head, lookup_rows, read_head, read_rows
from provisioning.formats.splitting import MAX_SCHOOL_CODE, PackedRows, SchoolsInFile
from provisioning.roster import Mode, Part
from provisioning.settings import ReadLimits

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


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolFiles:
    """The files of one school in an upload: what ``read_school`` takes."""

    school_code: str
    files: tuple[ScannedFile, ...]
    findings: tuple[Finding, ...] = ()
    """About these files, known already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scan:
    schools: tuple[SchoolFiles, ...]
    """Ordered by school code."""
    findings: tuple[Finding, ...]
    """About files whose school is not known or that were refused."""


def scan(paths: Iterable[Path], *, limits: ReadLimits, layout_folders: Iterable[Path] = ()) -> Scan:
    """Find the files at the paths and group them by the school their headers name.

    Keeps a header for each file and nothing else. Raises LayoutError for a wrong layout folder.
    """
    known_layouts = in_order(layouts(layout_folders))
    files, findings = find_files(paths, limits)
    first_with: dict[str, str] = {}
    groups: dict[str, list[ScannedFile]] = {}
    about: dict[str, list[Finding]] = {}
    for source in files:
        try:
            found = _scan_file(source, known_layouts, limits)
            digest = found.examined.sha256
            if digest in first_with:
                twice = FileProblem("file.same_twice", first=first_with[digest])
                findings.append(twice.finding(source.name, found.header.school_code))
                continue
            first_with[digest] = source.name
            of_schools = _split(found, limits, findings)
        except FileProblem as problem:
            findings.append(problem.finding(source.name))
            continue
        for one in of_schools:
            code = one.header.school_code
            groups.setdefault(code, []).append(one)
            if one.examined.rule:
                codec = one.examined.codec.replace("cp1251", "windows-1251")
                doubt = FileProblem(one.examined.rule, value=one.examined.declared, codec=codec)
                about.setdefault(code, []).append(doubt.finding(source.name, code))
    schools = tuple(
        SchoolFiles(school_code=code, files=tuple(group), findings=tuple(about.get(code, ())))
        for code, group in sorted(groups.items())
    )
    return Scan(schools=schools, findings=tuple(findings))


def _scan_file(source: SourceFile, known: list[Layout], limits: ReadLimits) -> ScannedFile:
    with source.open() as stream:
        examined = examine(stream, limits.file_bytes)
    with source.open() as stream:
        head = read_head(utf8_chunks(stream, examined, CHUNK), known, limits)
    return ScannedFile(source=source, examined=examined, head=head, header=_header(head, source))


def _split(file: ScannedFile, limits: ReadLimits, findings: list[Finding]) -> list[ScannedFile]:
    """The file as it is of each school in it; adds findings about what is of none."""
    layout = file.head.layout
    if not layout.names_schools:
        return [file]
    lookups = LookupTables()
    if layout.has_lookups:
        with file.source.open() as stream:
            chunks = utf8_chunks(stream, file.examined, CHUNK)
            lookups.add(lookup_rows(chunks, file.head, limits))
    with file.source.open() as stream:
        chunks = utf8_chunks(stream, file.examined, CHUNK)
        rows = read_rows(chunks, file.head, limits, lookups)
        schools = SchoolsInFile(rows, file.header.school_code)
    if schools.homeless:
        lost = FileProblem(
            "row.no_school", line=schools.homeless[0], count=str(len(schools.homeless))
        )
        findings.append(lost.finding(file.source.name))
    if not schools.rows:
        paths = ", ".join(dict.fromkeys(spec.shown for spec in layout.records))
        nothing = FileProblem("layout.read_nothing", layout=layout.name, paths=paths)
        findings.append(nothing.finding(file.source.name))
        raise FileProblem("roll.empty")
    return [
        replace(file, header=replace(file.header, school_code=code), rows=rows)
        for code, rows in sorted(schools.rows.items())
    ]


def _header(head: Head, source: SourceFile) -> Header:
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

    code = fields.get("school_code", "")
    if not (code or layout.names_schools) or len(code) > MAX_SCHOOL_CODE:
        raise problem("school_code")
    parts = layout.content.get(fields.get("content", "").casefold())
    if parts is None:
        raise problem("content")
    if fields.get("exported_at") == SAVED:
        exported_at = source.saved_at(layout.time_zone)
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
