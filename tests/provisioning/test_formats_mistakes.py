"""Mistakes in a layout: found when it is loaded, told with file and key; and what reads nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from provisioning.formats import LayoutError, layouts
from tests.provisioning.foreign_files import doubts, layout_of, read_with, text_of

CLASS_RECORD = '[[records]]\nkind = "class"\npath = "Ученик"\n'
STUDENT_RECORD = '[[records]]\nkind = "student"\npath = "Ученик"\n'
STAFF_RECORD = (
    '[[records]]\nkind = "staff"\npath = "Учитель"\n[records.fields]\nid = "@n"\n'
    'family_name = "@f"\ngiven_name = "@g"\nbirth_date = "@b"\n'
)


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ('source = "flat"', 'source = " "', "source: name the source system"),
        ("source =", "sourse =", "unknown key sourse; there are columns, content"),
        ('root = "Выгрузка"', 'root = "Выгрузка"\nroots = "x"', "recognise.: unknown key roots"),
        ('title = "Flat', 'titel = "Flat', "unknown key titel"),
        ('"ж" = "F"', '"ж" = 2', r"\[dictionaries.sex\] ж: a text in quotes is wanted, not 2"),
        ('id = "@Код"', 'id = 5', r"records 2 \(student\), id: a table is wanted"),
        ('path = "@Пол", dictionary', 'path = "@Пол", dictonary', "sex: unknown key dictonary"),
        ('"@Пол", dictionary = "sex"', '"@Пол", dictionary = "pol"', "dictionary pol is missing"),
        ('"м" = "M"', '"м" = "male"', "sex: 'male' is none of our words; there are F, M"),
        (STUDENT_RECORD, STUDENT_RECORD + "repeat = true\n", r"\(student\): unknown key repeat"),
        ('birth_date = "@ДР"\n', "", r"records 2 \(student\): birth_date is missing"),
        ('title = "@Класс"\n', "", r"records 3 \(class\): title is missing"),
        ('"@ДР"', '"../../@ДР"', r"birth_date: ../../@ДР leads above the root"),
        ('"@ДР"', '"x:ДР"', "x:ДР: prefix x is not in .namespaces."),
        ('"@ДР"', '"@ДР/день"', "'@ДР/день' is no path we know"),
        ('"@ДР"', '"/Выгрузка/ДР"', "paths begin below the root, without a slash"),
        ('"@ДР"', "[]", "birth_date: no path is given"),
        ('"@ДР"', '{ transform = "year_month_day" }', "say one of path, join and value"),
        ('"@ДР"', '{ path = "@ДР", value = "1" }', "say one of path, join and value"),
        ('"@ДР"', '{ path = "@ДР", separator = "-" }', "separator goes with join"),
        ('"@ДР"', '{ path = "@ДР", split = "," }', "split is the sign between several group_ids"),
        ('id = "@Код"', 'id = { path = "@Код", zone = "Europe/Moscow" }', "zone is for dates"),
        ('id = "@Код"', 'id = { path = "@Код", required = "yes" }', "true or false is wanted"),
        ('id = "@Код"', 'id = { path = "@Код", lookup = "keys" }', "lookup keys is not declared"),
        (STUDENT_RECORD, STUDENT_RECORD + 'name = "a"\n', "a lookup has a name"),
        (STUDENT_RECORD, STUDENT_RECORD + 'where = { path = "@a" }\n',
         "say values, not or present"),
        (STUDENT_RECORD, STUDENT_RECORD + 'where = { path = "@a", is = ["x"] }\n',
         "where: unknown key is; there are not, path, present, values"),
        (STUDENT_RECORD, STUDENT_RECORD.replace('"Ученик"', '"."'), "which only a header can be"),
        (STUDENT_RECORD, STAFF_RECORD + STUDENT_RECORD, r"\(staff\): role is missing"),
        (STUDENT_RECORD,
         STAFF_RECORD.replace("Учитель", "Ученик") + 'role = { value = "teacher" }\n'
         + STUDENT_RECORD, "a staff is at the same path Ученик; tell them apart by where"),
        (STUDENT_RECORD, STAFF_RECORD + 'role = { value = "pupil" }\n' + STUDENT_RECORD,
         "role: 'pupil' is none of our words"),
        (STUDENT_RECORD, STAFF_RECORD + 'role = "@r"\n' + STUDENT_RECORD,
         r"\[content\] does not name staff, though staff records are read"),
        ('"classes", "students"]', '"classes", "students", "staff"]',
         r"\[content\] names staff, and no record reads it"),
        (STUDENT_RECORD, '[[records]]\nkind = "header"\npath = "x"\n' + STUDENT_RECORD,
         "or there are two"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_layout_is_told_when_it_is_loaded(
    tmp_path: Path, before: str, after: str, complaint: str
) -> None:
    (tmp_path / "mine.toml").write_text(layout_of("flat1251", (before, after)), "utf-8")
    with pytest.raises(LayoutError, match=complaint) as caught:
        layouts([tmp_path])
    assert str(caught.value).startswith("mine.toml: ")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ([('role = { value = "student" }\n', "")], r"records 4 \(membership\): role is missing"),
        ([('"student" }\n', '"pupil" }\n')], "'pupil' is none of our words"),
        ([('"d" = "homeroom"', '"d" = "home"')], "kind: 'home' is none of our words"),
        ([('"UAJ"', '{ path = "UAJ", lookup = "x" }')], "lookup x is not declared"),
    ],
)
def test_a_role_or_word_that_says_nothing_is_told(
    tmp_path: Path, changes: list[tuple[str, str]], complaint: str
) -> None:
    (tmp_path / "mine.toml").write_text(layout_of("siecle", *changes), "utf-8")
    with pytest.raises(LayoutError, match=complaint):
        layouts([tmp_path])


@pytest.mark.parametrize("kind", ["flat1251", "ed", "edex", "siecle"])
def test_a_layout_whose_paths_match_nothing_does_not_keep_silent(kind: str) -> None:
    head, *records = layout_of(kind).split("[[records]]")
    wrong = [
        record if 'kind = "header"' in record else record.replace('path = "', 'path = "Nowhere/', 1)
        for record in records
    ]
    result = read_with("[[records]]".join([head, *wrong]), school=text_of(kind))
    assert doubts(result) == ["layout.read_nothing", "roll.empty"]
    assert result.rosters == []
    message = result.findings[0].message("en")
    assert "Nowhere/" in message
    (name,) = re.findall(r'(?m)^name = "(.+)"$', head)
    assert f"layout {name} " in message


def test_a_header_that_is_not_found_is_told_with_layout_and_path() -> None:
    result = read_with(layout_of("siecle", ('"PARAMETRES"', '"PARAMS"')), school=text_of("siecle"))
    assert result.rules == ["header.missing"]
    assert "siecle-2, path BEE_ELEVES/PARAMS" in result.finding.message("en")


@pytest.mark.parametrize(
    ("kind", "path", "told"),
    [
        ("edex", "leerkrachten/leerkracht/groepen/groep", "no teaching record"),
        ("edex", "leerkrachten/leerkracht", "no staff record"),
        ("siecle", "DONNEES/STRUCTURES/STRUCTURES_ELEVE/STRUCTURE", "no class, membership record"),
    ],
    ids=["links", "staff", "classes"],
)
def test_a_path_that_finds_nothing_beside_others_is_told(kind: str, path: str, told: str) -> None:
    layout = layout_of(kind, (f'path = "{path}"\n', f'path = "{path}x"\n'))
    result = read_with(layout, school=text_of(kind))
    (found,) = (one for one in result.findings if one.rule == "layout.nothing_of_a_kind")
    assert told in found.message("en")
    assert f"{path}x" in found.message("ru")
