"""Several schools in one file: its rows by school, packed, since a city may be in one file."""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from provisioning.formats.cleaning import collapse
from provisioning.formats.layout import Kind
from provisioning.formats.records import Row

MAX_SCHOOL_CODE = 50
"""Characters."""

_BATCH = 500
"""Rows that are packed together."""

_LINKS = frozenset({Kind.TEACHING, Kind.MEMBERSHIP})
_PEOPLE = frozenset({Kind.STUDENT, Kind.STAFF, Kind.PERSON})


class PackedRows:
    """Rows of one school in file order, in a tenth of the memory."""

    def __init__(self) -> None:
        self._packed: list[bytes] = []
        self._open: list[tuple[Any, ...]] = []

    def append(self, row: Row) -> None:
        self._open.append(
            (
                *(row.kind.value, row.line, row.values, row.group_ids),
                *(row.too_long, row.missing, row.unknown, row.repeats),
            )
        )
        if len(self._open) >= _BATCH:
            self._packed.append(zlib.compress(json.dumps(self._open).encode(), 1))
            self._open = []

    def __iter__(self) -> Iterator[Row]:
        for batch in (*map(_unpacked, self._packed), self._open):
            for kind, line, values, group_ids, too_long, missing, unknown, repeats in batch:
                yield Row(
                    kind=Kind(kind),
                    line=line,
                    values=dict(values),
                    group_ids=tuple(group_ids),
                    too_long=too_long,
                    missing=missing,
                    unknown=unknown,
                    repeats=repeats,
                )


def _unpacked(batch: bytes) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = json.loads(zlib.decompress(batch))
    return rows


class SchoolsInFile:
    """The rows of a file by the school that they name.

    A teaching link or a membership without a school belongs where its class is, else where its
    person is.
    """

    def __init__(self, rows: Iterable[Row], of_header: str) -> None:
        """``of_header`` is the school of rows that name none; empty when the header names none."""
        self.rows: dict[str, PackedRows] = defaultdict(PackedRows)
        """School code -> its rows."""
        self.homeless: list[int] = []
        """Lines of rows of which nobody knows the school."""
        class_schools: dict[str, set[str]] = defaultdict(set)
        person_schools: dict[str, set[str]] = defaultdict(set)
        links: list[Row] = []
        for row in rows:
            code = collapse(row.values.pop("school_code", "")) or of_header
            row.unknown.pop("school_code", None)
            if row.kind is Kind.HEADER:
                continue
            if len(code) > MAX_SCHOOL_CODE:
                self.homeless.append(row.line)
            elif code:
                sourced_id = collapse(row.values.get("id", ""))
                for one in {code, *map(collapse, row.schools)}:
                    if row.kind is Kind.CLASS:
                        class_schools[sourced_id].add(one)
                    elif row.kind in _PEOPLE:
                        person_schools[sourced_id].add(one)
                    self.rows[one].append(row)
            elif row.kind in _LINKS:
                links.append(row)
            elif row.kind is not Kind.GUARDIAN:
                self.homeless.append(row.line)
        for row in links:
            of_class = class_schools.get(collapse(row.values.get("class_id", "")), set())
            of_person = person_schools.get(collapse(row.values.get("person_id", "")), set())
            codes = of_class & of_person or of_class or of_person
            if len(codes) == 1:
                self.rows[min(codes)].append(row)
            else:
                self.homeless.append(row.line)
