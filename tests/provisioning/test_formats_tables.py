"""Lists in CSV and XLSX, as spreadsheet programs save them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from provisioning.roster import Part
from provisioning.settings import ReadLimits
from tests.provisioning.roster_files import ReadResult, read, roster_file
from tests.provisioning.table_files import (
    CODE,
    OTHER,
    PUPIL,
    TITLES,
    csv_text,
    save,
    workbook,
    zipped,
)

LIST = csv_text(TITLES, PUPIL, OTHER)


USUAL = {"set.no_staff", "school.no_district"}
"""What is told of every list of pupils that says nothing of its school."""


def read_list(
    tmp_path: Path, content: str | bytes, name: str = "list.csv", **given: Any
) -> ReadResult:
    """What is read of a list that was loaded for the school."""
    return read([save(tmp_path / name, content)], **{"expected_school": CODE} | given)


def as_list(*rows: Any, titles: Any = TITLES, **given: Any) -> bytes:
    return workbook({"Лист1": [titles, *rows]}, **given)


def told(result: ReadResult) -> list[str]:
    return [rule for rule in result.rules if rule not in USUAL]


def people(result: ReadResult) -> dict[str, str]:
    assert told(result) == []
    return {key: one.full_name for key, one in result.roster.persons.items()}


BOTH = {"s-1": "Примеров Пётр Пробович", "s-2": "Тестова Алёна"}


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1251", "koi8-r", "cp866", "iso8859-5",
     "mac-cyrillic"],
)  # fmt: skip
def test_a_list_is_read_in_every_usual_encoding_and_separator(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    text = csv_text(TITLES, PUPIL, OTHER, separator=separator)
    result = read_list(tmp_path, text.encode(encoding))
    assert people(result) == BOTH
    roster = result.roster
    assert roster.persons["s-1"].birth_date == date(2012, 2, 29)
    assert roster.persons["s-1"].snils == "11223344595"
    assert [(one.title, one.grade) for one in roster.classes.values()] == [("8А", 8)]
    assert {one.person_id for one in roster.enrolments} == {"s-1", "s-2"}
    assert (roster.school.code, roster.parts) == (CODE, {Part.CLASSES, Part.STUDENTS})


def test_titles_are_found_below_a_heading_in_other_spellings_and_any_order(tmp_path: Path) -> None:
    titles = ("№ п/п", "КЛАСС", "Имя  ученика", "фамилия", "дата рожд.", "ID")
    rows = ("1", "8-А", "Пётр", "Примеров", "29.02.2012", "s-1")
    text = csv_text(("Список обучающихся",), (), ("на 1 октября",), titles, rows)
    assert people(read_list(tmp_path, text)) == {"s-1": "Примеров Пётр"}


def test_quoted_separators_and_line_breaks_are_text(tmp_path: Path) -> None:
    other = ("s-2", "Тестова", "Алёна\n", "", "15.07.2012", "8 а", "")
    titles = (*TITLES, "Примечание;\nс переносом")
    text = csv_text(titles, (*PUPIL, "из «А»; потом\nв «Б»"), other)
    result = read_list(tmp_path, text)
    assert people(result) == BOTH
    assert [one.line for one in result.roster.persons.values()] == [2, 3]


def test_empty_rows_totals_and_repeated_titles_are_passed_over(tmp_path: Path) -> None:
    titles = (*TITLES, "Всего")
    total = ("",) * len(TITLES) + ("2",)
    text = csv_text(titles, PUPIL, (), ("",) * 8, titles, OTHER, total)
    result = read_list(tmp_path, text)
    assert people(result) == BOTH
    assert result.roster.persons["s-2"].line == 6


def test_the_line_that_tells_excel_the_separator_is_no_row(tmp_path: Path) -> None:
    assert people(read_list(tmp_path, f"sep=;\r\n{LIST}")) == BOTH


def test_zeros_that_are_kept_by_a_formula_are_text(tmp_path: Path) -> None:
    text = LIST.replace("s-1;", '"=""0017""";')
    assert set(people(read_list(tmp_path, text))) == {"0017", "s-2"}


def test_a_quotation_mark_that_is_never_closed_is_told_with_its_row(tmp_path: Path) -> None:
    rows = "".join(LIST.splitlines(keepends=True)[1:] * 3_000)
    result = read_list(tmp_path, f'{LIST}s-3;"Образцов;{rows}')
    assert result.rules == ["table.quotes"]
    assert result.finding.line == 4


def test_a_row_that_cannot_be_used_is_set_aside_and_told(tmp_path: Path) -> None:
    wrong = ("s-3", "", "Иван", "", "30.02.2012", "8 а", "")
    result = read_list(tmp_path, csv_text(TITLES, PUPIL, wrong))
    assert (told(result), result.roster.set_aside) == (["field.missing"], {"s-3"})
    assert (result.findings[0].line, result.findings[0].field_name) == (3, "family_name")


@pytest.mark.parametrize(
    ("content", "name", "rule"),
    [
        ("", "a.csv", "file.empty"),
        ("a;b\r\n1;2\r\n", "a.csv", "table.unknown"),
        (b"PK\x03\x04 nothing", "a.xlsx", "archive.damaged"),
        (b"\xd0\xcf\x11\xe0 old", "a.xls", "table.spoilt"),
        (b"old", "a.xlsb", "table.other_kind"),
        (b"\x00\x01\x02\x03" * 100, "a.csv", "table.other_kind"),
        (csv_text(TITLES), "a.csv", "roll.empty"),
        (csv_text((*TITLES, "Фамилия"), (*PUPIL, "Родителев")), "a.csv", "table.column_twice"),
        (LIST.encode("cp1251").decode("koi8-r").encode(), "a.csv", "encoding.wrong_letters"),
    ],
)
def test_what_is_no_list_is_stopped_with_its_reason(
    tmp_path: Path, content: str | bytes, name: str, rule: str
) -> None:
    if rule == "encoding.wrong_letters":
        assert isinstance(content, bytes)
        content = content * 4
    result = read_list(tmp_path, content, name)
    assert (result.rosters, result.rules) == ([], [rule])


def test_an_unknown_table_is_answered_with_its_titles_and_no_values(tmp_path: Path) -> None:
    result = read_list(tmp_path, csv_text(("Ученик", "Оценка"), ("Примеров 8А", "5")))
    assert result.rules == ["table.unknown"]
    assert result.finding.value == "Ученик, Оценка"


def test_a_list_that_names_no_school_needs_the_school_of_the_upload(tmp_path: Path) -> None:
    result = read_list(tmp_path, LIST, expected_school=None)
    assert (result.rosters, result.rules) == ([], ["table.no_school"])


def test_a_list_of_several_schools_is_each_school_s_list(tmp_path: Path) -> None:
    titles = ("Код школы", "Школа", *TITLES)
    text = csv_text(
        titles,
        ("78-0001", "Школа № 1", *PUPIL),
        ("78-0002", "Школа № 2", *OTHER),
        ("78-0001", "Школа № 1", "s-9", *OTHER[1:]),
    )
    result = read_list(tmp_path, text, expected_school=None)
    found = {one.school.code: (one.school.number, set(one.persons)) for one in result.rosters}
    assert found == {"78-0001": ("1", {"s-1", "s-9"}), "78-0002": ("2", {"s-2"})}


def test_a_list_of_another_school_is_stopped(tmp_path: Path) -> None:
    text = csv_text(("Код школы", *TITLES), ("78-0001", *PUPIL))
    result = read_list(tmp_path, text)
    assert result.rules == ["school.wrong"]


def test_a_list_without_ids_makes_keys_that_stay(tmp_path: Path) -> None:
    first = csv_text(TITLES[1:], PUPIL[1:], OTHER[1:])
    again = csv_text(
        TITLES[1:], ("ТЕСТОВА", "Алена", "", "2012-07-15", "9 а", ""), ("Новый", *OTHER[2:])
    )
    before = set(people(read_list(tmp_path, first)))
    after = people(read_list(tmp_path, again))
    assert len(before & after.keys()) == 1
    assert all("Тест" not in key for key in before)


# Workbooks


def test_a_workbook_is_read_as_its_csv_is(tmp_path: Path) -> None:
    day = datetime(2012, 2, 29)  # noqa: DTZ001 - cells know no zone
    pupil = (*PUPIL[:4], day, PUPIL[5], 11223344595)
    result = read_list(tmp_path, as_list(pupil, OTHER), "list.xlsx")
    assert people(result) == BOTH
    assert result.roster.persons["s-1"].birth_date == date(2012, 2, 29)
    assert result.roster.persons["s-1"].snils == "11223344595"


def test_days_kept_as_numbers_are_read_and_told(tmp_path: Path) -> None:
    rows = ((*PUPIL[:4], 40968, *PUPIL[5:]), (*OTHER[:4], 41105.0, *OTHER[5:]))
    for content, name in (
        (as_list(*rows), "list.xlsx"),
        (csv_text(TITLES, *([str(one) for one in row] for row in rows)), "list.csv"),
    ):
        result = read_list(tmp_path, content, name)
        assert told(result) == ["table.day_number"]
        born = {key: one.birth_date for key, one in result.roster.persons.items()}
        assert born == {"s-1": date(2012, 2, 29), "s-2": date(2012, 7, 15)}
        one = result.findings[0]
        assert (one.field_name, one.details["count"], one.line) == ("birth_date", "2", 2)


def test_eight_digits_stay_day_month_and_year(tmp_path: Path) -> None:
    result = read_list(tmp_path, as_list((*PUPIL[:4], 20121004, *PUPIL[5:])), "list.xlsx")
    assert "birth_date.nobody_alive" in result.rules


def test_a_number_that_lost_its_zeros_is_put_right_and_told(tmp_path: Path) -> None:
    number = "012345678"
    total = sum(int(digit) * (9 - place) for place, digit in enumerate(number))
    whole = f"{number}{total % 101 % 100:02}"
    result = read_list(tmp_path, as_list((*PUPIL[:6], int(whole))), "list.xlsx")
    assert told(result) == ["table.lost_zeros"]
    assert result.roster.persons["s-1"].snils == whole
    assert result.findings[0].field_name == "snils"


def test_ten_digits_that_no_zero_makes_right_are_no_number(tmp_path: Path) -> None:
    result = read_list(tmp_path, as_list((*PUPIL[:6], 1122334459)), "list.xlsx")
    assert told(result) == ["snils.format"]
    assert result.roster.persons["s-1"].snils == ""


def test_the_value_of_a_merged_cell_counts_for_each_of_its_rows(tmp_path: Path) -> None:
    titles = ("Класс", "Код", "Фамилия", "Имя", "Дата рождения")
    rows = [
        (None, "s-1", "Примеров", "Пётр", "29.02.2012"),
        (None, "s-2", "Тестова", "Алёна", "15.07.2012"),
        ("8Б", "s-3", "Образцов", "Иван", "15.07.2012"),
    ]
    content = workbook({"Лист1": [titles, *rows]}, merged=[(1, 0, 2, 0, "8А")])
    result = read_list(tmp_path, content, "list.xlsx")
    places = {one.person_id: one.class_id for one in result.roster.enrolments}
    assert places == {"s-1": "8А", "s-2": "8А", "s-3": "8Б"}


def test_formulas_count_with_their_results_and_those_without_are_told(tmp_path: Path) -> None:
    rows = ((*PUPIL[:6], "=VLOOKUP(A2;Номера!A:B;2)"), OTHER)
    result = read_list(tmp_path, as_list(*rows), "list.xlsx")
    assert told(result) == ["table.formula"]
    assert result.findings[0].line == 2
    assert result.roster.persons["s-1"].snils == ""


def test_a_sheet_for_each_class_is_one_list(tmp_path: Path) -> None:
    content = workbook(
        {"8А": [TITLES, PUPIL], "8Б": [TITLES, (*OTHER[:5], "8 б", "")], "Итоги": [("Всего", 2)]}
    )
    result = read_list(tmp_path, content, "list.xlsx")
    assert "table.sheet_not_used" in result.rules
    assert {key: one.file for key, one in result.roster.persons.items()} == {
        "s-1": "list.xlsx/8А",
        "s-2": "list.xlsx/8Б",
    }


def test_a_hidden_sheet_is_not_read(tmp_path: Path) -> None:
    content = workbook({"Сейчас": [TITLES, PUPIL], "Прошлый год": [TITLES, OTHER]},
                       hidden=["Прошлый год"])  # fmt: skip
    assert set(people(read_list(tmp_path, content, "list.xlsx"))) == {"s-1"}


def test_a_workbook_of_more_rows_than_allowed_is_stopped(tmp_path: Path) -> None:
    rows = [(f"s-{n}", *PUPIL[1:]) for n in range(12)]
    limits = ReadLimits(sheet_rows=10)
    result = read_list(tmp_path, as_list(*rows), "list.xlsx", limits=limits)
    assert result.rules == ["file.too_many_records"]


# Where tables lie


def test_xml_csv_and_xlsx_of_several_schools_come_in_one_archive(tmp_path: Path) -> None:
    path = zipped(
        tmp_path / "upload.zip",
        {
            "a.xml": roster_file(code="78-0001"),
            "b/list.csv": csv_text(("Код школы", *TITLES), ("78-0002", *PUPIL)),
            "c/list.xlsx": as_list(("78-0003", *PUPIL), titles=("Код школы", *TITLES)),
            "readme.txt": "Читайте",
        },
    )
    result = read([path])
    assert [one.school.code for one in result.rosters] == ["78-0001", "78-0002", "78-0003"]
    assert {one.name for one in result.files} == {
        "upload.zip/a.xml", "upload.zip/b/list.csv", "upload.zip/c/list.xlsx"
    }  # fmt: skip
    assert "file.not_xml" in result.rules


def test_a_list_was_exported_when_its_file_was_saved(tmp_path: Path) -> None:
    member = read([zipped(tmp_path / "a.zip", {"list.csv": LIST})], expected_school=CODE)
    assert member.roster.exported_at == datetime(2026, 10, 1, 5, 30, tzinfo=UTC)
    text = csv_text((*TITLES, "Дата выгрузки"), (*PUPIL, "02.10.2026"))
    assert read_list(tmp_path, text).roster.exported_at.date() == date(2026, 10, 1)
    # No list is newer than its arrival, whatever the clock of a computer said.
    assert read_list(tmp_path, LIST).roster.exported_at == datetime(2026, 10, 5, 12, tzinfo=UTC)


def test_the_same_list_twice_is_read_once(tmp_path: Path) -> None:
    paths = [save(tmp_path / name, LIST) for name in ("a.csv", "b.csv")]
    result = read(paths, expected_school=CODE)
    assert "file.same_twice" in result.rules
    assert len(result.rosters) == 1


def test_a_text_file_that_is_asked_for_is_a_list_or_xml_as_it_looks(tmp_path: Path) -> None:
    assert people(read_list(tmp_path, LIST, "list.txt")) == BOTH
    result = read([save(tmp_path / "school.txt", roster_file())])
    assert result.rules == []


def test_a_layout_of_tables_may_name_an_encoding(tmp_path: Path) -> None:
    (tmp_path / "layouts").mkdir()
    save(
        tmp_path / "layouts" / "latin.toml",
        'name = "latin"\ntitle = "x"\nsource = "x"\nencoding = "iso-8859-1"\n'
        '[recognise]\ncolumns = ["Prénom", "Né le"]\n[content]\n"" = ["students"]\n'
        '[[records]]\nkind = "student"\npath = "."\n[records.fields]\nid = "No"\n'
        'family_name = "Nom"\ngiven_name = "Prénom"\nbirth_date = "Né le"\n',
    )
    text = csv_text(("No", "Nom", "Prénom", "Né le"), ("1", "Lefèvre", "Noël", "29.02.2012"))
    result = read_list(tmp_path, text.encode("latin-1"), layout_folders=[tmp_path / "layouts"])
    assert result.roster.persons["1"].full_name == "Lefèvre Noël"
