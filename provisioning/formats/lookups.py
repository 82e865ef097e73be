"""Lookup records of a school's files: the value under a key that other records name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from provisioning.formats.cleaning import collapse
from provisioning.formats.layout import FieldSpec, RecordSpec
from provisioning.formats.records import Row

_LONGEST_CHAIN = 8
"""Lookups whose values are keys of other lookups; a longer chain goes in a circle."""


class LookupTables:
    """What all lookup records say, by the name of the lookup and the key."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, dict[str, None]]] = {}
        self._value_of: dict[str, FieldSpec] = {}

    def add(self, rows: Iterable[tuple[RecordSpec, Row]]) -> None:
        for spec, row in rows:
            entry = spec.fields["value"]
            key = collapse(row.values.get("key", ""))
            # The value of a lookup may be a key of another one, which may not have been read yet.
            value = row.unknown.get("value", "") if entry.lookup else row.values.get("value", "")
            if key and value:
                self._value_of[spec.name] = entry
                self._values.setdefault(spec.name, {}).setdefault(key, {})[collapse(value)] = None

    def find(self, name: str, key: str) -> Sequence[str]:
        """The values under a key, in file order; none for an unknown key."""
        return self._find(name, key, _LONGEST_CHAIN)

    def _find(self, name: str, key: str, left: int) -> Sequence[str]:
        values = tuple(self._values.get(name, {}).get(key, ()))
        entry = self._value_of.get(name)
        if not values or entry is None or not entry.lookup:
            return values
        if not left:
            return ()
        found = (one for value in values for one in self._find(entry.lookup, value, left - 1))
        return tuple(filter(None, map(entry.worded, found)))
