"""What is true of the sample city, to compare with what the product reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisioning.roster import PersonStatus, Role
from service.sample import City, SampleSchool, make_city
from service.sample.city import school_code, sender, transfers
from service.sample.rows import Row
from service.sample.students import student_id, student_key


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """What happened in a school since the month before. Values are source ids of its files."""

    arrivals: frozenset[str] = frozenset()
    """Students from outside the city."""
    leavers: frozenset[str] = frozenset()
    """Students who left the city; some are still listed, with the status of a leaver."""
    transfers_in: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Students from another school: id here -> (code of that school, id there)."""
    transfers_out: frozenset[str] = frozenset()
    renamed: frozenset[str] = frozenset()
    """Students with a new family name."""
    moved: frozenset[str] = frozenset()
    """Students in another class of the same school."""
    new_staff: frozenset[str] = frozenset()
    left_staff: frozenset[str] = frozenset()
    renamed_classes: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Truth:
    """One school in one month, as a correct reader must count it."""

    code: str
    roles: Mapping[Role, int]
    """Of people on the roll: without leavers still listed, and without rows to be set aside."""
    classes: int
    guardians: int
    """Parents in the files of a layout that has a place for them."""
    set_aside: int
    """Rows that cannot be used."""
    changes: Changes


def make_numbers(**overrides: Any) -> City:
    return City(**{"schools": 3, "people_per_school": 300} | overrides)


def month_by_month(
    city: City, month: int = 1
) -> Iterator[tuple[SampleSchool, SampleSchool, Changes]]:
    """Each school in the month before and in this one, and what happened between them."""
    before, after = make_city(city, month - 1), make_city(city, month)
    for old, new, truth in zip(before, after, describe(city, month), strict=True):
        yield old, new, truth.changes


def describe(city: City, month: int = 0) -> Iterator[Truth]:
    """What is true of each school in this month, and what changed since the month before."""
    schools = list(make_city(city, month))
    earlier = list(make_city(city, month - 1)) if month else [None] * city.schools
    for index, (before, school) in enumerate(zip(earlier, schools, strict=True)):
        yield Truth(
            code=school.school.code,
            roles=Counter(row.person.role for row in on_roll(school).values()),
            classes=len(school.classes),
            guardians=len(school.guardians),
            set_aside=sum(not row.usable for row in school.rows),
            changes=_changes(city, index, month, before, school) if before else Changes(),
        )


def on_roll(school: SampleSchool) -> dict[str, Row]:
    """Everybody whom the file lists as present, by source id."""
    return {
        row.person.sourced_id: row
        for row in school.rows
        if row.usable and row.person.status is not PersonStatus.LEFT
    }


def _changes(
    city: City, index: int, month: int, before: SampleSchool, after: SampleSchool
) -> Changes:
    old, new = on_roll(before), on_roll(after)
    came, left = new.keys() - old.keys(), old.keys() - new.keys()
    stayed = old.keys() & new.keys()
    transfers_in = _transfers_in(city, index, month, [new[each] for each in came])
    transfers_out = {student_id(ordinal) for ordinal in transfers(city, index, month)}
    titles = {each.sourced_id: each.title for each in before.classes}
    return Changes(
        arrivals=_students(came, new) - transfers_in.keys(),
        leavers=_students(left, old) - transfers_out,
        transfers_in=transfers_in,
        transfers_out=frozenset(transfers_out),
        renamed=frozenset(
            each for each in stayed if old[each].person.family_name != new[each].person.family_name
        ),
        moved=frozenset(each for each in stayed if old[each].class_id != new[each].class_id),
        new_staff=frozenset(came) - _students(came, new),
        left_staff=frozenset(left) - _students(left, old),
        renamed_classes=frozenset(
            each.sourced_id for each in after.classes if titles[each.sourced_id] != each.title
        ),
    )


def _students(ids: set[str], roll: Mapping[str, Row]) -> frozenset[str]:
    return frozenset(each for each in ids if roll[each].person.role is Role.STUDENT)


def _transfers_in(
    city: City, index: int, month: int, came: list[Row]
) -> dict[str, tuple[str, str]]:
    if city.schools == 1:
        return {}
    origin = sender(city, index, month)
    sent = {
        student_key(origin, ordinal): student_id(ordinal)
        for ordinal in transfers(city, origin, month)
    }
    return {
        row.person.sourced_id: (school_code(origin), sent[row.human])
        for row in came
        if row.human in sent
    }
