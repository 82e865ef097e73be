"""Month 0 of a living city: its first humans and schools, with the mistakes of earlier years."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from provisioning.roster import Role
from service.sample.city import school_code
from service.sample.life.cards import Card, new_card
from service.sample.life.city import LivingCity, LivingClass, LivingSchool
from service.sample.life.numbers import NO_NUMBER_SHARE, OLD_ERROR_SHARE, Life, What
from service.sample.names import FEMININE_NAMES, MASCULINE_NAMES, SUBJECTS
from service.sample.people import (
    Human,
    make_human,
    snils,
    staff_birth_date,
    student_birth_date,
)
from service.sample.school import invented_school

_GRADES = 11
_LETTERS = "АБВГДЕ"
_PAIRS_OF_TWINS = 0.012
"""Of students: is the elder of twins."""
_SIMILAR_NAMES = 0.4
"""Of twins."""
_NAMESAKES = 0.0015
"""Of students: has the full name and the birth date of somebody else in the city."""


def found_city(life: Life) -> LivingCity:
    """The city in month 0."""
    city = LivingCity(life)
    for index in range(life.schools):
        city.schools.append(_school(city, index))
        _fill(city, city.schools[-1])
    _guests(city)
    _namesakes(city)
    return city


def born(
    city: LivingCity,
    *,
    role: Role,
    grade: int = 0,
    household: str = "",
    like: str = "",
) -> Human:
    """Another human of the city: a twin in ``household``, a namesake of ``like``, or anybody."""
    number = len(city.humans) + 1
    key, seed, dice = f"h{number:05d}", city.life.seed, city.dice
    year = city.life.first_year
    if role is Role.STUDENT:
        birth = student_birth_date(key, seed=seed, grade=grade, school_year=year, ordinal=number)
    else:
        birth = staff_birth_date(key, seed=seed, school_year=year)
    own = "" if dice.chance(NO_NUMBER_SHARE) else snils(number, seed=seed)
    elder = city.humans.get(household or like)
    human = make_human(
        key, seed=seed, household=household, snils=own,
        birth_date=elder.birth_date if elder else birth, sex=elder.sex if elder and like else "",
    )  # fmt: skip
    if elder and household:
        human = replace(human, family_name=_family_name(elder, human))
        if dice.chance(_SIMILAR_NAMES):
            human = replace(human, given_name=_similar(elder, human))
        city.twins |= {elder.key: key, key: elder.key}
    elif elder:
        same = ("family_name", "given_name", "middle_name")
        human = replace(human, **{name: getattr(elder, name) for name in same})
    city.humans[key] = human
    return human


def _family_name(elder: Human, human: Human) -> str:
    """Twins of a family from abroad have the family name of the elder."""
    return elder.family_name if not elder.middle_name else human.family_name


def _similar(elder: Human, human: Human) -> str:
    """A given name that begins like the elder's, if there is one for the younger."""
    names = [given for given, _, _ in MASCULINE_NAMES] if human.sex == "M" else FEMININE_NAMES
    similar = [
        name
        for name in names
        if name != elder.given_name and name[:3].casefold() == elder.given_name[:3].casefold()
    ]
    return similar[0] if similar else human.given_name


def make_class(school: LivingSchool, key: str, grade: int, letter: str) -> LivingClass:
    return LivingClass(
        key=key, sourced_id=school.new_class_id(), title=f"{grade}{letter}", grade=grade
    )


def _school(city: LivingCity, index: int) -> LivingSchool:
    known = replace(invented_school(index), code=school_code(index))
    school = LivingSchool(index=index, school=known, classes=[], tells_sex=city.dice.chance(0.75))
    for number in range(city.life.classes):
        grade = 1 + number * _GRADES // city.life.classes
        letter = _LETTERS[sum(one.grade == grade for one in school.classes) % len(_LETTERS)]
        school.classes.append(make_class(school, f"k{index}-{number}", grade, letter))
    return school


def _fill(city: LivingCity, school: LivingSchool) -> None:
    life, dice = city.life, city.dice
    for number in range(life.staff):
        role = Role.ADMINISTRATOR if number == 0 else Role.TEACHER
        subject = list(SUBJECTS.values())[number % len(SUBJECTS)]
        position = "директор" if number == 0 else f"учитель {subject}"
        _card(city, school, born(city, role=role), role, position=position)
    number = 0
    while number < life.students:
        place = school.classes[number * len(school.classes) // life.students]
        elder = born(city, role=Role.STUDENT, grade=place.grade)
        _card(city, school, elder, Role.STUDENT, class_key=place.key)
        number += 1
        if number < life.students and dice.chance(_PAIRS_OF_TWINS * life.eventful):
            twin = born(city, role=Role.STUDENT, grade=place.grade, household=elder.key)
            _card(city, school, twin, Role.STUDENT, class_key=place.key)
            number += 1


def _card(
    city: LivingCity,
    school: LivingSchool,
    human: Human,
    role: Role,
    *,
    class_key: str = "",
    position: str = "",
) -> Card:
    year = city.life.first_year
    card = new_card(
        human, city.dice, sourced_id=school.new_id(role), role=role, class_key=class_key,
        position=position, begin_date=date(year, 9, 1), error_share=OLD_ERROR_SHARE,
        untyped_share=0.01,
    )  # fmt: skip
    school.cards.append(card)
    city.at[human.key].add(school.index)
    return card


def _guests(city: LivingCity) -> None:
    """A teacher of each odd school works in the school before, too."""
    for home, other in zip(city.schools[1::2], city.schools[::2], strict=False):
        card = home.present(Role.TEACHER)[0]
        guest = _card(city, other, city.humans[card.human], Role.TEACHER, position=card.position)
        city.tell(What.SECOND_SCHOOL, guest.human, schools=(home.code, other.code))


def _namesakes(city: LivingCity) -> None:
    """Some students have a namesake of the same birth date elsewhere, one in their own school."""
    students = city.settled(Role.STUDENT)
    wanted = len(students) * _NAMESAKES * city.life.eventful
    for turn, (school, card) in enumerate(city.dice.some(students, wanted)):
        other = school if turn == 1 else city.schools[(school.index + 1) % len(city.schools)]
        grade = city.grade_of(school, card)
        namesake = born(city, role=Role.STUDENT, grade=grade, like=card.human)
        place = city.class_for(other, grade)
        _card(city, other, namesake, Role.STUDENT, class_key=place)
        city.tell(What.NAMESAKE, card.human, namesake.key, schools=(school.code, other.code))
