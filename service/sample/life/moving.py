"""People come, go, move and come back, in every order in which schools tell of it."""

from __future__ import annotations

from functools import partial

from provisioning.roster import Role
from service.sample.life.cards import Card
from service.sample.life.city import LivingCity, LivingSchool
from service.sample.life.founding import born
from service.sample.life.numbers import RATES, RETURN_SHARE, What

_NAMESAKE_ARRIVES = 0.02
"""Of arrivals: has the full name and the birth date of somebody in the city."""
_WITH_TWIN = 0.9


def move_people(city: LivingCity) -> None:
    """Everything of one month that changes who is at which school."""
    students = city.settled(Role.STUDENT)
    share = len(students) / 1000 * city.life.eventful
    for school, card in city.dice.some(students, RATES.moves * share):
        if city.is_free(card.human):
            _move_with_twin(city, school, card)
    for school, card in city.dice.some(city.settled(Role.STUDENT), RATES.departures * share):
        _depart(city, school, card)
    for _ in range(city.dice.times(RATES.arrivals * share)):
        _arrive(city)
    for school, card in city.dice.some(city.settled(Role.STUDENT), RATES.other_classes * share):
        _other_class(city, school, card)
    _second_schools(city)


def _move_with_twin(city: LivingCity, school: LivingSchool, card: Card) -> None:
    targets = [one for one in city.open_schools() if one is not school]
    target = city.dice.pick(targets)
    twin = city.twins.get(card.human, "")
    move(city, school, target, card)
    other = school.card_of(twin)
    if other and city.is_free(twin) and city.dice.chance(_WITH_TWIN):
        move(city, school, target, other)


def move(city: LivingCity, origin: LivingSchool, target: LivingSchool, card: Card) -> None:
    """A student goes from one school to another; either of them may tell of it first."""
    human, grade = card.human, city.grade_of(origin, card)
    turn, gap = city.dice.below(100), 1 + city.dice.chance(0.3)
    city.keep_busy(gap, human)
    drop = partial(_leave, city, origin, human)
    enter = partial(_arrive_at, city, origin, target, card, grade)
    if turn < 40:
        drop()
        city.later(gap, partial(enter, f"left first, {gap} months between"))
    elif turn < 75:
        enter("listed first")
        city.later(gap, drop)
    else:
        drop()
        enter("at once")
    if city.dice.chance(RETURN_SHARE):
        city.later(gap + 1 + city.dice.below(4), partial(_come_back, city, origin, human, grade))


def _leave(city: LivingCity, school: LivingSchool, human: str) -> None:
    city.drop(school, human)
    city.at[human].discard(school.index)


def _arrive_at(
    city: LivingCity,
    origin: LivingSchool,
    target: LivingSchool,
    left: Card,
    grade: int,
    order: str,
) -> None:
    """The receiving school puts the student on its roll; from now on the place is there."""
    if not target.open:
        return
    human = left.human
    back = human in target.left
    city.at[human].clear()
    card = city.enter(target, human, Role.STUDENT, grade=grade)
    proven = left.snils and left.snils == card.snils == city.humans[human].snils
    detail = f"{order}, {'with number' if proven else 'without number'}"
    what = What.RETURN if back else What.MOVE
    city.tell(what, human, schools=(origin.code, target.code), detail=detail)


def _come_back(city: LivingCity, school: LivingSchool, human: str, grade: int) -> None:
    """A student returns to the school of before, from another one or from outside the city."""
    if not (school.open and city.is_free(human)) or school.index in city.at[human]:
        return
    there = [city.schools[index] for index in city.at[human]]
    card = there[0].card_of(human) if there else None
    if card:
        move(city, there[0], school, card)
    else:
        city.keep_busy(0, human)
        city.enter(school, human, Role.STUDENT, grade=grade)
        city.tell(What.RETURN, human, schools=("", school.code), detail="from outside the city")


def _depart(city: LivingCity, school: LivingSchool, card: Card) -> None:
    human, grade = card.human, city.grade_of(school, card)
    city.keep_busy(0, human)
    _leave(city, school, human)
    city.tell(What.DEPARTURE, human, schools=(school.code,))
    if city.dice.chance(RETURN_SHARE):
        city.later(1 + city.dice.below(5), partial(_come_back, city, school, human, grade))


def _arrive(city: LivingCity) -> None:
    """Somebody from outside the city; now and then with a name that the city knows already."""
    school = city.dice.pick(city.open_schools())
    grade = city.dice.pick(school.classes).grade
    like = ""
    if city.dice.chance(_NAMESAKE_ARRIVES * city.life.eventful):
        other, known = city.dice.pick(city.settled(Role.STUDENT))
        like, grade = known.human, city.grade_of(other, known)
    human = born(city, role=Role.STUDENT, grade=grade, like=like)
    city.keep_busy(0, human.key)
    city.enter(school, human.key, Role.STUDENT, grade=grade)
    what = What.NAMESAKE if like else What.ARRIVAL
    city.tell(what, *filter(None, (human.key, like)), schools=(school.code,))


def _other_class(city: LivingCity, school: LivingSchool, card: Card) -> None:
    others = [one for one in school.classes if one.key != card.class_key]
    grade = city.grade_of(school, card)
    card.class_key = min(others, key=lambda one: (abs(one.grade - grade), one.key)).key
    city.keep_busy(0, card.human)
    city.tell(What.OTHER_CLASS, card.human, schools=(school.code,))


def _second_schools(city: LivingCity) -> None:
    """Teachers begin to work in a second school, and stop."""
    teachers = city.settled(Role.TEACHER)
    expected = RATES.second_schools * len(teachers) / 1000 * city.life.eventful
    for school, card in city.dice.some(teachers, expected):
        target = city.dice.pick([one for one in city.open_schools() if one is not school])
        city.keep_busy(0, card.human)
        city.enter(target, card.human, Role.TEACHER, position=card.position)
        city.tell(What.SECOND_SCHOOL, card.human, schools=(school.code, target.code))
    of_two = [
        (school, card.human)
        for school in city.open_schools()
        for card in school.present(Role.TEACHER)
        if len(city.at[card.human]) > 1 and city.is_free(card.human)
    ]
    expected = RATES.second_schools_end * len(of_two) / 2000 * city.life.eventful
    for school, human in city.dice.some(of_two, expected):
        if len(city.at[human]) > 1:
            city.keep_busy(0, human)
            _leave(city, school, human)
            city.tell(What.SECOND_SCHOOL_ENDS, human, schools=(school.code,))
