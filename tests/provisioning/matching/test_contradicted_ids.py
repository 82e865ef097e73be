"""An id that names somebody else by now: the row waits, and whom we know stays as they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.findings import Severity
from provisioning.matching import How, Match
from provisioning.questions import Answer, Decided, QuestionKind, Speaks
from tests.factories import make_person, make_teacher
from tests.provisioning.matching.people import (
    OTHER_SNILS,
    SNILS,
    answer,
    class_roster,
    keyed,
    listed_person,
    match_all,
    numbered,
    people,
    told,
)

TOGETHER = {
    "given name and birth date": {"given_name": "Другой", "birth_date": date(2013, 5, 5)},
    "given name and one digit of the birth date": {
        "given_name": "Другой", "birth_date": date(2013, 9, 1),
    },
    "given name and family name": {"given_name": "Другой", "family_name": "Иной"},
    "given name and the ending of the family name": {
        "given_name": "Другая", "family_name": "Примерова",
    },
    "given name and patronymic": {"given_name": "Другой", "middle_name": "Тестович"},
    "given name and sex": {"given_name": "Другая", "sex": "F"},
    "family name and birth date": {"family_name": "Иной", "birth_date": date(2013, 5, 5)},
    "one letter of the given name and the birth date": {
        "given_name": "Примир", "birth_date": date(2010, 5, 5),
    },
    "patronymic and birth date": {"middle_name": "Тестович", "birth_date": date(2010, 5, 5)},
    "family name and patronymic": {"family_name": "Иной", "middle_name": "Тестович"},
    "family name and sex": {"family_name": "Иная", "sex": "F"},
}  # fmt: skip
ALONE: dict[str, dict[str, Any]] = {
    "family name": {"family_name": "Иной"},
    "given name": {"given_name": "Другой"},
    "patronymic": {"middle_name": "Тестович"},
    "birth date": {"birth_date": date(2010, 5, 5)},
    "sex": {"sex": "F"},
    "number": {"snils": OTHER_SNILS},
    "one letter and one digit": {"given_name": "Примир", "birth_date": date(2012, 9, 2)},
    "letters only": {"given_name": "ПРИМЕP", "family_name": "Приме-ров"},
}


@pytest.mark.parametrize("change", TOGETHER.values(), ids=TOGETHER)
def test_what_changes_together_contradicts_the_id(change: dict[str, Any]) -> None:
    row = make_person(**change)
    found = match_all(class_roster([row]), **keyed(sex="M"))
    assert (found.matches, found.set_aside, found.contradicted) == ({}, {"p-1"}, 1)
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-1 p-1", ["p-1"])]
    assert [(one.rule, one.severity) for one in found.findings] == [
        ("match.key_reused", Severity.ERROR)
    ]


@pytest.mark.parametrize("change", TOGETHER.values(), ids=TOGETHER)
def test_the_number_of_the_known_human_does_not_make_up_for_it(change: dict[str, Any]) -> None:
    row = make_person(snils=SNILS, **change)
    human = keyed(sex="M", snils=SNILS)
    found = match_all(class_roster([row]), **human, **numbered(human["by_key"]["s-1"]))
    assert (found.matches, found.set_aside) == ({}, {"p-1"})


@pytest.mark.parametrize("change", ALONE.values(), ids=ALONE)
def test_what_changes_alone_is_the_same_human(change: dict[str, Any]) -> None:
    found = match_all(class_roster([make_person(**change)]), **keyed(sex="M", snils=SNILS))
    assert found.matches == {"s-1": Match(person_id="p-1", how=How.KNOWN)}
    assert (found.questions, found.findings) == ((), ())


@pytest.mark.parametrize("name", ["family_name", "given_name"])
def test_another_name_with_another_number_contradicts_the_id(name: str) -> None:
    row = make_person(snils=OTHER_SNILS, **{name: "Иной"})
    found = match_all(class_roster([row]), **keyed(snils=SNILS))
    assert (found.matches, found.set_aside) == ({}, {"p-1"})


def test_a_teacher_whose_second_post_has_the_old_name_or_number_still_is_not_asked_about() -> None:
    rows = [make_teacher("t-1", snils=SNILS), make_teacher("t-2", snils=SNILS)]
    names = ("family_name", "given_name", "middle_name", "birth_date", "snils")
    human = listed_person(role="teacher", **{name: getattr(rows[0], name) for name in names})
    for change in ({"family_name": "Замужняя"}, {"snils": OTHER_SNILS}):
        now = [replace(rows[0], **change), rows[1]]
        known = {"by_key": {"t-1": human, "t-2": human}, "own": {"p-1": human}}
        found = match_all(class_roster(now), **known)
        assert {one.person_id for one in found.matches.values()} == {"p-1"}
        assert found.questions == ()


PAIRS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "twins, brother and sister": (
        {"family_name": "Близнецов", "given_name": "Пётр"},
        {"family_name": "Близнецова", "given_name": "Анна"},
    ),
    "twins of one family name": (
        {"family_name": "Близнюк", "given_name": "Пётр"},
        {"family_name": "Близнюк", "given_name": "Анна"},
    ),
    "twins with names alike": (
        {"family_name": "Близнюк", "given_name": "Алина"},
        {"family_name": "Близнюк", "given_name": "Арина"},
    ),
    "strangers": (
        {"family_name": "Ивин", "given_name": "Лев", "birth_date": date(2012, 1, 2)},
        {"family_name": "Клёнов", "given_name": "Егор", "birth_date": date(2012, 7, 9)},
    ),
    "brothers of two years": (
        {"given_name": "Лев", "birth_date": date(2012, 1, 2)},
        {"given_name": "Егор", "birth_date": date(2014, 1, 2)},
    ),
    "girls of one given name and birth date": (
        {"family_name": "Иванова", "given_name": "Анна", "middle_name": "Петровна"},
        {"family_name": "Смирнова", "given_name": "Анна", "middle_name": "Олеговна"},
    ),
    "girls of one given name and birth date, without patronymics": (
        {"family_name": "Иванова", "given_name": "Анна", "middle_name": ""},
        {"family_name": "Смирнова", "given_name": "Анна", "middle_name": ""},
    ),
    "pupils whose patronymics differ": (
        {"middle_name": "Петрович"},
        {"middle_name": "Олегович"},
    ),
    "pupils whose family names differ in one letter": (
        {"family_name": "Иванов"},
        {"family_name": "Иванив"},
    ),
    "namesakes of two birth dates": (
        {"birth_date": date(2012, 1, 2)},
        {"birth_date": date(2012, 7, 9)},
    ),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("one", "two"), PAIRS.values(), ids=PAIRS)
def test_swapped_ids_are_a_question_for_each_row_and_change_nobody(
    one: dict[str, Any], two: dict[str, Any], turned: bool
) -> None:
    rows = [make_person("s-1", **two), make_person("s-2", **one), make_person("s-3")]
    known = people(
        listed_person("p-1", "s-1", **one),
        listed_person("p-2", "s-2", **two),
        listed_person("p-3", "s-3"),
    )
    found = match_all(class_roster(rows[::-1] if turned else rows), **known)
    assert found.matches == {"s-3": Match(person_id="p-3", how=How.KNOWN)}
    assert found.set_aside == {"p-1", "p-2"}
    assert [told(one) for one in found.questions] == [
        (QuestionKind.MATCH, "s-1 p-1", ["p-2", "p-1"]),
        (QuestionKind.MATCH, "s-2 p-2", ["p-1", "p-2"]),
    ]
    assert found.contradicted == 0


def test_an_id_given_to_the_new_twin_of_a_pupil_who_has_another_one_is_noticed() -> None:
    """The given name alone changed, but the pupil is in the file under a new id."""
    rows = [make_person("s-1", given_name="Павел"), make_person("s-9")]
    found = match_all(class_roster(rows), **people(listed_person("p-1", "s-1")))
    assert found.matches == {}
    assert [told(one)[1] for one in found.questions] == ["s-1 p-1", "s-9"]


def swapped(**known: Any) -> Any:
    rows = [make_person("s-1", given_name="Анна"), make_person("s-2", given_name="Пётр")]
    pair = people(
        listed_person("p-1", "s-1", given_name="Пётр"),
        listed_person("p-2", "s-2", given_name="Анна"),
    )
    return match_all(class_roster(rows), **{**pair, **known})


def test_an_answer_gives_the_row_to_whom_it_names_and_the_other_one_stays() -> None:
    first, _second = swapped().questions
    found = swapped(decided=answer(first, Answer.SAME, "p-2"))
    assert found.matches == {"s-1": Match(person_id="p-2", how=How.DECIDED)}
    assert found.set_aside == {"p-1"}
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-2 p-2", ["p-1"])]


def test_after_the_answer_no_for_both_the_rows_are_new_people() -> None:
    first, second = swapped().questions
    both = {**answer(first, Answer.DIFFERENT).decisions}
    both |= answer(second, Answer.DIFFERENT).decisions
    found = swapped(decided=Decided(decisions=both))
    assert {one.how for one in found.matches.values()} == {How.NEW}
    assert (found.questions, found.set_aside) == ((), set())


def test_ids_that_are_swapped_again_are_asked_about_again() -> None:
    """What was answered the first time is kept under the human to whom the id leads since."""
    first, _second = swapped().questions
    ((decision,),) = answer(first, Answer.SAME, "p-2").decisions.values()
    kept = Decided(decisions={(QuestionKind.MATCH, "s-1 p-2"): [decision]})
    rows = [make_person("s-1", given_name="Пётр"), make_person("s-2", given_name="Анна")]
    known = people(
        listed_person("p-1", "s-2", given_name="Пётр"),
        listed_person("p-2", "s-1", given_name="Анна"),
    )
    found = match_all(class_roster(rows), **known, decided=kept)
    assert (found.matches, len(found.questions)) == ({}, 2)


def test_one_answer_about_two_swapped_ids_is_enough() -> None:
    """The id of the second row leads to whom the first one is since then: to nobody else's row."""
    rows = [make_person("s-1", given_name="Анна"), make_person("s-2", given_name="Пётр")]
    anna = listed_person("p-2", "s-2", given_name="Анна")
    peter = listed_person("p-1", "s-0", given_name="Пётр", keys=())
    known = {"by_key": {"s-1": anna, "s-2": anna}, "own": {"p-1": peter, "p-2": anna}}
    found = match_all(class_roster(rows), **known)
    people_found = [found.matches[key].person_id for key in ("s-1", "s-2")]
    assert (people_found, found.questions) == (["p-2", "p-1"], ())


RENAMED = {"given_name": "Другой", "family_name": "Иной"}


def test_who_was_said_to_have_a_new_name_is_not_asked_about_again() -> None:
    roster = class_roster([make_person(**RENAMED)])
    (asked,) = match_all(roster, **keyed()).questions
    yes = answer(asked, Answer.SAME, "p-1")
    found = match_all(roster, **keyed(), decided=yes)
    assert found.matches == {"s-1": Match(person_id="p-1", how=How.DECIDED)}
    # The id names yet another human: what was answered was about somebody else.
    another = class_roster([make_person(given_name="Третий", family_name="Третьев")])
    assert match_all(another, **keyed(), decided=yes).matches == {}


def test_a_question_says_what_speaks_for_and_against() -> None:
    row = make_person(given_name="Другая", family_name="Примерова", sex="F", middle_name="")
    (asked,) = match_all(class_roster([row]), **keyed(sex="M")).questions
    (candidate,) = asked.candidates
    says = {one.code: (one.speaks, one.ours, one.theirs) for one in candidate.evidence}
    assert says["given_name.other"] == (Speaks.AGAINST, "Другая", "Пример")
    assert says["family_name.one_letter"] == (Speaks.FOR, "Примерова", "Примеров")
    assert says["middle_name.unsaid"] == (Speaks.NEITHER, "", "Примерович")
    assert says["birth_date.equal"] == (Speaks.FOR, "01.09.2012", "01.09.2012")
    assert says["sex.other"] == (Speaks.AGAINST, "F", "M")
    assert "Примерова" not in repr(asked)


def test_no_question_names_a_person_in_its_key() -> None:
    for asked in swapped().questions:
        assert set(asked.key.split()) <= {"s-1", "s-2", "p-1", "p-2"}
