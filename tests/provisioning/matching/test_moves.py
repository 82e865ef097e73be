"""People of other schools: a move, a second school, a namesake, or somebody's number."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from provisioning.matching import How, KnownIdentity, Match, numbers
from provisioning.questions import Answer, QuestionKind
from provisioning.roster import Person
from provisioning.settings import MatchSettings
from tests.factories import make_person, make_teacher
from tests.provisioning.matching.people import (
    NEW,
    OTHER_SCHOOL,
    OTHER_SNILS,
    SNILS,
    answer,
    class_roster,
    known_person,
    match_all,
    numbered,
    stranger,
    told,
)
from tests.provisioning.roster_files import rules_of

ROW = make_person("s-1")
LISTED = frozenset({OTHER_SCHOOL})
MOVE, MATCH, SPLIT = QuestionKind.MOVE, QuestionKind.MATCH, QuestionKind.SPLIT


def elsewhere(*humans: KnownIdentity) -> dict[str, Any]:
    return {"elsewhere": {"s-1": humans}}


BY_NAME: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "the same, away": ({}, {}),
    "the same, listed": ({}, {"listed": LISTED}),
    "one number unknown": ({"snils": SNILS}, {"listed": LISTED}),
    "written otherwise": ({"family_name": "пpимepoв", "given_name": "Пример"}, {}),
    "one letter of the family name, listed": ({"family_name": "Прамеров"}, {"listed": LISTED}),
    "one letter of the given name, away": ({"given_name": "Примир"}, {}),
    "another family name, away": ({"family_name": "Замужняя"}, {}),
    "day and month, away": ({"birth_date": date(2012, 1, 9)}, {}),
    "one digit, away": ({"birth_date": date(2012, 9, 2)}, {}),
    "no patronymic, listed": ({"middle_name": ""}, {"listed": LISTED}),
    "another number, away": ({"snils": SNILS}, {"snils": OTHER_SNILS}),
}


@pytest.mark.parametrize(("row", "human"), BY_NAME.values(), ids=BY_NAME)
def test_a_pupil_who_may_have_come_from_elsewhere_is_a_move_to_confirm(
    row: dict[str, Any], human: dict[str, Any]
) -> None:
    known = elsewhere(stranger(**human))
    roster = class_roster([replace(ROW, **row)])
    found = match_all(roster, **known)
    assert (found.matches, found.waiting) == ({}, {"s-1": "p-9"})
    (asked,) = found.questions
    assert told(asked) == (MOVE, "s-1", ["p-9"])
    assert rules_of(found.findings) == ["match.waits"]
    yes = match_all(roster, **known, decided=answer(asked, Answer.CONFIRM, "p-9"))
    assert yes.matches == {"s-1": Match(person_id="p-9", how=How.DECIDED)}
    alone = match_all(roster, **known, decided=answer(asked, Answer.CONFIRM))
    assert alone.matches == yes.matches
    no = match_all(roster, **known, decided=answer(asked, Answer.REFUSE))
    assert (no.matches, no.questions) == ({"s-1": NEW}, ())


STRANGERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "numbers differ, listed": ({"snils": SNILS}, {"snils": OTHER_SNILS, "listed": LISTED}),
    "sexes differ": ({"sex": "F"}, {"sex": "M"}),
    "a twin": ({"given_name": "Анна"}, {}),
    "a twin with a name alike, listed": ({"given_name": "Примир"}, {"listed": LISTED}),
    "another family name, listed": ({"family_name": "Замужняя"}, {"listed": LISTED}),
    "another birth date, listed": ({"birth_date": date(2012, 9, 2)}, {"listed": LISTED}),
    "a brother": ({"given_name": "Иной", "birth_date": date(2014, 9, 1)}, {}),
}


@pytest.mark.parametrize(("row", "human"), STRANGERS.values(), ids=STRANGERS)
def test_other_people_are_no_question(row: dict[str, Any], human: dict[str, Any]) -> None:
    found = match_all(class_roster([replace(ROW, **row)]), **elsewhere(stranger(**human)))
    assert (found.matches, found.questions, found.findings) == ({"s-1": NEW}, (), ())


def test_two_who_fit_are_one_question_with_both() -> None:
    both = elsewhere(stranger("p-9"), stranger("p-8", "c-1"))
    (asked,) = match_all(class_roster([ROW]), **both).questions
    assert told(asked) == (MATCH, "s-1", ["p-8", "p-9"])


def test_a_teacher_of_another_school_is_asked_about_as_a_human_not_as_a_move() -> None:
    row = make_teacher("s-1")
    human = stranger(
        family_name=row.family_name, given_name=row.given_name, middle_name=row.middle_name,
        birth_date=row.birth_date, role="teacher", listed=LISTED,
    )  # fmt: skip
    (asked,) = match_all(class_roster([row]), **elsewhere(human)).questions
    assert told(asked) == (MATCH, "s-1", ["p-9"])


# With a number

WITH_NUMBER = replace(ROW, snils=SNILS)
MOVER = stranger(snils=SNILS)

AGREEING: dict[str, dict[str, Any]] = {
    "the same": {},
    "married": {"family_name": "Замужняя"},
    "one letter of the family name": {"family_name": "Прамеров"},
    "no patronymic": {"middle_name": ""},
    "one letter of the patronymic": {"middle_name": "Примеровна"[:9] + "ч"},
    "an apostrophe": {"given_name": "При'мер"},
}


@pytest.mark.parametrize("row", AGREEING.values(), ids=AGREEING)
def test_number_birth_date_and_names_are_decisive(row: dict[str, Any]) -> None:
    roster = class_roster([replace(WITH_NUMBER, **row)])
    found = match_all(roster, **numbered(MOVER))
    assert found.matches == {"s-1": Match(person_id="p-9", how=How.SNILS)}
    assert (found.questions, found.findings) == ((), ())
    asking = match_all(roster, **numbered(MOVER), settings=MatchSettings(moves="ask"))
    assert [told(one) for one in asking.questions] == [(MOVE, "s-1", ["p-9"])]


UNCLEAR: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "one letter of the given name": ({"given_name": "Примир"}, {}),
    "another family name, no patronymic": ({"family_name": "Иной", "middle_name": ""}, {}),
    "another patronymic": ({"middle_name": "Тестович"}, {}),
    "another family name and patronymic": ({"family_name": "Иной", "middle_name": "Тестович"}, {}),
    "one digit of the birth date": ({"birth_date": date(2012, 9, 2)}, {}),
    "day and month": ({"birth_date": date(2012, 1, 9)}, {}),
    "another birth date": ({"birth_date": date(2010, 5, 5)}, {}),
}


@pytest.mark.parametrize(("row", "human"), UNCLEAR.values(), ids=UNCLEAR)
def test_a_number_with_less_is_a_question(row: dict[str, Any], human: dict[str, Any]) -> None:
    found = match_all(
        class_roster([replace(WITH_NUMBER, **row)]), **numbered(replace(MOVER, **human))
    )
    assert (found.matches, found.waiting) == ({}, {"s-1": "p-9"})
    assert [told(one) for one in found.questions] == [(MOVE, "s-1", ["p-9"])]


def test_a_pupil_with_the_number_birth_date_and_name_of_a_teacher_waits() -> None:
    director = replace(MOVER, role="administrator", listed=LISTED)
    found = match_all(class_roster([WITH_NUMBER]), **numbered(director))
    assert found.matches == {}
    assert [told(one) for one in found.questions] == [(MATCH, "s-1", ["p-9"])]
    codes = {one.code for one in found.questions[0].candidates[0].evidence}
    assert {"snils.equal", "role.other", "school.listed"} <= codes


TWO_PEOPLE: dict[str, dict[str, Any]] = {
    "a twin brother's": {"given_name": "Анна", "sex": "F"},
    "a twin's of one sex": {"given_name": "Иной"},
    "another adult's": {"family_name": "Чужой", "given_name": "Кто", "middle_name": "Пробович"},
    "a twin's, family name inflected": {"given_name": "Анна", "family_name": "Примерова"},
    "of one name and another sex": {"sex": "F"},
}


@pytest.mark.parametrize("row", TWO_PEOPLE.values(), ids=TWO_PEOPLE)
def test_another_s_number_is_two_people_a_question_and_no_number(row: dict[str, Any]) -> None:
    known = numbered(replace(MOVER, sex="M", listed=LISTED))
    roster = class_roster([replace(WITH_NUMBER, **row)])
    found = match_all(roster, **known)
    assert (found.matches, found.numberless) == ({"s-1": NEW}, {"s-1"})
    (asked,) = found.questions
    assert told(asked) == (SPLIT, "s-1", ["p-9"])
    assert rules_of(found.findings) == ["match.snils_other_name"]
    # Asked until it is answered; the girl has her own account all the while.
    own = {"by_key": {"s-1": known_person("new-1", **row)}}
    again = match_all(roster, **known, **own)
    assert [told(one) for one in again.questions] == [(SPLIT, "s-1", ["p-9"])]
    no = match_all(roster, **known, **own, decided=answer(asked, Answer.DIFFERENT))
    assert (no.matches["s-1"].person_id, no.questions) == ("new-1", ())
    yes = match_all(roster, **known, **own, decided=answer(asked, Answer.SAME, "p-9"))
    assert yes.matches == {"s-1": Match(person_id="p-9", how=How.DECIDED)}


def test_a_mover_with_a_parent_s_number_is_asked_about_all_the_same() -> None:
    parent = stranger("p-5", snils=SNILS, given_name="Отец", birth_date=date(1980, 2, 3))
    human = stranger(snils=OTHER_SNILS, listed=LISTED)
    found = match_all(class_roster([WITH_NUMBER]), **numbered(parent), **elsewhere(human))
    assert [told(one) for one in found.questions] == [(MOVE, "s-1", ["p-9"])]


def test_a_parent_s_number_on_two_children_is_nobody_s() -> None:
    parent = stranger(
        snils=SNILS, given_name="Отец", birth_date=date(1980, 2, 3), role="teacher",
    )  # fmt: skip
    rows = [WITH_NUMBER, replace(WITH_NUMBER, sourced_id="s-2", given_name="Анна")]
    found = match_all(class_roster(rows), **numbered(parent))
    assert {one.how for one in found.matches.values()} == {How.NEW}
    assert found.numberless == {"s-1", "s-2"}


def test_twins_of_one_number_in_one_file_are_asked_about_once() -> None:
    rows = [WITH_NUMBER, replace(WITH_NUMBER, sourced_id="s-2", given_name="Анна")]
    found = match_all(class_roster(rows))
    assert [told(one) for one in found.questions] == [(SPLIT, "s-2", ["new-1"])]


def test_a_number_of_two_known_people_is_a_question_with_both() -> None:
    both = numbered(MOVER, replace(MOVER, person_id="p-8"))
    (asked,) = match_all(class_roster([WITH_NUMBER]), **both).questions
    assert told(asked) == (MATCH, "s-1", ["p-8", "p-9"])


TWICE = "match.two_accounts"


@pytest.mark.parametrize("where", ["elsewhere", "here", "here, under no row now"])
def test_a_number_that_proves_two_accounts_to_be_one_child_s_is_asked_about(where: str) -> None:
    fields = {"snils": SNILS, "listed": LISTED}
    holder = stranger(**fields) if where == "elsewhere" else known_person("p-9", snils=SNILS)
    by_key = {"s-1": known_person()} | ({"s-2": holder} if where == "here" else {})
    rows = [WITH_NUMBER] + ([replace(WITH_NUMBER, sourced_id="s-2")] if where == "here" else [])
    roster = class_roster(rows)
    known = {"by_key": by_key, **numbered(holder)}
    found = match_all(roster, **known)
    assert found.matches["s-1"] == Match(person_id="p-1", how=How.KNOWN)
    assert (found.numberless, rules_of(found.findings)) == ({"s-1"}, [TWICE])
    (asked,) = found.questions
    assert told(asked) == (SPLIT, "s-1", ["p-9"])
    no = match_all(roster, **known, decided=answer(asked, Answer.DIFFERENT))
    assert (no.matches, no.questions, no.numberless) == (found.matches, (), {"s-1"})
    yes = match_all(roster, **known, decided=answer(asked, Answer.SAME, "p-9"))
    assert yes.matches["s-1"] == Match(person_id="p-9", how=How.DECIDED)
    assert (yes.questions, yes.numberless) == ((), frozenset())


def test_one_number_filled_in_for_two_known_accounts_is_stored_once_and_asked_about() -> None:
    rows = [WITH_NUMBER, replace(WITH_NUMBER, sourced_id="s-2")]
    by_key = {"s-1": known_person(), "s-2": known_person("p-2")}
    found = match_all(class_roster(rows), by_key=by_key)
    assert (found.numberless, rules_of(found.findings)) == ({"s-2"}, [TWICE])
    assert [told(one) for one in found.questions] == [(SPLIT, "s-2", ["p-1"])]


def test_who_was_said_to_be_another_one_is_not_asked_about_again_for_the_number() -> None:
    director = replace(MOVER, role="administrator", listed=LISTED)
    known = numbered(director)
    roster = class_roster([WITH_NUMBER])
    (asked,) = match_all(roster, **known).questions
    no = answer(asked, Answer.DIFFERENT)
    for own in ({}, {"by_key": {"s-1": known_person("p-1")}}):
        found = match_all(roster, **known, **own, decided=no)
        assert (found.questions, found.numberless) == ((), {"s-1"})


def test_a_number_in_very_many_rows_costs_each_row_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = 0

    def counted(person: Person, records: Iterable[Any]) -> Any:
        nonlocal calls
        seen = list(records)
        calls += len(seen)
        return first_against(person, seen)

    first_against = numbers._first_against
    monkeypatch.setattr(numbers, "_first_against", counted)
    days = [date(2000, 1, 1) + timedelta(days=each) for each in range(300)]
    rows = [
        replace(WITH_NUMBER, sourced_id=f"s-{each}", birth_date=day)
        for each, day in enumerate(days)
    ]
    match_all(class_roster(rows))
    assert 0 < calls < 10 * len(rows)


def test_two_whom_one_school_has_known_side_by_side_are_told_and_not_asked_about() -> None:
    rows = [WITH_NUMBER, replace(WITH_NUMBER, sourced_id="s-2", given_name="Анна")]
    holder = known_person("p-1", snils=SNILS)
    by_key = {"s-1": holder, "s-2": known_person("p-2", given_name="Анна", snils=OTHER_SNILS)}
    found = match_all(class_roster(rows), by_key=by_key, **numbered(holder))
    assert (found.questions, found.numberless) == ((), {"s-2"})
    assert rules_of(found.findings) == ["match.snils_other_name"] * 2
