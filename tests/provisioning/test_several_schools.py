"""Which school speaks for a person of several, and whether a pupil has left the old one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from provisioning.roll import Membership
from provisioning.several_schools import (
    MoveAnswer,
    Place,
    answered_move,
    has_moved,
    is_in_one_only,
    newest,
    speaks,
)
from tests.factories import make_person

OCTOBER = datetime(2026, 10, 1, 8, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 1, 8, tzinfo=UTC)
THERE = Place(exported_at=OCTOBER, role="student", class_id="c-1", class_title="8А")
HERE = Membership(person_id="p-1", role="student", class_id="c-2", class_title="8Б")


@pytest.mark.parametrize(
    ("exported_at", "code", "expected"),
    [
        (NOVEMBER, "B", True),
        (OCTOBER, "B", False),
        (OCTOBER, "0", True),
        (datetime(2026, 9, 1, tzinfo=UTC), "0", False),
    ],
    ids=["newer", "as new, larger code", "as new, smaller code", "older"],
)
def test_the_newest_export_speaks(exported_at: datetime, code: str, expected: bool) -> None:
    assert speaks(code, exported_at, HERE, {"A": THERE}) is expected
    there = {"A": THERE, code: replace(THERE, exported_at=exported_at)}
    assert (newest(there)[0] == code) is expected


def test_a_roll_without_a_file_never_speaks_before_one_with() -> None:
    by_hand = replace(THERE, exported_at=None)
    assert speaks("B", OCTOBER, HERE, {"A": by_hand})
    assert newest({"A": by_hand, "B": THERE}) == ("B", THERE)


def test_neither_a_row_in_doubt_nor_one_of_a_lower_role_speaks_before_the_administration() -> None:
    leads = replace(THERE, role="administrator")
    teaches = Membership(person_id="p-1", role="teacher")
    assert not speaks("B", NOVEMBER, teaches, {"A": leads})
    assert not speaks("B", NOVEMBER, replace(teaches, confirmed=False), {"A": THERE})
    assert speaks("B", OCTOBER, teaches, {"A": replace(THERE, confirmed=False)})
    assert newest({"A": leads, "B": replace(THERE, exported_at=NOVEMBER)}) == ("A", leads)


def moved(
    *, begin_date: date | None = date(2026, 10, 20), full_time: bool = True, **there: Any
) -> bool | None:
    here = replace(HERE, role=there.pop("as_", "student"))
    return has_moved(
        make_person(begin_date=begin_date), here, replace(THERE, **there),
        exported_at=NOVEMBER, full_time=full_time,
    )  # fmt: skip


def test_a_pupil_who_came_after_the_newest_export_of_the_other_school_has_moved() -> None:
    assert moved() is True


@pytest.mark.parametrize(
    "other",
    [
        {"begin_date": date(2026, 9, 1)},
        {"full_time": False},
        {"as_": "teacher"},
    ],
    ids=["was here before", "additional education here", "teaches here"],
)
def test_others_are_in_two_schools(other: dict[str, Any]) -> None:
    assert moved(**other) is False


@pytest.mark.parametrize(
    "there",
    [{"full_time": False}, {"role": "teacher"}, {"class_id": ""}, {"exported_at": NOVEMBER}],
    ids=["additional education there", "teaches there", "no class there", "listed as newly"],
)
def test_who_is_no_pupil_of_an_older_roll_there_is_in_two_schools(there: dict[str, Any]) -> None:
    assert moved(**there) is False


def test_without_a_begin_date_only_a_person_can_say() -> None:
    assert moved(begin_date=None) is None


@pytest.mark.parametrize(
    ("full_time", "there", "expected"),
    [
        (True, THERE, True),
        (True, replace(THERE, class_id=""), True),
        (False, THERE, False),
        (True, replace(THERE, full_time=False), False),
        (True, replace(THERE, role="teacher"), False),
    ],
    ids=["both full-time", "no class", "circle here", "circle there", "teaches there"],
)
def test_a_pupil_is_in_one_full_time_school_only(
    full_time: bool, there: Place, expected: bool
) -> None:
    assert is_in_one_only(HERE, there, full_time=full_time) is expected


def said(yes: bool, at: datetime, *schools: str) -> MoveAnswer:
    return MoveAnswer(yes=yes, at=at, schools=frozenset(schools))


@pytest.mark.parametrize(
    ("answers", "loaded_at", "expected"),
    [
        ([], None, None),
        ([said(True, NOVEMBER, "A")], OCTOBER, True),
        ([said(False, NOVEMBER, "A")], OCTOBER, False),
        ([said(True, NOVEMBER, "A")], None, True),
        ([said(True, NOVEMBER, "B")], OCTOBER, None),
        ([said(True, OCTOBER, "A")], NOVEMBER, None),
        ([said(False, OCTOBER, "A")], NOVEMBER, None),
        ([said(True, OCTOBER, "A", "B"), said(False, NOVEMBER, "A")], None, False),
        ([said(True, OCTOBER, "A"), said(False, NOVEMBER, "B")], None, True),
    ],
    ids=[
        "nothing", "yes", "no", "yes, never loaded", "about another school", "yes before its load",
        "no before its load", "the newest", "the newest about another",
    ],
)  # fmt: skip
def test_an_answer_is_about_its_schools_until_they_load_again(
    answers: list[MoveAnswer], loaded_at: datetime | None, expected: bool | None
) -> None:
    assert answered_move(answers, "A", loaded_at) is expected
