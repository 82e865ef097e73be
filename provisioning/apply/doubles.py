"""Doubles: categories, cohorts and courses that Moodle made twice after an answer that was lost.

A call that the client gave up may be carried out later. Moodle looks whether an idnumber is taken
when a call begins, so it refuses neither of two that are under way at the same moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.apply.objects import OBJECTS
from provisioning.changes import Kind
from provisioning.moodle import MoodleClient, MoodleRefused

Row = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Double:
    """One idnumber that several objects of Moodle have."""

    kind: Kind
    key: str
    kept: int
    """Moodle's number of the one that we use."""
    others: tuple[Row, ...]

    @property
    def detail(self) -> str:
        """Moodle's numbers, by which its administrator finds them."""
        numbers = ", ".join(str(row["id"]) for row in self.others)
        return f"Moodle id {self.kept}; {numbers}"


def doubles(kind: Kind, rows: Iterable[Row], numbers: Mapping[str, int]) -> list[Double]:
    """Return which idnumbers several rows have; ``numbers`` are those that we use, by idnumber.

    The one that we use is kept; where none of them is, the oldest.
    """
    by_key: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        if row.get("idnumber"):
            by_key[row["idnumber"]][int(row["id"])] = row
    found = []
    for key, some in by_key.items():
        if len(some) > 1:
            kept = numbers[key] if numbers.get(key) in some else min(some)
            others = tuple(some[number] for number in sorted(some) if number != kept)
            found.append(Double(kind=kind, key=key, kept=kept, others=others))
    return found


def find_doubles(moodle: MoodleClient, kind: Kind, numbers: Mapping[str, int]) -> list[Double]:
    """Look in Moodle which of these idnumbers are there several times.

    One that Moodle cannot look up is left out. Raises ``MoodleError`` but ``MoodleRefused``.
    """
    read = OBJECTS[kind].calls.by_idnumber
    keys, rows = list(numbers), []
    try:
        rows = list(read(moodle, keys)) if keys else []
    except MoodleRefused:
        for key in keys:
            try:
                rows += read(moodle, [key])
            except MoodleRefused:
                continue
    return doubles(kind, rows, numbers)


def set_aside(moodle: MoodleClient, double: Double) -> bool:
    """Take the idnumber from the others, say in their names what they are, and hide them where
    Moodle can; nothing is deleted. False when Moodle refuses."""
    records = [_aside(double.kind, row) for row in double.others]
    try:
        refused = OBJECTS[double.kind].calls.update(moodle, records)
    except MoodleRefused:
        return False
    return not refused


def _aside(kind: Kind, row: Row) -> dict[str, Any]:
    number = int(row["id"])
    record: dict[str, Any] = {"id": number, "idnumber": f"double:{number}"}
    names: Sequence[str] = ("fullname", "shortname") if kind is Kind.COURSE else ("name",)
    for name in names:
        ending = f" (двойник {number})"
        record[name] = str(row[name])[: 250 - len(ending)] + ending
    if kind is Kind.COHORT:
        record |= {"categorytype": {"type": "system", "value": ""}}
    if kind is not Kind.CATEGORY:
        record["visible"] = False
    return record
