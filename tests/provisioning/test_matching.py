"""Who is this row?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any

import pytest

from provisioning.findings import Severity
from provisioning.matching import (
    How,
    KnownIdentities,
    KnownIdentity,
    Match,
    Matching,
    match,
    name_key,
    normalised_name,
    without_foreign_numbers,
)
from provisioning.roster import Person, Roster
from tests.factories import SCHOOL_CODE, make_person, make_roster

SNILS = "11223344595"
OTHER_SCHOOL = "78-0006"


def ids() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"new-{next(numbers)}"


def known_person(person_id: str = "p-1", **overrides: Any) -> KnownIdentity:
    fields: dict[str, Any] = {
        "person_id": person_id,
        "family_name": "Примеров",
        "given_name": "Пример",
        "middle_name": "Примерович",
        "birth_date": date(2012, 9, 1),
        "school_code": SCHOOL_CODE,
    }
    return KnownIdentity(**fields | overrides)


def match_one(person: Person, **known: Any) -> tuple[Match | None, list[str]]:
    found = match(make_roster([person]), KnownIdentities(**known), ids())
    return found.matches.get(person.sourced_id), [finding.rule for finding in found.findings]


def match_all(roster: Roster, **known: Any) -> Matching:
    return match(roster, KnownIdentities(**known), ids())


def test_a_row_nobody_knows_is_a_new_person() -> None:
    assert match_one(make_person()) == (Match(person_id="new-1", how=How.NEW), [])


def test_a_known_source_key_is_the_same_person() -> None:
    found = match_one(make_person(), by_key={"s-1": known_person()})
    assert found == (Match(person_id="p-1", how=How.KNOWN), [])


@pytest.mark.parametrize(
    "change",
    [
        {"family_name": "Замужняя"},
        {"family_name": "Иной", "given_name": "Другой"},
        {"birth_date": date(2012, 1, 9)},
    ],
)
def test_a_known_key_survives_a_new_name_or_a_corrected_birth_date(change: dict[str, Any]) -> None:
    found, rules = match_one(make_person(**change), by_key={"s-1": known_person()})
    assert (found, rules) == (Match(person_id="p-1", how=How.KNOWN), [])


def test_a_known_key_under_which_another_human_comes_is_a_question() -> None:
    roster = make_roster([make_person(given_name="Другой", birth_date=date(2013, 5, 5))])
    found = match_all(roster, by_key={"s-1": known_person()})
    assert found.matches == {}
    assert found.set_aside == {"p-1"}
    assert [(f.rule, f.severity, f.sourced_id) for f in found.findings] == [
        ("match.key_reused", Severity.ERROR, "s-1")
    ]


def test_a_known_person_without_a_birth_date_is_told_by_the_key_alone() -> None:
    nameless = known_person(birth_date=None, family_name="Иной", given_name="Другой")
    found, _ = match_one(make_person(), by_key={"s-1": nameless})
    assert found == Match(person_id="p-1", how=How.KNOWN)


def test_a_transfer_is_recognised_by_snils_and_birth_date() -> None:
    elsewhere = known_person(snils=SNILS, school_code=OTHER_SCHOOL)
    found = match_one(make_person(snils=SNILS), by_snils={SNILS: [elsewhere]})
    assert found == (Match(person_id="p-1", how=How.SNILS), [])


def test_equal_snils_with_another_birth_date_are_two_people() -> None:
    elsewhere = known_person(snils=SNILS, birth_date=date(2011, 9, 1))
    found = match_one(make_person(snils=SNILS), by_snils={SNILS: [elsewhere]})
    assert found == (Match(person_id="new-1", how=How.NEW), ["match.snils_conflict"])


def test_snils_of_two_known_people_proves_nothing() -> None:
    both = [known_person("p-1", snils=SNILS), known_person("p-2", snils=SNILS)]
    found, _ = match_one(make_person(snils=SNILS), by_snils={SNILS: both})
    assert found == Match(person_id="new-1", how=How.NEW)


def test_the_same_snils_twice_in_one_roster_matches_nobody() -> None:
    roster = make_roster([make_person("s-1", snils=SNILS), make_person("s-2", snils=SNILS)])
    found = match_all(roster, by_snils={SNILS: [known_person(snils=SNILS)]})
    assert {one.how for one in found.matches.values()} == {How.NEW}


def test_who_is_named_by_key_is_nobody_elses_row() -> None:
    known = known_person(snils=SNILS)
    roster = make_roster([make_person("s-1"), make_person("s-2", snils=SNILS)])
    found = match_all(roster, by_key={"s-1": known}, by_snils={SNILS: [known]})
    assert found.matches["s-1"] == Match(person_id="p-1", how=How.KNOWN)
    assert found.matches["s-2"] == Match(person_id="new-1", how=How.NEW)


ANOTHER_NAME = ["match.snils_other_name"]


@pytest.mark.parametrize("change", [{"given_name": "Анна"}, {"sex": "F"}])
def test_equal_snils_and_birth_date_under_another_name_or_sex_are_two_people(
    change: dict[str, Any],
) -> None:
    twin = known_person(
        snils=SNILS, sex="M", school_code=OTHER_SCHOOL, sourced_id="b-7", file="b.xml", line=12
    )
    roster = make_roster([make_person(snils=SNILS, **change)])
    found = match_all(roster, by_snils={SNILS: [twin]})
    assert found.matches["s-1"] == Match(person_id="new-1", how=How.NEW)
    assert found.numberless == {"s-1"}
    assert without_foreign_numbers(roster, found).persons["s-1"].snils == ""
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == (*ANOTHER_NAME, Severity.ERROR)
    for text in (finding.message("ru"), finding.message("en")):
        assert all(place in text for place in (OTHER_SCHOOL, "b.xml", "12", "b-7"))


def test_a_bride_is_the_same_human() -> None:
    elsewhere = known_person(snils=SNILS, school_code=OTHER_SCHOOL)
    bride = make_person(snils=SNILS, family_name="Замужняя")
    assert match_one(bride, by_snils={SNILS: [elsewhere]}) == (
        Match(person_id="p-1", how=How.SNILS),
        [],
    )


def test_twins_of_one_number_in_one_file_are_both_told_and_the_known_one_keeps_it() -> None:
    rows = [make_person("s-1", snils=SNILS, line=3)]
    rows.append(make_person("s-2", snils=SNILS, line=4, given_name="Анна"))
    known = known_person(snils=SNILS)
    found = match_all(make_roster(rows), by_key={"s-1": known}, by_snils={SNILS: [known]})
    assert found.matches["s-2"] == Match(person_id="new-1", how=How.NEW)
    assert found.numberless == {"s-2"}
    assert [(f.rule, f.line, f.details["other_line"]) for f in found.findings] == [
        (*ANOTHER_NAME, 3, "4"),
        (*ANOTHER_NAME, 4, "3"),
    ]
    unknown = match_all(make_roster(rows))
    assert unknown.numberless == {"s-1", "s-2"}


def test_a_twin_who_moves_with_the_number_is_known_beside_one_who_has_it_by_mistake() -> None:
    rows = [make_person("s-1", snils=SNILS), make_person("s-2", snils=SNILS, given_name="Анна")]
    elsewhere = known_person(snils=SNILS, school_code=OTHER_SCHOOL)
    found = match_all(make_roster(rows), by_snils={SNILS: [elsewhere]})
    assert found.matches["s-1"] == Match(person_id="p-1", how=How.SNILS)
    assert found.matches["s-2"].how is How.NEW
    assert found.numberless == {"s-2"}


def test_a_known_person_cannot_take_over_the_number_of_another_one() -> None:
    own, other = known_person(), known_person("p-2", snils=SNILS, given_name="Анна")
    other = replace(other, school_code=OTHER_SCHOOL)
    roster = make_roster([make_person(snils=SNILS)])
    found = match_all(roster, by_key={"s-1": own}, by_snils={SNILS: [other]})
    assert found.matches["s-1"] == Match(person_id="p-1", how=How.KNOWN)
    assert found.numberless == {"s-1"}
    assert [finding.rule for finding in found.findings] == ANOTHER_NAME


def test_a_school_that_corrects_a_number_gives_it_to_whom_it_belongs() -> None:
    wrong = known_person("p-2", snils=SNILS, given_name="Анна")
    rows = [make_person("s-1", snils=SNILS), make_person("s-2", given_name="Анна", snils="")]
    by_key = {"s-1": known_person(), "s-2": wrong}
    found = match_all(make_roster(rows), by_key=by_key, by_snils={SNILS: [wrong]})
    assert (found.numberless, found.findings) == (frozenset(), ())


def test_rows_without_snils_are_not_taken_for_one_another() -> None:
    nobody = known_person(snils="")
    found, _ = match_one(make_person(snils=""), by_snils={"": [nobody]})
    assert found == Match(person_id="new-1", how=How.NEW)


@pytest.mark.parametrize("set_aside", [frozenset(), frozenset({"s-1"})])
def test_a_person_already_in_the_roster_is_not_matched_a_second_time(
    set_aside: frozenset[str],
) -> None:
    rows = [make_person("s-2", snils=SNILS, given_name="Второй")]
    if not set_aside:
        rows.append(make_person("s-1"))
    roster = make_roster(rows, set_aside=set_aside)
    known = known_person(snils=SNILS)
    found = match_all(roster, by_key={"s-1": known}, by_snils={SNILS: [known]})
    assert found.matches["s-2"].how is How.NEW


def test_the_known_person_behind_an_unusable_row_is_set_aside() -> None:
    roster = make_roster(set_aside=frozenset({"s-1", "s-unknown"}))
    found = match_all(roster, by_key={"s-1": known_person()})
    assert (found.set_aside, found.matches) == ({"p-1"}, {})


def test_a_namesake_born_on_the_same_day_elsewhere_is_new_and_a_question() -> None:
    person = make_person()
    roster = make_roster([person])
    elsewhere = known_person(school_code=OTHER_SCHOOL)
    found = match_all(roster, by_name={name_key(person): [elsewhere]})
    assert found.matches["s-1"] == Match(person_id="new-1", how=How.NEW)
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("match.same_name_elsewhere", Severity.WARNING)
    assert OTHER_SCHOOL in finding.message("ru")
    assert OTHER_SCHOOL in finding.message("en")


def test_a_namesake_with_another_snils_is_no_question() -> None:
    person = make_person(snils=SNILS)
    elsewhere = known_person(snils="08765430300", school_code=OTHER_SCHOOL)
    assert match_one(person, by_name={name_key(person): [elsewhere]})[1] == []


def test_a_namesake_of_somebody_who_is_in_the_roster_too_is_no_question() -> None:
    twin, moved = make_person("s-1"), make_person("s-2", snils=SNILS)
    elsewhere = known_person(snils=SNILS, school_code=OTHER_SCHOOL)
    for rows in ([twin, moved], [moved, twin]):
        found = match_all(
            make_roster(rows),
            by_snils={SNILS: [elsewhere]},
            by_name={name_key(twin): [elsewhere]},
        )
        assert found.matches["s-2"] == Match(person_id="p-1", how=How.SNILS)
        assert found.findings == ()


def test_findings_come_in_the_order_of_the_file_and_do_not_show_the_person_in_a_log() -> None:
    rows = [make_person("s-2", line=9), make_person("s-1", line=3)]
    namesake = known_person(school_code=OTHER_SCHOOL)
    found = match_all(make_roster(rows), by_name={name_key(rows[0]): [namesake]})
    assert [finding.line for finding in found.findings] == [3, 9]
    assert found.findings[0].person == "Примеров Пример Примерович"
    assert "Примеров" not in repr(found.findings)


def test_case_yo_blanks_and_hyphens_make_no_other_name() -> None:
    assert normalised_name("Орлова-Ёлкина", " Анна  Мария", "") == normalised_name(
        "ОРЛОВА елкина", "анна мария", ""
    )
