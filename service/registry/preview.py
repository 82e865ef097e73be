"""What an import would do: a value that can be shown, compared and refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from service.registry.columns import Problem

Change = tuple[Any, Any]
"""Before and after; before is None where there was nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One school, total, step or row of figures that an import adds or changes."""

    key: str
    title: str
    changes: Mapping[str, Change] = field(default_factory=dict)
    """By field; dates in ISO 8601."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    added: Sequence[Entry] = ()
    changed: Sequence[Entry] = ()
    same: int = 0
    """Rows that change nothing."""
    missing: Sequence[Entry] = ()
    """What we have and the file has not. It stays as it is."""
    unmatched: Sequence[str] = ()
    """Schools of a platform that a person has to match; the import goes on without."""
    problems: Sequence[Problem] = ()

    @property
    def can_apply(self) -> bool:
        """Tell whether it may be applied: one problem that stops keeps the whole file out."""
        return bool(self.added or self.changed) and not any(p.stops for p in self.problems)

    @property
    def digest(self) -> str:
        """Return a name of what a person has looked at; other data give another digest."""
        parts = [
            [[entry.key, sorted(entry.changes.items())] for entry in entries]
            for entries in (self.added, self.changed)
        ]
        text = json.dumps(parts, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def plain_value(value: Any) -> Any:
    """Return an attribute as it is compared, shown and audited: JSON, dates in ISO 8601."""
    return value.isoformat() if isinstance(value, date) else value


def changed_fields(
    row: object | None, names: Iterable[str], values: Mapping[str, Any]
) -> dict[str, Change]:
    """Return before and after of those of the names whose value would be another one."""
    found = {}
    for name in names:
        before = plain_value(getattr(row, name)) if row else None
        if name in values and before != values[name]:
            found[name] = (before, values[name])
    return found


def as_details(changes: Mapping[str, Change]) -> dict[str, Any]:
    """Return changes as the audit keeps them."""
    return {name: list(change) for name, change in changes.items()}
