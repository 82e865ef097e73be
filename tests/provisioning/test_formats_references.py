"""Records that refer to others: SIECLE and its like, ids looked up in another record, several
kinds of record at one path."""

from __future__ import annotations

import pytest

from tests.provisioning.foreign_files import (
    Said,
    changed,
    doubts,
    layout_of,
    read_with,
    said,
    text_of,
)
from tests.provisioning.test_formats_foreign import SIECLE, without

BY_ID = """
[[records]]
kind = "lookup"
name = "code"
path = "DONNEES/NOMENCLATURE/DIVISION"

[records.fields]
key = "@ID"
value = "CODE"
"""
DIVISIONS = (
    '<NOMENCLATURE><DIVISION ID="d1"><CODE>4A</CODE></DIVISION>'
    '<DIVISION ID="d2"><CODE>42</CODE></DIVISION></NOMENCLATURE></DONNEES>'
)
CODES = [
    ("<CODE_STRUCTURE>4A</", "<CODE_STRUCTURE>d1</"),
    ("<CODE_STRUCTURE>42</", "<CODE_STRUCTURE>d2</"),
]
WITH_IDS = [*CODES, ("</DONNEES>", DIVISIONS)]
CODE = '{ path = "CODE_STRUCTURE", lookup = "code" }'
GRADES = BY_ID.replace('"code"', '"grade"').replace(
    '"CODE"', '{ path = "CODE", transform = "grade_of_title" }'
)
STUDENT = '\n[[records]]\nkind = "student"'
LOOKED_UP = [
    ('\nid = "CODE_STRUCTURE"', f"\nid = {CODE}"),
    ('title = "CODE_STRUCTURE"', f"title = {CODE}"),
    (
        '{ path = "CODE_STRUCTURE", transform = "grade_of_title" }',
        '{ path = "CODE_STRUCTURE", lookup = "grade" }',
    ),
    (STUDENT, BY_ID + GRADES + STUDENT),
]
LAYOUT_BY_ID = layout_of("siecle", *LOOKED_UP)


STRUCTURE = 'path = "DONNEES/STRUCTURES/STRUCTURES_ELEVE/STRUCTURE"'
NOT_X = 'where = { path = "TYPE_STRUCTURE", not = ["x"] }'
WITHOUT_42 = Said(
    people=SIECLE.people,
    classes=SIECLE.classes - {("42", "42", 4, "group")},
    places=SIECLE.places - {("0002", "42", "student")},
)


@pytest.mark.parametrize(
    ("file", "layout", "expected", "rules"),
    [
        pytest.param([("STRUCTURES", "GROUPES"), ("STRUCTURE>", "GROUPE>")],
                     [("STRUCTURES", "GROUPES"), ("STRUCTURE\"", "GROUPE\"")],
                     SIECLE, [], id="other names"),
        pytest.param([("<NOM_USAGE>COJAUNE</NOM_USAGE>", "")], [],
                     Said(without(SIECLE, "0002").people
                          | {("0002", "student", "COVERT Harry Cocœ", "1994-07-01")},
                          SIECLE.classes, SIECLE.places), [], id="no second name"),
        pytest.param([], [('"PRENOM"', '{ join = ["PRENOM", "PRENOM2"] }'),
                          ('middle_name = "PRENOM2"\n', "")],
                     SIECLE, [], id="given names joined"),
        pytest.param([("HANDMADE", "Handmade"), ("COJAUNE", "Cojaune")],
                     [("[\"NOM_USAGE\", \"NOM_DE_FAMILLE\"]", '"NOM_DE_FAMILLE"'),
                      ('"NOM_DE_FAMILLE"', '{ path = "NOM_DE_FAMILLE", transform = "name_case" }')],
                     Said({("0001", "student", "Handmade Luciole Léa", "1994-12-31"),
                           ("0002", "student", "Covert Harry Cocœ", "1994-07-01")},
                          SIECLE.classes, SIECLE.places), [], id="names in capitals"),
        pytest.param([("<DATE_NAISS>31/12/1994", "<DATE_NAISS>31 décembre 1994")], [],
                     SIECLE, [], id="a month by name"),
        pytest.param([('<STRUCTURES_ELEVE ELEVE_ID="0001">', '<STRUCTURES_ELEVE ELEVE_ID="0009">')],
                     [], Said(SIECLE.people, SIECLE.classes,
                              SIECLE.places - {("0001", "4A", "student")}
                              | {("0009", "4A", "student")}), [], id="a pupil who is not there"),
        pytest.param([("<TYPE_STRUCTURE>G</TYPE_STRUCTURE>", "<TYPE_STRUCTURE>D</TYPE_STRUCTURE>")],
                     [], Said(SIECLE.people, {("4A", "4A", 4, "homeroom"),
                                              ("42", "42", 4, "homeroom")}, SIECLE.places),
                     [], id="two home classes"),
        pytest.param([("<CODE_STRUCTURE>42</CODE_STRUCTURE>", "")], [], WITHOUT_42,
                     ["id.missing"], id="a structure without code"),
        pytest.param([("<TYPE_STRUCTURE>G", "<TYPE_STRUCTURE>X")],
                     [(STRUCTURE, f"{STRUCTURE}\n{NOT_X}")],
                     WITHOUT_42, [], id="a structure of no interest"),
    ],
)  # fmt: skip
def test_siecle_may_vary(
    file: list[tuple[str, str]],
    layout: list[tuple[str, str]],
    expected: Said,
    rules: list[str],
) -> None:
    result = read_with(layout_of("siecle", *layout), school=text_of("siecle", *file))
    assert (said(result.roster), doubts(result)) == (expected, rules)


BY_CODE = Said(
    people=SIECLE.people,
    classes=SIECLE.classes,
    places={("0001", "4A", "student"), ("0002", "4A", "student"), ("0002", "42", "student")},
)
IN_MEMBERSHIP = [('class_id = "CODE_STRUCTURE"', f"class_id = {CODE}")]


def test_an_id_is_looked_up_in_a_record_that_comes_later() -> None:
    layout = changed(LAYOUT_BY_ID, IN_MEMBERSHIP)
    result = read_with(layout, school=text_of("siecle", *WITH_IDS))
    assert (said(result.roster), doubts(result)) == (BY_CODE, [])


def test_an_id_that_is_nowhere_is_told_and_left_out() -> None:
    layout = changed(LAYOUT_BY_ID, IN_MEMBERSHIP)
    result = read_with(layout, school=text_of("siecle", *WITH_IDS, ('ID="d2"', 'ID="d3"')))
    assert said(result.roster).places == BY_CODE.places - {("0002", "42", "student")}
    assert [(one.rule, one.field_name, one.value) for one in result.findings][:1] == [
        ("reference.unknown", "class_id", "d2")
    ]


PUPILS = """
[[records]]
kind = "lookup"
name = "classes of pupil"
path = "DONNEES/STRUCTURES/STRUCTURES_ELEVE/STRUCTURE"

[records.fields]
key = "../@ELEVE_ID"
value = { path = "CODE_STRUCTURE", lookup = "code" }
"""


def test_a_person_finds_the_own_classes_through_two_lookups() -> None:
    group_ids = 'group_ids = { path = "@ELEVE_ID", lookup = "classes of pupil" }'
    text = changed(
        LAYOUT_BY_ID,
        [
            ('birth_date = "DATE_NAISS"', f'birth_date = "DATE_NAISS"\n{group_ids}\n{PUPILS}'),
            ('kind = "class"', 'kind = "class"\nrepeats = true'),
        ],
    )
    layout = text[: text.index('[[records]]\nkind = "membership"')]
    result = read_with(layout, school=text_of("siecle", *WITH_IDS))
    assert (said(result.roster), doubts(result)) == (BY_CODE, [])


def test_a_lookup_may_be_in_another_file_of_the_school() -> None:
    layout = changed(LAYOUT_BY_ID, IN_MEMBERSHIP)
    head = '<BEE_ELEVES VERSION="2.1"><PARAMETRES><UAJ>123ABC</UAJ></PARAMETRES><DONNEES>'
    names = f"{head}{DIVISIONS}</BEE_ELEVES>"
    result = read_with(layout, a_names=names, b_school=text_of("siecle", *CODES))
    assert (said(result.roster), doubts(result)) == (
        BY_CODE,
        ["layout.read_nothing", "set.joined"],
    )


TWO_KINDS = """
name = "list-1"
title = "People in one list"
source = "list"
[recognise]
root = "list"
[content]
"" = ["classes", "students", "staff"]
[[records]]
kind = "header"
path = "."
[records.fields]
school_code = "@school"
exported_at = "@at"
[[records]]
kind = "class"
path = "class"
[records.fields]
id = "@n"
title = "@n"
grade = { path = "@n", transform = "grade_of_title" }
[[records]]
kind = "student"
path = "one"
where = STUDENT
[records.fields]
id = "@n"
family_name = "f"
given_name = "g"
birth_date = "b"
class_id = "c"
[[records]]
kind = "staff"
path = "one"
where = STAFF
[records.fields]
id = "@n"
role = { value = "teacher" }
family_name = "f"
given_name = "g"
birth_date = "b"
"""
NAMES = "<f>Примеров</f><g>Проба</g>"
LIST = f"""<list school="S1" at="2026-10-01"><class n="5А"/>
<one n="1" t="У">{NAMES}<b>2015-01-02</b><c>5А</c></one>
<one n="2" t="П">{NAMES}<b>1980-01-02</b><post>учитель</post></one></list>"""
ROLES = {("1", "student"), ("2", "teacher")}


@pytest.mark.parametrize(
    ("student", "staff"),
    [
        ('{ path = "@t", values = ["у"] }', '{ path = "@t", not = ["у"] }'),
        ('{ path = "c", present = true }', '{ path = "c", present = false }'),
        ('{ path = "post", present = false }', '{ path = "post", values = ["Учитель"] }'),
        (
            '[{ path = "@t", not = ["п"] }, { path = "c", present = true }]',
            '{ path = "@t", values = ["П"] }',
        ),
    ],
    ids=["attribute", "child", "text of a child", "two conditions"],
)
def test_two_kinds_of_record_stand_at_one_path(student: str, staff: str) -> None:
    layout = TWO_KINDS.replace("STUDENT", student).replace("STAFF", staff)
    result = read_with(layout, school=LIST)
    assert {one[:2] for one in said(result.roster).people} == ROLES
    assert doubts(result) == []


def test_a_file_of_many_chunks_is_read_as_a_short_one() -> None:
    numbers = [f"{number:04}" for number in range(3, 1500)]
    names = "<NOM_DE_FAMILLE>Long</NOM_DE_FAMILLE><PRENOM>Cours</PRENOM>"
    pupils = "".join(
        f'<ELEVE ELEVE_ID="{number}">{names}<DATE_NAISS>01/02/2014</DATE_NAISS></ELEVE>\n'
        for number in numbers
    )
    places = "".join(
        f'<STRUCTURES_ELEVE ELEVE_ID="{number}"><STRUCTURE><CODE_STRUCTURE>d1</CODE_STRUCTURE>'
        "<TYPE_STRUCTURE>D</TYPE_STRUCTURE></STRUCTURE></STRUCTURES_ELEVE>\n"
        for number in numbers
    )
    changes = [("</ELEVES>", f"{pupils}</ELEVES>"), ("</STRUCTURES>", f"{places}</STRUCTURES>")]
    layout = changed(LAYOUT_BY_ID, IN_MEMBERSHIP)
    result = read_with(layout, school=text_of("siecle", *WITH_IDS, *changes))
    assert len(result.roster.persons) == 1499
    assert said(result.roster).classes == BY_CODE.classes
    assert said(result.roster).places == BY_CODE.places | {
        (number, "4A", "student") for number in numbers
    }
    assert doubts(result) == []
