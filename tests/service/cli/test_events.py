"""The commands ``schoolbridge events``: what they print and how they end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.models import AuditEntry
from tests.service.command_line import Ended, rows_of, run
from tests.service.factories import add_person, add_school, sign_in

HEAD = "time;login;source_id;school_code;method;result\n"
STRANGER = "2017-04-01T09:30:00+03:00;nobody;;153;password;allowed\n"
NO_ZONE = "2017-04-01T09:30:00;nobody;;153;password;allowed\n"
NO_SCHOOL = "2017-04-01T09:31:00+03:00;nobody;;154;password;allowed\n"


@pytest.fixture
def home(home: Path) -> Path:
    with rows_of(home) as session:
        add_school(session, "153")
        add_person(session, "p", "153")
        sign_in(session, "p", school_code="153")
        sign_in(session, "p", school_code="153", result="refused")
    return home


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


def bring_in(home: Path, path: Path, text: str, *options: str) -> Ended:
    path.write_text(text, "utf-8")
    return run("events", "import", path, *options, home=home)


def test_an_import_tells_what_is_new_and_a_second_that_nothing_is(home: Path, path: Path) -> None:
    first = bring_in(home, path, HEAD + STRANGER)
    assert (first.code, first.err) == (0, "")
    lines = first.out.splitlines()
    assert lines[0] == f"{path}: 1 lines, 1 new sign-ins, 0 known before, 0 bad lines"
    assert lines[1].startswith("1 of the new ones are of people whom we do not know")
    again = bring_in(home, path, HEAD + STRANGER)
    assert again.out == f"{path}: 1 lines, 0 new sign-ins, 1 known before, 0 bad lines\n"


def test_bad_lines_are_named_with_what_to_do_and_the_end_is_code_3(home: Path, path: Path) -> None:
    ended = bring_in(home, path, HEAD + NO_ZONE + NO_SCHOOL + STRANGER)
    assert ended.code == 3
    zone, school, told, *_unknown = ended.out.splitlines()
    assert zone.startswith(f"{path}, line 2: time ")
    assert zone.endswith("add the time zone, such as +03:00")
    assert school == f"{path}, line 3: school_code “154”: the registry has no school with this code"
    assert told.endswith("3 lines, 1 new sign-ins, 0 known before, 2 bad lines")


def test_an_import_as_json_has_numbers_and_bad_lines_and_is_audited(home: Path, path: Path) -> None:
    ended = bring_in(home, path, HEAD + NO_SCHOOL + STRANGER, "--json")
    assert ended.code == 3
    (one,) = ended.data
    assert (one["lines"], one["new"], one["unmatched"], one["bad"]) == (2, 1, 1, 1)
    assert [(bad["line"], bad["code"]) for bad in one["bad_lines"]] == [(2, "school")]
    with rows_of(home) as session:
        (entry,) = session.query(AuditEntry).filter_by(action="event.import")
        assert (entry.details["file"], entry.details["new"]) == ("a.csv", 1)
        assert "nobody" not in str(entry.details)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "the file is empty"), ("time;login\n", "the first line must name the columns; missing:")],
)
def test_a_file_that_is_no_history_is_code_1(home: Path, path: Path, text: str, told: str) -> None:
    ended = bring_in(home, path, text)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err


def test_a_rebuild_tells_how_many_sign_ins_counted_and_how_fast(home: Path, path: Path) -> None:
    bring_in(home, path, HEAD + STRANGER)
    ended = run("events", "rebuild", home=home)
    assert (ended.code, ended.err) == (0, "")
    # The refused one and the stranger's are no sign-ins of people.
    assert re.fullmatch(r"Rebuilt from 1 events, \d+ a second\n", ended.out)
