"""What a layout must say to read anything: rules over a whole Layout, told when it is loaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from provisioning.formats.layout import FieldSpec, Kind, Layout, RecordSpec
from provisioning.roster import ClassKind, Mode, Part, PersonStatus, Role

_REQUIRED: Mapping[Kind, tuple[str, ...]] = {
    Kind.HEADER: ("exported_at",),
    Kind.CLASS: ("id", "title", "grade"),
    Kind.STUDENT: ("id", "family_name", "given_name", "birth_date"),
    Kind.STAFF: ("id", "family_name", "given_name", "birth_date", "role"),
    Kind.PERSON: ("id", "family_name", "given_name", "birth_date"),
    Kind.TEACHING: ("person_id", "class_id"),
    Kind.MEMBERSHIP: ("person_id", "class_id", "role"),
    Kind.LOOKUP: ("key", "value"),
}
READ_AS: Mapping[Kind, frozenset[Part]] = {
    Kind.CLASS: frozenset({Part.CLASSES}),
    Kind.STUDENT: frozenset({Part.STUDENTS}),
    Kind.STAFF: frozenset({Part.STAFF}),
    Kind.PERSON: frozenset({Part.STUDENTS, Part.STAFF}),
    Kind.TEACHING: frozenset({Part.TEACHING}),
    Kind.MEMBERSHIP: frozenset({Part.TEACHING}),
}
"""The parts of an export to which records of a kind belong."""
_ROLES = frozenset(Role) | {"other"}
_WORDS: Mapping[tuple[Kind, str], frozenset[str]] = {
    (Kind.HEADER, "mode"): frozenset(Mode),
    (Kind.CLASS, "kind"): frozenset(ClassKind),
    (Kind.STAFF, "role"): _ROLES - {Role.STUDENT},
    (Kind.PERSON, "role"): _ROLES,
    (Kind.MEMBERSHIP, "role"): frozenset(Role),
    (Kind.MEMBERSHIP, "status"): frozenset(PersonStatus),
    **{(kind, "status"): frozenset(PersonStatus) for kind in (Kind.STUDENT, Kind.STAFF)},
    (Kind.PERSON, "status"): frozenset(PersonStatus),
    **{(kind, "sex"): frozenset("MF") for kind in (Kind.STUDENT, Kind.STAFF, Kind.PERSON)},
}
"""Our words for a field: a dictionary, a default or a constant that says another says nothing."""
_PREFIX = re.compile(r"(?:^|[/@\[])([^\W\d][\w.\-]*):")
_TEXTS = re.compile(r"='[^']*'")
_MADE_OF_OTHERS = frozenset({Kind.CLASS, Kind.TEACHING, Kind.MEMBERSHIP})
_PEOPLE = frozenset({Kind.STUDENT, Kind.STAFF, Kind.PERSON})


def with_repeats(records: Iterable[RecordSpec]) -> tuple[RecordSpec, ...]:
    """The records; those that are made of rows of something else are marked so.

    A class at the path of the pupils, or inside each pupil's membership, says the same many times.
    """
    records = tuple(records)
    return tuple(
        replace(spec, repeats=True)
        if any(
            spec.kind in _MADE_OF_OTHERS - {other.kind}
            and other.kind in _PEOPLE | _MADE_OF_OTHERS - {Kind.CLASS}
            and spec.path[: len(other.path)] == other.path
            for other in records
        )
        else spec
        for spec in records
    )


def check_layout(layout: Layout) -> None:
    """Raise ValueError for the first thing that would keep the layout from reading anything."""
    for complaint in _complaints(layout):
        raise ValueError(complaint)


def _complaints(layout: Layout) -> Iterator[str]:
    headers = [spec for spec in layout.records if spec.kind is Kind.HEADER]
    if layout.is_table:
        if len(headers) > 1:
            yield "there are two headers"
            return
    elif len(headers) != 1:
        yield "a header with school_code and exported_at is missing, or there are two"
        return
    if not (layout.is_table or layout.names_schools or "school_code" in headers[0].fields):
        yield "a header with school_code is missing, and no record names its school"
    counts = [name for spec in headers for name in spec.fields if name.startswith("count")]
    if counts and (layout.is_table or layout.names_schools):
        yield "header: counts are of a whole file, and this layout's files may hold several schools"
    lookups = {spec.name for spec in layout.records if spec.kind is Kind.LOOKUP}
    for number, spec in enumerate(layout.records, start=1):
        where = f"records {number} ({spec.kind})"
        yield from (f"{where}: {one}" for one in _about_record(layout, spec, lookups))
        for earlier in layout.records[: number - 1]:
            if _cannot_be_told_apart(earlier, spec):
                yield (
                    f"{where}: a {earlier.kind} is at the same path {spec.shown}; "
                    "tell them apart by where"
                )
    yield from _about_content(layout)


def _cannot_be_told_apart(one: RecordSpec, other: RecordSpec) -> bool:
    if one.kind is Kind.LOOKUP or other.kind is Kind.LOOKUP:
        return False
    both_people = one.kind in _PEOPLE and other.kind in _PEOPLE
    return both_people and one.path == other.path and not (one.where and other.where)


def _about_record(layout: Layout, spec: RecordSpec, lookups: set[str]) -> Iterator[str]:
    if not (spec.path or spec.kind is Kind.HEADER or layout.is_table):
        yield "path . is the root itself, which only a header can be"
    if (spec.kind is Kind.LOOKUP) is not bool(spec.name):
        yield "a lookup has a name, and nothing else has one"
    roles_elsewhere = spec.kind is Kind.PERSON and layout.roles_from_membership
    needed = _REQUIRED.get(spec.kind, ())
    if layout.is_table and spec.kind is Kind.HEADER:
        needed = ()  # a table was exported when it was saved
    if spec.kind is Kind.PERSON and not roles_elsewhere:
        needed = (*needed, "role")
    for name in needed:
        if name not in spec.fields:
            yield f"{name} is missing"
    if (
        layout.names_schools
        and not layout.is_table
        and spec.kind in _PEOPLE | {Kind.CLASS, Kind.SCHOOL}
    ):
        header = layout.record(Kind.HEADER)
        if "school_code" not in spec.fields and header and "school_code" not in header.fields:
            yield "school_code is missing, though other records name their school"
    for path in (*spec.path, *(one.path for one in spec.where)):
        yield from _about_path(layout, spec, path)
    for name, entry in spec.fields.items():
        for one in _about_field(layout, spec, name, entry, lookups):
            yield f"{name}: {one}"


def _about_path(layout: Layout, spec: RecordSpec, path: str) -> Iterator[str]:
    if layout.is_table:
        return
    if path.split("/").count("..") > len(spec.path):
        yield f"{path} leads above the root: the record {spec.shown} is not so deep"
    for prefix in prefixes(path):
        if prefix not in layout.namespaces:
            yield f"{path}: prefix {prefix} is not in [namespaces]"


def _about_field(
    layout: Layout, spec: RecordSpec, name: str, entry: FieldSpec, lookups: set[str]
) -> Iterator[str]:
    if entry.lookup and entry.lookup not in lookups:
        yield f"lookup {entry.lookup} is not declared; add a record of kind lookup with this name"
    if entry.lookup and spec.kind is Kind.HEADER and not layout.is_table:
        yield "a header is read before lookups are"
    known = _WORDS.get((spec.kind, name))
    if known is not None:
        value = "" if entry.lookup else entry.value  # else it is a key
        ours = {entry.default, value, *(entry.dictionary or {}).values()} - {""}
        for word in sorted(ours - known):
            yield f"{word!r} is none of our words; there are {', '.join(sorted(known))}"
    for path in entry.paths:
        yield from _about_path(layout, spec, path)


def _about_content(layout: Layout) -> Iterator[str]:
    named = {part for parts in layout.content.values() for part in parts}
    read = {part for spec in layout.records for part in READ_AS.get(spec.kind, frozenset())}
    for part in sorted(named - read):
        yield f"[content] names {part}, and no record reads it"
    for spec in layout.records:
        parts = READ_AS.get(spec.kind, frozenset())
        if spec.kind in _PEOPLE | {Kind.CLASS} and not named & parts:
            listed = " or ".join(sorted(parts))
            yield f"[content] does not name {listed}, though {spec.kind} records are read"


def prefixes(path: str) -> list[str]:
    """The prefixes of the names in a path."""
    return _PREFIX.findall(_TEXTS.sub("", path))
