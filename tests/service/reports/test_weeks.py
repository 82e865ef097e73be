"""The calendar of reports: weeks from Saturday to Friday, cut-offs, neighbours of a period."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.calendar.period import Period
from service.calendar.weeks import (
    final_cut_off,
    last_month,
    last_quarter,
    last_week,
    period_before,
    preliminary_cut_off,
    school_year_of,
    week_of,
    weeks_until,
)
from tests.soak import soak

MOSCOW = ZoneInfo("Europe/Moscow")


def period(first: str, last: str) -> Period:
    return Period(first=date.fromisoformat(first), last=date.fromisoformat(last))


def test_the_week_of_the_letter_ends_on_its_friday() -> None:
    letter = period("2023-04-08", "2023-04-14")
    assert {week_of(letter.first + timedelta(days=n)) for n in range(7)} == {letter}
    # The letter of Tuesday, 18 April cites the week that ended on the 14th.
    assert last_week(date(2023, 4, 18)) == letter


@soak
@given(st.dates(date(2000, 1, 8), date(2099, 12, 20)))
def test_every_day_is_in_one_week_and_the_last_full_one_is_over(day: date) -> None:
    week = week_of(day)
    assert week.first <= day <= week.last
    assert (week.first.weekday(), week.last.weekday()) == (5, 4)
    assert last_week(day).last < day
    assert day - last_week(day).last <= timedelta(days=7)


def test_figures_are_preliminary_at_five_and_final_at_midnight() -> None:
    week = period("2026-12-26", "2027-01-01")
    assert preliminary_cut_off(week, MOSCOW) == datetime(2027, 1, 1, 14, tzinfo=UTC)
    assert final_cut_off(week, MOSCOW) == datetime(2027, 1, 1, 21, tzinfo=UTC)


def test_twelve_weeks_follow_one_another_up_to_the_last() -> None:
    weeks = weeks_until(period("2026-12-26", "2027-01-01"), 12)
    assert (len(weeks), weeks[-1].last, weeks[0].first) == (
        12,
        date(2027, 1, 1),
        date(2026, 10, 10),
    )
    assert all(b.first - a.last == timedelta(days=1) for a, b in pairwise(weeks))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (period("2026-03-01", "2026-03-31"), period("2026-02-01", "2026-02-28")),
        (period("2026-01-01", "2026-03-31"), period("2025-10-01", "2025-12-31")),
        (period("2026-09-01", "2027-08-31"), period("2025-09-01", "2026-08-31")),
        (period("2026-12-26", "2027-01-01"), period("2026-12-19", "2026-12-25")),
        (period("2026-03-03", "2026-03-03"), period("2026-03-02", "2026-03-02")),
    ],
)
def test_the_period_before_is_of_the_same_kind(now: Period, before: Period) -> None:
    assert period_before(now) == before


def test_usual_periods_are_those_that_are_over() -> None:
    new_year = date(2027, 1, 1)
    assert last_month(new_year) == period("2026-12-01", "2026-12-31")
    assert last_quarter(new_year) == period("2026-10-01", "2026-12-31")
    assert school_year_of(new_year) == period("2026-09-01", "2027-08-31")
