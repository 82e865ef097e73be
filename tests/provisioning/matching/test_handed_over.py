"""The first file of a school that took another one over: its people have new ids there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.matching import How, KnownIdentity, Match
from provisioning.questions import QuestionKind, RowRef
from provisioning.roster import Mode, Person
from tests.factories import SCHOOL_CODE, make_class, make_enrolment, make_person, make_roster
from tests.provisioning.matching.people import (
    OTHER_SCHOOL,
    OTHER_SNILS,
    SNILS,
    class_roster,
    listed_person,
    match_all,
    people,
    stranger,
    told,
)
from tests.provisioning.roster_files import rules_of

SAME = Match(person_id="p-1", how=How.EVIDENCE)
NEW_ID = make_person("s-77")


def handed_over(person_id: str = "p-1", sourced_id: str = "7", **fields: Any) -> KnownIdentity:
    """Somebody whom another school has handed over, from its class 5Л."""
    keys = (
        RowRef(school_code=OTHER_SCHOOL, sourced_id=sourced_id),
        RowRef(school_code=SCHOOL_CODE, sourced_id=f"{OTHER_SCHOOL}:{sourced_id}"),
    )
    values = {"keys": keys, "class_id": "c-9", "class_title": "5Л", "handed_over": True}
    return listed_person(person_id, sourced_id, **values | fields)


def test_a_pupil_of_another_class_title_is_the_same_and_told() -> None:
    found = match_all(class_roster([NEW_ID]), **people(handed_over()))
    assert (found.matches, found.questions) == ({"s-77": SAME}, ())
    (finding,) = found.findings
    assert (finding.rule, finding.details["old"]) == ("match.new_id", f"{OTHER_SCHOOL}:7")


def test_so_is_one_without_a_class() -> None:
    found = match_all(make_roster([NEW_ID]), **people(handed_over()))
    assert found.matches == {"s-77": SAME}


LESS: dict[str, tuple[Person, KnownIdentity, dict[str, Any]]] = {
    "one letter": (NEW_ID, handed_over(family_name="Прамеров"), {}),
    "day and month": (NEW_ID, handed_over(birth_date=date(2012, 1, 9)), {}),
    "no patronymic": (make_person("s-77", middle_name=""), handed_over(), {}),
    "a new family name": (make_person("s-77", family_name="Иной"), handed_over(), {}),
    "another number": (make_person("s-77", snils=OTHER_SNILS), handed_over(snils=SNILS), {}),
    "a file of changes": (NEW_ID, handed_over(), {"mode": Mode.CHANGES}),
}


@pytest.mark.parametrize(("row", "known", "options"), LESS.values(), ids=LESS)
def test_less_is_a_question_and_never_a_second_account(
    row: Person, known: KnownIdentity, options: dict[str, Any]
) -> None:
    found = match_all(class_roster([row], **options), **people(known))
    assert (found.matches, found.waiting) == ({}, {"s-77": "p-1"})
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1"])]
    assert rules_of(found.findings) == ["match.waits"]


def test_two_rows_or_two_people_that_fit_are_questions() -> None:
    rows = [NEW_ID, make_person("s-78")]
    assert len(match_all(class_roster(rows), **people(handed_over())).questions) == 2
    two = people(handed_over(), handed_over("p-2", "8"))
    found = match_all(class_roster([NEW_ID]), **two)
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1", "p-2"])]


def test_a_namesake_of_the_school_itself_makes_it_a_question() -> None:
    own = listed_person("p-2", "s-2", class_title="5Б", class_id="c-2")
    found = match_all(class_roster([NEW_ID]), **people(handed_over(), own))
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1", "p-2"])]


def test_so_does_one_of_a_third_school() -> None:
    known = people(handed_over())
    found = match_all(class_roster([NEW_ID]), **known, elsewhere={"s-77": [stranger()]})
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1", "p-9"])]


NAMES = ("Лев", "Егор", "Марк", "Илья", "Глеб", "Тихон", "Фёдор", "Семён", "Артём", "Павел")


@pytest.mark.parametrize("own", [0, 3, 9], ids=["no pupils", "3 pupils", "9 pupils"])
def test_the_new_ids_of_a_merger_are_not_taken_for_a_renumbered_export(own: int) -> None:
    """However small the school is beside the one that it took over."""
    ours = [listed_person(f"o-{n}", f"s-{n}", given_name=NAMES[n]) for n in range(own)]
    theirs = [
        handed_over(f"p-{n}", str(n), given_name=NAMES[n], family_name="Иной") for n in range(10)
    ]
    rows = [make_person(f"s-{n}", given_name=NAMES[n]) for n in range(own)]
    rows += [make_person(f"s-{50 + n}", given_name=NAMES[n], family_name="Иной") for n in range(10)]
    found = match_all(class_roster(rows), **people(*ours, *theirs))
    assert found.questions == ()
    who = {key: one.person_id for key, one in found.matches.items()}
    assert who == {f"s-{n}": f"o-{n}" for n in range(own)} | {
        f"s-{50 + n}": f"p-{n}" for n in range(10)
    }


def test_an_export_that_is_renumbered_besides_asks_for_its_own_people_only() -> None:
    ours = [listed_person(f"o-{n}", f"s-{n}", given_name=NAMES[n]) for n in range(6)]
    rows = [make_person(f"x-{n}", given_name=NAMES[n]) for n in range(6)]
    rows.append(replace(NEW_ID, family_name="Иной"))
    roster = make_roster(
        rows, [make_class("k-1", title="5А", grade=5)],
        [make_enrolment(one.sourced_id, "k-1") for one in rows],
    )  # fmt: skip
    found = match_all(roster, **people(*ours, handed_over(family_name="Иной")))
    (asked,) = found.questions
    assert (asked.kind, len(asked.rows)) == (QuestionKind.RENUMBERED, 6)
    assert found.matches == {"s-77": SAME}
