"""docs/facts/paragraf.md section 7: each awkward case that reading can see gives its stated
result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

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
Files = tuple[str | bytes, ...]


@dataclass(frozen=True)
class Case:
    files: Files
    holds: Check
    """About the rosters, in order of school code."""
    rules: tuple[str, ...] = ()
    """All findings, validation's last."""
    expected_school: str | None = None


def file(**parts: Any) -> Files:
    return (roster_file(**parts),)


def pupil(**fields: str) -> Files:
    return file(students=[student(**fields)])


def titled(title: str, grade: str = "8") -> Files:
    return file(classes=[school_class(title=title, grade=grade)])


def in_two_schools(**parts: Any) -> Files:
    return (roster_file(code="78-0001", **parts), roster_file(code="78-0002", **parts))


def name(family_name: str, given_name: str = "Пример", middle_name: str = "Примерович") -> Check:
    def holds(rosters: list[Roster]) -> bool:
        one = rosters[0].persons["s-1"]
        return (one.family_name, one.given_name, one.middle_name) == expected

    expected = (family_name, given_name, middle_name)
    return holds


def title(expected: str) -> Check:
    return lambda rosters: rosters[0].classes["c-8a"].title == expected


def numbers(*expected: str) -> Check:
    return lambda rosters: [roster.school.number for roster in rosters] == list(expected)


def people(*sourced_ids: str) -> Check:
    return lambda rosters: rosters[0].persons.keys() >= set(sourced_ids)


def stopped(rosters: list[Roster]) -> bool:
    return not rosters


def one_person_in_both(key: str) -> Check:
    def holds(rosters: list[Roster]) -> bool:
        first, second = (roster.persons[key] for roster in rosters)
        return (first.birth_date, first.snils) == (second.birth_date, second.snils)

    return holds


CITY_SNILS = "112-233-445 95"
TWINS = [student(key, given_name=name) for key, name in (("s-1", "Анна"), ("s-2", "Мария"))]
CLASSLESS = [student(), student("s-2", class_id="", given_name="Проба")]
TWO_CLASSES = [school_class(), school_class("c-9", title="9А", grade="9")]
LEAP_DAYS = [student("s-1"), student("s-2", birth_date="29.02.2013")]
LARGE = [
    student(f"s-{number}", birth_date=f"{2009 + number % 8}-0{1 + number % 9}-15")
    for number in range(3_600)
]

CASES = {
    "one number in one district, two schools": Case(in_two_schools(number="№4"), numbers("4", "4")),
    "a school without a number": Case(
        (roster_file(number="").replace("<name>Школа ", "<name>Гимназия"),), numbers("")
    ),
    "number as «№ 243»": Case(file(number="№ 243"), numbers("243")),
    "number as «№243»": Case(file(number="№243"), numbers("243")),
    "number as «№006»": Case(
        file(number="№006"),
        lambda rosters: (rosters[0].school.number, rosters[0].school.name) == ("6", "Школа №006"),
    ),
    "no patronymic": Case(pupil(middle_name=""), name("Примеров", middle_name="")),
    "a dash for no patronymic": Case(pupil(middle_name="-"), name("Примеров", middle_name="")),
    "double surname": Case(pupil(family_name="Примерова-Образцова"), name("Примерова-Образцова")),
    "ё": Case(pupil(family_name="Пчёлкин", given_name="Артём"), name("Пчёлкин", "Артём")),
    "hyphen, apostrophe and blank in names": Case(
        pupil(family_name="д'Пример", given_name="Анна Мария-Луиза"),
        name("д'Пример", "Анна Мария-Луиза"),
    ),
    "a patronymic of several words": Case(
        pupil(middle_name="Пример оглы"), name("Примеров", "Пример", "Пример оглы")
    ),
    "a foreign name in Latin script": Case(
        pupil(family_name="Sample", given_name="José-María", middle_name=""),
        name("Sample", "José-María", ""),
    ),
    "a Latin letter in a Russian name": Case(
        pupil(family_name="Пpимеров"), name("Пpимеров"), ("name.mixed_alphabets",)
    ),
    "two pupils with one name and birth date in a class": Case(
        file(students=[student("s-1"), student("s-2")]), people("s-1", "s-2"), ("pupil.same_name",)
    ),
    "twins": Case(file(students=TWINS), people("s-1", "s-2")),
    "a teacher who is a parent": Case(
        file(after="<guardians><guardian id='t-1'/></guardians>"),
        lambda rosters: rosters[0].persons["t-1"].role is Role.TEACHER,
        ("guardian.ignored",),
    ),
    "a teacher in two schools": Case(
        in_two_schools(staff=[employee(snils=CITY_SNILS)]), one_person_in_both("t-1")
    ),
    "a pupil in two schools on one day": Case(
        in_two_schools(students=[student(snils=CITY_SNILS)]), one_person_in_both("s-1")
    ),
    "a pupil without a class": Case(file(students=CLASSLESS), people("s-2"), ("pupil.no_class",)),
    "an empty class": Case(
        file(classes=TWO_CLASSES), lambda rosters: "c-9" in rosters[0].classes, ("class.empty",)
    ),
    "class «8 а»": Case(titled("8 а"), title("8А")),
    "class «8А»": Case(titled("8А"), title("8А")),
    "class «8a», Latin": Case(titled("8a"), title("8А"), ("class.latin_letter",)),
    "class «10-1»": Case(titled("10-1"), title("10-1")),
    "class «0»": Case(titled("0", "0"), lambda rosters: rosters[0].classes["c-8a"].grade == 0),
    "born on 29 February": Case(
        pupil(birth_date="29.02.2012"),
        lambda rosters: rosters[0].persons["s-1"].birth_date == date(2012, 2, 29),
    ),
    "29 February of a year that has none": Case(
        file(students=LEAP_DAYS),
        lambda rosters: rosters[0].set_aside == {"s-2"},
        ("birth_date.impossible",),
    ),
    "01.01 of an unknown birthday": Case(
        pupil(birth_date="01.01.2012"), people("s-1"), ("birth_date.first_of_january",)
    ),
    "a new name after a passport": Case(pupil(family_name="Новый"), name("Новый")),
    "a school of 3,600 pupils": Case(
        file(students=LARGE),
        lambda rosters: len(rosters[0].persons) == 3_601,
        ("pupil.same_name",) * (3_600 - 72),
    ),
    "a file cut in the middle": Case((roster_file().encode()[:700],), stopped, ("xml.truncated",)),
    "windows-1251 declared as utf-8": Case(
        (roster_file().encode("cp1251"),), name("Примеров"), ("encoding.lie",)
    ),
    "a file of last academic year": Case(
        file(school_year="2025/2026"), stopped, ("school_year.other",)
    ),
    "another school's file": Case(file(code="78-0001"), stopped, ("school.wrong",), "78-0243"),
    "the same file twice": Case(
        (roster_file(), roster_file()), lambda rosters: len(rosters) == 1, ("file.same_twice",)
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_an_awkward_case_gives_its_stated_result(case: Case) -> None:
    files = {f"file{number}": content for number, content in enumerate(case.files)}
    result = read_files(expected_school=case.expected_school, **files)  # type: ignore[arg-type]
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
