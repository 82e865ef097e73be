"""Typed periods; weeks from Saturday to Friday, their cut-offs; what is due when."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.calendar.period import Period, parse_period
from service.calendar.weeks import (
    Due,
    Occasion,
    due,
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
from service.problems import AskError
from service.words.problems import sentence
from tests.soak import soak

pytestmark = pytest.mark.usefixtures("english")

MOSCOW = ZoneInfo("Europe/Moscow")


def period(first: str, last: str) -> Period:
    return Period(first=date.fromisoformat(first), last=date.fromisoformat(last))


LETTER = period("2023-04-08", "2023-04-14")
"""The letter of Tuesday, 18 April cites the week that ended on the 14th."""
NEW_YEAR = period("2026-12-26", "2027-01-01")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2017-04-01", "2017-05-18"),
        ("01.04.2017", "18.05.2017"),
        ("1.4.2017", " 2017-05-18 "),
    ],
)
def test_dates_are_read_as_iso_and_as_russians_write_them(first: str, last: str) -> None:
    typed = parse_period(first, last)
    assert typed == period("2017-04-01", "2017-05-18")
    assert str(typed) == "01.04.2017–18.05.2017"


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_no_dates_are_no_period(nothing: str | None) -> None:
    assert parse_period(nothing, nothing) is None


@pytest.mark.parametrize(
    ("first", "last", "reason"),
    [
        ("2026-09-01", None, "needs both dates"),
        (None, "2026-09-01", "needs both dates"),
        ("2026-09-02", "2026-09-01", "ends before it begins: 02.09.2026–01.09.2026"),
        ("09/01/2026", "2026-09-30", "“09/01/2026” is not a date"),
        ("20260901", "2026-09-30", "is not a date"),
        ("2026-09-01", "31.09.2026", "no day “31.09.2026”"),
        ("01.01.9999", "31.12.9999", "from 2000 to 2099"),
        ("0026-09-01", "2026-09-30", "from 2000 to 2099"),
    ],
)
def test_other_dates_are_refused_with_the_reason(
    first: str | None, last: str | None, reason: str
) -> None:
    with pytest.raises(AskError) as refused:
        parse_period(first, last)
    assert reason in sentence(refused.value)


def test_one_day_is_a_period_of_a_whole_day_of_the_zone() -> None:
    begin, end = datetime(2025, 12, 31, 21, tzinfo=UTC), datetime(2026, 1, 1, 21, tzinfo=UTC)
    assert period("2026-01-01", "2026-01-01").bounds(MOSCOW) == (begin, end)


def test_the_week_of_the_letter_ends_on_its_friday() -> None:
    assert {week_of(LETTER.first + timedelta(days=n)) for n in range(7)} == {LETTER}
    assert last_week(date(2023, 4, 18)) == LETTER


@soak
@given(st.dates(date(2000, 1, 8), date(2099, 12, 20)))
def test_every_day_is_in_one_week_and_the_last_full_one_is_over(day: date) -> None:
    week = week_of(day)
    assert week.first <= day <= week.last
    assert (week.first.weekday(), week.last.weekday()) == (5, 4)
    assert timedelta() < day - last_week(day).last <= timedelta(days=7)


def test_figures_are_preliminary_at_five_and_final_at_midnight() -> None:
    assert preliminary_cut_off(NEW_YEAR, MOSCOW) == datetime(2027, 1, 1, 14, tzinfo=UTC)
    assert final_cut_off(NEW_YEAR, MOSCOW) == datetime(2027, 1, 1, 21, tzinfo=UTC)


def test_twelve_weeks_follow_one_another_up_to_the_last() -> None:
    weeks = weeks_until(NEW_YEAR, 12)
    assert (len(weeks), weeks[0].first, weeks[-1]) == (12, date(2026, 10, 10), NEW_YEAR)
    assert all(b.first - a.last == timedelta(days=1) for a, b in pairwise(weeks))


@pytest.mark.parametrize(
    ("now", "before"),
    [
        (period("2026-03-01", "2026-03-31"), period("2026-02-01", "2026-02-28")),
        (period("2026-01-01", "2026-03-31"), period("2025-10-01", "2025-12-31")),
        (period("2026-09-01", "2027-08-31"), period("2025-09-01", "2026-08-31")),
        (NEW_YEAR, period("2026-12-19", "2026-12-25")),
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


def dues(first: str, last: str, *occasions: Occasion) -> list[tuple[str, str, str]]:
    found = due(datetime.fromisoformat(last), after=datetime.fromisoformat(first), zone=MOSCOW)
    return [
        (each.occasion, str(each.period), f"{each.at.astimezone(MOSCOW):%d.%m %H:%M}")
        for each in found
        if each.occasion in occasions
    ]


def test_weeks_months_and_quarters_are_due_at_their_ends_across_the_year() -> None:
    ends = dues("2026-12-31T12:00+03:00", "2027-01-02T00:00+03:00",
                *(set(Occasion) - {Occasion.DAY}))  # fmt: skip
    assert ends == [
        ("month", "01.12.2026–31.12.2026", "01.01 00:00"),
        ("quarter", "01.10.2026–31.12.2026", "01.01 00:00"),
        ("week-preliminary", "26.12.2026–01.01.2027", "01.01 17:00"),
        ("week", "26.12.2026–01.01.2027", "02.01 00:00"),
    ]


@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2026-11-20T16:59:59+03:00", "2026-11-20T17:00:00+03:00", 1),
        ("2026-11-20T17:00:00+03:00", "2026-11-20T23:59:59+03:00", 0),
        ("2026-11-20T16:59:59+03:00", "2026-11-20T16:59:59+03:00", 0),
        ("2026-11-01T00:00:00+03:00", "2026-11-20T18:00:00+03:00", 3),
    ],
)
def test_everything_is_due_once_however_late(first: str, last: str, found: int) -> None:
    assert len(dues(first, last, Occasion.WEEK_PRELIMINARY)) == found


def test_days_are_due_each() -> None:
    assert len(dues("2026-11-01T00:00+03:00", "2026-11-08T00:00+03:00", Occasion.DAY)) == 7
    day, at = period("2026-11-01", "2026-11-01"), datetime(2026, 11, 1, 21, tzinfo=UTC)
    found = due(at, after=at - timedelta(seconds=1), zone=MOSCOW)
    assert Due(occasion=Occasion.DAY, period=day, at=at) in found
