"""The staff of a school in one month, and who teaches what to which class."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta

from provisioning.roster import Enrolment, Role
from service.sample.city import City, Place, serial
from service.sample.names import PRIMARY_SUBJECTS, SUBJECTS
from service.sample.people import Human, draw, make_human, snils, staff_birth_date
from service.sample.rows import Row, person_of

_LAST_PRIMARY_GRADE = 4
_GUEST = 20
"""Source number, after the staff's own, of a teacher whose main place is another school."""


def employee(city: City, index: int, ordinal: int) -> Human:
    """The employee who was listed first in school ``index`` under this number."""
    key = f"staff {index} {ordinal}"
    shared = ordinal == first_teacher(city)
    without_number = not shared and draw(30, city.seed, key, "no snils") == 0
    # Students take the serials of a school from the first on, staff from the last back.
    number = snils(serial(city, index + 1, -1 - ordinal), seed=city.seed)
    return make_human(
        key,
        seed=city.seed,
        sex="M" if draw(5, city.seed, key, "sex") == 0 else "F",
        birth_date=staff_birth_date(key, seed=city.seed, school_year=city.first_year),
        snils="" if without_number else number,
    )


def first_teacher(city: City) -> int:
    """Staff are numbered: the director, the deputies, then teachers from this number on."""
    return 1 + city.staff // 15


def staff_rows(city: City, index: int, month: int) -> Iterator[Row]:
    """The staff on the roll; the last place of every second school is a guest's.

    The guest is the first teacher of the school before, and works in both.
    """
    replaced = {_replaced(city, when): when for when in range(1, month + 1)}
    for position in range(city.staff):
        home, ordinal, listed = index, position, position
        if position in replaced:
            ordinal = listed = city.staff + replaced[position] - 1
        elif position == city.staff - 1 and index % 2:
            home, ordinal, listed = index - 1, first_teacher(city), city.staff + _GUEST
        human = employee(city, home, ordinal)
        hired = date(city.first_year - draw(15, city.seed, human.key, "hired"), 8, 25)
        if position in replaced:
            hired = city.exported_at(replaced[position]).date() - timedelta(days=4)
        person = person_of(
            human,
            sourced_id=f"t-{1001 + listed}",
            role=Role.TEACHER if position >= first_teacher(city) else Role.ADMINISTRATOR,
            begin_date=hired,
        )
        email = "" if position % 3 else f"{human.key.replace(' ', '-')}@example.org"
        title = _position_title(position, first_teacher(city))
        yield Row(human=human.key, person=replace(person, position=title, email=email))


def _position_title(position: int, first: int) -> str:
    if position < first:
        return "заместитель директора" if position else "директор"
    return f"учитель {list(SUBJECTS.values())[(position - first) % len(SUBJECTS)]}"


def _replaced(city: City, month: int) -> int:
    """The position whose teacher gives way to a new one; never the one shared by two schools."""
    first = first_teacher(city) + 1
    return first + (month - 1) % (city.staff - 1 - first)


def heads(places: Sequence[Place], teachers: Sequence[Row]) -> Mapping[int, str]:
    """Number of a class -> source id of its class teacher."""
    return {
        place.number: teachers[place.number % len(teachers)].person.sourced_id for place in places
    }


def teaching_links(places: Sequence[Place], teachers: Sequence[Row]) -> Iterator[Enrolment]:
    """Who teaches what: class teachers in primary grades, teachers of the subject after them."""
    class_teachers = heads(places, teachers)
    for place in places:
        if place.grade <= _LAST_PRIMARY_GRADE:
            pairs = [(subject, class_teachers[place.number]) for subject in PRIMARY_SUBJECTS]
        else:
            pairs = []
            for turn, subject in enumerate(SUBJECTS):
                able = teachers[turn :: len(SUBJECTS)] or teachers
                pairs.append((subject, able[place.number % len(able)].person.sourced_id))
        for subject, person_id in pairs:
            yield Enrolment(
                person_id=person_id, class_id=place.sourced_id, role=Role.TEACHER, subject=subject
            )
