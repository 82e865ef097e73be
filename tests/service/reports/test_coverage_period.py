"""Typed dates of a report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from service.calendar.period import Period, parse_period
from service.problems import AskError
from service.words.problems import sentence

pytestmark = pytest.mark.usefixtures("english")


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2017-04-01", "2017-05-18"),
        ("01.04.2017", "18.05.2017"),
        ("1.4.2017", " 2017-05-18 "),
    ],
)
def test_dates_are_read_as_iso_and_as_russians_write_them(first: str, last: str) -> None:
    period = parse_period(first, last)
    assert period == Period(first=date(2017, 4, 1), last=date(2017, 5, 18))
    assert str(period) == "01.04.2017–18.05.2017"


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
    day = date(2026, 1, 1)
    assert Period(first=day, last=day).bounds(ZoneInfo("Europe/Moscow")) == (
        datetime(2025, 12, 31, 21, tzinfo=UTC),
        datetime(2026, 1, 1, 21, tzinfo=UTC),
    )
