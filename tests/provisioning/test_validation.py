"""Rules about a school's whole roster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from provisioning.roster import ClassKind, Mode, Part, Person, PersonStatus, Role, Roster
from provisioning.validation import RULES, age_on, validate
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher
from tests.provisioning.roster_files import rules_of

TODAY = date(2026, 10, 5)
SNILS = "11223344595"


def roster_of(*persons: Person, **overrides: Any) -> Roster:
    """Everybody who is a pupil sits in 8А."""
    pupils = [person for person in persons if person.role is Role.STUDENT]
    fields: dict[str, Any] = {
        "classes": [make_class()],
        "enrolments": [make_enrolment(person.sourced_id) for person in pupils],
    }
    return make_roster(persons, **fields | overrides)


def other_pupil(sourced_id: str = "s-2", **overrides: Any) -> Person:
    return make_person(sourced_id, **{"birth_date": date(2012, 5, 5)} | overrides)


def checked(roster: Roster, *fields: str) -> tuple[Roster, list[tuple[str, ...]]]:
    """The roster after the rules; of each finding the rule and these fields."""
    roster, findings = validate(roster, TODAY)
    return roster, [(one.rule, *(getattr(one, name) for name in fields)) for one in findings]


LEFT = make_person("s-9", status=PersonStatus.LEFT, birth_date=date(1990, 1, 1))
NO_STAFF = frozenset({Part.CLASSES, Part.STUDENTS, Part.TEACHING})
TEACHES = make_enrolment("t-9", role=Role.TEACHER, subject="Химия")
HELPER = make_teacher(snils=SNILS, birth_date=date(2008, 5, 5))

WITHOUT_DOUBT = {
    "a good roster": roster_of(make_person(), make_teacher()),
    "a leaver without a usual age or a class": roster_of(
        make_person(), LEFT, enrolments=[make_enrolment()]
    ),
    "classes whose pupils did not come": roster_of(parts=frozenset({Part.CLASSES})),
    "classes in a file of changes": roster_of(mode=Mode.CHANGES),
    "a class teacher who may be in a file that did not come": roster_of(
        make_person(), classes=[make_class(teacher_id="t-9")], parts=NO_STAFF
    ),
    "a class teacher whose row was set aside": roster_of(
        make_person(), classes=[make_class(teacher_id="t-9")], set_aside=frozenset({"t-9"})
    ),
    "teaching by staff who did not come": roster_of(
        make_person(), enrolments=[make_enrolment(), TEACHES], parts=NO_STAFF
    ),
    "a number and a birth date of one person in two roles": roster_of(
        make_person(snils=SNILS, birth_date=date(2008, 5, 5)), HELPER
    ),
    "twins": roster_of(make_person("s-1", given_name="Анна"), make_person("s-2", given_name="Ия")),
}


@pytest.mark.parametrize("roster", WITHOUT_DOUBT.values(), ids=WITHOUT_DOUBT)
def test_what_can_be_comes_back_as_it_is(roster: Roster) -> None:
    assert validate(roster, TODAY) == (roster, [])


@pytest.mark.parametrize(("sex", "rule"), [("", "person.ended_row"), ("F", "pupil.same_name")])
def test_an_ended_row_of_another_sex_is_another_human(sex: str, rule: str) -> None:
    ended = make_person("s-2", snils=SNILS, sex=sex, status=PersonStatus.LEFT)
    here = make_person("s-1", snils=SNILS, sex="M")
    roster, found = checked(roster_of(here, ended))
    assert found == [(rule,)]
    assert ("s-2" in roster.persons) is bool(sex)


def test_every_rule_is_a_pure_function_of_roster_and_day() -> None:
    roster = roster_of(make_person(birth_date=date(1990, 1, 1)), make_teacher())
    for rule in RULES:
        assert rule(roster, TODAY) == rule(roster, TODAY)


@pytest.mark.parametrize(
    ("make", "born", "age", "rules"),
    [
        (make_person, date(2021, 10, 5), 5, []),
        (make_person, date(2021, 10, 6), 4, ["age.pupil"]),
        (make_person, date(2004, 10, 6), 21, []),
        (make_person, date(2004, 10, 5), 22, ["age.pupil"]),
        (make_person, date(2027, 3, 1), -1, ["age.pupil"]),
        (make_person, date(2012, 1, 1), 14, ["birth_date.first_of_january"]),
        (make_teacher, date(2010, 10, 5), 16, []),
        (make_teacher, date(2010, 10, 6), 15, ["age.staff"]),
        (make_teacher, date(1935, 10, 6), 90, []),
        (make_teacher, date(1935, 10, 5), 91, ["age.staff"]),
    ],
)
def test_pupils_are_5_to_21_years_old_and_staff_16_to_90(
    make: Callable[..., Person], born: date, age: int, rules: list[str]
) -> None:
    assert age_on(born, TODAY) == age
    roster = roster_of(other_pupil("s-9"), make(birth_date=born))
    assert rules_of(validate(roster, TODAY)[1]) == rules


def test_a_birthday_on_29_february_comes_on_1_march_in_other_years() -> None:
    assert age_on(date(2012, 2, 29), date(2026, 2, 28)) == 13
    assert age_on(date(2012, 2, 29), date(2026, 3, 1)) == 14


def test_a_leaving_date_that_has_passed_makes_a_leaver() -> None:
    gone, last_day = make_person(end_date=date(2026, 10, 4)), other_pupil(end_date=TODAY)
    roster, found = checked(roster_of(gone, last_day))
    assert found == [("leaving_date.passed",)]
    statuses = {key: person.status for key, person in roster.persons.items()}
    assert statuses == {"s-1": PersonStatus.LEFT, "s-2": PersonStatus.ACTIVE}


@pytest.mark.parametrize(
    ("class_id", "rules"),
    [("c-gone", ["class.unknown", "pupil.no_class"]), ("g-1", ["pupil.no_class"])],
)
def test_a_pupil_without_a_known_home_class_is_reported_and_kept(
    class_id: str, rules: list[str]
) -> None:
    links = [make_enrolment("s-1"), make_enrolment("s-2", class_id)]
    classes = [make_class(), make_class("g-1", kind=ClassKind.GROUP)]
    before = roster_of(make_person(), other_pupil(), classes=classes, enrolments=links)
    roster, found = checked(before, "sourced_id")
    assert found == [(rule, "s-2") for rule in rules]
    assert set(roster.persons) == {"s-1", "s-2"}
    assert [one for one in links if one.class_id != "c-gone"] == list(roster.enrolments)


def test_a_class_without_pupils_who_are_here_is_empty() -> None:
    classes = [make_class(), make_class("c-9a", title="9А"), make_class("g", kind=ClassKind.GROUP)]
    roster = roster_of(make_person(), classes=classes)
    assert checked(roster, "value")[1] == [("class.empty", "9А")]
    assert checked(roster_of(LEFT), "value")[1] == [("class.empty", "8А")]


def test_an_unknown_class_teacher_and_teaching_by_an_unknown_person_are_left_out() -> None:
    classes, links = [make_class(teacher_id="t-8")], [make_enrolment(), TEACHES]
    before = roster_of(make_person(), classes=classes, enrolments=links)
    roster, found = checked(before, "value")
    assert sorted(found) == [("class.teacher_unknown", "t-8"), ("enrolment.unknown_person", "t-9")]
    assert roster.classes["c-8a"].teacher_id is None
    assert roster.enrolments == (links[0],)


def test_one_snils_of_two_people_is_of_no_use_for_either() -> None:
    people = [
        make_person(snils=SNILS, line=7),
        other_pupil(snils=SNILS, line=20),
        other_pupil("s-3", snils="00100199800", line=30, birth_date=date(2012, 5, 6)),
    ]
    roster, findings = validate(roster_of(*people), TODAY)
    found = [(one.rule, one.sourced_id) for one in findings]
    assert found == [("snils.two_people", "s-1"), ("snils.two_people", "s-2")]
    assert "20" in findings[0].message("ru")
    assert [person.snils for person in roster.persons.values()] == ["", "", "00100199800"]


@pytest.mark.parametrize("apart", [0, 1])
def test_one_snils_in_very_many_rows_is_nobody_s_and_told_once(apart: int) -> None:
    days = [date(2012, 1, 1) + timedelta(days=apart * each) for each in range(21)]
    people = [
        make_person(f"s-{each}", snils=SNILS, birth_date=day) for each, day in enumerate(days)
    ]
    roster, findings = validate(roster_of(*people), TODAY)
    found = [one for one in findings if one.rule.startswith("snils.")]
    assert [(one.rule, one.details["count"]) for one in found] == [("snils.filler", "21")]
    assert {person.snils for person in roster.persons.values()} == {""}


def test_namesakes_in_a_class_are_reported_and_both_kept() -> None:
    people = [
        make_person("s-1", family_name="Алёшин"),
        make_person("s-2", family_name="АЛЕШИН", line=30),
    ]
    roster, found = checked(roster_of(*people), "sourced_id")
    assert found == [("pupil.same_name", "s-2")]
    assert len(roster.persons) == 2


def test_findings_come_in_file_order() -> None:
    people = [
        make_person("s-1", line=90, birth_date=date(1990, 5, 5)),
        make_person("s-2", line=10, birth_date=date(2012, 1, 1)),
    ]
    _, findings = validate(roster_of(*people), TODAY)
    assert [finding.line for finding in findings] == [10, 90]
