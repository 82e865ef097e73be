"""Streaming: limits, refusals, broken XML and true line numbers."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from provisioning.findings import Severity
from provisioning.formats.reader import CHUNK
from tests.provisioning.roster_files import (
    DATA,
    LIMITS,
    employee,
    link,
    read_files,
    roster_file,
    rules_of,
    school_class,
    student,
)


def cut(text: str, share: float) -> bytes:
    data = text.encode()
    return data[: int(len(data) * share)]


def test_the_line_of_an_empty_element_is_true_that_far_down_too(tmp_path: Path) -> None:
    students = [student(f"s-{number}") for number in range(12_000)]
    text = roster_file(students=students, teaching=[link(""), "\n\n"])
    (finding,) = read_files(tmp_path, school=text).findings
    assert finding.line == text[: text.index("<link")].count("\n") + 1 > 65_535


def test_lines_are_true_beyond_the_65535_that_libxml2_counts_to(tmp_path: Path) -> None:
    students = [student(f"s-{number}") for number in range(12_000)]
    text = roster_file(students=students, staff=[employee("t-last")])
    (roster,) = read_files(tmp_path, school=text).rosters
    lines = text.splitlines()
    assert roster.persons["t-last"].line > 80_000
    for person in roster.persons.values():
        assert f'id="{person.sourced_id}"' in lines[person.line - 1]


def test_lines_of_findings_are_true_in_long_files_too(tmp_path: Path) -> None:
    students = [student(f"s-{number}") for number in range(12_000)]
    text = roster_file(students=[*students, student("s-bad", birth_date="вчера")])
    (finding,) = read_files(tmp_path, school=text).findings
    assert finding.line is not None
    assert 'id="s-bad"' in text.splitlines()[finding.line - 1]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.99])
def test_a_cut_file_is_fatal_and_gives_no_roster(tmp_path: Path, share: float) -> None:
    result = read_files(tmp_path, school=cut(roster_file(), share))
    assert rules_of(result.findings) == ["xml.truncated"]
    assert result.findings[0].severity is Severity.FATAL
    assert not result.rosters


def test_a_cut_inside_a_russian_letter_is_a_cut_not_a_wrong_encoding(tmp_path: Path) -> None:
    data = roster_file().encode()
    middle = data.index("Примерович".encode()) + 5
    result = read_files(tmp_path, school=data[:middle])
    assert rules_of(result.findings) == ["xml.truncated"]


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
def test_broken_xml_is_explained(tmp_path: Path, before: str, after: str, rule: str) -> None:
    text = roster_file()
    assert before in text
    result = read_files(tmp_path, school=text.replace(before, after, 1))
    assert rules_of(result.findings) == [rule]
    (finding,) = result.findings
    assert finding.line == text[: text.index(before)].count("\n") + 1
    assert not result.rosters
    assert finding.message("ru") != finding.message("en")


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("", "file.empty"),
        (" \n ", "file.empty"),
        ("hello", "xml.not_xml"),
        ("\n<?xml version='1.0'?><roster/>", "xml.declaration"),
        ("<html><body><p>Вход</p></body></html>", "layout.unknown"),
        ("<roster version='1'/>", "header.missing"),
        ("<roster version='1'><students><student/></students></roster>", "header.missing"),
    ],
)
def test_what_is_no_roster_is_said_in_one_finding(tmp_path: Path, text: str, rule: str) -> None:
    assert rules_of(read_files(tmp_path, school=text).findings) == [rule]


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE roster [<!ENTITY a "b">]>',
        '<!DOCTYPE roster SYSTEM "file:///etc/passwd">',
        "<!-- a comment --><!DOCTYPE roster>",
    ],
)
def test_a_doctype_is_refused_before_it_is_read(tmp_path: Path, declared: str) -> None:
    text = roster_file().replace("<roster", f"{declared}\n<roster", 1)
    result = read_files(tmp_path, school=text)
    assert rules_of(result.findings) == ["xml.doctype"]


def test_a_doctype_in_utf_16_is_refused_too(tmp_path: Path) -> None:
    text = "<!DOCTYPE roster []>" + roster_file(declaration="")
    assert rules_of(read_files(tmp_path, school=text.encode("utf-16")).findings) == ["xml.doctype"]


@pytest.mark.parametrize(
    ("depth", "rules"), [(31, []), (33, ["xml.too_deep_or_long"]), (400, ["xml.too_deep_or_long"])]
)
def test_nesting_beyond_the_limit_is_refused(tmp_path: Path, depth: int, rules: list[str]) -> None:
    deep = "<x>" * (depth - 1) + "</x>" * (depth - 1)
    result = read_files(tmp_path, limits=LIMITS, school=roster_file(after=deep))
    assert rules_of(result.findings) == rules


def test_a_text_beyond_the_limit_sets_the_row_aside(tmp_path: Path) -> None:
    limits = replace(LIMITS, text_length=1_000)
    bad = student("s-2", family_name="А" * 1_001)
    result = read_files(tmp_path, limits=limits, school=roster_file(students=[student(), bad]))
    assert rules_of(result.findings) == ["text.too_long"]
    assert result.rosters[0].set_aside == {"s-2"}


def test_a_text_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    text = roster_file(students=[student(family_name="x" * 11_000_000)])
    assert rules_of(read_files(tmp_path, school=text).findings) == ["xml.too_deep_or_long"]


def test_an_attribute_beyond_the_limit_stops_the_file(tmp_path: Path) -> None:
    text = roster_file(students=[student("s" * 10_001)])
    assert rules_of(read_files(tmp_path, school=text).findings) == ["xml.too_deep_or_long"]


def test_a_record_that_never_ends_is_refused(tmp_path: Path) -> None:
    text = roster_file(students=["<student>" + "<a/>" * 150_000 + "</student>"])
    assert rules_of(read_files(tmp_path, school=text).findings) == ["xml.too_deep_or_long"]


def test_too_many_records_stop_the_file(tmp_path: Path) -> None:
    limits = replace(LIMITS, records=3)
    result = read_files(tmp_path, limits=limits, school=roster_file())
    assert rules_of(result.findings) == ["file.too_many_records"]
    assert not result.rosters


def test_a_file_beyond_its_size_is_refused(tmp_path: Path) -> None:
    limits = replace(LIMITS, file_bytes=500)
    result = read_files(tmp_path, limits=limits, school=roster_file())
    assert rules_of(result.findings) == ["file.too_large"]


def test_what_a_layout_does_not_name_takes_no_memory(tmp_path: Path) -> None:
    unknown = (
        "<meals>" + "<meal><price>100</price><dish>Каша</dish></meal>\n" * 200_000 + "</meals>"
    )
    text = roster_file(after=unknown).encode()
    tracemalloc.start()
    result = read_files(tmp_path, school=text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert not result.findings
    assert peak < 5_000_000 < len(text)


def test_a_record_in_another_place_is_no_record(tmp_path: Path) -> None:
    inside = f"<students>{student('s-9')}</students>"
    elsewhere = f"<x>{inside}</x><roster>{inside}</roster><others>{student('s-8')}</others>"
    (roster,) = read_files(tmp_path, school=roster_file(after=elsewhere)).rosters
    assert set(roster.persons) == {"s-1", "t-1"}


def test_a_membership_longer_than_a_chunk_keeps_its_class(tmp_path: Path) -> None:
    text = (DATA / "ims-enterprise-1.1" / "school.xml").read_text("utf-8")
    member = text[text.index("<member>", text.index("c-8a</id></sourcedid>\n    <member>")) :]
    member = member[: member.index("</member>") + len("</member>")]
    many = text.replace(member, member * (3 * CHUNK // len(member)) + member.replace("s-1", "s-2"))
    (roster,) = read_files(tmp_path, school=many).rosters
    pupils = {(one.person_id, one.class_id) for one in roster.enrolments if one.role == "student"}
    assert pupils == {("s-1", "c-8a"), ("s-2", "c-8a")}


def test_comments_and_instructions_inside_records_do_not_disturb(tmp_path: Path) -> None:
    text = roster_file(classes=[school_class(title="<!-- x -->8<?y?>А")])
    (roster,) = read_files(tmp_path, school=text).rosters
    assert roster.classes["c-8a"].title == "8А"


def test_cdata_is_text(tmp_path: Path) -> None:
    text = roster_file(students=[student(family_name="<![CDATA[Примеров]]>")])
    (roster,) = read_files(tmp_path, school=text).rosters
    assert roster.persons["s-1"].family_name == "Примеров"
