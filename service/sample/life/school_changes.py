"""What happens to whole schools: another code, a merger, an end, ids that begin anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from provisioning.roster import Role
from service.sample.city import school_code
from service.sample.life.city import LivingCity, LivingClass, LivingSchool
from service.sample.life.dice import Dice
from service.sample.life.numbers import Life, What

_FORMER_CODES = 5_000
"""A school that changes its code gets that of an index so much higher."""
_SCHOOLS_TO_MERGE, _SCHOOLS_TO_CLOSE = 6, 10
"""A smaller city keeps its schools."""
_CLOSES = 0.4
"""Of the cities that are large enough: one school closes within the year."""

Change = Callable[[LivingCity, LivingSchool], None]


def school_changes(life: Life) -> dict[int, list[tuple[int, Change]]]:
    """Month -> indexes of schools and what becomes of each: one school has at most one fate."""
    dice = Dice(life.seed, "life", "schools")
    kinds: list[Change] = [change_code, renumber, swap_class_ids]
    if life.schools >= _SCHOOLS_TO_MERGE:
        kinds.append(merge)
    if life.schools >= _SCHOOLS_TO_CLOSE and dice.chance(_CLOSES):
        kinds.append(close)
    found: dict[int, list[tuple[int, Change]]] = {}
    for index, kind in zip(dice.shuffled(range(life.schools)), kinds, strict=False):
        if life.months > 1:
            found.setdefault(1 + dice.below(life.months - 1), []).append((index, kind))
    return found


def change_code(city: LivingCity, school: LivingSchool) -> None:
    """From now on the same base exports under another code."""
    before = school.code
    school.school = replace(school.school, code=school_code(school.index + _FORMER_CODES))
    city.tell(What.CODE_CHANGED, schools=(before, school.code))


def renumber(city: LivingCity, school: LivingSchool) -> None:
    """«Параграф» was installed again: everybody and every class has a new id.

    In one school of two the numbers begin again: the ids of some are now those of others.
    """
    if overlapping := (city.life.seed + school.index) % 2 == 0:
        school.next_number, school.next_class = 1001, 101
    else:
        school.next_number, school.next_class = 70_001, 7001
    school.cards.sort(key=lambda one: (one.family_name, one.given_name, one.human))
    for card in school.cards:
        card.sourced_id = school.new_id(card.role)
    for one in school.classes:
        one.sourced_id = school.new_class_id()
    school.left.clear()
    detail = "ids of others" if overlapping else "unknown ids"
    city.tell(What.RENUMBERED, schools=(school.code,), detail=detail)


def swap_class_ids(city: LivingCity, school: LivingSchool) -> None:
    """The id of one class now names another one, and the other way round."""
    one, other = city.dice.shuffled(school.classes)[:2]
    one.sourced_id, other.sourced_id = other.sourced_id, one.sourced_id
    detail = f"{one.title} and {other.title}"
    city.tell(What.CLASS_IDS_SWAPPED, schools=(school.code,), detail=detail)


def merge(city: LivingCity, school: LivingSchool) -> None:
    """The school becomes a part of another one, with its cards and classes as they are typed."""
    taker = city.dice.pick([one for one in city.open_schools() if one is not school])
    letters = iter("ЛМНПРСТУФХЦЧШЩЭЮЯ" * 9)
    for one in school.classes:
        title = f"{one.grade}{next(letters)}"
        anew = LivingClass(
            key=one.key, sourced_id=taker.new_class_id(), title=title, grade=one.grade
        )
        taker.classes.append(anew)
    for card in school.present():
        if school.index not in city.at[card.human]:
            continue  # has moved away, and nobody has told the base
        city.at[card.human].discard(school.index)
        city.at[card.human].add(taker.index)
        if not taker.card_of(card.human):
            taker.cards.append(replace(card, sourced_id=taker.new_id(card.role)))
    _end(city, school)
    city.tell(What.MERGED, schools=(school.code, taker.code))


def close(city: LivingCity, school: LivingSchool) -> None:
    """Everybody finds another school; the papers go with them, with number and all."""
    others = [one for one in city.open_schools() if one is not school]
    for card in school.present():
        at = city.at[card.human]
        if school.index not in at:
            continue
        at.discard(school.index)
        if at:
            continue
        grade = city.grade_of(school, card)
        target = city.dice.pick(others)
        city.enter(
            target, card.human, card.role, grade=grade, position=card.position, untyped_share=0.01
        )
        detail = "closed, with number"
        if card.role is Role.STUDENT and not city.humans[card.human].snils:
            detail = "closed, without number"
        city.tell(What.MOVE, card.human, schools=(school.code, target.code), detail=detail)
    _end(city, school)
    city.tell(What.CLOSED, schools=(school.code,))


def _end(city: LivingCity, school: LivingSchool) -> None:
    school.open = False
    school.cards.clear()
    school.left.clear()
