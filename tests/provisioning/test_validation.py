"""Rules about a school's whole roster."""

from __future__ import annotations

from datetime import date

import pytest

from provisioning.roster import (
    ClassKind,
    Mode,
    Part,
    Person,
    PersonStatus,
    Role,
    Roster,
)
from provisioning.validation import RULES, age_on, validate
from tests.factories import make_class, make_enrolment, make_person, make_roster, make_teacher

TODAY = date(2026, 10, 5)


def rules_found(roster: Roster) -> list[str]:
    return [finding.rule for finding in validate(roster, TODAY)[1]]


def roster_of(*persons: Person, **overrides: object) -> Roster:
    """Everybody who is a pupil sits in 8А."""
    pupils = [person for person in persons if person.role is Role.STUDENT]
    fields: dict[str, object] = {
        "persons": persons,
        "classes": [make_class()],
        "enrolments": [make_enrolment(person.sourced_id) for person in pupils],
    }
    return make_roster(**fields | overrides)  # type: ignore[arg-type]


def test_a_good_roster_comes_back_as_it_is() -> None:
    roster = roster_of(make_person(), make_teacher())
    assert validate(roster, TODAY) == (roster, [])


@pytest.mark.parametrize(("sex", "rule"), [("", "person.ended_row"), ("F", "pupil.same_name")])
def test_an_ended_row_of_another_sex_is_another_human(sex: str, rule: str) -> None:
    ended = make_person("s-2", snils="11223344595", sex=sex, status=PersonStatus.LEFT)
    here = make_person("s-1", snils="11223344595", sex="M")
    roster, findings = validate(roster_of(here, ended), TODAY)
    assert [finding.rule for finding in findings] == [rule]
    assert ("s-2" in roster.persons) is bool(sex)


def test_every_rule_is_a_pure_function_of_roster_and_day() -> None:
    roster = roster_of(make_person(birth_date=date(1990, 1, 1)), make_teacher())
    for rule in RULES:
        assert rule(roster, TODAY) == rule(roster, TODAY)


@pytest.mark.parametrize(
    ("born", "age", "rules"),
    [
        (date(2021, 10, 5), 5, []),
        (date(2021, 10, 6), 4, ["age.pupil"]),
        (date(2004, 10, 6), 21, []),
        (date(2004, 10, 5), 22, ["age.pupil"]),
        (date(2027, 3, 1), -1, ["age.pupil"]),
    ],
)
def test_a_pupil_is_5_to_21_years_old(born: date, age: int, rules: list[str]) -> None:
    assert age_on(born, TODAY) == age
    assert rules_found(roster_of(make_person(birth_date=born))) == rules


@pytest.mark.parametrize(
    ("born", "rules"),
    [
        (date(2010, 10, 5), []),
        (date(2010, 10, 6), ["age.staff"]),
        (date(1935, 10, 6), []),
        (date(1935, 10, 5), ["age.staff"]),
    ],
)
def test_staff_are_16_to_90_years_old(born: date, rules: list[str]) -> None:
    assert rules_found(roster_of(make_person(), make_teacher(birth_date=born))) == rules


def test_a_birthday_on_29_february_comes_on_1_march_in_other_years() -> None:
    assert age_on(date(2012, 2, 29), date(2026, 2, 28)) == 13
    assert age_on(date(2012, 2, 29), date(2026, 3, 1)) == 14


def test_the_first_of_january_is_doubted() -> None:
    roster = roster_of(make_person(birth_date=date(2012, 1, 1)))
    assert rules_found(roster) == ["birth_date.first_of_january"]


def test_a_leaving_date_that_has_passed_makes_a_leaver() -> None:
    gone = make_person("s-1", end_date=date(2026, 10, 4))
    last_day = make_person("s-2", end_date=TODAY, birth_date=date(2012, 5, 5))
    checked, findings = validate(roster_of(gone, last_day), TODAY)
    assert [finding.rule for finding in findings] == ["leaving_date.passed"]
    assert checked.persons["s-1"].status is PersonStatus.LEFT
    assert checked.persons["s-2"].status is PersonStatus.ACTIVE


def test_leavers_are_not_asked_for_age_or_class() -> None:
    left = make_person("s-2", status=PersonStatus.LEFT, birth_date=date(1990, 1, 1))
    roster = roster_of(make_person(), left, enrolments=[make_enrolment()])
    assert rules_found(roster) == []


def test_an_unknown_class_is_left_out_and_the_pupil_stays() -> None:
    roster = roster_of(
        make_person("s-1"),
        make_person("s-2", birth_date=date(2012, 5, 5)),
        enrolments=[make_enrolment("s-1"), make_enrolment("s-2", "c-gone")],
    )
    checked, findings = validate(roster, TODAY)
    assert [(one.rule, one.sourced_id) for one in findings] == [
        ("class.unknown", "s-2"),
        ("pupil.no_class", "s-2"),
    ]
    assert set(checked.persons) == {"s-1", "s-2"}
    assert [one.person_id for one in checked.enrolments] == ["s-1"]


def test_a_pupil_without_a_class_is_reported_and_kept() -> None:
    roster = roster_of(make_person("s-1"), make_person("s-2", birth_date=date(2012, 5, 5)))
    roster = make_roster(
        roster.persons.values(),
        [make_class(), make_class("g-1", kind=ClassKind.GROUP)],
        [make_enrolment("s-1"), make_enrolment("s-2", "g-1")],
    )
    checked, findings = validate(roster, TODAY)
    assert [(one.rule, one.sourced_id) for one in findings] == [("pupil.no_class", "s-2")]
    assert "s-2" in checked.persons


def test_an_empty_class_is_reported() -> None:
    classes = [make_class(), make_class("c-9a", title="9А"), make_class("g", kind=ClassKind.GROUP)]
    roster = roster_of(make_person(), classes=classes)
    _, findings = validate(roster, TODAY)
    assert [(one.rule, one.value) for one in findings] == [("class.empty", "9А")]


def test_a_class_whose_pupils_have_left_is_empty() -> None:
    assert rules_found(roster_of(make_person(status=PersonStatus.LEFT))) == ["class.empty"]


@pytest.mark.parametrize(
    "overrides", [{"parts": frozenset({Part.CLASSES})}, {"mode": Mode.CHANGES}]
)
def test_classes_are_not_called_empty_when_pupils_may_be_elsewhere(
    overrides: dict[str, object],
) -> None:
    assert rules_found(roster_of(**overrides)) == []


def test_an_unknown_class_teacher_is_left_out() -> None:
    roster = roster_of(make_person(), classes=[make_class(teacher_id="t-9")])
    checked, findings = validate(roster, TODAY)
    assert [(one.rule, one.value) for one in findings] == [("class.teacher_unknown", "t-9")]
    assert checked.classes["c-8a"].teacher_id is None


def test_a_class_teacher_may_be_in_a_file_that_did_not_come() -> None:
    parts = frozenset({Part.CLASSES, Part.STUDENTS})
    roster = roster_of(make_person(), classes=[make_class(teacher_id="t-9")], parts=parts)
    assert validate(roster, TODAY) == (roster, [])


def test_a_class_teacher_whose_row_was_set_aside_is_not_unknown() -> None:
    classes = [make_class(teacher_id="t-9")]
    roster = roster_of(make_person(), classes=classes, set_aside=frozenset({"t-9"}))
    assert rules_found(roster) == []


def test_teaching_by_an_unknown_person_is_left_out() -> None:
    links = [make_enrolment(), make_enrolment("t-9", role=Role.TEACHER, subject="Химия")]
    roster = roster_of(make_person(), enrolments=links)
    checked, findings = validate(roster, TODAY)
    assert [(one.rule, one.value) for one in findings] == [("enrolment.unknown_person", "t-9")]
    assert checked.enrolments == (links[0],)


def test_teaching_by_staff_who_did_not_come_is_kept() -> None:
    links = [make_enrolment(), make_enrolment("t-9", role=Role.TEACHER)]
    parts = frozenset({Part.CLASSES, Part.STUDENTS, Part.TEACHING})
    roster = roster_of(make_person(), enrolments=links, parts=parts)
    assert validate(roster, TODAY) == (roster, [])


def test_one_snils_of_two_people_is_of_no_use_for_either() -> None:
    people = [
        make_person("s-1", snils="11223344595", line=7),
        make_person("s-2", snils="11223344595", line=20, birth_date=date(2012, 5, 5)),
        make_person("s-3", snils="00100199800", line=30, birth_date=date(2012, 5, 6)),
    ]
    checked, findings = validate(roster_of(*people), TODAY)
    assert [(one.rule, one.sourced_id) for one in findings] == [
        ("snils.two_people", "s-1"),
        ("snils.two_people", "s-2"),
    ]
    assert "20" in findings[0].message("ru")
    assert [person.snils for person in checked.persons.values()] == ["", "", "00100199800"]


def test_one_snils_with_one_birth_date_may_be_one_person_in_two_roles() -> None:
    pupil = make_person("s-1", snils="11223344595", birth_date=date(2008, 5, 5))
    helper = make_teacher("t-1", snils="11223344595", birth_date=date(2008, 5, 5))
    roster = roster_of(pupil, helper)
    assert validate(roster, TODAY) == (roster, [])


def test_namesakes_in_a_class_are_reported_and_both_kept() -> None:
    people = [
        make_person("s-1", family_name="Алёшин"),
        make_person("s-2", family_name="АЛЕШИН", line=30),
    ]
    checked, findings = validate(roster_of(*people), TODAY)
    assert [(one.rule, one.sourced_id) for one in findings] == [("pupil.same_name", "s-2")]
    assert len(checked.persons) == 2


def test_twins_are_no_namesakes() -> None:
    twins = [make_person("s-1", given_name="Анна"), make_person("s-2", given_name="Мария")]
    assert rules_found(roster_of(*twins)) == []


def test_findings_come_in_file_order() -> None:
    people = [
        make_person("s-1", line=90, birth_date=date(1990, 5, 5)),
        make_person("s-2", line=10, birth_date=date(2012, 1, 1)),
    ]
    _, findings = validate(roster_of(*people), TODAY)
    assert [finding.line for finding in findings] == [10, 90]
