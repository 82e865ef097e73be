"""docs/facts/paragraf.md section 7: each awkward case that reading can see gives its stated
result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.roster import Role, Roster
from provisioning.validation import validate
from tests.provisioning.roster_files import (
    TODAY,
    employee,
    read_files,
    roster_file,
    rules_of,
    school_class,
    student,
)

Check = Callable[[list[Roster]], bool]


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    files: tuple[str | bytes, ...]
    rules: tuple[str, ...] = ()
    """All findings, validation's last."""
    holds: Check = lambda rosters: True
    """About the rosters, in order of school code."""
    expected_school: str | None = None


def person(roster: Roster, sourced_id: str = "s-1") -> tuple[str, str, str]:
    found = roster.persons[sourced_id]
    return found.family_name, found.given_name, found.middle_name


def only(*students: str) -> tuple[str]:
    return (roster_file(students=students),)


def titled(title: str) -> tuple[str]:
    return (roster_file(classes=[school_class(title=title, grade="8")]),)


def has_title(title: str) -> Check:
    return lambda rosters: rosters[0].classes["c-8a"].title == title


def has_name(family_name: str, given_name: str, middle_name: str = "Примерович") -> Check:
    return lambda rosters: person(rosters[0]) == (family_name, given_name, middle_name)


def numbers(*expected: str) -> Check:
    return lambda rosters: [roster.school.number for roster in rosters] == list(expected)


def stopped(rosters: list[Roster]) -> bool:
    return not rosters


def one_person_in_both(key: str) -> Check:
    def holds(rosters: list[Roster]) -> bool:
        first, second = (roster.persons[key] for roster in rosters)
        return (first.birth_date, first.snils) == (second.birth_date, second.snils)

    return holds


CITY_SNILS = "112-233-445 95"
TWINS = (
    student("s-1", given_name="Анна", middle_name="Примеровна"),
    student("s-2", given_name="Мария", middle_name="Примеровна"),
)

CASES = [
    Case(
        name="one number in one district, two schools",
        files=(roster_file(code="78-0001", number="№4"), roster_file(code="78-0002", number="№4")),
        holds=numbers("4", "4"),
    ),
    Case(
        name="a school without a number",
        files=(roster_file(number="").replace("<name>Школа ", "<name>Гимназия"),),
        holds=numbers(""),
    ),
    Case(name="number as «№ 243»", files=(roster_file(number="№ 243"),), holds=numbers("243")),
    Case(name="number as «№243»", files=(roster_file(number="№243"),), holds=numbers("243")),
    Case(
        name="number as «№006»",
        files=(roster_file(number="№006"),),
        holds=lambda rosters: (
            (rosters[0].school.number, rosters[0].school.name) == ("6", "Школа №006")
        ),
    ),
    Case(
        name="no patronymic",
        files=only(student(middle_name="")),
        holds=has_name("Примеров", "Пример", ""),
    ),
    Case(
        name="a dash for no patronymic",
        files=only(student(middle_name="-")),
        holds=has_name("Примеров", "Пример", ""),
    ),
    Case(
        name="double surname",
        files=only(student(family_name="Примерова-Образцова")),
        holds=has_name("Примерова-Образцова", "Пример"),
    ),
    Case(
        name="ё",
        files=only(student(family_name="Пчёлкин", given_name="Артём")),
        holds=has_name("Пчёлкин", "Артём"),
    ),
    Case(
        name="hyphen, apostrophe and blank in names",
        files=only(student(family_name="д'Пример", given_name="Анна Мария-Луиза")),
        holds=has_name("д'Пример", "Анна Мария-Луиза"),
    ),
    Case(
        name="a patronymic of several words",
        files=only(student(middle_name="Пример оглы")),
        holds=has_name("Примеров", "Пример", "Пример оглы"),
    ),
    Case(
        name="a foreign name in Latin script",
        files=only(student(family_name="Sample", given_name="José-María", middle_name="")),
        holds=has_name("Sample", "José-María", ""),
    ),
    Case(
        name="a Latin letter in a Russian name",
        files=only(student(family_name="Пpимеров")),
        rules=("name.mixed_alphabets",),
        holds=has_name("Пpимеров", "Пример"),
    ),
    Case(
        name="two pupils with one name and birth date in a class",
        files=only(student("s-1"), student("s-2")),
        rules=("pupil.same_name",),
        holds=lambda rosters: {"s-1", "s-2"} <= set(rosters[0].persons),
    ),
    Case(
        name="twins",
        files=only(*TWINS),
        holds=lambda rosters: {"s-1", "s-2"} <= set(rosters[0].persons),
    ),
    Case(
        name="a teacher who is a parent",
        files=(roster_file(after="<guardians><guardian id='t-1'/></guardians>"),),
        rules=("guardian.ignored",),
        holds=lambda rosters: rosters[0].persons["t-1"].role is Role.TEACHER,
    ),
    Case(
        name="a teacher in two schools",
        files=(
            roster_file(staff=[employee(snils=CITY_SNILS)], code="78-0001"),
            roster_file(staff=[employee(snils=CITY_SNILS)], code="78-0002"),
        ),
        holds=one_person_in_both("t-1"),
    ),
    Case(
        name="a pupil in two schools on one day",
        files=(
            roster_file(students=[student(snils=CITY_SNILS)], code="78-0001"),
            roster_file(students=[student(snils=CITY_SNILS)], code="78-0002"),
        ),
        holds=one_person_in_both("s-1"),
    ),
    Case(
        name="a pupil without a class",
        files=only(student(), student("s-2", class_id="", given_name="Проба")),
        rules=("pupil.no_class",),
        holds=lambda rosters: "s-2" in rosters[0].persons,
    ),
    Case(
        name="an empty class",
        files=(roster_file(classes=[school_class(), school_class("c-9", title="9А", grade="9")]),),
        rules=("class.empty",),
        holds=lambda rosters: "c-9" in rosters[0].classes,
    ),
    Case(name="class «8 а»", files=titled("8 а"), holds=has_title("8А")),
    Case(name="class «8А»", files=titled("8А"), holds=has_title("8А")),
    Case(
        name="class «8a», Latin",
        files=titled("8a"),
        rules=("class.latin_letter",),
        holds=has_title("8А"),
    ),
    Case(name="class «10-1»", files=titled("10-1"), holds=has_title("10-1")),
    Case(
        name="class «0»",
        files=(roster_file(classes=[school_class(title="0", grade="0")]),),
        holds=lambda rosters: rosters[0].classes["c-8a"].grade == 0,
    ),
    Case(
        name="born on 29 February",
        files=only(student(birth_date="29.02.2012")),
        holds=lambda rosters: rosters[0].persons["s-1"].birth_date == date(2012, 2, 29),
    ),
    Case(
        name="29 February of a year that has none",
        files=only(student("s-1"), student("s-2", birth_date="29.02.2013")),
        rules=("birth_date.impossible",),
        holds=lambda rosters: rosters[0].set_aside == {"s-2"},
    ),
    Case(
        name="01.01 of an unknown birthday",
        files=only(student(birth_date="01.01.2012")),
        rules=("birth_date.first_of_january",),
        holds=lambda rosters: "s-1" in rosters[0].persons,
    ),
    Case(
        name="a new name after a passport",
        files=only(student(family_name="Новый")),
        holds=has_name("Новый", "Пример"),
    ),
    Case(
        name="a school of 3,600 pupils",
        files=only(
            *(
                student(f"s-{number}", birth_date=f"{2009 + number % 8}-0{1 + number % 9}-15")
                for number in range(3_600)
            )
        ),
        rules=("pupil.same_name",) * (3_600 - 72),
        holds=lambda rosters: len(rosters[0].persons) == 3_601,
    ),
    Case(
        name="a file cut in the middle",
        files=(roster_file().encode()[:700],),
        rules=("xml.truncated",),
        holds=stopped,
    ),
    Case(
        name="windows-1251 declared as utf-8",
        files=(roster_file().encode("cp1251"),),
        rules=("encoding.lie",),
        holds=has_name("Примеров", "Пример"),
    ),
    Case(
        name="a file of last academic year",
        files=(roster_file(school_year="2025/2026"),),
        rules=("school_year.other",),
        holds=stopped,
    ),
    Case(
        name="another school's file",
        files=(roster_file(code="78-0001"),),
        rules=("school.wrong",),
        holds=stopped,
        expected_school="78-0243",
    ),
    Case(
        name="the same file twice",
        files=(roster_file(), roster_file()),
        rules=("file.same_twice",),
        holds=lambda rosters: len(rosters) == 1,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_awkward_case_gives_its_stated_result(case: Case, tmp_path: Path) -> None:
    files = {f"file{number}": content for number, content in enumerate(case.files)}
    result = read_files(tmp_path, expected_school=case.expected_school, **files)
    findings = list(result.findings)
    rosters = []
    for roster in result.rosters:
        checked, doubts = validate(roster, TODAY)
        rosters.append(checked)
        findings += doubts
    assert tuple(rules_of(findings)) == case.rules
    assert case.holds(rosters)
    fatal = any(finding.severity is Severity.FATAL for finding in findings)
    assert fatal or len(rosters) == len(case.files)
