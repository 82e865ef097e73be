"""Streaming: encodings, limits, refusals, broken XML and true line numbers."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from dataclasses import replace

import pytest

from provisioning.formats.reader import CHUNK
from tests.provisioning.roster_files import (
    DATA,
    LIMITS,
    employee,
    link,
    read_roster,
    read_text,
    roster_file,
    school_class,
    student,
)

MANY = [student(f"s-{number}") for number in range(12_000)]
"""Enough to go beyond the 65,535 lines that libxml2 counts to."""


def test_lines_are_true_far_down() -> None:
    text = roster_file(students=MANY, staff=[employee("t-last")])
    roster = read_text(text).roster
    lines = text.splitlines()
    assert roster.persons["t-last"].line > 80_000
    for person in roster.persons.values():
        assert f'id="{person.sourced_id}"' in lines[person.line - 1]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        (roster_file(students=MANY, teaching=[link(""), "\n\n"]), "<link"),
        (roster_file(students=[*MANY, student("s-bad", birth_date="вчера")]), 'id="s-bad"'),
    ],
    ids=["an empty element", "a field"],
)
def test_lines_of_findings_are_true_far_down_too(text: str, at: str) -> None:
    assert read_text(text).finding.line == text[: text.index(at)].count("\n") + 1 > 65_535


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("Примерович", "Пример & Ко", "xml.ampersand"),
        ("Примерович", "Пример &nbsp; Ко", "xml.ampersand"),
        ("Примерович", "Пример < Ко", "xml.ampersand"),
        ("</birth_date>", "</birthdate>", "xml.tag_mismatch"),
        ('<student id="s-1">', "<student id=s-1>", "xml.attribute"),
        ('<student id="s-1">', '<student id="s-1" id="s-2">', "xml.attribute_twice"),
        ('<student id="s-1">', '<student id="a<b">', "xml.less_than"),
        ("Примерович", "При\x01мер", "xml.character"),
        ("</roster>", "</roster><roster/>", "xml.second_root"),
        ("</birth_date>", "</birth_date>]]>", "xml.malformed"),
    ],
)
def test_broken_xml_is_explained(before: str, after: str, rule: str) -> None:
    text = roster_file()
    line = text[: text.index(before)].count("\n") + 1
    result = read_text(text.replace(before, after, 1))
    (finding,) = result.findings
    assert (finding.rule, finding.line) == (rule, line)
    assert not result.rosters
    assert finding.message("ru") != finding.message("en")


def with_doctype(declared: str) -> str:
    return roster_file().replace("<roster", f"{declared}\n<roster", 1)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "file.empty"),
        (" \n ", "file.empty"),
        ("hello", "xml.not_xml"),
        ("\n<?xml version='1.0'?><roster/>", "xml.declaration"),
        ("<html><body><p>Вход</p></body></html>", "layout.unknown"),
        (roster_file().replace('<roster version="1"', '<roster version="2"'), "layout.unknown"),
        ("<roster version='1'/>", "header.missing"),
        ("<roster version='1'><students><student/></students></roster>", "header.missing"),
        # A DOCTYPE is refused before it is read.
        (with_doctype('<!DOCTYPE roster [<!ENTITY a "b">]>'), "xml.doctype"),
        (with_doctype('<!DOCTYPE roster SYSTEM "file:///etc/passwd">'), "xml.doctype"),
        (with_doctype("<!-- a comment --><!DOCTYPE roster>"), "xml.doctype"),
        (with_doctype("<!DOCTYPE roster []>").partition("\n")[2].encode("utf-16"), "xml.doctype"),
    ],
)
def test_what_is_no_roster_is_said_in_one_finding(text: str | bytes, rule: str) -> None:
    assert read_text(text).rules == [rule]


def nested(depth: int) -> str:
    return roster_file(after="<x>" * (depth - 1) + "</x>" * (depth - 1))


def with_pupil(sourced_id: str = "s-1", **fields: str) -> str:
    return roster_file(students=[student(sourced_id, **fields)])


TOO_DEEP = "xml.too_deep_or_long"
WIDE = "<a/>" * 150_000
LIMITED: dict[str, tuple[dict[str, int], Callable[[], str], str | None]] = {
    "as deep as may be": ({}, lambda: nested(31), None),
    "deeper": ({}, lambda: nested(33), TOO_DEEP),
    "very deep": ({}, lambda: nested(400), TOO_DEEP),
    "many megabytes of text": ({}, lambda: with_pupil(family_name="x" * 11_000_000), TOO_DEEP),
    "a long attribute": ({}, lambda: with_pupil("s" * 10_001), TOO_DEEP),
    "a record without end": ({}, lambda: roster_file([f"<student>{WIDE}</student>"]), TOO_DEEP),
    "too many records": ({"records": 3}, roster_file, "file.too_many_records"),
    "too large a file": ({"file_bytes": 500}, roster_file, "file.too_large"),
}


@pytest.mark.parametrize(("limits", "text", "rule"), LIMITED.values(), ids=LIMITED)
def test_a_file_beyond_a_limit_is_refused(
    limits: dict[str, int], text: Callable[[], str], rule: str | None
) -> None:
    result = read_text(text(), limits=replace(LIMITS, **limits))
    assert result.rules == ([rule] if rule else [])
    assert bool(result.rosters) is not bool(rule)


def test_a_text_beyond_the_limit_sets_the_row_aside() -> None:
    limits = replace(LIMITS, text_length=1_000)
    bad = student("s-2", family_name="А" * 1_001)
    result = read_text(roster_file(students=[student(), bad]), limits=limits)
    assert result.rules == ["text.too_long"]
    assert result.roster.set_aside == {"s-2"}


def test_what_a_layout_does_not_name_takes_no_memory() -> None:
    meals = "<meal><price>100</price><dish>Каша</dish></meal>\n" * 200_000
    text = roster_file(after=f"<meals>{meals}</meals>").encode()
    tracemalloc.start()
    result = read_text(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not result.findings
    assert peak < 5_000_000 < len(text)


def test_a_record_in_another_place_is_no_record() -> None:
    inside = f"<students>{student('s-9')}</students>"
    elsewhere = f"<x>{inside}</x><roster>{inside}</roster><others>{student('s-8')}</others>"
    roster = read_roster(after=elsewhere).roster
    assert set(roster.persons) == {"s-1", "t-1"}


def test_a_membership_longer_than_a_chunk_keeps_its_class() -> None:
    text = (DATA / "ims-enterprise-1.1" / "school.xml").read_text("utf-8")
    member = text[text.index("<member>", text.index("c-8a</id></sourcedid>\n    <member>")) :]
    member = member[: member.index("</member>") + len("</member>")]
    many = text.replace(member, member * (3 * CHUNK // len(member)) + member.replace("s-1", "s-2"))
    roster = read_text(many).roster
    pupils = {(one.person_id, one.class_id) for one in roster.enrolments if one.role == "student"}
    assert pupils == {("s-1", "c-8a"), ("s-2", "c-8a")}


def test_comments_instructions_and_cdata_inside_records_do_not_disturb() -> None:
    classes = [school_class(title="<!-- x -->8<?y?>А")]
    students = [student(family_name="<![CDATA[Примеров]]>")]
    text = roster_file(classes=classes, students=students)
    roster = read_text(text).roster
    assert roster.classes["c-8a"].title == "8А"
    assert roster.persons["s-1"].family_name == "Примеров"


# Encodings: the mark, the declaration, and what the bytes really are


def declared(name: str) -> str:
    return roster_file(declaration=f'<?xml version="1.0" encoding="{name}"?>')


PLAIN = roster_file(declaration='<?xml version="1.0"?>')


@pytest.mark.parametrize(
    ("data", "rules"),
    [
        (PLAIN.encode(), []),
        (PLAIN.encode("cp1251", "replace"), []),
        (b"\xef\xbb\xbf" + declared("UTF-8").encode(), []),
        (declared("windows-1251").encode("cp1251"), []),
        (declared("koi8-r").replace("№", "").encode("koi8-r"), []),
        (declared("IBM866").encode("cp866"), []),
        (declared("utf-16").encode("utf-16"), []),
        (PLAIN.encode("utf-16-le"), []),
        (PLAIN.encode("utf-16-be"), []),
        (declared("utf-8").encode("cp1251"), ["encoding.lie"]),
        (declared("windows-1251").encode(), ["encoding.lie"]),
        (b"\xef\xbb\xbf" + declared("windows-1251").encode(), ["encoding.lie"]),
    ],
)
def test_names_are_read_right_whatever_the_file_says(data: bytes, rules: list[str]) -> None:
    result = read_text(data)
    assert result.rules == rules
    assert result.roster.persons["s-1"].family_name == "Примеров"


@pytest.mark.parametrize(
    ("data", "rule", "named"),
    [
        (declared("utf-8").encode("cp1251"), "encoding.lie", ("utf-8", "windows-1251")),
        (declared("x-mac-klingon").encode(), "encoding.unknown", ("x-mac-klingon",)),
    ],
)
def test_the_encodings_are_named(data: bytes, rule: str, named: tuple[str, ...]) -> None:
    finding = read_text(data).finding
    assert finding.rule == rule
    for language in ("ru", "en"):
        assert all(encoding in finding.message(language) for encoding in named)
    assert finding.school_code == ("78-0243" if rule == "encoding.lie" else "")


def test_a_lie_late_in_a_long_file_is_seen() -> None:
    latin = [
        student(f"s-{number}", family_name="Sample", given_name="John", middle_name="")
        for number in range(9_000)
    ]
    text = roster_file(students=[*latin, student("s-last")], staff=(), number="243")
    text = text.replace("Школа", "School").replace("Примерный", "Sample").replace("8А", "8")
    result = read_text(text.encode("cp1251"))
    assert len(text) > 2_000_000 - 800_000
    assert "encoding.lie" in result.rules
    assert result.roster.persons["s-last"].family_name == "Примеров"


def test_a_few_wrong_bytes_spoil_their_rows_only() -> None:
    data = roster_file(students=[student("s-1"), student("s-2")]).encode()
    place = data.rindex("Примеров<".encode())
    data = data[:place] + b"\xff" + data[place + 1 :]
    result = read_text(data)
    assert result.rules == ["encoding.damaged", "name.damaged"]
    (roster,) = result.rosters
    assert (set(roster.persons), roster.set_aside) == ({"s-1", "t-1"}, {"s-2"})
