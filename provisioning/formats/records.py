"""Row: one record of a file as text in our field names, and how a layout's fields make it.

A reader gathers the texts that a record has under each path of its layout (an element, an
attribute, the column of a table) and ``Recipe.row`` makes a Row of them: the same for XML and for
tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from provisioning.formats.cleaning import collapse
from provisioning.formats.layout import MANY, FieldSpec, Kind, RecordSpec


@dataclass(kw_only=True, slots=True)
class Row:
    """One record of a file as text, in our field names; empty texts are left out."""

    kind: Kind
    line: int
    values: dict[str, str]
    group_ids: tuple[str, ...] = ()
    too_long: str = ""
    """A field whose text is longer than the limit; it is left out."""
    missing: str = ""
    """A field that the layout demands and the record lacks."""
    unknown: dict[str, str] = field(default_factory=dict)
    """Field -> the key that its lookup does not know."""
    schools: tuple[str, ...] = ()
    """Codes of the schools of the record, where a lookup knows some."""
    repeats: bool = False
    """The record is made of rows of something else, as a class of its pupils' rows."""


class Lookups(Protocol):
    """What the lookup records of a school's files say."""

    def find(self, name: str, key: str) -> Sequence[str]:
        """The values under a key of the lookup ``name``; none for an unknown key."""


class Recipe:
    """How one kind of record becomes a Row."""

    def __init__(self, spec: RecordSpec) -> None:
        self.spec = spec
        one_each = {name: entry for name, entry in spec.fields.items() if name != MANY}
        self._plain = [
            (name, entry.paths[0]) for name, entry in one_each.items() if not entry.changes_text
        ]
        self._adjusted = [(name, entry) for name, entry in one_each.items() if entry.changes_text]
        self._demanded = [name for name, entry in spec.fields.items() if entry.required]
        self._many = spec.fields.get(MANY)
        self.paths: frozenset[str] = frozenset(
            path for entry in one_each.values() for path in entry.paths
        )
        """Where a reader has to look for one text each."""
        self.many_paths: tuple[str, ...] = self._many.paths if self._many else ()
        """Where it has to look for all texts there are."""

    def row(
        self,
        texts: dict[str, str],
        many: Sequence[str] = (),
        *,
        line: int,
        max_text: int,
        lookups: Lookups | None = None,
    ) -> Row:
        """The row of a record that has these texts under the layout's paths.

        ``many`` are all the texts under ``many_paths``; no text may be longer than ``max_text``.
        """
        spec = self.spec
        row = Row(kind=spec.kind, line=line, values={}, repeats=spec.repeats)
        if texts and max(map(len, texts.values())) > max_text:
            row.too_long = self._field_of(next(p for p in texts if len(texts[p]) > max_text))
            texts = {path: text for path, text in texts.items() if len(text) <= max_text}
        get = texts.get
        values = row.values = {name: text for name, path in self._plain if (text := get(path))}
        for name, entry in self._adjusted:
            if adjusted := self._adjust(row, name, entry, entry.pick(texts), lookups):
                values[name] = adjusted[0]
                if name == "school_code":
                    row.schools = tuple(dict.fromkeys(adjusted))
        if self._many is not None and many:
            row.group_ids = self._groups(row, self._many, many, max_text, lookups)
        for name in self._demanded:
            if not (row.group_ids if name == MANY else values.get(name, "").strip()):
                row.missing = name
                break
        return row

    def several(
        self, name: str, texts: Mapping[str, str], lookups: Lookups | None
    ) -> tuple[str, ...]:
        """All texts of a field that may hold several in one, each in our words."""
        entry = self.spec.fields[name]
        row = Row(kind=self.spec.kind, line=0, values={})
        found = (
            one.strip()
            for part in entry.parts(entry.pick(texts))
            for one in self._adjust(row, name, entry, part, lookups)
        )
        return tuple(dict.fromkeys(filter(None, found)))

    def _field_of(self, path: str) -> str:
        return next(name for name, entry in self.spec.fields.items() if path in entry.paths)

    def _groups(
        self,
        row: Row,
        entry: FieldSpec,
        many: Sequence[str],
        max_text: int,
        lookups: Lookups | None,
    ) -> tuple[str, ...]:
        texts = [part for text in many for part in entry.parts(text) if len(part) <= max_text]
        found = (one for text in texts for one in self._adjust(row, MANY, entry, text, lookups))
        return tuple(stripped for one in found if (stripped := one.strip()))

    @staticmethod
    def _adjust(
        row: Row, name: str, entry: FieldSpec, text: str, lookups: Lookups | None
    ) -> Sequence[str]:
        """The text in our words; several when a lookup knows several, none when it is empty."""
        if not entry.lookup:
            text = entry.adjust(text)
            return (text,) if text else ()
        key = collapse(entry.transformed(text))
        found = lookups.find(entry.lookup, key) if lookups is not None and key else ()
        if key and not found:
            row.unknown[name] = key
        adjusted = tuple(filter(None, map(entry.worded, found)))
        return adjusted or ((entry.default,) if entry.default else ())


def condition_holds(spec: RecordSpec, texts: Mapping[str, str]) -> bool:
    """Whether a record with these texts under the paths of the layout is one of this kind."""
    return all(one.holds(texts.get(one.path, "")) for one in spec.where)
