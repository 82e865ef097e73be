"""A first look at every file of an upload: its layout and header, grouped by school."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from provisioning.findings import Finding
from provisioning.formats import cleaning
from provisioning.formats.encodings import Examined, examine, utf8_chunks
from provisioning.formats.intake import SourceFile, find_files
from provisioning.formats.layout import Kind, Layout, layouts
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import CHUNK, Head, read_head
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
    known_layouts = list(layouts(layout_folders).values())
    files, findings = find_files(paths, limits)
    first_with: dict[str, str] = {}
    groups: dict[str, list[ScannedFile]] = {}
    about: dict[str, list[Finding]] = {}
    for source in files:
        try:
            found = _scan_file(source, known_layouts, limits)
        except FileProblem as problem:
            findings.append(problem.finding(source.name))
            continue
        code = found.header.school_code
        digest = found.examined.sha256
        if digest in first_with:
            twice = FileProblem("file.same_twice", first=first_with[digest])
            findings.append(twice.finding(source.name, code))
            continue
        first_with[digest] = source.name
        groups.setdefault(code, []).append(found)
        if found.examined.rule:
            codec = found.examined.codec.replace("cp1251", "windows-1251")
            doubt = FileProblem(found.examined.rule, value=found.examined.declared, codec=codec)
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
    return ScannedFile(source=source, examined=examined, head=head, header=_header(head))


def _header(head: Head) -> Header:
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

    if not fields.get("school_code") or len(fields["school_code"]) > 50:
        raise problem("school_code")
    parts = layout.content.get(fields.get("content", "").casefold())
    if parts is None:
        raise problem("content")
    exported_at = read("exported_at", lambda text: cleaning.parse_moment(text, layout.time_zone))
    if exported_at.year < _OLDEST_EXPORT:
        raise problem("exported_at")
    spec = layout.record(Kind.HEADER)
    named = spec is not None and "school_year" in spec.fields
    school_year = read("school_year", cleaning.parse_school_year) if named else ""
    mode = read("mode", lambda text: Mode(text or Mode.FULL))
    counts: dict[str, int] = {}
    for name, text in fields.items():
        if name.startswith("count"):
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise problem(name)
            counts[name.removeprefix("count").removeprefix("_")] = int(text)
    return Header(
        school_code=fields["school_code"],
        exported_at=exported_at,
        school_year=school_year,
        parts=parts,
        mode=mode,
        school=fields,
        counts=counts,
    )
