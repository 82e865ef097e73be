"""Tables that belong together -> the rows of each school in them, packed.

Tables say less than XML does: when they were exported (then the time counts at which the file was
saved), and often of which school they are (then that of the upload). And spreadsheets change what
they hold: they drop zeros before numbers and keep days as numbers; what can be told is put right
and told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from provisioning.findings import Finding
from provisioning.formats import cleaning
from provisioning.formats.cleaning import collapse
from provisioning.formats.headers import Header, ScannedFile, clean_header
from provisioning.formats.layout import DATES, FieldSpec, Kind, Layout, RecordSpec
from provisioning.formats.lookups import LookupTables
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import Head
from provisioning.formats.recognising import KnownTable
from provisioning.formats.records import Recipe, Row, condition_holds
from provisioning.formats.splitting import SchoolsInFile
from provisioning.roster import Part
from provisioning.settings import ReadLimits

_PARTS_OF: dict[Kind, tuple[Part, ...]] = {
    Kind.CLASS: (Part.CLASSES,),
    Kind.STUDENT: (Part.STUDENTS,),
    Kind.STAFF: (Part.STAFF,),
    Kind.PERSON: (Part.STUDENTS, Part.STAFF),
    Kind.TEACHING: (Part.TEACHING,),
    Kind.MEMBERSHIP: (Part.TEACHING,),
}
_ORDER = {Kind.SCHOOL: 0, Kind.CLASS: 1, Kind.STUDENT: 2, Kind.STAFF: 2, Kind.PERSON: 2}


@dataclass(kw_only=True, slots=True)
class _Repairs:
    """What was put right in one table, for findings."""

    rows: dict[tuple[str, str, str], list[int]] = field(default_factory=lambda: defaultdict(list))
    """Rule, field and school (empty: that of the upload) -> numbers of rows."""

    def note(self, rule: str, field_name: str, row: Row) -> None:
        code = collapse(row.values.get("school_code", ""))
        self.rows[rule, field_name, code].append(row.line)


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """What is known of the upload that tables are in."""

    limits: ReadLimits
    school_code: str
    """Of rows that name no school; empty when the upload names none."""
    came_at: datetime | None
    """No table was exported later."""


class TableSet:
    """The tables of one upload that belong together, all of one layout."""

    def __init__(self, tables: Sequence[KnownTable], upload: Upload) -> None:
        self._tables = sorted(tables, key=_place_in_order)
        self._layout: Layout = tables[0].layout
        self._upload = upload
        self._limits = upload.limits
        self._lookups = LookupTables()
        self._class_ids: dict[str, set[str]] = defaultdict(set)
        """Class id without zeros before it -> the class ids, of digits only."""
        self.findings: list[Finding] = []
        """About all of it, or about what is of no school."""
        self.about: dict[str, list[Finding]] = defaultdict(list)
        """School code -> findings about its rows."""

    def files(self) -> list[ScannedFile]:
        """Each table as it is of each school; raises FileProblem when nothing can be read."""
        for known in self._tables:
            self._lookups.add(self._lookup_rows(known))
        header = self._header()
        head = Head(layout=self._layout, row=self._header_row)
        found = [one for known in self._tables for one in self._split(known, head, header)]
        if not any(file.header.parts for file in found):
            if self._layout.names_schools and self.findings:
                self.findings = []
                raise FileProblem("table.no_school")
            raise FileProblem("roll.empty")
        return found

    def _header(self) -> Header:
        spec = self._layout.record(Kind.HEADER) or RecordSpec(kind=Kind.HEADER, path=())
        recipe, texts, line = Recipe(spec), dict[str, str](), 0
        for known in self._tables:
            if spec in known.records or not spec.path:
                line, texts = next(known.lines(), (0, {}))
                if texts:
                    break
        self._header_row = recipe.row(
            dict(texts), line=line, max_text=self._limits.text_length, lookups=self._lookups
        )
        head = Head(layout=self._layout, row=self._header_row)
        saved_at = max(map(self._saved_at, self._tables))
        header = clean_header(head, saved_at=saved_at, school_code=self._upload.school_code)
        entry = spec.fields.get("school_year")
        if entry is None or not entry.lookup:
            return header
        year = self._year(entry, header)
        school = {name: text for name, text in header.school.items() if name != "school_year"}
        if year:
            school["school_year"] = year
        return replace(header, school_year=year, school=school)

    def _year(self, entry: FieldSpec, header: Header) -> str:
        """Of the school years that the tables name the one in which they were exported, else the
        last one."""
        found = self._lookups.find(entry.lookup, collapse(entry.transformed(entry.value)))
        named = list(map(entry.worded, found))
        exported_on = header.exported_at.astimezone(self._layout.time_zone).date()
        possible = cleaning.school_years_of(exported_on)
        return next((one for one in possible if one in named), max(named, default=""))

    def _saved_at(self, known: KnownTable) -> datetime:
        times = (
            known.table.source.saved_at(self._layout.time_zone),
            known.table.saved_at,
            self._upload.came_at,
        )
        return min(one for one in times if one is not None)

    def _lookup_rows(self, known: KnownTable) -> Iterator[tuple[RecordSpec, Row]]:
        recipes = [Recipe(spec) for spec in known.records if spec.kind is Kind.LOOKUP]
        if recipes:
            for recipe, row, _texts in self._rows_of(known, recipes, None):
                yield recipe.spec, row

    def _rows_of(
        self, known: KnownTable, recipes: Sequence[Recipe], lookups: LookupTables | None
    ) -> Iterator[tuple[Recipe, Row, dict[str, str]]]:
        longest = self._limits.text_length
        said: set[tuple[object, ...]] = set()
        for count, (line, texts) in enumerate(known.lines(), start=1):
            if count > self._limits.records:
                raise FileProblem("file.too_many_records", limit=str(self._limits.records))
            for recipe in recipes:
                if not condition_holds(recipe.spec, texts):
                    continue
                mine = {path: texts[path] for path in recipe.paths if path in texts}
                many = [texts[path] for path in recipe.many_paths if path in texts]
                if _is_said_again(recipe, mine, said):
                    continue
                row = recipe.row(mine, many, line=line, max_text=longest, lookups=lookups)
                yield recipe, row, texts

    def _split(self, known: KnownTable, head: Head, header: Header) -> list[ScannedFile]:
        kinds = {spec.kind for spec in known.records} - {Kind.HEADER, Kind.LOOKUP}
        if not kinds:
            return []
        repairs = _Repairs()
        schools = SchoolsInFile(self._rows(known, repairs), header.school_code)
        source = known.table.source
        if schools.homeless:
            count = str(len(schools.homeless))
            lost = FileProblem("row.no_school", line=schools.homeless[0], count=count)
            self.findings.append(lost.finding(source.name))
        parts = header.parts & {part for kind in kinds for part in _PARTS_OF.get(kind, ())}
        for code in schools.rows:
            self.about[code] += self._told(known, repairs, code, header.school_code)
        return [
            ScannedFile(
                source=source,
                examined=known.table.examined,
                head=head,
                header=replace(header, school_code=code, parts=parts),
                rows=rows,
            )
            for code, rows in sorted(schools.rows.items())
        ]

    def _rows(self, known: KnownTable, repairs: _Repairs) -> Iterator[Row]:
        """Every row that is read, once for each school it names, put right."""
        specs = [spec for spec in known.records if spec.kind not in (Kind.HEADER, Kind.LOOKUP)]
        recipes = [Recipe(spec) for spec in specs]
        for recipe, row, texts in self._rows_of(known, recipes, self._lookups):
            self._put_right(row, repairs)
            yield from self._in_each_school(recipe, row, texts)

    def _in_each_school(self, recipe: Recipe, row: Row, texts: dict[str, str]) -> Iterable[Row]:
        if "school_code" not in recipe.spec.fields:
            return (row,)
        row.unknown.pop("school_code", None)
        codes = recipe.several("school_code", texts, self._lookups)
        row.values.pop("school_code", None)
        if len(codes) == 1:
            (row.values["school_code"],) = codes
        if len(codes) < 2:
            return (row,)
        return (replace(row, values=row.values | {"school_code": code}) for code in codes)

    def _put_right(self, row: Row, repairs: _Repairs) -> None:
        values = row.values
        for name in DATES & values.keys():
            day = cleaning.day_of_serial(values[name])
            if day is not values[name]:
                values[name] = day
                repairs.note("table.day_number", name, row)
        if "snils" in values and (whole := cleaning.with_lost_zeros(values["snils"].strip())):
            values["snils"] = whole
            repairs.note("table.lost_zeros", "snils", row)
        own = collapse(values.get("id", ""))
        # Further data about who or what the row names: to have none is no wrong reference.
        named = {own, *(collapse(values.get(name, "")) for name in ("person_id", "class_id"))}
        row.unknown = {name: key for name, key in row.unknown.items() if key not in named}
        if row.kind is Kind.CLASS:
            if own.isdigit():
                self._class_ids[own.lstrip("0")].add(own)
        elif "class_id" in values:
            given = collapse(values["class_id"])
            known = self._class_ids.get(given.lstrip("0"), set()) if given.isdigit() else set()
            if len(known) == 1 and given not in known:
                (values["class_id"],) = known
                repairs.note("table.lost_zeros", "class_id", row)

    def _told(
        self, known: KnownTable, repairs: _Repairs, code: str, of_upload: str
    ) -> Iterator[Finding]:
        name = known.table.source.name
        for (rule, field_name, named), lines in repairs.rows.items():
            if code != (named or of_upload):
                continue
            problem = FileProblem(rule, line=lines[0], field_name=field_name, count=str(len(lines)))
            yield problem.finding(name, code)
        oddities = known.table.oddities
        if oddities.formulas:
            problem = FileProblem(
                "table.formula", line=oddities.first_formula, count=str(oddities.formulas)
            )
            yield problem.finding(name, code)


def _is_said_again(recipe: Recipe, texts: dict[str, str], said: set[tuple[object, ...]]) -> bool:
    """Whether a row says of its school or class what an earlier one has said."""
    kind = recipe.spec.kind
    if kind is not Kind.SCHOOL and not (kind is Kind.CLASS and recipe.spec.repeats):
        return False
    key = (kind, *texts.items())
    again = key in said
    said.add(key)
    return again


def _place_in_order(known: KnownTable) -> tuple[int, str]:
    """Schools before classes before people before links: later rows name earlier ones."""
    kinds = [_ORDER.get(spec.kind, 3) for spec in known.records if spec.kind is not Kind.LOOKUP]
    return min(kinds, default=4), known.table.name
