"""All files of one school in an upload -> one Roster, or the findings that forbid it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime

from provisioning.findings import Finding, Severity
from provisioning.formats import cleaning
from provisioning.formats.building import SchoolBuilder
from provisioning.formats.cleaning import Unclean
from provisioning.formats.encodings import utf8_chunks
from provisioning.formats.headers import ScannedFile
from provisioning.formats.layout import Kind
from provisioning.formats.layout_rules import READ_AS
from provisioning.formats.lookups import LookupTables
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import CHUNK, lookup_rows, read_rows
from provisioning.formats.records import Row
from provisioning.formats.roles import decide_roles
from provisioning.formats.scanning import SchoolFiles
from provisioning.formats.several import SharedParts
from provisioning.formats.tallying import Tally
from provisioning.roster import Mode, Part, Roster, School
from provisioning.settings import ReadLimits, YearSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadFile:
    """One file that was looked at, as it is recorded with a load."""

    name: str
    sha256: str
    """Hexadecimal."""
    school_code: str
    layout: str
    parts: frozenset[Part]
    records: int
    """Rows read, good or not; zero when the file was stopped before."""
    exported_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class SchoolReading:
    """What came of one school's files."""

    school_code: str
    roster: Roster | None
    """None when a finding stops the school."""
    findings: tuple[Finding, ...]
    files: tuple[ReadFile, ...]


def read_school(
    school: SchoolFiles,
    *,
    limits: ReadLimits,
    today: date,
    expected_school: str | None = None,
    tally: Tally | None = None,
    years: YearSettings = YearSettings(),  # noqa: B008 - a value that never changes
) -> SchoolReading:
    """Read all files of one school and join them.

    A fatal finding in any of them stops the school: half a set could make leavers of the rest.
    ``tally`` counts what the layouts find.
    """
    builder = SchoolBuilder(school_code=school.school_code, today=today, years=years)
    builder.findings += school.findings
    lookups = _lookups(school, limits)
    seen: set[Part] = set()
    files: list[ReadFile] = []
    shared = SharedParts()
    for file in school.files:
        parts = shared.add(file)
        builder.begin_file(file.source.name, file.head.layout, parts)
        _check_header(builder, file, today, expected_school)
        # With the first file alone: comparing each with each would take ages for a thousand.
        _compare_headers(builder, file, school.files[0])
        shared.report_other_days(builder, file)
        records = 0
        if not _stopped(builder):
            records = _read_rows(builder, file, limits, lookups, tally)
            seen |= {part for part in file.header.parts if builder.counts[part]}
        files.append(
            ReadFile(
                name=file.source.name,
                sha256=file.examined.sha256,
                school_code=school.school_code,
                layout=file.head.layout.name,
                parts=file.header.parts,
                records=records,
                exported_at=file.header.exported_at,
            )
        )
    shared.report_overlaps(builder)
    if not _stopped(builder):
        shared.report_joined(builder)
        named = {part for file in school.files for part in file.header.parts}
        seen |= decide_roles(builder) & named
    roster = None if _stopped(builder) else _join(builder, school, seen, today)
    return SchoolReading(
        school_code=school.school_code,
        # Joining, too, can find what stops the school.
        roster=None if _stopped(builder) else roster,
        findings=tuple(builder.findings),
        files=tuple(files),
    )


def _stopped(builder: SchoolBuilder) -> bool:
    return any(finding.severity is Severity.FATAL for finding in builder.findings)


def _check_header(
    builder: SchoolBuilder, file: ScannedFile, today: date, expected_school: str | None
) -> None:
    header, row = file.header, file.head.row
    code = header.school_code
    # The files of a school may name it by another code than the one that we know it by.
    if expected_school is not None and builder.school_code != expected_school:
        builder.report("school.wrong", row, "school_code", value=code, expected=expected_school)
    _check_school_year(builder, header.school_year, today, row)
    exported_on = header.exported_at.date()
    if (exported_on - today).days > 1:
        builder.report("header.future", row, "exported_at", value=exported_on.isoformat())


def _compare_headers(builder: SchoolBuilder, file: ScannedFile, first: ScannedFile) -> None:
    """Check that the file agrees with the first one."""
    header, row = file.header, file.head.row
    facts = (
        ("source", first.head.layout.source, file.head.layout.source),
        ("school_year", first.header.school_year, header.school_year),
        ("mode", first.header.mode.value, header.mode.value),
    )
    for name, theirs, ours in facts:
        if theirs != ours:
            other = {"other": first.source.name, "other_value": theirs}
            builder.report("set.contradiction", row, name, value=ours, **other)


def _check_school_year(builder: SchoolBuilder, year: str, today: date, row: Row | None) -> None:
    allowed = cleaning.school_years_of(today, builder.years)
    if year and year not in allowed:
        expected = ", ".join(allowed)
        builder.report("school_year.other", row, "school_year", value=year, expected=expected)


def _lookups(school: SchoolFiles, limits: ReadLimits) -> LookupTables:
    """What the lookup records of all files say: a file may name keys of another one."""
    tables = LookupTables()
    for file in school.files:
        if file.head.layout.has_lookups and file.rows is None:
            # What is wrong with the file is told when its rows are read.
            with suppress(FileProblem), file.source.open() as stream:
                tables.add(
                    lookup_rows(utf8_chunks(stream, file.examined, CHUNK), file.head, limits)
                )
    return tables


def _read_rows(
    builder: SchoolBuilder,
    file: ScannedFile,
    limits: ReadLimits,
    lookups: LookupTables,
    tally: Tally | None,
) -> int:
    if tally is not None:
        tally.add(file.head.layout, file.head.row)
    found: set[Kind] = set()
    try:
        for row in file.rows if file.rows is not None else _rows(file, limits, lookups):
            if row.kind is Kind.HEADER:
                _check_second_header(builder, file, row)
                continue
            if tally is not None:
                tally.add(file.head.layout, row)
            found.add(row.kind)
            builder.add(row)
    except FileProblem as problem:
        builder.findings.append(problem.finding(file.source.name, builder.school_code))
    else:
        _check_counts(builder, file)
        _check_not_empty(builder, file, found)
    builder.end_file()
    return builder.rows


def _rows(file: ScannedFile, limits: ReadLimits, lookups: LookupTables) -> Iterator[Row]:
    with file.source.open() as stream:
        chunks = utf8_chunks(stream, file.examined, CHUNK)
        yield from read_rows(chunks, file.head, limits, lookups)


def _check_second_header(builder: SchoolBuilder, file: ScannedFile, row: Row) -> None:
    """A second header names another school, whose people would be taken for those of the first."""
    code = cleaning.collapse(row.values.get("school_code", ""))
    if code and code != file.header.school_code:
        builder.report("header.second", row, "school_code", value=code)


def _check_not_empty(builder: SchoolBuilder, file: ScannedFile, found: set[Kind]) -> None:
    """Tell when the layout read nothing, or, unless it is a shipped one, nothing of a kind."""
    layout = file.head.layout
    wanted = [spec for spec in layout.records if READ_AS.get(spec.kind, set()) & file.header.parts]
    # Of memberships not every layout says that they are teaching, too.
    wanted += [spec for spec in layout.records if spec.kind is Kind.MEMBERSHIP]
    missing = [spec for spec in wanted if spec.kind not in found]
    # One of several schools in a file need not have all.
    only_some = found and (layout.shipped or file.rows is not None)
    if not missing or only_some or not file.header.parts:
        return
    rule = "layout.nothing_of_a_kind" if found else "layout.read_nothing"
    kinds = ", ".join(dict.fromkeys(spec.kind.value for spec in missing))
    paths = ", ".join(dict.fromkeys(spec.shown for spec in missing))
    builder.report(rule, layout=layout.name, kinds=kinds, paths=paths)


def _check_counts(builder: SchoolBuilder, file: ScannedFile) -> None:
    for name, announced in file.header.counts.items():
        found = builder.counts[Part(name)] if name else builder.rows
        if not name:
            found += builder.not_taken + builder.guardians
        elif name == Part.STAFF:
            found += builder.not_taken
        if found != announced:
            rule, field_name = "file.count_mismatch", f"count_{name}".rstrip("_")
            told = {"value": str(announced), "found": str(found)}
            builder.report(rule, file.head.row, field_name, **told)


def _join(builder: SchoolBuilder, school: SchoolFiles, seen: set[Part], today: date) -> Roster:
    """The roster of what has been read; a fatal finding says when it may not be used."""
    first = school.files[0]
    mode = first.header.mode
    builder.begin_file(first.source.name if len(school.files) == 1 else "")
    if mode is Mode.FULL:
        _check_completeness(builder, seen)
    if Part.CLASSES not in seen and (builder.places or builder.links):
        builder.report("set.no_classes")
    # A row that names nobody could be anybody: nobody of its part is taken for a leaver.
    parts = frozenset(seen - builder.without_id)
    facts = dict(builder.school_fields)
    own_group = facts.pop("id", "")
    for file in school.files:
        facts |= file.header.school
    school_year = _school_year(builder, facts, first.header.exported_at, today)
    if not facts.get("district"):
        builder.report("school.no_district", field_name="district")
    passed_over = builder.set_aside | (builder.not_taken_ids - builder.persons.keys())
    return Roster(
        source=first.head.layout.source,
        school=_school(school.school_code, facts),
        school_year=school_year,
        exported_at=max(file.header.exported_at for file in school.files),
        mode=mode,
        parts=parts,
        classes=builder.classes,
        persons=builder.persons,
        enrolments=tuple(
            one
            for one in dict.fromkeys(builder.enrolments)
            if one.class_id != own_group and one.person_id not in passed_over
        ),
        set_aside=frozenset(builder.set_aside),
        files=tuple(file.source.name for file in school.files),
    )


def _check_completeness(builder: SchoolBuilder, seen: set[Part]) -> None:
    if not seen & {Part.STUDENTS, Part.STAFF}:
        builder.report("roll.empty")
        return
    for part in (Part.STUDENTS, Part.STAFF):
        if part not in seen:
            builder.report(f"set.no_{part}")


def _school_year(
    builder: SchoolBuilder, facts: dict[str, str], exported_at: datetime, today: date
) -> str:
    """What the files say, else the school year of the export's day (August is the next one)."""
    try:
        year = cleaning.parse_school_year(facts["school_year"])
    except (KeyError, Unclean):
        begins = exported_at.year if exported_at.month >= 8 else exported_at.year - 1
        year = cleaning.school_year_from(begins)
    _check_school_year(builder, year, today, None)
    return year


def _school(code: str, facts: dict[str, str]) -> School:
    name = facts.get("school_name") or facts.get("school_short_name") or code
    return School(
        code=code,
        name=name,
        short_name=facts.get("school_short_name") or name,
        district=facts.get("district", ""),
        number=cleaning.school_number(facts.get("school_number", "")),
        kind=facts.get("school_kind", ""),
    )
