"""Several rows of one human in one file."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import permutations
from typing import Any

import pytest

from provisioning.matching import How, Match, match
from provisioning.matching.known import KnownIdentities
from provisioning.questions import Answer, QuestionKind
from provisioning.roll import next_roll
from provisioning.roster import Person, PersonStatus, Role
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher
from tests.provisioning.loading import TODAY
from tests.provisioning.matching.people import (
    OTHER_SNILS,
    SNILS,
    answer,
    class_roster,
    known_person,
    listed_person,
    match_all,
    numbered,
    people,
)
from tests.provisioning.roster_files import rules_of

POST = make_teacher("t-1", snils=SNILS)

POSTS: dict[str, tuple[Person, Person]] = {
    "one number": (POST, replace(POST, sourced_id="t-2", middle_name="")),
    "one name and birth date": (make_teacher("t-1"), make_teacher("t-2")),
    "one of them without a number": (POST, make_teacher("t-2")),
    "two roles": (POST, replace(POST, sourced_id="t-2", role=Role.ADMINISTRATOR)),
    "written otherwise": (make_teacher("t-1"), make_teacher("t-2", family_name="ОБРАЗЦОВА")),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("one", "two"), POSTS.values(), ids=POSTS)
def test_two_posts_of_a_teacher_are_one_account(one: Person, two: Person, turned: bool) -> None:
    rows = [two, one] if turned else [one, two]
    found = match_all(class_roster(rows))
    assert {key: each.person_id for key, each in found.matches.items()} == {
        "t-1": "new-1", "t-2": "new-1",
    }  # fmt: skip
    first = min(rows, key=lambda row: (row.role is not Role.ADMINISTRATOR, row.sourced_id))
    assert found.second_rows == {"t-1", "t-2"} - {first.sourced_id}
    assert rules_of(found.findings) == ["match.second_row"]
    roll = next_roll(class_roster(rows), found, {}, today=TODAY)
    assert [entry.role for entry in roll.after.values()] == [first.role]
    assert set(roll.present) == {"t-1", "t-2"}


def test_a_second_post_joins_the_teacher_whom_we_know() -> None:
    known = known_person(
        family_name=POST.family_name, given_name=POST.given_name, middle_name=POST.middle_name,
        birth_date=POST.birth_date, role="teacher",
    )  # fmt: skip
    rows = [make_teacher("t-1"), make_teacher("t-2")]
    found = match_all(class_roster(rows), by_key={"t-1": known})
    assert found.matches["t-2"] == Match(person_id="p-1", how=How.SECOND_ROW)
    later = match_all(class_roster(rows), by_key={"t-1": known, "t-2": known})
    assert {one.how for one in later.matches.values()} == {How.KNOWN}
    assert (later.second_rows, later.findings) == ({"t-2"}, ())


OTHERS: dict[str, tuple[Person, Person]] = {
    "pupils of one name": (make_person("s-1"), make_person("s-2")),
    "teachers without a patronymic": (
        make_teacher("t-1", middle_name=""), make_teacher("t-2", middle_name=""),
    ),
    "numbers differ": (POST, make_teacher("t-2", snils=OTHER_SNILS)),
    "a pupil and a teacher": (make_person("s-1", snils=SNILS), make_teacher("t-2", snils=SNILS)),
    "sexes differ": (make_teacher("t-1", sex="F"), make_teacher("t-2", sex="M")),
}  # fmt: skip


@pytest.mark.parametrize(("one", "two"), OTHERS.values(), ids=OTHERS)
def test_other_rows_are_two_people(one: Person, two: Person) -> None:
    found = match_all(class_roster([one, two]))
    assert len({each.person_id for each in found.matches.values()}) == 2
    assert found.second_rows == frozenset()


NUMBERED = make_person("s-1", snils=SNILS)


def test_a_pupil_with_two_rows_of_one_number_has_one_account_and_both_places() -> None:
    rows = [NUMBERED, replace(NUMBERED, sourced_id="s-2")]
    classes = [make_class("c-1"), make_class("c-2")]
    roster = make_roster(rows, classes, [make_enrolment("s-2", "c-2")])
    found = match_all(roster)
    roll = next_roll(roster, found, {}, today=TODAY)
    assert [entry.class_id for entry in roll.after.values()] == ["c-2"]


@pytest.mark.parametrize("order", list(permutations(range(2))))
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize("number", ["", SNILS])
def test_an_active_row_beats_an_ended_one_of_another_id(
    order: tuple[int, ...], known: bool, number: str
) -> None:
    ended = make_person("s-1", status=PersonStatus.LEFT, snils=number)
    active = make_person("s-2", snils=number)
    rows = [(ended, active)[each] for each in order]
    humans = people(listed_person("p-1", "s-1", snils=number)) if known else {}
    found = match_all(class_roster(rows), **humans)
    assert len({one.person_id for one in found.matches.values()}) == 1
    assert found.second_rows == {"s-1"}
    roll = next_roll(class_roster(rows), found, {}, today=TODAY)
    assert len(roll.after) == 1


@pytest.mark.parametrize("is_known", [False, True])
def test_all_ended_rows_of_a_name_go_with_the_only_active_one(is_known: bool) -> None:
    rows = [
        make_person("s-1", status=PersonStatus.LEFT),
        make_person("s-2", status=PersonStatus.LEFT),
        make_person("s-3"),
    ]
    human = listed_person("p-1", "s-1")
    known = {"by_key": {"s-1": human, "s-2": human}, "own": {"p-1": human}} if is_known else {}
    found = match_all(class_roster(rows), **known)
    assert {one.person_id for one in found.matches.values()} == {"p-1" if is_known else "new-1"}
    assert (found.second_rows, found.questions) == ({"s-1", "s-2"}, ())


COMES_BACK: dict[str, dict[str, Any]] = {
    "without patronymic": {"middle_name": ""},
    "one letter of the family name": {"family_name": "Прамеров"},
    "one letter of the patronymic": {"middle_name": "Примеравич"},
    "a new family name": {"family_name": "Иной"},
    "day and month": {"birth_date": date(2012, 1, 9)},
    "another number": {"snils": OTHER_SNILS},
}


@pytest.mark.parametrize("is_listed", [False, True])
@pytest.mark.parametrize("change", COMES_BACK.values(), ids=COMES_BACK)
def test_who_has_only_ended_rows_is_asked_about_an_active_one_and_stays_meanwhile(
    change: dict[str, Any], is_listed: bool
) -> None:
    human = listed_person("p-1", "s-1", snils=SNILS)
    human = human if is_listed else replace(human, listed=frozenset())
    ended = [
        make_person("s-1", status=PersonStatus.LEFT),
        make_person("s-2", status=PersonStatus.LEFT),
    ]
    known = {"by_key": {"s-1": human, "s-2": human}, "own": {"p-1": human}, **numbered(human)}
    roster = class_roster([*ended, make_person("s-3", **change)])
    found = match_all(roster, **known)
    (asked,) = found.questions
    assert [one.key for one in asked.candidates] == ["p-1"]
    assert (found.matches, found.waiting) == ({}, {"s-3": "p-1"})
    assert found.set_aside == {"p-1"}
    same = match_all(roster, **known, decided=answer(asked, Answer.SAME, "p-1"))
    assert {one.person_id for one in same.matches.values()} == {"p-1"}
    assert same.second_rows == {"s-1", "s-2"}
    other = match_all(roster, **known, decided=answer(asked, Answer.DIFFERENT))
    assert other.matches["s-3"].how is How.NEW
    assert other.matches["s-1"].person_id == "p-1"


def test_an_active_row_goes_on_where_the_number_proves_whose_rows_have_ended() -> None:
    human = listed_person("p-1", "s-1", snils=SNILS)
    rows = [
        make_person("s-1", status=PersonStatus.LEFT),
        make_person("s-3", snils=SNILS, middle_name=""),
    ]
    found = match_all(class_roster(rows), **people(human), **numbered(human))
    assert {one.person_id for one in found.matches.values()} == {"p-1"}
    assert (found.second_rows, found.questions) == ({"s-1"}, ())


@pytest.mark.parametrize("status", PersonStatus)
def test_who_goes_on_under_the_own_id_or_elsewhere_is_not_meant(status: PersonStatus) -> None:
    is_elsewhere = status is PersonStatus.LEFT
    human = listed_person("p-1", "s-1", listed=frozenset({"78-0006"} if is_elsewhere else ()))
    rows = [make_person("s-1", status=status), make_person("s-3", family_name="Иной")]
    found = match_all(class_roster(rows), **people(human))
    assert (found.matches["s-3"].how, found.questions) == (How.NEW, ())


def test_the_number_that_only_we_know_joins_an_equal_row_too() -> None:
    rows = [make_person("s-1"), NUMBERED, make_person("s-2", snils=SNILS)]
    human = known_person(snils=SNILS)
    roster = class_roster([rows[0], rows[2]])
    found = match_all(roster, by_key={"s-1": human}, **numbered(human))
    assert {one.person_id for one in found.matches.values()} == {"p-1"}


def test_two_people_to_us_stay_two() -> None:
    rows = [POST, replace(POST, sourced_id="t-2")]
    fields: dict[str, Any] = {
        "family_name": POST.family_name, "given_name": POST.given_name,
        "middle_name": POST.middle_name, "birth_date": POST.birth_date, "role": "teacher",
    }  # fmt: skip
    known = {"t-1": known_person("p-1", **fields), "t-2": known_person("p-2", **fields)}
    found = match(class_roster(rows), KnownIdentities(by_key=known), lambda: "new")
    assert {one.person_id for one in found.matches.values()} == {"p-1", "p-2"}


def test_rows_of_one_human_wait_together() -> None:
    rows = [NUMBERED, replace(NUMBERED, sourced_id="s-2", birth_date=date(2012, 9, 1))]
    human = listed_person(snils=SNILS, class_id="", role="teacher")
    found = match_all(class_roster(rows), **people(human), **numbered(human))
    assert [one.kind for one in found.questions] == [QuestionKind.MATCH]
    assert found.waiting == {"s-1": "p-1", "s-2": "p-1"}
