"""Encodings: the mark, the declaration, and what the bytes really are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.provisioning.roster_files import read_files, roster_file, rules_of, student


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
def test_names_are_read_right_whatever_the_file_says(
    tmp_path: Path, data: bytes, rules: list[str]
) -> None:
    result = read_files(tmp_path, school=data)
    assert rules_of(result.findings) == rules
    assert result.rosters[0].persons["s-1"].family_name == "Примеров"


def test_the_lie_is_named_with_both_encodings(tmp_path: Path) -> None:
    (finding,) = read_files(tmp_path, school=declared("utf-8").encode("cp1251")).findings
    assert "utf-8" in finding.message("ru")
    assert "windows-1251" in finding.message("ru")
    assert finding.school_code == "78-0243"


def test_a_lie_late_in_a_long_file_is_seen(tmp_path: Path) -> None:
    latin = [
        student(f"s-{number}", family_name="Sample", given_name="John", middle_name="")
        for number in range(9_000)
    ]
    text = roster_file(students=[*latin, student("s-last")], staff=(), number="243")
    text = text.replace("Школа", "School").replace("Примерный", "Sample").replace("8А", "8")
    result = read_files(tmp_path, school=text.encode("cp1251"))
    assert len(text) > 2_000_000 - 800_000
    assert "encoding.lie" in rules_of(result.findings)
    assert result.rosters[0].persons["s-last"].family_name == "Примеров"


def test_a_few_wrong_bytes_spoil_their_rows_only(tmp_path: Path) -> None:
    data = roster_file(students=[student("s-1"), student("s-2")]).encode()
    place = data.rindex("Примеров<".encode())
    data = data[:place] + b"\xff" + data[place + 1 :]
    result = read_files(tmp_path, school=data)
    assert rules_of(result.findings) == ["encoding.damaged", "name.damaged"]
    (roster,) = result.rosters
    assert set(roster.persons) == {"s-1", "t-1"}
    assert roster.set_aside == {"s-2"}


def test_an_encoding_nobody_knows_stops_the_file(tmp_path: Path) -> None:
    result = read_files(tmp_path, school=declared("x-mac-klingon").encode())
    assert rules_of(result.findings) == ["encoding.unknown"]
    assert "x-mac-klingon" in result.findings[0].message("en")
