"""What happens to cards: new names, mistakes, numbers of others, ids entered anew and swapped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from provisioning.roster import Role
from service.sample.life.cards import Card, new_card
from service.sample.life.city import LivingCity, LivingSchool
from service.sample.life.numbers import RATES, TYPING_ERROR_SHARE, What
from service.sample.people import family_name

_BACKLOG = 3.0
"""In month 0 there is what several months have left."""


def spoil_cards(city: LivingCity) -> None:
    """Everything of one month that happens to cards of people who stay where they are."""
    usual = city.life.eventful * (1.0 if city.month else _BACKLOG)
    everybody = [*city.settled(Role.STUDENT), *city.settled(Role.TEACHER)]
    share = len(everybody) / 1000 * usual
    if city.month:
        for school, card in city.dice.some(everybody, RATES.new_names * share):
            _new_name(city, school, card)
        _each(city, RATES.new_ids * share, _new_id)
        _each(city, RATES.swapped_strangers * share, _swap_with_anybody)
        pairs = list(city.pairs_of_twins())
        for school, one, other in city.dice.some(pairs, RATES.swapped_twins * len(pairs) / 1000):
            _swap_ids(city, school, one, other)
        _numbers_found(city, usual)
        _corrections(city, usual)
    _twins_numbers(city, usual)
    _each(city, RATES.strangers_number * share, _strangers_number)
    _each(city, RATES.numbers_lost * share, _number_lost)
    _each(city, RATES.mistyped * share, _mistype)


def _each(
    city: LivingCity,
    expected: float,
    happen: Callable[[LivingCity, LivingSchool, Card], None],
) -> None:
    for school, card in city.dice.some(city.settled(Role.STUDENT), expected):
        happen(city, school, card)


def _new_name(city: LivingCity, school: LivingSchool, card: Card) -> None:
    """A marriage of a teacher or of a mother; every school of the person hears of it."""
    old = city.humans[card.human]
    name = family_name(f"{old.key} renamed {city.month}", seed=city.life.seed, sex=old.sex)
    if name == old.family_name:
        return
    human = city.humans[old.key] = replace(old, family_name=name)
    city.keep_busy(0, human.key)
    for one in city.schools:
        for own in one.cards:
            if own.human == human.key:
                own.family_name = name
    city.tell(What.NEW_NAME, human.key, schools=(school.code,))


def _new_id(city: LivingCity, school: LivingSchool, card: Card) -> None:
    """Somebody deletes the card and enters the same pupil anew."""
    anew = new_card(
        city.humans[card.human], city.dice, sourced_id=school.new_id(card.role), role=card.role,
        begin_date=card.begin_date, class_key=card.class_key, error_share=TYPING_ERROR_SHARE,
        untyped_share=0.3,
    )  # fmt: skip
    school.cards[school.cards.index(card)] = anew
    city.keep_busy(0, card.human)
    number = "with number" if anew.snils and anew.snils == card.snils else "without number"
    city.tell(What.NEW_ID, card.human, schools=(school.code,), detail=number)


def _swap_ids(city: LivingCity, school: LivingSchool, one: Card, other: Card) -> None:
    one.sourced_id, other.sourced_id = other.sourced_id, one.sourced_id
    city.keep_busy(1, one.human, other.human)
    city.tell(What.SWAPPED_IDS, one.human, other.human, schools=(school.code,))


def _swap_with_anybody(city: LivingCity, school: LivingSchool, card: Card) -> None:
    same_class = [one for one in school.present(Role.STUDENT) if one.class_key == card.class_key]
    others = [one for one in same_class if one is not card and city.is_free(one.human)]
    if others:
        _swap_ids(city, school, card, city.dice.pick(others))


def _twins_numbers(city: LivingCity, usual: float) -> None:
    """A twin's card has the number of the other, or both that of a parent."""
    pairs = list(city.pairs_of_twins())
    for school, one, other in city.dice.some(pairs, RATES.twins_number * len(pairs) / 1000 * usual):
        if one.snils and city.is_free(one.human):
            other.snils = one.snils
            city.keep_busy(0, one.human, other.human)
            city.tell(
                What.OTHERS_NUMBER, other.human, one.human, schools=(school.code,), detail="twin's"
            )
    pairs = list(city.pairs_of_twins())
    adults = [card for one in city.schools for card in one.present(Role.TEACHER) if card.snils]
    expected = RATES.parents_number * len(pairs) / 1000 * usual
    for school, one, other in city.dice.some(pairs, expected):
        if city.is_free(one.human):
            one.snils = other.snils = city.dice.pick(adults).snils
            city.keep_busy(0, one.human, other.human)
            city.tell(
                What.OTHERS_NUMBER, one.human, other.human, schools=(school.code,),
                detail="parent's on both",
            )  # fmt: skip


def _strangers_number(city: LivingCity, school: LivingSchool, card: Card) -> None:
    """A digit is wrong, the check number fits, and the number is somebody else's."""
    strangers = [one for other in city.schools for one in other.present() if one.snils]
    stranger = city.dice.pick(strangers)
    if stranger.human != card.human:
        card.snils = stranger.snils
        city.keep_busy(0, card.human)
        city.tell(
            What.OTHERS_NUMBER, card.human, stranger.human, schools=(school.code,),
            detail="stranger's",
        )  # fmt: skip


def _number_lost(city: LivingCity, school: LivingSchool, card: Card) -> None:
    if card.snils:
        card.snils = ""
        city.tell(What.NUMBER_LOST, card.human, schools=(school.code,))


def _numbers_found(city: LivingCity, usual: float) -> None:
    """A school types a number that was missing, or replaces one that was not the person's."""
    wrong = [
        (school, card)
        for school in city.open_schools()
        for card in school.present()
        if card.snils != city.humans[card.human].snils and city.is_free(card.human)
    ]
    for school, card in city.dice.some(wrong, RATES.numbers_found * len(wrong) / 1000 * usual):
        card.snils = city.humans[card.human].snils
        city.tell(What.NUMBER_FOUND, card.human, schools=(school.code,))


def _mistype(city: LivingCity, school: LivingSchool, card: Card) -> None:
    kind = card.mistype(city.dice)
    city.tell(What.MISTYPED, card.human, schools=(school.code,), detail=kind)


def _corrections(city: LivingCity, usual: float) -> None:
    wrong = [
        (school, card)
        for school in city.open_schools()
        for card in school.present()
        if card.mistyped and city.is_free(card.human)
    ]
    for school, card in city.dice.some(wrong, RATES.corrected * len(wrong) / 1000 * usual):
        card.type_names(city.humans[card.human])
        city.tell(What.CORRECTED, card.human, schools=(school.code,))
