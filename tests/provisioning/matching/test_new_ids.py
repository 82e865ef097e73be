"""People of this school under ids that nobody knows: of a few, and of a whole export."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.matching import How, KnownIdentity, Match
from provisioning.questions import Answer, QuestionKind, RowRef
from provisioning.roster import Mode, Part, Person, PersonStatus
from tests.factories import SCHOOL_CODE, make_class, make_enrolment, make_person, make_roster
from tests.provisioning.matching.people import (
    OTHER_SNILS,
    SNILS,
    answer,
    class_roster,
    listed_person,
    match_all,
    numbered,
    people,
    stranger,
    told,
)
from tests.provisioning.roster_files import rules_of

SAME = Match(person_id="p-1", how=How.EVIDENCE)
NEW_ID = make_person("s-77")

WRITTEN = {
    "as before": {},
    "in capitals": {"family_name": "ПРИМЕРОВ"},
    "with Latin letters": {"family_name": "Пpимepoв"},
    "with a blank": {"given_name": " При мер"},
    "with an apostrophe": {"given_name": "При’мер"},
    "with a hyphen": {"middle_name": "Пример-ович"},
}


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("old_number", ["", SNILS])
def test_one_of_the_class_with_a_new_id_is_the_same_pupil(
    written: dict[str, str], old_number: str
) -> None:
    known = people(listed_person(snils=old_number), listed_person("p-2", "s-2", given_name="Иной"))
    rows = [replace(NEW_ID, **written), make_person("s-2", given_name="Иной")]
    found = match_all(class_roster(rows), **known)
    assert found.matches["s-77"] == SAME
    assert (found.questions, found.waiting) == ((), {})
    (finding,) = found.findings
    assert (finding.rule, finding.value) == ("match.new_id", "s-77")
    assert finding.details["old"] == "old-1"


def test_a_pupil_whose_class_got_a_new_id_too_is_told_by_its_title() -> None:
    rows = [NEW_ID]
    roster = make_roster(rows, [make_class("x-9", title="5 а")], [make_enrolment("s-77", "x-9")])
    assert match_all(roster, **people(listed_person())).matches == {"s-77": SAME}


OTHERWISE: dict[str, tuple[Person, KnownIdentity, dict[str, Any]]] = {
    "another class": (NEW_ID, listed_person(class_id="c-2", class_title="5Б"), {}),
    "no class before": (NEW_ID, listed_person(class_id="", class_title=""), {}),
    "a file of changes": (NEW_ID, listed_person(), {"mode": Mode.CHANGES}),
    "a file without pupils": (NEW_ID, listed_person(), {"parts": frozenset({Part.STAFF})}),
    "another number": (make_person("s-77", snils=OTHER_SNILS), listed_person(snils=SNILS), {}),
    "a former pupil": (NEW_ID, listed_person(listed=frozenset()), {}),
    "one letter": (NEW_ID, listed_person(family_name="Прамеров"), {}),
    "day and month": (
        NEW_ID, listed_person(birth_date=date(2012, 1, 9)), {},
    ),
    "one digit": (NEW_ID, listed_person(birth_date=date(2012, 9, 7)), {}),
    "a new family name": (make_person("s-77", family_name="Иной"), listed_person(), {}),
    "no patronymic": (make_person("s-77", middle_name=""), listed_person(), {}),
    "names turned": (
        make_person("s-77", family_name="Пример", given_name="Примеров"), listed_person(), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("row", "known", "options"), OTHERWISE.values(), ids=OTHERWISE)
def test_less_is_a_question_and_both_stay_as_they_are(
    row: Person, known: KnownIdentity, options: dict[str, Any]
) -> None:
    found = match_all(class_roster([row], **options), **people(known))
    assert (found.matches, found.set_aside, found.waiting) == ({}, {"p-1"}, {"s-77": "p-1"})
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1"])]
    assert rules_of(found.findings) == ["match.waits"]


def test_two_who_fit_are_a_question_with_both() -> None:
    twins = [listed_person(), listed_person("p-2", "old-2")]
    found = match_all(class_roster([NEW_ID]), **people(*twins))
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1", "p-2"])]
    two = class_roster([NEW_ID, make_person("s-78")])
    assert len(match_all(two, **people(listed_person())).questions) == 2


def test_somebody_of_the_same_name_elsewhere_makes_it_a_question() -> None:
    found = match_all(
        class_roster([NEW_ID]), **people(listed_person()), elsewhere={"s-77": [stranger()]}
    )
    assert [told(one) for one in found.questions] == [(QuestionKind.MATCH, "s-77", ["p-1", "p-9"])]


NOBODY: dict[str, dict[str, Any]] = {
    "a twin": {"given_name": "Анна"},
    "a twin with a name alike whose number differs": {"given_name": "Примир", "snils": SNILS},
    "another sex": {"sex": "F"},
    "another birth date": {"birth_date": date(2010, 3, 7)},
    "another name": {"family_name": "Иной", "middle_name": "Иванович"},
}


@pytest.mark.parametrize("change", NOBODY.values(), ids=NOBODY)
def test_who_resembles_nobody_is_new(change: dict[str, Any]) -> None:
    known = people(listed_person(sex="M", snils=OTHER_SNILS))
    found = match_all(class_roster([make_person("s-77", **change)]), **known)
    assert found.matches == {"s-77": Match(person_id="new-1", how=How.NEW)}
    assert found.questions == ()


def test_who_is_in_the_file_under_the_own_id_is_not_meant() -> None:
    rows = [make_person("old-1"), make_person("s-77")]
    found = match_all(class_roster(rows), **people(listed_person()))
    assert found.matches["s-77"].how is How.NEW
    assert found.questions == ()


def test_a_former_pupil_who_comes_back_under_a_name_with_an_error_is_asked_about() -> None:
    known = people(listed_person(listed=frozenset({"78-0006"}), family_name="Прамеров"))
    (asked,) = match_all(class_roster([NEW_ID]), **known).questions
    assert told(asked) == (QuestionKind.MATCH, "s-77", ["p-1"])


def test_an_answer_is_kept_to_as_long_as_the_row_can_be_that_human() -> None:
    known = people(listed_person(class_title="6Б", class_id="c-6"))
    roster = class_roster([NEW_ID])
    (asked,) = match_all(roster, **known).questions
    yes, no = answer(asked, Answer.SAME, "p-1"), answer(asked, Answer.DIFFERENT)
    same = match_all(roster, **known, decided=yes)
    assert same.matches == {"s-77": Match(person_id="p-1", how=How.DECIDED)}
    new = match_all(roster, **known, decided=no)
    assert (new.matches["s-77"].how, new.questions) == (How.NEW, ())
    another = class_roster([make_person("s-77", given_name="Иной", family_name="Другой")])
    assert match_all(another, **known, decided=yes).matches["s-77"].how is How.NEW


# A whole export

NAMES = ("Лев", "Егор", "Марк", "Илья", "Глеб", "Тихон", "Фёдор", "Семён", "Артём", "Павел")


def child(number: int, sourced_id: str, **fields: Any) -> Person:
    return make_person(sourced_id, given_name=NAMES[number], **fields)


def pupil_known(number: int, **fields: Any) -> KnownIdentity:
    values = {"given_name": NAMES[number], **fields}
    return listed_person(f"p-{number}", f"old-{number}", **values)


ROLL = people(*(pupil_known(number) for number in range(10)))
RENUMBERED = [child(number, f"new-{number}") for number in range(10)]
WHO = {f"new-{number}": f"p-{number}" for number in range(10)}


def test_an_export_with_new_ids_is_one_question_and_all_wait() -> None:
    found = match_all(class_roster(RENUMBERED), **ROLL)
    assert (found.matches, found.waiting) == ({}, WHO)
    assert found.set_aside == set(WHO.values())
    (asked,) = found.questions
    assert (asked.kind, len(asked.rows), len(asked.candidates)) == (QuestionKind.RENUMBERED, 10, 10)
    assert [(one.rule, one.details["count"]) for one in found.findings] == [
        ("match.renumbered", "10")
    ]


def test_the_one_answer_decides_for_all() -> None:
    roster = class_roster(RENUMBERED)
    (asked,) = match_all(roster, **ROLL).questions
    yes = match_all(roster, **ROLL, decided=answer(asked, Answer.CONFIRM))
    assert {key: one.person_id for key, one in yes.matches.items()} == WHO
    assert {one.how for one in yes.matches.values()} == {How.DECIDED}
    assert yes.questions == ()


def test_after_a_no_numbers_prove_and_all_others_are_asked_about_one_by_one() -> None:
    number = "50000000146"
    # The row that gave the question its key is among those that are proven.
    known = people(*(pupil_known(each, snils=number if each == 0 else "") for each in range(10)))
    first = replace(RENUMBERED[0], snils=number)
    roster = class_roster([first, *RENUMBERED[1:]])
    numbers = numbered(known["own"]["p-0"])
    (asked,) = match_all(roster, **known, **numbers).questions
    no = answer(asked, Answer.REFUSE)
    found = match_all(roster, **known, **numbers, decided=no)
    assert found.matches == {"new-0": Match(person_id="p-0", how=How.SNILS)}
    others = {key: person_id for key, person_id in WHO.items() if key != "new-0"}
    assert (found.waiting, found.set_aside) == (others, set(others.values()))
    assert [told(one) for one in found.questions] == [
        (QuestionKind.MATCH, key, [person_id]) for key, person_id in sorted(others.items())
    ]
    # The next load knows the first one, and does not ask about the whole of the others again.
    taken = replace(
        known["own"]["p-0"], keys=(RowRef(school_code=SCHOOL_CODE, sourced_id="new-0"),)
    )
    later = people(taken, *(known["own"][f"p-{each}"] for each in range(1, 10)))
    again = match_all(roster, **later, **numbered(taken), decided=no)
    assert again.questions == found.questions


def test_the_next_export_with_new_ids_is_another_question() -> None:
    (asked,) = match_all(class_roster(RENUMBERED), **ROLL).questions
    turned = [child(9 - number, f"new-{number}") for number in range(10)]
    found = match_all(class_roster(turned), **ROLL, decided=answer(asked, Answer.CONFIRM))
    assert (found.matches, len(found.questions)) == ({}, 1)


@pytest.mark.parametrize("step", [1, 3, 5])
def test_ids_that_are_other_people_s_now_are_seen_as_new_ids(step: int) -> None:
    """Half of the new ids, or all, were those of other pupils."""
    rows = [child(number, f"old-{number + step}") for number in range(10)]
    found = match_all(class_roster(rows), **ROLL)
    assert (found.matches, found.contradicted) == ({}, 0)
    assert [one.kind for one in found.questions] == [QuestionKind.RENUMBERED]
    assert found.set_aside == set(WHO.values())
    yes = match_all(class_roster(rows), **ROLL, decided=answer(found.questions[0], Answer.CONFIRM))
    assert {key: one.person_id for key, one in yes.matches.items()} == {
        f"old-{number + step}": f"p-{number}" for number in range(10)
    }


def test_numbers_do_not_take_the_question_away() -> None:
    number = "50000000146"
    known = people(*(pupil_known(each, snils=number if each == 3 else "") for each in range(10)))
    rows = [*RENUMBERED[:3], replace(RENUMBERED[3], snils=number), *RENUMBERED[4:]]
    found = match_all(class_roster(rows), **known, **numbered(known["own"]["p-3"]))
    assert [one.kind for one in found.questions] == [QuestionKind.RENUMBERED]
    assert found.matches == {}


def test_namesakes_of_a_renumbered_export_are_told_by_their_number() -> None:
    known = people(
        *(pupil_known(each) for each in range(10)),
        listed_person("p-10", "old-10", given_name=NAMES[0], snils=SNILS),
    )
    rows = [*RENUMBERED, child(0, "new-10", snils=SNILS)]
    found = match_all(class_roster(rows), **known, **numbered(known["own"]["p-10"]))
    assert [one.kind for one in found.questions] == [QuestionKind.RENUMBERED]
    assert found.waiting == {**WHO, "new-10": "p-10"}


def test_fewer_than_half_are_told_one_by_one() -> None:
    rows = [*RENUMBERED[:4], *(child(number, f"old-{number}") for number in range(4, 10))]
    found = match_all(class_roster(rows), **ROLL)
    assert found.questions == ()
    assert [found.matches[f"new-{number}"].how for number in range(4)] == [How.EVIDENCE] * 4
    assert rules_of(found.findings) == ["match.new_id"] * 4


def test_new_pupils_of_a_renumbered_export_do_not_wait() -> None:
    newcomer = make_person("new-x", given_name="Новый", family_name="Новичков")
    found = match_all(class_roster([*RENUMBERED, newcomer]), **ROLL)
    assert found.matches == {"new-x": Match(person_id="new-1", how=How.NEW)}


def test_who_is_marked_as_left_is_not_asked_about() -> None:
    rows = [make_person("s-77", status=PersonStatus.LEFT)]
    found = match_all(class_roster(rows), **people(listed_person(listed=frozenset())))
    assert (found.matches, found.questions, found.findings) == ({}, (), ())


def test_the_own_school_is_named_where_people_are_listed() -> None:
    (asked,) = match_all(
        class_roster([NEW_ID]), **people(listed_person(class_id="c-2", class_title="5Б"))
    ).questions
    codes = {one.code for one in asked.candidates[0].evidence}
    assert {"school.equal", "class.same_year"} <= codes
    assert asked.candidates[0].memberships[0].school_code == SCHOOL_CODE
