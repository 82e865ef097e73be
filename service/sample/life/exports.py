"""What the schools of a living city export in a month, and what is true of the city then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from provisioning.roster import Enrolment, Role, SchoolClass
from service.sample.life.city import Event, LivingCity, LivingSchool
from service.sample.life.dice import Dice
from service.sample.life.numbers import SILENT_SHARE
from service.sample.names import PRIMARY_SUBJECTS, SUBJECTS
from service.sample.rows import Row, SampleSchool

_SUBJECTS_OF_A_CLASS = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where somebody truly is."""

    school_code: str
    """The code that the school has now."""
    role: Role
    class_key: str = ""
    """``LivingClass.key``: the same for the same pupils, whatever the files call the class."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Month:
    """One month: what the schools load, in this order, and the truth."""

    number: int
    exports: tuple[SampleSchool, ...]
    """``Row.human`` of a row says whose it truly is."""
    class_keys: Mapping[tuple[str, str], str]
    """(School code, id of a class in this month's file) -> ``LivingClass.key``."""
    places: Mapping[str, frozenset[Place]]
    """Human -> where the person truly is, also where no file says so; nowhere is empty."""
    events: tuple[Event, ...]


def month_of(city: LivingCity, since: int) -> Month:
    """The present month of the city; its events are those from number ``since`` on."""
    dice = Dice(city.life.seed, "life", "order", city.month)
    exports: list[SampleSchool] = []
    keys: dict[tuple[str, str], str] = {}
    for turn, school in enumerate(dice.shuffled(city.open_schools())):
        silent = city.month and dice.chance(SILENT_SHARE)
        if not silent:
            exports.append(_export(city, school, city.life.exported_at(city.month, turn)))
            keys |= {(school.code, one.sourced_id): one.key for one in school.classes}
    return Month(
        number=city.month, exports=tuple(exports), class_keys=keys, places=_places(city),
        events=tuple(city.events[since:]),
    )  # fmt: skip


def _places(city: LivingCity) -> dict[str, frozenset[Place]]:
    found: dict[str, set[Place]] = {human: set() for human in city.humans}
    for school in city.open_schools():
        for card in school.present():
            if school.index in city.at[card.human]:
                place = Place(school_code=school.code, role=card.role, class_key=card.class_key)
                found[card.human].add(place)
    return {human: frozenset(places) for human, places in found.items()}


def _export(city: LivingCity, school: LivingSchool, at: datetime) -> SampleSchool:
    year = city.life.first_year
    class_ids = {one.key: one.sourced_id for one in school.classes}
    teachers = [one.sourced_id for one in school.present(Role.TEACHER)]
    filled = {one.class_key for one in school.present(Role.STUDENT)}
    classes = tuple(
        SchoolClass(
            sourced_id=one.sourced_id, title=one.title, grade=one.grade,
            teacher_id=teachers[turn % len(teachers)] if teachers else None,
            begin_date=date(year, 9, 1), end_date=date(year + 1, 8, 31),
        )
        for turn, one in enumerate(school.classes)
        if one.key in filled
    )  # fmt: skip
    rows = [
        Row(
            human=card.human,
            person=card.person(with_sex=school.tells_sex),
            class_id=class_ids.get(card.class_key, ""),
        )
        for card in school.cards
    ]
    students = [row for row in rows if row.person.role is Role.STUDENT]
    return SampleSchool(
        school=school.school,
        school_year=city.life.school_year,
        exported_at=at,
        classes=classes,
        rows=(*students, *(row for row in rows if row.person.role is not Role.STUDENT)),
        teaching=tuple(_teaching(classes, teachers)),
        guardians=(),
    )


def _teaching(classes: tuple[SchoolClass, ...], teachers: list[str]) -> Iterator[Enrolment]:
    for turn, one in enumerate(classes):
        subjects = PRIMARY_SUBJECTS if one.grade <= 4 else list(SUBJECTS)
        for number, subject in enumerate(subjects[:_SUBJECTS_OF_A_CLASS] if teachers else ()):
            yield Enrolment(
                person_id=teachers[(turn + number) % len(teachers)], class_id=one.sourced_id,
                role=Role.TEACHER, subject=subject,
            )  # fmt: skip
