"""A first look at every file of an upload: its layout and header, grouped by school."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from provisioning.findings import Finding
from provisioning.formats.encodings import examine, utf8_chunks
from provisioning.formats.headers import ScannedFile, clean_header
from provisioning.formats.intake import FileKind, SourceFile, find_files
from provisioning.formats.layout import Layout
from provisioning.formats.layout_text import in_order, layouts
from provisioning.formats.lookups import LookupTables
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import CHUNK, lookup_rows, read_head, read_rows
from provisioning.formats.recognising import recognise
from provisioning.formats.splitting import SchoolsInFile
from provisioning.formats.table_sets import TableSet, Upload
from provisioning.formats.tables import Table, tables_of
from provisioning.settings import ReadLimits


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


def scan(
    paths: Iterable[Path],
    *,
    limits: ReadLimits,
    layout_folders: Iterable[Path] = (),
    school_code: str = "",
    came_at: datetime | None = None,
) -> Scan:
    """Find the files at the paths and group them by the school their headers name.

    Keeps a header for each file, and the rows of files of several schools and of tables, packed.
    ``school_code`` is of tables that name no school, ``came_at`` when they came, as no table was
    exported later. Raises LayoutError for a wrong layout folder.
    """
    known_layouts = in_order(layouts(layout_folders))
    files, findings = find_files(paths, limits)
    first_with: dict[str, str] = {}
    groups: dict[str, list[ScannedFile]] = {}
    about: dict[str, list[Finding]] = {}
    of_xml = [one for one in known_layouts if not one.is_table]
    upload = Upload(limits=limits, school_code=school_code, came_at=came_at)
    tables = _Tables(upload, [one for one in known_layouts if one.is_table])
    for source in files:
        try:
            if source.is_table:
                tables.add(source, first_with)
                continue
            found = _scan_file(source, of_xml, upload)
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
    for one in tables.files(findings, about):
        groups.setdefault(one.header.school_code, []).append(one)
    schools = tuple(
        SchoolFiles(school_code=code, files=tuple(group), findings=tuple(about.get(code, ())))
        for code, group in sorted(groups.items())
    )
    return Scan(schools=schools, findings=tuple(findings))


class _Tables:
    """The tables of an upload: those in one folder, archive or workbook may belong together."""

    def __init__(self, upload: Upload, layouts: list[Layout]) -> None:
        self._upload = upload
        self._layouts = layouts
        self._together: dict[tuple[str, str], list[Table]] = {}

    def add(self, source: SourceFile, first_with: dict[str, str]) -> None:
        """Take the tables of a file; raises FileProblem."""
        tables = tables_of(source, self._upload.limits)
        digest = tables[0].examined.sha256
        if digest in first_with:
            raise FileProblem("file.same_twice", first=first_with[digest])
        first_with[digest] = source.name
        # The sheets of a workbook are among themselves.
        place = source.folder, source.name if source.kind is FileKind.WORKBOOK else ""
        self._together.setdefault(place, []).extend(tables)

    def files(
        self, findings: list[Finding], about: dict[str, list[Finding]]
    ) -> Iterator[ScannedFile]:
        """Each table as it is of each school; adds findings."""
        for tables in self._together.values():
            sets, unread = recognise(tables, self._layouts)
            findings += unread
            for known in sets:
                one = TableSet(known, self._upload)
                try:
                    yield from one.files()
                except FileProblem as problem:
                    source = known[0].table.source
                    name = source.name if len(known) == 1 else source.folder
                    findings.append(problem.finding(name))
                findings += one.findings
                for code, told in one.about.items():
                    about.setdefault(code, []).extend(told)


def _scan_file(source: SourceFile, known: list[Layout], upload: Upload) -> ScannedFile:
    with source.open() as stream:
        examined = examine(stream, upload.limits.file_bytes)
    with source.open() as stream:
        head = read_head(utf8_chunks(stream, examined, CHUNK), known, upload.limits)
    saved_at = source.saved_at(head.layout.time_zone)
    header = clean_header(head, saved_at=min(saved_at, upload.came_at or saved_at))
    return ScannedFile(source=source, examined=examined, head=head, header=header)


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
