"""Exports of other systems, each read by a layout alone, and what may vary in such exports."""

from __future__ import annotations

from datetime import date

import pytest

from provisioning.roster import Part
from tests.provisioning.foreign_files import (
    EXPORTED,
    Said,
    doubts,
    layout_of,
    read_with,
    said,
    text_of,
)

FLAT = Said(
    people={
        ("1", "student", "Пробин Пётр Пробович", "2015-05-01"),
        ("2", "student", "Вторая Анна", "2015-06-02"),
        ("3", "student", "Третий Лев Ильич", "2014-06-03"),
    },
    classes={("5А", "5А", 5, "homeroom"), ("6Б", "6Б", 6, "homeroom")},
    places={("1", "5А", "student"), ("2", "5А", "student"), ("3", "6Б", "student")},
)
ED = Said(
    people={("p-1", "student", "Пробин Пётр Пробович", "2015-05-01")},
    classes={("k-1", "5А", 5, "homeroom")},
    places={("p-1", "k-1", "student")},
)
EDEX = Said(
    people={
        ("L1", "student", "van Jansen Peter", "2015-04-12"),
        ("L2", "student", "De Vries Anna", "2015-11-03"),
        ("T1", "teacher", "Bakker Ans", "1980-05-05"),
    },
    classes={("G1", "Groep 3A", 3, "homeroom"), ("G2", "Groep 3-4 B", 9, "homeroom")},
    places={
        *(("L1", "G1", "student"), ("L2", "G2", "student"), ("L2", "G1", "student")),
        *(("T1", "G1", "teacher"), ("T1", "G2", "teacher")),
    },
)
SIECLE = Said(
    people={
        ("0001", "student", "HANDMADE Luciole Léa", "1994-12-31"),
        ("0002", "student", "COJAUNE Harry Cocœ", "1994-07-01"),
    },
    classes={("4A", "4A", 4, "homeroom"), ("42", "42", 4, "group")},
    places={("0001", "4A", "student"), ("0002", "4A", "student"), ("0002", "42", "student")},
)
ALL = {"flat1251": FLAT, "ed": ED, "edex": EDEX, "siecle": SIECLE}


@pytest.mark.parametrize("kind", ALL)
def test_a_foreign_file_is_read_exactly_and_without_doubt(kind: str) -> None:
    result = read_with(layout_of(kind), school=text_of(kind))
    assert (said(result.roster), doubts(result)) == (ALL[kind], [])


def test_what_else_the_files_say_is_read() -> None:
    flat = read_with(layout_of("flat1251"), school=text_of("flat1251")).roster
    assert (flat.school.code, flat.persons["2"].sex) == ("1243", "F")
    ed = read_with(layout_of("ed"), school=text_of("ed")).roster
    assert (ed.school.code, ed.school.name, ed.school.number) == ("o-1", "ГБОУ школа № 1", "1")
    pupil = ed.persons["p-1"]
    assert (pupil.snils, pupil.end_date) == ("11223344595", None)  # 1C's empty date is none
    edex = read_with(layout_of("edex"), school=text_of("edex")).roster
    assert (edex.school.code, edex.school_year) == ("99XX-00", "2026/2027")
    assert (edex.persons["L1"].sex, edex.persons["L2"].sex) == ("M", "F")
    assert edex.persons["L1"].begin_date == date(2021, 8, 16)
    assert edex.parts == set(Part)
    siecle = read_with(layout_of("siecle"), school=text_of("siecle")).roster
    # The file does not say when it was exported: when it was saved counts.
    assert (siecle.school.code, siecle.exported_at) == ("123ABC", EXPORTED)


TWO_MORE = (
    '<Ученик Код="4" ФИО="Новая Ева" ДР="04.04.2015" Класс="" Пол="ж"/>\n'
    '<Ученик Код="5" ФИО="Новый Ян" ДР="05.05.2015" Класс="хор" Пол=""/>\n</Выгрузка>'
)
PUPIL = ('"Ученик"', '"Дети/Ребёнок"')


@pytest.mark.parametrize(
    ("file", "layout", "expected", "rules"),
    [
        pytest.param(
            [("Класс=", "Группа="), ("Ученик", "Child"), ("Выгрузка", "Data")],
            [("@Класс", "@Группа"), ('"Ученик"', '"Child"'), ('"Выгрузка"', '"Data"')],
            FLAT, [], id="other names",
        ),
        pytest.param(
            [('Класс="5А" Пол="Ж"', 'Класс="5 «а»" Пол="Ж"')], [], FLAT, [],
            id="one class written in two ways",
        ),
        pytest.param(
            [("</Выгрузка>", TWO_MORE)], [],
            Said(
                people=FLAT.people | {
                    ("4", "student", "Новая Ева", "2015-04-04"),
                    ("5", "student", "Новый Ян", "2015-05-05"),
                },
                classes=FLAT.classes | {("хор", "хор", 0, "group")},
                places=FLAT.places | {("5", "хор", "student")},
            ),
            ["class.no_grade"], id="a pupil without class and a class without grade",
        ),
        pytest.param(
            [("<Ученик", "<Дети><Ребёнок"), ('"/>', '"/></Дети>')], [PUPIL], FLAT, [],
            id="each row in a list of its own",
        ),
        pytest.param(
            [('ДР="01.05.2015"', 'ДР="1 мая 2015 г."'), ('ДР="02.06.2015"', 'ДР="02 июн 2015"')],
            [], FLAT, [], id="months by name",
        ),
        pytest.param(
            [('ДР="01.05.2015"', 'ДР="20150501"'), ('ДР="02.06.2015"', 'ДР="20150602"'),
             ('ДР="03.06.2014"', 'ДР="20140603"')],
            [('"@ДР"', '{ path = "@ДР", transform = "year_month_day" }')], FLAT, [],
            id="year month day",
        ),
        pytest.param(
            [('Код="3"', 'Код="2"')], [],
            Said(
                people={one for one in FLAT.people if one[0] != "3"}, classes=FLAT.classes,
                places={one for one in FLAT.places if one[0] != "3"},
            ),
            ["id.duplicate"], id="one id twice",
        ),
        pytest.param(
            [('Код="1"', 'Код=""')], [],
            Said(
                people={one for one in FLAT.people if one[0] != "1"}, classes=FLAT.classes,
                places={one for one in FLAT.places if one[0] != "1"},
            ),
            ["id.missing"], id="an id is missing",
        ),
        pytest.param(
            [('Код="3" ФИО="Третий Лев Ильич" ДР="03.06.2014"',
              'Код="1" ФИО="Пробин Пётр Пробович" ДР="01.05.2015"')],
            [('kind = "student"', 'kind = "student"\nrepeats = true')],
            Said(
                people={one for one in FLAT.people if one[0] != "3"}, classes=FLAT.classes,
                places={("1", "5А", "student"), ("1", "6Б", "student"), ("2", "5А", "student")},
            ),
            [], id="a row for each class of a pupil",
        ),
        pytest.param(
            [('Код="3"', 'Код="1"')],
            [('kind = "student"', 'kind = "student"\nrepeats = true')],
            Said(
                people={one for one in FLAT.people if one[0] != "3"}, classes=FLAT.classes,
                places={one for one in FLAT.places if one[0] != "3"},
            ),
            ["id.duplicate"], id="two pupils with one id where rows repeat",
        ),
        pytest.param(
            [('Класс="', 'Параллель="5" Литера="')],
            [('{ path = "@Класс", transform = "class_title" }',
              '{ join = ["@Параллель", "@Литера"], separator = "-" }'),
             ('title = "@Класс"', 'title = { join = ["@Параллель", "@Литера"], separator = "-" }'),
             ('{ path = "@Класс", transform = "grade_of_title" }', '"@Параллель"')],
            Said(
                people=FLAT.people,
                classes={("5-5А", "5-5А", 5, "homeroom"), ("5-6Б", "5-6Б", 5, "homeroom")},
                places={("1", "5-5А", "student"), ("2", "5-5А", "student"),
                        ("3", "5-6Б", "student")},
            ),
            [], id="a title of two parts",
        ),
    ],
)  # fmt: skip
def test_a_flat_list_may_vary(
    file: list[tuple[str, str]],
    layout: list[tuple[str, str]],
    expected: Said,
    rules: list[str],
) -> None:
    result = read_with(layout_of("flat1251", *layout), school=text_of("flat1251", *file))
    assert (said(result.roster), doubts(result)) == (expected, rules)


ED_BODY = "http://v8.1c.ru/edi/edi_stnd/EnterpriseData/1.8"
WITHOUT_CLASS = Said(people=ED.people, classes=ED.classes, places=set())


@pytest.mark.parametrize(
    ("file", "layout", "expected", "rules"),
    [
        pytest.param([("EnterpriseData/1.8", "EnterpriseData/1.10")], [], ED, [],
                     id="a newer version"),
        pytest.param(
            [(f' xmlns="{ED_BODY}"', ""), ("<Message ", f'<Message xmlns="{ED_BODY}" ')],
            [], ED, [], id="one namespace for all",
        ),
        pytest.param(
            [("msg:", "head:"), ("xmlns:msg", "xmlns:head")], [], ED, [], id="another prefix",
        ),
        pytest.param(
            [("Справочник.Классы", "Справочник.Группы"), ("ФизическиеЛица", "Обучающиеся")],
            [("Справочник.Классы", "Справочник.Группы"), ("ФизическиеЛица", "Обучающиеся")],
            ED, [], id="other catalogues",
        ),
        pytest.param([("<Класс><Ссылка>k-1</Ссылка></Класс>", "")], [], WITHOUT_CLASS, [],
                     id="a pupil without class"),
        pytest.param(
            [("<Класс><Ссылка>k-1</Ссылка>", "<Класс><Наименование>5 «А»</Наименование>")],
            [('class_id = "Класс/Ссылка"', 'class_id = { path = "Класс/Наименование", '
              'transform = "class_title", lookup = "class" }\n\n[[records]]\nkind = "lookup"\n'
              'name = "class"\npath = "Body/Справочник.Классы"\n\n[records.fields]\n'
              'value = "КлючевыеСвойства/Ссылка"\nkey = { path = "КлючевыеСвойства/Наименование", '
              'transform = "class_title" }\n\n[[records]]\nkind = "guardian"\n'
              'path = "Body/Родители"\n\n[records.fields]\n#'),
             ('#\nend_date = "ДатаВыбытия"', "")],
            ED, [], id="the class by its title",
        ),
        pytest.param(
            [("0001-01-01T00:00:00<", "2026-09-20T00:00:00<")], [], ED, [], id="who has left",
        ),
        pytest.param(
            [("2015-05-01T00:00:00<", "2015-04-30T21:00:00Z<")],
            [('birth_date = "КлючевыеСвойства/ДатаРождения"',
              'birth_date = { path = "КлючевыеСвойства/ДатаРождения", zone = "Europe/Moscow" }')],
            ED, [], id="dates as moments",
        ),
        pytest.param(
            [("<msg:CreationDate>2026-10-01T09:00:00</msg:CreationDate>", ""),
             ("<Message ", '<Message Создано="2026-10-01T09:00:00" ')],
            [('"msg:Header/msg:CreationDate"', '["msg:Header/msg:CreationDate", "@Создано"]')],
            ED, [], id="the date here or there",
        ),
    ],
)  # fmt: skip
def test_enterprise_data_may_vary(
    file: list[tuple[str, str]],
    layout: list[tuple[str, str]],
    expected: Said,
    rules: list[str],
) -> None:
    result = read_with(layout_of("ed", *layout), school=text_of("ed", *file))
    assert (said(result.roster), doubts(result)) == (expected, rules)


def test_a_name_without_prefix_is_in_no_namespace_that_has_one() -> None:
    theirs = '<x:Класс xmlns:x="urn:x"><x:Ссылка>no</x:Ссылка></x:Класс>'
    theirs += '<x:Почта xmlns:x="urn:x">p@example.org</x:Почта><Класс>'
    file = text_of("ed", ("<Класс>", theirs))
    layout = layout_of(
        "ed",
        ("[namespaces]", '[namespaces]\nother = "urn:x"'),
        ("end_date =", 'email = "other:Почта"\nend_date ='),
    )
    result = read_with(layout, school=file)
    assert (said(result.roster), doubts(result)) == (ED, [])
    assert result.roster.persons["p-1"].email == "p@example.org"
    assert {one.class_id for one in read_with(layout_of("ed"), school=file).roster.enrolments} == {
        "no"
    }


def without(expected: Said, person: str) -> Said:
    return Said(
        people={one for one in expected.people if one[0] != person},
        classes=expected.classes,
        places={one for one in expected.places if one[0] != person},
    )


LINKS = EDEX.places - {("T1", "G1", "teacher"), ("T1", "G2", "teacher")}


@pytest.mark.parametrize(
    ("file", "layout", "expected", "rules"),
    [
        pytest.param(
            [("leerling", "pupil")],
            [("leerlingen/leerling", "pupilen/pupil")], EDEX, [], id="other names",
        ),
        pytest.param([("<roepnaam>Peter</roepnaam>", "")], [],
                     Said(EDEX.people - {("L1", "student", "van Jansen Peter", "2015-04-12")}
                          | {("L1", "student", "van Jansen Peter Jan", "2015-04-12")},
                          EDEX.classes, EDEX.places), [], id="another given name"),
        pytest.param([("<jaargroep>9</jaargroep></groep>", "</groep>")], [],
                     Said(EDEX.people, EDEX.classes - {("G2", "Groep 3-4 B", 9, "homeroom")}
                          | {("G2", "Groep 3-4 B", 3, "homeroom")}, EDEX.places),
                     [], id="the grade of the title"),
        pytest.param([('<groepen><groep key="G1"/><groep key="G2"/></groepen>', "")], [],
                     Said(EDEX.people, EDEX.classes, LINKS), ["layout.nothing_of_a_kind"],
                     id="a teacher without classes"),
        pytest.param([('<samengestelde_groep key="G1"/>',
                       '<samengestelde_groep key="G1"/><samengestelde_groep key="G2"/>')],
                     [], EDEX, [], id="the class among the groups"),
        pytest.param([('<samengestelde_groepen><samengestelde_groep key="G1"/>',
                       '<samengestelde_groepen keys="G1 , G2">')],
                     [("samengestelde_groepen/samengestelde_groep/@key\"",
                       'samengestelde_groepen/@keys", split = "," }'),
                      ('group_ids = "', 'group_ids = { path = "')],
                     EDEX, [], id="all groups in one text"),
        pytest.param([('<groep key="G2"/>\n', '<groep key="G7"/>\n')], [],
                     Said(EDEX.people, EDEX.classes,
                          EDEX.places - {("L2", "G2", "student")} | {("L2", "G7", "student")}),
                     [], id="a class that is not there"),
        pytest.param([('<leerling key="L2">', "<leerling>")], [], without(EDEX, "L2"),
                     ["id.missing"], id="a pupil without key"),
        pytest.param([("<geslacht>1</geslacht>", "<geslacht>7</geslacht>")], [], EDEX,
                     ["sex.unknown"], id="an unknown sex"),
    ],
)  # fmt: skip
def test_edex_may_vary(
    file: list[tuple[str, str]],
    layout: list[tuple[str, str]],
    expected: Said,
    rules: list[str],
) -> None:
    result = read_with(layout_of("edex", *layout), school=text_of("edex", *file))
    assert (said(result.roster), doubts(result)) == (expected, rules)
