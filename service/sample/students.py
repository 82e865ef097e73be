"""The students of a school in one month: who they are, where they sit, who came and who left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from provisioning.roster import PersonStatus, Role
from service.sample.city import City, Fate, Place, grade_of, month_fates, sender, serial, transfers
from service.sample.people import Human, draw, family_name, make_human, snils, student_birth_date
from service.sample.rows import Row, person_of


def student_key(index: int, ordinal: int) -> str:
    return f"pupil {index} {ordinal}"


def student_id(ordinal: int) -> str:
    return f"s-{1001 + ordinal}"


def student(city: City, index: int, ordinal: int) -> Human:
    """The student who was listed first in school ``index`` under this number.

    Each hundred and twenty has a pair of twins.
    """
    key = student_key(index, ordinal)
    twin = ordinal % 120 < 2
    elder = ordinal - ordinal % 120 if twin else ordinal
    elder_key = student_key(index, elder)
    without_number = draw(25, city.seed, key, "no snils") == 0
    return make_human(
        key,
        seed=city.seed,
        household=elder_key if twin else "",
        birth_date=student_birth_date(
            elder_key,
            seed=city.seed,
            grade=grade_of(city, first_class(city, index, elder)),
            school_year=city.first_year,
            ordinal=elder,
        ),
        snils="" if without_number else snils(serial(city, index, ordinal), seed=city.seed),
    )


def first_class(city: City, index: int, ordinal: int) -> int:
    if ordinal < city.students:
        return ordinal * city.classes // city.students
    return draw(city.classes, city.seed, index, ordinal, "class")


def student_rows(city: City, index: int, month: int, classes: list[Place]) -> Iterator[Row]:
    """The students on the roll, and leavers whom the school still lists as such."""
    fates = {
        ordinal: (fate, when)
        for when in range(1, month + 1)
        for ordinal, fate in month_fates(city, index, when)
    }
    today = city.exported_at(month).date()
    for ordinal in range(city.students):
        fate, when = fates.get(ordinal, (None, 0))
        number = first_class(city, index, ordinal)
        if fate is Fate.TRANSFERS:
            continue
        # Some schools leave a leaver in one more export and say so; others just drop the row.
        declared = when == month and ordinal % 2 == 1
        if fate is Fate.LEAVES and not declared:
            continue
        human = student(city, index, ordinal)
        if fate is Fate.RENAMED:
            human = _renamed(city, human)
        if fate is Fate.MOVES:
            number = _other_class(classes, number)
        row = student_row(city, human, ordinal, classes[number])
        if fate is Fate.LEAVES:
            left = replace(row.person, status=PersonStatus.LEFT, end_date=today - timedelta(days=3))
            row = replace(row, person=left)
        elif ordinal % 150 == 149:
            row = replace(row, class_id="")
        elif ordinal % 200 == 60:
            row = replace(row, person=replace(row.person, status=PersonStatus.ON_LEAVE))
        yield row
    for when in range(1, month + 1):
        yield from _newcomers(city, index, when, classes)


def _newcomers(city: City, index: int, month: int, classes: list[Place]) -> Iterator[Row]:
    """Those who came in this month: from outside the city, then from another school of it."""
    came = city.exported_at(month).date() - timedelta(days=4)
    transferred = city.fates.count(Fate.TRANSFERS)
    first = city.students + (month - 1) * (city.arrivals + transferred)
    for ordinal in range(first, first + city.arrivals):
        place = classes[first_class(city, index, ordinal)]
        yield student_row(city, student(city, index, ordinal), ordinal, place, came)
    if not transferred:
        return
    origin = sender(city, index, month)
    sent = transfers(city, origin, month)
    for ordinal, there in enumerate(sent, start=first + city.arrivals):
        place = classes[first_class(city, origin, there)]
        yield student_row(city, student(city, origin, there), ordinal, place, came)


def student_row(
    city: City, human: Human, ordinal: int, place: Place, enrolled: date | None = None
) -> Row:
    return Row(
        human=human.key,
        person=person_of(
            human,
            sourced_id=student_id(ordinal),
            role=Role.STUDENT,
            begin_date=enrolled or date(city.first_year + 1 - place.grade, 9, 1),
        ),
        class_id=place.sourced_id,
    )


def _renamed(city: City, human: Human) -> Human:
    """The same person after a new passport or a change in the family."""
    names = (
        family_name(f"{human.key} renamed {attempt}", seed=city.seed, sex=human.sex)
        for attempt in range(100)
    )
    return replace(human, family_name=next(n for n in names if n != human.family_name))


def _other_class(classes: list[Place], number: int) -> int:
    """Another class of the same grade, or the neighbour where the grade has one class."""
    here = classes[number]
    parallel = [p.number for p in classes if p.grade == here.grade and p.number != number]
    return parallel[0] if parallel else number - 1 if number else number + 1
