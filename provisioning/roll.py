"""Who is on a school's roll after a file: the people present, the people absent, their classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from provisioning.matching import Matching
from provisioning.roster import ClassKind, Mode, Part, Role, Roster


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """A person on a school's roll."""

    person_id: str
    role: str
    """A ``roster.Role`` value: what the person is in this school."""
    class_id: str = ""
    """Sourced id of the home class; empty for staff and for students without a class."""
    class_title: str = ""
    confirmed: bool = True
    """Who this human is has been proven, or said by a person."""
    until: date | None = None
    """The last day of somebody whom an operator entered; None when an export lists the person."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Roll:
    before: Mapping[str, Membership]
    """The memberships by person id as they were last applied."""
    after: Mapping[str, Membership]
    """The memberships by person id as this file says."""
    present: Mapping[str, str]
    """Sourced id -> person id of the rows whose person is at the school."""
    untouched: frozenset[str]
    """Person ids whose row cannot be used: everything about them stays."""
    second_rows: frozenset[str] = frozenset()
    """Sourced ids of further rows of somebody present: they tell of places only."""

    @property
    def first_rows(self) -> Iterator[tuple[str, str]]:
        """Yield sourced id and person id of everybody present, each human once."""
        return (one for one in self.present.items() if one[0] not in self.second_rows)


def next_roll(
    roster: Roster, matching: Matching, before: Mapping[str, Membership], *, today: date
) -> Roll:
    """Return the roll after this file (docs/facts/paragraf.md R7).

    A person who is absent has left only by a full roll, and only where their part of it arrived; a
    person whose own row says "left" has always left.
    """
    rows = {sourced_id: one.person_id for sourced_id, one in matching.matches.items()}
    present = {
        sourced_id: person_id
        for sourced_id, person_id in rows.items()
        if not roster.persons[sourced_id].has_left(today)
    }
    in_file = set(rows.values())
    after = {
        person_id: entry
        for person_id, entry in before.items()
        if person_id not in in_file
        and (
            person_id in matching.set_aside
            or (
                not absence_is_leaving(roster, entry.role)
                if entry.until is None
                else entry.until >= today
            )
        )
    }
    homes = _home_classes(roster)
    titles = {entry.class_id: entry.class_title for entry in before.values()}
    titles |= {one.sourced_id: one.title for one in roster.classes.values()}
    first_rows = {one for key, one in present.items() if key not in matching.second_rows}
    second_rows = frozenset(
        key for key in matching.second_rows & present.keys() if present[key] in first_rows
    )
    other_homes = {present[key]: homes[key] for key in sorted(second_rows) if key in homes}
    for sourced_id, person_id in present.items():
        if sourced_id in second_rows:
            continue
        class_id = homes.get(sourced_id) or other_homes.get(person_id, "")
        if not class_id and person_id in before and not links_are_complete(roster):
            class_id = before[person_id].class_id
        role = roster.persons[sourced_id].role
        if role is not Role.STUDENT:
            class_id = ""
        entry = Membership(
            person_id=person_id,
            role=role.value,
            class_id=class_id,
            class_title=titles.get(class_id, "") if class_id else "",
        )
        # An equal one is dropped, so that an unchanged school is not held in memory twice.
        after[person_id] = entry if before.get(person_id) != entry else before[person_id]
    return Roll(
        before=before, after=after, present=present, untouched=matching.set_aside,
        second_rows=second_rows,
    )  # fmt: skip


def links_are_complete(roster: Roster) -> bool:
    """Tell whether a person without a link to a class is in no class."""
    return roster.mode is Mode.FULL and Part.CLASSES in roster.parts


def absence_is_leaving(roster: Roster, role: str) -> bool:
    """Tell whether a person of this role who is not in the file has left."""
    part = Part.STUDENTS if role == Role.STUDENT else Part.STAFF
    return roster.mode is Mode.FULL and part in roster.parts


def _home_classes(roster: Roster) -> dict[str, str]:
    """Map each student to the home class, by sourced ids; the first when a file names several."""
    homes: dict[str, str] = {}
    for link in roster.enrolments:
        if link.role is not Role.STUDENT:
            continue
        known = roster.classes.get(link.class_id)
        if known is not None and known.kind is ClassKind.GROUP:
            continue
        if link.person_id not in homes or link.class_id < homes[link.person_id]:
            homes[link.person_id] = link.class_id
    return homes
