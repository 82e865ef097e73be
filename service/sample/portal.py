"""Accounts as a portal has them that somebody filled from lists: Moodle's own bulk upload.

The lists were typed by people, at each school in its own way, with mistakes at real rates.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from provisioning.roster import Role
from service.sample import City, make_city
from service.sample.life.cards import Card
from service.sample.life.dice import Dice
from service.sample.life.numbers import TYPING_ERROR_SHARE, UNTYPED_NUMBER_SHARE
from service.sample.people import make_human
from service.sample.rows import Row, SampleSchool

_LONG_AGO = date(2020, 9, 1)
_STRANGERS = 0.03
"""Of the people on the roll: accounts of parents, and of people who left long ago."""
_OTHER_CLASS = 0.01
"""Of the pupils: the list names the class of before a move."""
_CLASS_SPELLINGS = ("{grade}{letter}", "{grade} {letter}", "{grade}-{letter}", "{grade}«{letter}»")
_COLUMNS = (
    "username", "password", "firstname", "lastname", "email", "institution", "department",
    "profile_field_snils",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class MadeAccount:
    """A line of such a list, with the truth that is in no file: whose account it is."""

    school_code: str
    human: str
    """``Row.human``; empty for somebody who is on no roll, like the next."""
    sourced_id: str
    """Empty for somebody who is on no roll."""
    username: str
    firstname: str
    lastname: str
    email: str
    institution: str
    department: str = ""
    snils: str = ""


def made_accounts(
    school: SampleSchool, *, seed: int = 1, with_numbers: bool = False
) -> Iterator[MadeAccount]:
    """Yield the accounts of one school, those of strangers among them.

    ``with_numbers``: the portal has a profile field for СНИЛС, and most people's is there.
    """
    code = school.school.code
    dice = Dice(seed, "portal", code)
    told = dice.pick((school.school.short_name, school.school.name, code))
    spelling = dice.pick(_CLASS_SPELLINGS)
    titles = {one.sourced_id: one.title for one in school.classes}
    people = [row for row in school.rows if row.usable]
    strangers = [_stranger(row, dice, seed) for row in dice.some(people, len(people) * _STRANGERS)]
    for place, row in enumerate(dice.shuffled([*people, *strangers])):
        card = _card(row)
        if dice.chance(TYPING_ERROR_SHARE):
            card.mistype(dice)
        title = titles.get(row.class_id, "")
        if title and dice.chance(_OTHER_CLASS):
            title = dice.pick(_likely_before(school, row.class_id))
        number = card.snils if with_numbers and not dice.chance(UNTYPED_NUMBER_SHARE) else ""
        username = f"{code.lower()}-{place + 1:04d}"
        yield MadeAccount(
            school_code=code,
            human=row.human,
            sourced_id=row.person.sourced_id if row.human else "",
            username=username,
            firstname=f"{card.given_name} {card.middle_name}".strip(),
            lastname=card.family_name,
            email=f"{username}@mail.invalid",
            institution=told,
            department=_spelled(title, spelling) if title else "",
            snils=number,
        )


def portal_accounts(
    city: City, *, seed: int = 1, with_numbers: bool = False
) -> Iterator[MadeAccount]:
    """Yield the accounts of a whole city; who works at two schools has one account."""
    seen: set[str] = set()
    for school in make_city(city):
        for one in made_accounts(school, seed=seed, with_numbers=with_numbers):
            if not one.human or one.human not in seen:
                seen.add(one.human)
                yield one


def _likely_before(school: SampleSchool, class_id: str) -> list[str]:
    """Return the titles of the classes of the same grade, and of the grade before."""
    (own,) = (one for one in school.classes if one.sourced_id == class_id)
    near = [
        one.title
        for one in school.classes
        if one.grade is not None and own.grade is not None and 0 <= own.grade - one.grade <= 1
    ]
    return near or [own.title]


def _card(row: Row) -> Card:
    person = row.person
    return Card(
        human=row.human, sourced_id=person.sourced_id, role=person.role,
        family_name=person.family_name, given_name=person.given_name,
        middle_name=person.middle_name, birth_date=person.birth_date, sex=person.sex,
        snils=person.snils, begin_date=person.begin_date or _LONG_AGO,
    )  # fmt: skip


def _stranger(row: Row, dice: Dice, seed: int) -> Row:
    """Somebody whom no school lists, in a class as the row's, or in none as parents are."""
    human = make_human(
        f"stranger {row.human} {dice.below(1_000_000)}", seed=seed,
        birth_date=row.person.birth_date, snils="",
    )  # fmt: skip
    names = {name: getattr(human, name) for name in ("family_name", "given_name", "middle_name")}
    person = replace(row.person, **names, snils="", sex=human.sex)
    is_parent = row.person.role is Role.STUDENT and dice.chance(0.5)
    return Row(human="", person=person, class_id="" if is_parent else row.class_id)


def _spelled(title: str, spelling: str) -> str:
    if not title[-1].isalpha():
        return title
    return spelling.format(grade=title[:-1], letter=title[-1])


def write_upload(path: Path, accounts: Iterable[MadeAccount]) -> int:
    """Write the list as Moodle's bulk upload takes it; return how many lines."""
    lines = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_COLUMNS)
        for one in accounts:
            writer.writerow(
                (one.username, "Changeme-1", one.firstname, one.lastname, one.email,
                 one.institution, one.department, one.snils)
            )  # fmt: skip
            lines += 1
    return lines
