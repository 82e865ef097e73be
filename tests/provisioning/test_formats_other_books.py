"""Lists in XLS and ODS workbooks, and lists whose titles stand in two rows, by layouts alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from tests.provisioning.old_workbooks import Rows, ods, xls
from tests.provisioning.roster_files import ReadResult, read
from tests.provisioning.table_files import CODE, OTHER, PUPIL, TITLES, csv_text, save, workbook

BOTH = {"s-1": "Примеров Пётр Пробович", "s-2": "Тестова Алёна"}
USUAL = {"set.no_staff", "school.no_district"}
TWO_ROWS = """
name = "two-rows-1"
title = "List with titles in two rows"
source = "journal"

[recognise]
columns = ["Учащийся ФИО", "Учащийся дата рождения", "Класс"]

[content]
"" = ["classes", "students"]

[[records]]
kind = "class"
path = "."

[records.fields]
id = { path = "Класс", transform = "class_title" }
title = "Класс"
grade = { path = "Класс", transform = "grade_of_title" }

[[records]]
kind = "student"
path = "."

[records.fields]
id = "№ личного дела"
family_name = { path = "Учащийся ФИО", transform = "family_of_full_name" }
given_name = { path = "Учащийся ФИО", transform = "given_of_full_name" }
middle_name = { path = "Учащийся ФИО", transform = "middle_of_full_name" }
birth_date = "Учащийся дата рождения"
class_id = { path = "Класс", transform = "class_title" }
"""
UPPER = ("№ личного дела", "Учащийся", "", "Родитель", "", "Класс")
LOWER = ("", "ФИО", "Дата рождения", "ФИО", "Дата рождения", "")
PARENT = ("Примерова Проба Пробовна", "01.02.1980")
CHILD = ("s-1", "Примеров Пётр Пробович", "29.02.2012", *PARENT, "8 а")
FOREIGN = ("s-3", "Тестов Рашид Вагиф оглы", "01.09.2012", "", "", "8 а")


def told(result: ReadResult) -> list[str]:
    return [rule for rule in result.rules if rule not in USUAL]


def names(result: ReadResult) -> dict[str, str]:
    assert told(result) == []
    return {key: one.full_name for key, one in result.roster.persons.items()}


@pytest.mark.parametrize(("make", "ending"), [(xls, "xls"), (ods, "ods")])
@pytest.mark.parametrize("above", [0, 3])
def test_lists_in_old_and_free_workbooks_are_read(
    tmp_path: Path, make: Callable[[Rows], bytes], ending: str, above: int
) -> None:
    rows = [*[()] * above, TITLES, PUPIL, (), OTHER]
    result = read([save(tmp_path / f"list.{ending}", make(rows))], expected_school=CODE)
    assert names(result) == BOTH
    assert [one.line for one in result.roster.persons.values()] == [above + 2, above + 4]
    assert result.roster.persons["s-1"].birth_date == date(2012, 2, 29)


@pytest.mark.parametrize("ending", ["xls", "ods"])
@pytest.mark.parametrize("content", [b"nothing", b"<html><table></table></html>", b""])
def test_what_only_bears_the_name_of_a_workbook_is_told(
    tmp_path: Path, ending: str, content: bytes
) -> None:
    result = read([save(tmp_path / f"list.{ending}", content)], expected_school=CODE)
    assert result.rosters == []
    assert result.rules in (["table.spoilt"], ["file.empty"])


def test_rows_that_are_repeated_without_end_are_not_laid_out(tmp_path: Path) -> None:
    book = ods([TITLES, PUPIL], repeated=2_000_000_000)
    result = read([save(tmp_path / "list.ods", book)], expected_school=CODE)
    assert result.rules == ["table.spoilt"]


@pytest.mark.parametrize("ending", ["csv", "xlsx", "ods"])
def test_titles_in_two_rows_and_a_name_in_one_cell_are_read_by_a_layout(
    tmp_path: Path, ending: str
) -> None:
    rows = [("Список",), UPPER, LOWER, CHILD, FOREIGN]
    save(tmp_path / "layouts" / "two.toml", TWO_ROWS)
    made = {"csv": csv_text(*rows), "xlsx": workbook({"Л": rows}), "ods": ods(rows)}[ending]
    path = save(tmp_path / f"list.{ending}", made)
    result = read([path], layout_folders=[tmp_path / "layouts"], expected_school=CODE)
    assert names(result) == {"s-1": "Примеров Пётр Пробович", "s-3": "Тестов Рашид Вагиф оглы"}
    assert result.roster.persons["s-1"].birth_date == date(2012, 2, 29)
    assert [one.title for one in result.roster.classes.values()] == ["8А"]
    assert result.roster.persons["s-1"].line == 4


def test_merged_titles_of_a_workbook_are_two_rows_too(tmp_path: Path) -> None:
    rows = [UPPER, LOWER, CHILD]
    merged = [(0, 0, 1, 0, UPPER[0]), (0, 1, 0, 2, "Учащийся"), (0, 3, 0, 4, "Родитель"),
              (0, 5, 1, 5, "Класс")]  # fmt: skip
    save(tmp_path / "layouts" / "two.toml", TWO_ROWS)
    path = save(tmp_path / "list.xlsx", workbook({"Л": rows}, merged=merged))
    result = read([path], layout_folders=[tmp_path / "layouts"], expected_school=CODE)
    assert names(result) == {"s-1": "Примеров Пётр Пробович"}


def test_the_plain_list_is_read_with_its_titles_in_two_rows(tmp_path: Path) -> None:
    upper = ("Код", "Учащийся", "", "", "Дата рождения", "Класс", "СНИЛС")
    lower = ("", "Фамилия", "Имя", "Отчество", "", "", "")
    path = save(tmp_path / "list.csv", csv_text(upper, lower, PUPIL, OTHER))
    assert names(read([path], expected_school=CODE)) == BOTH


def test_an_unknown_role_is_told_once_with_its_number_of_rows(tmp_path: Path) -> None:
    layout = TWO_ROWS.replace('kind = "student"', 'kind = "person"') + '\nrole = "Роль"\n'
    save(tmp_path / "layouts" / "two.toml", layout)
    rows = [(*UPPER, "Роль"), (*LOWER, "")]
    rows += [(f"s-{n}", *CHILD[1:], "Кочегар" if n % 2 else "student") for n in range(1, 8)]
    path = save(tmp_path / "list.csv", csv_text(*rows))
    result = read([path], layout_folders=[tmp_path / "layouts"], expected_school=CODE)
    (finding,) = (one for one in result.findings if one.rule == "role.unknown")
    assert (finding.value, finding.details["count"], finding.line) == ("Кочегар", "4", 3)
    assert len(result.roster.set_aside) == 4


def test_classes_without_a_grade_are_read_and_told(tmp_path: Path) -> None:
    members = {
        "orgs.csv": csv_text(
            ("sourcedId", "status", "name", "type", "identifier", "parentSourcedId"),
            ("o", "active", "Школа № 243", "school", CODE, ""), separator=",",
        ),
        "users.csv": csv_text(
            ("sourcedId", "status", "enabledUser", "orgSourcedIds", "role", "givenName",
             "familyName", "middleName"),
            ("s-1", "active", "true", "o", "student", "Пётр", "Примеров", ""), separator=",",
        ),
        "demographics.csv": csv_text(
            ("sourcedId", "birthDate", "sex"), ("s-1", "2012-02-29", "male"), separator=","
        ),
        "classes.csv": csv_text(
            ("sourcedId", "status", "title", "grades", "classType", "schoolSourcedId", "subjects"),
            ("c-1", "active", "Солнышко", "", "homeroom", "o", ""),
            ("c-2", "active", "Хор", "", "scheduled", "o", "Музыка"), separator=",",
        ),
        "enrollments.csv": csv_text(
            ("sourcedId", "status", "classSourcedId", "schoolSourcedId", "userSourcedId", "role",
             "primary"),
            ("e-1", "active", "c-1", "o", "s-1", "student", ""),
            ("e-2", "active", "c-2", "o", "s-1", "student", ""), separator=",",
        ),
    }  # fmt: skip
    for name, content in members.items():
        save(tmp_path / "set" / name, content)
    result = read([tmp_path / "set"])
    kinds = {key: one.kind for key, one in result.roster.classes.items()}
    assert kinds == {"c-1": "homeroom", "c-2": "group"}
    assert result.rules.count("class.no_grade") == 2
    assert {one.class_id for one in result.roster.enrolments} == {"c-1", "c-2"}
