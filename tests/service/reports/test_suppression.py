"""Small numbers of people in what is published outside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reports.report import Column, Kind, Report, Sum
from service.reports.suppression import hide_small
from tests.service.reports.test_export import make_report
from tests.soak import soak

pytestmark = pytest.mark.usefixtures("english")

COLUMNS = (
    Column(key="school", title="School", kind=Kind.TEXT, absent=""),
    Column(key="roll", title="Roll", kind=Kind.INTEGER, absent="no data", people=True),
    Column(key="in", title="Signed in", kind=Kind.INTEGER, absent="no data", people=True),
    Column(key="share", title="Share", kind=Kind.SHARE, absent="no data", of=("in", "roll")),
    Column(key="loads", title="Loads", kind=Kind.INTEGER, absent="no data"),
)


def report_of(*counts: int | None, **overrides: Any) -> Report:
    rows = tuple((f"s{n}", 1000, count, 0.5, 1) for n, count in enumerate(counts))
    whole = sum(count or 0 for count in counts)
    fields: dict[str, Any] = {
        "columns": COLUMNS,
        "rows": rows,
        "totals": (("Total", 1000 * len(rows), whole, 0.5, len(rows)),),
        "keys": tuple(f"s{n}" for n in range(len(rows))),
        "total_keys": ("all",),
    }
    return make_report(**fields | overrides)


def shown(report: Report) -> list[Any]:
    return [row[2] for row in report.rows]


def test_a_small_number_and_the_next_smallest_are_hidden_with_their_shares() -> None:
    report = hide_small(report_of(3, 40, 7, 0), 5)
    assert shown(report) == ["<5", 40, "hidden", 0]
    assert [row[3] for row in report.rows] == ["hidden", 0.5, "hidden", 0.5]
    assert report.totals[0][2] == 50
    assert [row[4] for row in report.rows] == [1, 1, 1, 1]


def test_two_small_numbers_hide_each_other() -> None:
    assert shown(hide_small(report_of(3, 40, 2), 5)) == ["<5", 40, "<5"]


def test_the_only_part_is_hidden_with_its_sum() -> None:
    report = hide_small(report_of(3), 5)
    assert (shown(report), report.totals[0][2]) == (["<5"], "<5")


def test_zero_is_nobody_and_stays_beside_larger_numbers() -> None:
    report = hide_small(report_of(0, 5, None), 5)
    assert shown(report) == [0, 5, None]
    assert "from 1 to 4" in report.notes[0]


def test_sums_across_and_down_are_kept_secret_together() -> None:
    rows = (("a", 1000, 14, 0.5, 1), ("a pupils", 1000, 11, 0.5, 1), ("a staff", 1000, 3, 0.5, 1),
            ("b", 1000, 50, 0.5, 1), ("b pupils", 1000, 30, 0.5, 1), ("b staff", 1000, 20, 0.5, 1),
            ("c", 1000, 90, 0.5, 1), ("c pupils", 1000, 50, 0.5, 1), ("c staff", 1000, 40, 0.5, 1),
            )  # fmt: skip
    keys = tuple(str(row[0]) for row in rows)
    sums = (
        *(Sum(whole=one, parts=(f"{one} pupils", f"{one} staff")) for one in "abc"),
        *(Sum(whole=f"all{line}", parts=tuple(f"{one}{line}" for one in "abc"))
          for line in ("", " pupils", " staff")),
    )  # fmt: skip
    totals = (("", 0, 154, 0, 0), ("", 0, 91, 0, 0), ("", 0, 63, 0, 0))
    report = hide_small(
        report_of(rows=rows, keys=keys, totals=totals, sums=sums,
                  total_keys=("all", "all pupils", "all staff")), 5,
    )  # fmt: skip
    hidden = {key for key, row in zip(keys, report.rows, strict=True) if isinstance(row[2], str)}
    assert hidden == {"a pupils", "a staff", "b pupils", "b staff"}


@soak
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_no_hidden_number_can_be_computed_from_its_sum(counts: list[int]) -> None:
    report = hide_small(report_of(*counts), 5)
    members = [*shown(report), report.totals[0][2]]
    assert not any(isinstance(value, int) and 0 < value < 5 for value in members)
    assert sum(isinstance(value, str) for value in members) != 1
