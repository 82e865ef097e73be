"""Who is this row?"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from provisioning.findings import Severity
from provisioning.matching import How, Match, contradict, normalised_name, without_foreign_numbers
from provisioning.questions import QuestionKind
from provisioning.roster import Person
from tests.factories import make_person, make_roster
from tests.provisioning.matching.people import (
    BY_SNILS,
    KNOWN,
    NEW,
    OTHER_SCHOOL,
    SNILS,
    keyed,
    known_person,
    match_all,
    numbered,
    told,
)
from tests.provisioning.roster_files import rules_of

ELSEWHERE = known_person(snils=SNILS, school_code=OTHER_SCHOOL)
WITH_NUMBER = make_person(snils=SNILS)
BRIDE = make_person(snils=SNILS, family_name="Замужняя")

ONE_ROW = {
    "nobody knows it": (make_person(), {}, NEW, []),
    "a known key": (make_person(), keyed(), KNOWN, []),
    "a known key, a new family name": (make_person(family_name="Замужняя"), keyed(), KNOWN, []),
    "a known key, a new given name": (make_person(given_name="Другой"), keyed(), KNOWN, []),
    "a known key, names turned": (
        make_person(family_name="Пример", given_name="Примеров"),
        keyed(),
        KNOWN,
        [],
    ),
    "a known key, another day": (make_person(birth_date=date(2012, 1, 9)), keyed(), KNOWN, []),
    "a known key, no known day": (make_person(), keyed(birth_date=None), KNOWN, []),
    "a transfer": (WITH_NUMBER, numbered(ELSEWHERE), BY_SNILS, []),
    "a bride": (BRIDE, numbered(ELSEWHERE), BY_SNILS, []),
    "the number of somebody older": (
        WITH_NUMBER,
        numbered(replace(ELSEWHERE, birth_date=date(1978, 3, 12), given_name="Иная")),
        NEW,
        ["match.snils_conflict"],
    ),
    "no number": (make_person(snils=""), numbered(known_person(snils="")), NEW, []),
}


@pytest.mark.parametrize(("person", "known", "expected", "rules"), ONE_ROW.values(), ids=ONE_ROW)
def test_one_row_is_told_by_its_key_or_its_number(
    person: Person, known: dict[str, Any], expected: Match, rules: list[str]
) -> None:
    found = match_all(make_roster([person]), **known)
    assert (found.matches, rules_of(found.findings)) == ({"s-1": expected}, rules)


def test_a_known_key_under_which_another_human_comes_is_a_question() -> None:
    roster = make_roster([make_person(given_name="Другой", birth_date=date(2013, 5, 5))])
    found = match_all(roster, **keyed())
    assert (found.matches, found.set_aside) == ({}, {"p-1"})
    assert [(f.rule, f.severity, f.sourced_id) for f in found.findings] == [
        ("match.key_reused", Severity.ERROR, "s-1")
    ]


ANOTHER_NAME = "match.snils_other_name"


@pytest.mark.parametrize("change", [{"given_name": "Анна"}, {"sex": "F"}])
def test_equal_snils_and_birth_date_under_another_name_or_sex_are_two_people(
    change: dict[str, Any],
) -> None:
    twin = replace(ELSEWHERE, sex="M", sourced_id="b-7", file="b.xml", line=12)
    roster = make_roster([make_person(snils=SNILS, **change)])
    found = match_all(roster, **numbered(twin))
    assert (found.matches, found.numberless) == ({"s-1": NEW}, {"s-1"})
    assert without_foreign_numbers(roster, found).persons["s-1"].snils == ""
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == (ANOTHER_NAME, Severity.ERROR)
    for text in (finding.message("ru"), finding.message("en")):
        assert all(place in text for place in (OTHER_SCHOOL, "b.xml", "12", "b-7"))


TWINS = [
    make_person("s-1", snils=SNILS, line=3),
    make_person("s-2", snils=SNILS, line=4, given_name="Анна"),
]


def test_twins_of_one_number_in_one_file_are_both_told_and_the_known_one_keeps_it() -> None:
    roster = make_roster(TWINS)
    found = match_all(roster, **keyed(snils=SNILS), **numbered(known_person(snils=SNILS)))
    assert (found.matches["s-2"], found.numberless) == (NEW, {"s-2"})
    told = [(one.rule, one.line, one.details["other_line"]) for one in found.findings]
    assert told == [(ANOTHER_NAME, 3, "4"), (ANOTHER_NAME, 4, "3")]
    assert match_all(roster).numberless == {"s-1", "s-2"}


def test_a_twin_who_moves_with_the_number_is_known_beside_one_who_has_it_by_mistake() -> None:
    found = match_all(make_roster(TWINS), **numbered(ELSEWHERE))
    assert (found.matches, found.numberless) == ({"s-1": BY_SNILS, "s-2": NEW}, {"s-2"})


def test_a_known_person_cannot_take_over_the_number_of_another_one() -> None:
    other = replace(ELSEWHERE, person_id="p-2", given_name="Анна")
    found = match_all(make_roster([WITH_NUMBER]), **keyed(), **numbered(other))
    assert (found.matches, found.numberless) == ({"s-1": KNOWN}, {"s-1"})
    assert rules_of(found.findings) == [ANOTHER_NAME]
    assert [told(one) for one in found.questions] == [(QuestionKind.SPLIT, "s-1", ["p-2"])]


def test_a_school_that_corrects_a_number_gives_it_to_whom_it_belongs() -> None:
    wrong = known_person("p-2", snils=SNILS, given_name="Анна")
    rows = [make_person("s-1", snils=SNILS), make_person("s-2", given_name="Анна", snils="")]
    by_key = {"s-1": known_person(), "s-2": wrong}
    found = match_all(make_roster(rows), by_key=by_key, **numbered(wrong))
    assert (found.numberless, found.findings) == (frozenset(), ())


@pytest.mark.parametrize("set_aside", [frozenset(), frozenset({"s-1"})])
def test_a_person_already_in_the_roster_is_not_matched_a_second_time(
    set_aside: frozenset[str],
) -> None:
    rows = [make_person("s-2", snils=SNILS, given_name="Второй")]
    if not set_aside:
        rows.append(make_person("s-1"))
    roster = make_roster(rows, set_aside=set_aside)
    found = match_all(roster, **keyed(snils=SNILS), **numbered(known_person(snils=SNILS)))
    assert found.matches["s-2"].how is How.NEW


def test_the_known_person_behind_an_unusable_row_is_set_aside() -> None:
    roster = make_roster(set_aside=frozenset({"s-1", "s-unknown"}))
    found = match_all(roster, **keyed())
    assert (found.set_aside, found.matches) == ({"p-1"}, {})


def test_case_yo_blanks_and_hyphens_make_no_other_name() -> None:
    assert normalised_name("Орлова-Ёлкина", " Анна  Мария", "") == normalised_name(
        "ОРЛОВА елкина", "анна мария", ""
    )


@pytest.mark.parametrize(
    ("field", "one", "other", "against"),
    [
        ("given_name", "Артём", "артем", False),
        ("given_name", "Анна-Мария", "Анна Мария", False),
        ("given_name", "Анна–Мария", "АннаМария", False),
        ("given_name", "Марк", "Mapк", False),  # Latin M, a, p
        ("given_name", "НИКОЛАЙ", unicodedata.normalize("NFD", "Николай"), False),
        ("given_name", "Даниэль", "Дани'эль", False),
        ("given_name", "Пётр", "Пe\u0308тр", False),  # Latin e and dots above
        ("given_name", "Kate", "KATE", False),
        ("given_name", "Анна", "", False),
        ("given_name", "Пётр", "Анна", True),
        ("given_name", "Анна", "Анна Мария", True),
        ("sex", "M", "F", True),
        ("sex", "F", "F", False),
        ("sex", "M", "", False),
        ("sex", "", "", False),
        ("family_name", "Примеров", "Замужняя", False),
        ("middle_name", "Примерович", "Иная", False),
    ],
)
def test_another_given_name_or_sex_speaks_against_one_human(
    field: str, one: str, other: str, against: bool
) -> None:
    assert contradict(make_person(**{field: one}), make_person(**{field: other})) is against
