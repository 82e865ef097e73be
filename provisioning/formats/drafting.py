"""What an unknown file is made of, by shape and never by value: a start for a new layout."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from lxml import etree

from provisioning.findings import Finding
from provisioning.formats import guessing, table_drafts
from provisioning.formats.encodings import examine, utf8_chunks
from provisioning.formats.intake import SourceFile, find_files
from provisioning.formats.problems import FileProblem
from provisioning.formats.reader import CHUNK, element_ends
from provisioning.formats.tables import Table, tables_of
from provisioning.settings import ReadLimits

_MOST_PATHS = 2_000
_MOST_SHAPES = 3
_KNOWN_SHAPES = 50
_LONGEST_SHAPE = 40
_NAMED = frozenset({"student", "staff", "class"})


_BEGINNING = """\
# Check what the names of paths told, name the other paths by our fields, and delete the rest
# (docs/new-layout.md).
name = "my-layout-1"
title = ""
source = ""

[recognise]
root = "{root}"

[content]
"" = [{parts}]"""
_RECORD = """
[[records]]
kind = "{kind}"
path = "{path}"

[records.fields]"""

_CLASS_OF_ROWS = """
# The classes are made of the same rows.
[[records]]
kind = "class"
path = "{path}"

[records.fields]
id = {{ path = "{title}", transform = "class_title" }}
title = "{title}"
grade = {{ path = "{title}", transform = "grade_of_title" }}"""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundPath:
    """One element or attribute path of a file, or a column of a table."""

    path: str
    """From the root: ``roster/students/student/@id``."""
    count: int
    shapes: tuple[str, ...]
    """The commonest shapes of its texts, e.g. ``Аааа`` or ``99.99.9999``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Draft:
    paths: tuple[FoundPath, ...]
    starter: str
    """TOML text to begin a layout from."""
    findings: tuple[Finding, ...]
    """Why the file could not be read to its end, if so; the paths are those before that place."""


def layout_draft(path: Path, limits: ReadLimits) -> Draft:
    """Every element and attribute path of one XML file, or every column of a table, with counts and
    shapes; an archive of tables is read as a set of them."""
    sources, refused = find_files([path], limits) if path.is_file() else ([], [])
    if any(one.is_table for one in sources):
        return _table_draft([one for one in sources if one.is_table], limits)
    if refused and not sources:
        return Draft(paths=(), starter=_starter(()), findings=tuple(refused))
    source = SourceFile(name=path.name, path=path)
    counts: Counter[str] = Counter()
    shapes: dict[str, Counter[str]] = {}

    def tally(place: str, text: str | None) -> None:
        if place not in counts and len(counts) >= _MOST_PATHS:
            return
        counts[place] += 1
        known = shapes.setdefault(place, Counter())
        if text and not text.isspace() and len(known) < _KNOWN_SHAPES:
            known[shape_of(text)] += 1

    findings: tuple[Finding, ...] = ()
    try:
        with source.open() as stream:
            examined = examine(stream, limits.file_bytes)
        with source.open() as stream:
            for names, element in element_ends(utf8_chunks(stream, examined, CHUNK), limits):
                place = "/".join(names)
                tally(place, element.text)
                for name, value in element.attrib.items():
                    tally(f"{place}/@{etree.QName(name).localname}", str(value))
    except FileProblem as problem:
        findings = (problem.finding(source.name),)
    found = tuple(
        FoundPath(
            path=place,
            count=count,
            shapes=tuple(shape for shape, _ in shapes[place].most_common(_MOST_SHAPES)),
        )
        for place, count in sorted(counts.items())
    )
    return Draft(paths=found, starter=_starter(found), findings=findings)


def _table_draft(sources: list[SourceFile], limits: ReadLimits) -> Draft:
    tables: list[Table] = []
    columns: list[list[table_drafts.ColumnTally]] = []
    findings: tuple[Finding, ...] = ()
    for source in sources:
        try:
            tables += tables_of(source, limits)
        except FileProblem as problem:
            findings += (problem.finding(source.name),)
    try:
        columns = table_drafts.tally(tables, shape_of)
    except FileProblem as problem:
        findings += (problem.finding(sources[0].name),)
        tables = []
    found = tuple(
        FoundPath(
            path=one.path,
            count=one.count,
            shapes=tuple(shape for shape, _ in one.shapes.most_common(_MOST_SHAPES)),
        )
        for each in columns
        for one in each
    )
    starter = table_drafts.starter(tables, columns, _MOST_SHAPES)
    return Draft(paths=found, starter=starter, findings=findings)


def _starter(found: tuple[FoundPath, ...]) -> str:
    """The paths of the file, with the fields that their names tell; the others are to be named."""
    root = found[0].path if found else ""
    records = _likely_records(found)
    bodies: list[str] = []
    kinds: list[str] = []
    for record in ("", *records):
        prefix = f"{root}/{record}/" if record else f"{root}/"
        inside = [
            replace(entry, path=entry.path.removeprefix(prefix))
            for entry in found
            if entry.path.startswith(prefix)
            and (record or not any(entry.path.startswith(f"{root}/{one}") for one in records))
            and (entry.shapes or "/@" in entry.path)
        ]
        kind = guessing.kind_of(record) if record else "header"
        kinds.append(kind)
        bodies += _record(kind, record or ".", inside)
        texts = [guessing.PathText(entry.path, entry.shapes) for entry in inside]
        if (title := guessing.class_of_rows(kind, texts)) and "class" not in map(
            guessing.kind_of, records
        ):
            kinds.append("class")
            bodies.append(_CLASS_OF_ROWS.format(path=record, title=title))
    parts = guessing.parts_of(kinds) or ["classes", "students", "staff"]
    beginning = _BEGINNING.format(root=root, parts=", ".join(f'"{part}"' for part in parts))
    if any("dictionary" in line for line in bodies):
        beginning = f"{beginning}\n\n{guessing.SEX_WORDS}"
    return "\n".join([beginning, *bodies]) + "\n"


def _record(kind: str, path: str, inside: Iterable[FoundPath]) -> Iterator[str]:
    inside = list(inside)
    yield _RECORD.format(kind=kind, path=path)
    texts = (guessing.PathText(entry.path, entry.shapes) for entry in inside)
    guessed = guessing.fields_of(kind, texts)
    if kind == "staff":
        yield 'role = { value = "teacher" }'
    for one in inside:
        comment = f"# {one.count} times, {' | '.join(one.shapes) or 'empty'}"
        for line in guessed.get(one.path, [f'# ? = "{one.path}"']):
            yield f"{line}  {comment}"


def shape_of(text: str) -> str:
    """Letters become ``А``, ``а``, ``A`` or ``a``, digits ``9``; the rest stays.

    No value can be read back from it, only how it is written.
    """
    shape = []
    for sign in " ".join(text.split())[:_LONGEST_SHAPE]:
        if sign.isdigit():
            shape.append("9")
        elif sign.isalpha():
            cyrillic = "\u0400" <= sign <= "\u04ff"
            upper, lower = ("А", "а") if cyrillic else ("A", "a")
            shape.append(upper if sign.isupper() else lower)
        else:
            shape.append(sign)
    return re.sub(r"([АаAa])\1{3,}", r"\1\1\1\1", "".join(shape))


def _likely_records(found: tuple[FoundPath, ...]) -> list[str]:
    """Paths below the root that repeat more often than what they are in, outermost first, and those
    that are named like people or classes, though there is one only."""
    counts = {entry.path: entry.count for entry in found if "/@" not in entry.path}
    likely: list[str] = []
    for path, count in counts.items():
        parent, _, _ = path.rpartition("/")
        repeats = bool(parent) and count > counts.get(parent, count)
        if repeats and not any(path.startswith(f"{one}/") for one in likely):
            likely.append(path)
    for path in sorted(counts, key=lambda one: -one.count("/")):
        below = sum(entry.path.startswith(f"{path}/") and bool(entry.shapes) for entry in found)
        apart = not any(
            path.startswith(f"{one}/")
            or (f"{one}/".startswith(f"{path}/") and guessing.kind_of(one) != "teaching")
            for one in likely
        )
        if "/" in path and apart and below > 1 and guessing.kind_of(path) in _NAMED:
            likely.append(path)
    return [path.partition("/")[2] for path in sorted(likely)]
