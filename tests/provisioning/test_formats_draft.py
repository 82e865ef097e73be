"""The draft of a layout for an unknown file: paths, counts and shapes, never a value."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.formats import layout_draft
from provisioning.formats.drafting import Draft, shape_of
from tests.provisioning.foreign_files import doubts, read_with, said, text_of
from tests.provisioning.roster_files import DATA, LIMITS, rules_of, write
from tests.provisioning.table_files import csv_text, save, workbook, zipped
from tests.provisioning.test_formats_foreign import FLAT

UNKNOWN = """<?xml version="1.0" encoding="windows-1251"?>
<Контингент год="2026/2027">
  <Школа код="78-0243"/>
  <Дети>
    <Ребёнок ид="17"><ФИО>Примеров Пётр</ФИО><Рождён>29.02.2012</Рождён></Ребёнок>
    <Ребёнок ид="18"><ФИО>Sample John</ФИО><Рождён/></Ребёнок>
  </Дети>
</Контингент>
"""


def draft_of(folder: Path, text: str | bytes, **limits: int) -> Draft:
    (path,) = write(folder, unknown=text)
    return layout_draft(path, replace(LIMITS, **limits))


def test_every_path_is_listed_with_count_and_shapes(tmp_path: Path) -> None:
    draft = draft_of(tmp_path, UNKNOWN.encode("cp1251"))
    found = [(one.path.removeprefix("Контингент"), one.count, one.shapes) for one in draft.paths]
    assert not draft.findings
    assert found == [
        ("", 1, ()),
        ("/@год", 1, ("9999/9999",)),
        ("/Дети", 1, ()),
        ("/Дети/Ребёнок", 2, ()),
        ("/Дети/Ребёнок/@ид", 2, ("99",)),
        ("/Дети/Ребёнок/Рождён", 2, ("99.99.9999",)),
        ("/Дети/Ребёнок/ФИО", 2, ("Ааааа Аааа", "Aaaaa Aaaa")),
        ("/Школа", 1, ()),
        ("/Школа/@код", 1, ("99-9999",)),
    ]


def test_the_starter_is_toml_with_the_likely_records(tmp_path: Path) -> None:
    starter = draft_of(tmp_path, UNKNOWN.encode("cp1251")).starter
    data = tomllib.loads(starter)
    assert data["recognise"]["root"] == "Контингент"
    assert [record["path"] for record in data["records"]] == [".", "Дети/Ребёнок"]
    assert 'id = "@ид"  # 2 times, 99\n' in starter


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("flat1251", {"header": {"school_code", "exported_at"}, "class": {"id", "title", "grade"},
                      "student": {"id", "family_name", "given_name", "middle_name", "birth_date",
                                  "sex", "class_id"}}),
        ("ed", {"header": {"exported_at"}, "class": {"id", "title"},
                "student": {"id", "family_name", "given_name", "middle_name", "birth_date", "snils",
                            "class_id", "end_date"}}),
        ("edex", {"header": {"school_code", "school_year", "exported_at"},
                  "class": {"id", "title", "grade"},
                  "student": {"id", "family_name", "given_name", "birth_date", "sex", "class_id",
                              "begin_date"},
                  "staff": {"id", "role", "family_name", "given_name", "birth_date"}}),
        ("siecle", {"header": {"school_code"},
                    "student": {"id", "family_name", "given_name", "middle_name", "birth_date"}}),
    ],
    ids=["flat1251", "ed", "edex", "siecle"],
)  # fmt: skip
def test_names_of_paths_tell_fields(kind: str, told: dict[str, set[str]]) -> None:
    data = tomllib.loads(layout_draft(DATA / kind / "school.xml", LIMITS).starter)
    fields = {one["kind"]: set(one.get("fields", {})) for one in data["records"]}
    assert {name: fields[name] & wanted for name, wanted in told.items()} == told


def test_the_draft_of_a_flat_list_reads_it(tmp_path: Path) -> None:
    starter = layout_draft(DATA / "flat1251" / "school.xml", LIMITS).starter
    named = starter.replace('source = ""', 'source = "flat"').replace('title = ""', 'title = "x"')
    result = read_with(named, school=text_of("flat1251"))
    assert (said(result.roster), doubts(result)) == (FLAT, [])


@pytest.mark.parametrize("name", ["roster-1", "ims-enterprise-1.1"])
def test_no_value_of_a_file_is_in_its_draft(name: str) -> None:
    draft = layout_draft(DATA / name / "school.xml", LIMITS)
    for value in ("Примеров", "2012", "Пробович", "11223344595", "Пётр", "Образцова"):
        assert value not in draft.starter + repr(draft.paths)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("Иванов", "Ааааа"),
        ("А", "А"),
        ("О'Коннор-Smith", "А'Ааааа-Aaaaa"),
        ("112-233-445 95", "999-999-999 99"),
        ("  a@b.ru \n", "a@a.aa"),
        ("中文", "aa"),
        ("٣", "9"),
    ],
)
def test_a_shape_shows_only_how_a_value_is_written(text: str, shape: str) -> None:
    assert shape_of(text) == shape


def test_a_broken_file_gives_what_came_before_and_the_finding(tmp_path: Path) -> None:
    draft = draft_of(tmp_path, UNKNOWN.encode("cp1251")[:-60])
    assert rules_of(draft.findings) == ["xml.truncated"]
    assert any(one.path.endswith("/ФИО") for one in draft.paths)


def test_a_missing_or_deep_file_is_a_finding_too(tmp_path: Path) -> None:
    assert rules_of(layout_draft(tmp_path / "no.xml", LIMITS).findings) == ["file.unreadable"]
    draft = draft_of(tmp_path, "<a>" * 9 + "</a>" * 9, depth=8)
    assert rules_of(draft.findings) == ["xml.too_deep_or_long"]


LIST = csv_text(
    ("Список учеников",),
    ("№ п/п", "Ученик", "Родился", "Класс"),
    ("1", "Примеров Пётр", "29.02.2012", "8 а"),
    ("2", "Тестова Алёна", "", "8 а"),
)


def test_the_columns_of_a_table_are_listed_with_counts_and_shapes(tmp_path: Path) -> None:
    for content, name in (
        (LIST.encode("cp1251"), "list.csv"),
        (workbook({"Лист1": [row.split(";") for row in LIST.splitlines()]}), "list.xlsx"),
    ):
        draft = layout_draft(save(tmp_path / name, content), LIMITS)
        assert not draft.findings
        assert [(one.path, one.count, one.shapes) for one in draft.paths] == [
            ("№ п/п", 2, ("9",)),
            ("Ученик", 2, ("Ааааа Аааа", "Ааааа Ааааа")),
            ("Родился", 1, ("99.99.9999",)),
            ("Класс", 2, ("9 а",)),
        ]
        data = tomllib.loads(draft.starter)
        assert data["recognise"]["columns"] == ["№ п/п", "Ученик", "Родился", "Класс"]
        assert '# ? = "Родился"  # 1 times, 99.99.9999\n' in draft.starter


def test_a_set_of_tables_is_drafted_as_one_layout(tmp_path: Path) -> None:
    members = {"a.csv": LIST, "b.csv": "Код,Название\nx,Школа\n"}
    draft = layout_draft(zipped(tmp_path / "set.zip", members), LIMITS)
    data = tomllib.loads(draft.starter)
    assert [record["path"] for record in data["records"]] == ["a", "b"]
    assert "b/Название" in {one.path for one in draft.paths}


def test_a_table_without_titles_shows_none_of_its_values(tmp_path: Path) -> None:
    rows = LIST.split("\r\n", 2)[2]
    draft = layout_draft(save(tmp_path / "list.csv", rows), LIMITS)
    assert [one.path for one in draft.paths] == ["? 1", "? 2", "? 3", "? 4"]
    assert "Пример" not in draft.starter


def test_a_workbook_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    draft = layout_draft(save(tmp_path / "list.xlsx", b"nothing"), LIMITS)
    assert rules_of(draft.findings) == ["table.spoilt"]
    assert rules_of(layout_draft(save(tmp_path / "a.xlsb", b"x"), LIMITS).findings) == [
        "table.other_kind"
    ]
