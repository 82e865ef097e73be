"""Encodings: the mark, the declaration, and what the bytes really are."""

from __future__ import annotations

import pytest

from tests.provisioning.roster_files import read_text, roster_file, student


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
