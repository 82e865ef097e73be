"""What one school's base holds of a human: a card, typed by somebody, with mistakes at times."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from provisioning.roster import Person, PersonStatus, Role
from service.sample.life.dice import Dice
from service.sample.life.numbers import UNTYPED_NUMBER_SHARE
from service.sample.people import Human

_LATIN = str.maketrans("аеорсухАЕОРСХКМТВН", "aeopcyxAEOPCXKMTBH")
_VOWELS = "аеиоуыэюя"
_CONSONANTS = "бвгдзклмнпрстфх"


@dataclass(kw_only=True, slots=True)
class Card:
    """A person's card in the base of one school. The fields are as typed there."""

    human: str
    """``Human.key``: whose card it is."""
    sourced_id: str
    role: Role
    family_name: str
    given_name: str
    middle_name: str
    birth_date: date
    sex: str
    snils: str
    class_key: str = ""
    """``LivingClass.key``, empty for staff."""
    position: str = ""
    begin_date: date
    left_on: date | None = None
    """Marked as left; the card is in one more export and then gone."""
    mistyped: bool = False

    def person(self, *, with_sex: bool) -> Person:
        """What a correct reader makes of the card."""
        return Person(
            sourced_id=self.sourced_id,
            role=self.role,
            family_name=self.family_name,
            given_name=self.given_name,
            middle_name=self.middle_name,
            birth_date=self.birth_date,
            sex=self.sex if with_sex else "",
            snils=self.snils,
            position=self.position,
            status=PersonStatus.LEFT if self.left_on else PersonStatus.ACTIVE,
            begin_date=self.begin_date,
            end_date=self.left_on,
        )

    def type_names(self, human: Human) -> None:
        """Type what the papers say, without a mistake; the number stays as it is."""
        self.family_name, self.given_name = human.family_name, human.given_name
        self.middle_name, self.birth_date = human.middle_name, human.birth_date
        self.mistyped = False

    def mistype(self, dice: Dice) -> str:
        """Make one of the mistakes that people make; which one."""
        kinds = ["letter", "letter", "letter", "latin", "no_patronymic"]
        if any("ё" in name.lower() for name in (self.family_name, self.given_name)):
            kinds += ["yo"] * 6
        if self.birth_date.day <= 12 and self.birth_date.day != self.birth_date.month:
            kinds += ["day_and_month"]
        if "-" in self.family_name:
            kinds += ["blank_for_hyphen"] * 2
        kind = dice.pick(kinds)
        self.mistyped = True
        if kind == "yo":
            for name in ("family_name", "given_name", "middle_name"):
                setattr(self, name, getattr(self, name).replace("ё", "е").replace("Ё", "Е"))
        elif kind == "day_and_month":
            day, month = self.birth_date.month, self.birth_date.day
            self.birth_date = self.birth_date.replace(day=day, month=month)
        elif kind == "no_patronymic":
            self.middle_name = ""
        elif kind == "blank_for_hyphen":
            self.family_name = self.family_name.replace("-", " ")
        else:
            field = dice.pick(["family_name", "given_name"])
            change = _one_letter if kind == "letter" else _one_latin_letter
            setattr(self, field, change(getattr(self, field), dice))
        return kind


def _one_letter(name: str, dice: Dice) -> str:
    """One letter is left out, doubled, or another one; never the first."""
    if len(name) < 4:
        return name
    place = 1 + dice.below(len(name) - 2)
    head, letter, tail = name[:place], name[place], name[place + 1 :]
    kind = dice.below(3)
    if kind == 0:
        return head + tail
    if kind == 1:
        return head + letter + letter + tail
    return head + dice.pick(_VOWELS if letter in _VOWELS else _CONSONANTS) + tail


def _one_latin_letter(name: str, dice: Dice) -> str:
    places = [place for place, letter in enumerate(name) if letter.translate(_LATIN) != letter]
    if not places:
        return name
    place = dice.pick(places)
    return name[:place] + name[place].translate(_LATIN) + name[place + 1 :]


def new_card(
    human: Human,
    dice: Dice,
    *,
    sourced_id: str,
    role: Role,
    begin_date: date,
    error_share: float,
    untyped_share: float = UNTYPED_NUMBER_SHARE,
    position: str = "",
    class_key: str = "",
) -> Card:
    """A card of this human as somebody types it, with these shares of mistakes."""
    card = Card(
        human=human.key, sourced_id=sourced_id, role=role, class_key=class_key, position=position,
        family_name=human.family_name, given_name=human.given_name,
        middle_name=human.middle_name, birth_date=human.birth_date, sex=human.sex,
        snils="" if dice.chance(untyped_share) else human.snils, begin_date=begin_date,
    )  # fmt: skip
    if dice.chance(error_share):
        card.mistype(dice)
    return card


def copied(card: Card, sourced_id: str) -> Card:
    """The same card under another id."""
    return replace(card, sourced_id=sourced_id)
