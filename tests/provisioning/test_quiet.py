"""Quiet periods of the week and of dates: when they are in force, and when they end."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from provisioning.quiet import QuietSettings

ZONE = ZoneInfo("Europe/Moscow")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


SCHOOL_HOURS = QuietSettings(hours=("mon-fri 08:00-15:00",))
NIGHTS = QuietSettings(hours=("fri-mon 22:00-06:00",))
EXAMS = QuietSettings(dates=("2027-05-24..2027-06-30", "2027-09-01 08:00-14:00"))


@pytest.mark.parametrize(
    ("settings", "now", "until"),
    [
        (SCHOOL_HOURS, "2026-10-06 07:59", None),
        (SCHOOL_HOURS, "2026-10-06 08:00", "2026-10-06 15:00"),
        (SCHOOL_HOURS, "2026-10-06 15:00", None),
        (SCHOOL_HOURS, "2026-10-10 10:00", None),
        (NIGHTS, "2026-10-10 01:00", "2026-10-10 06:00"),
        (NIGHTS, "2026-10-12 23:00", "2026-10-13 06:00"),
        (NIGHTS, "2026-10-13 23:00", None),
        (EXAMS, "2027-05-24 00:00", "2027-07-01 00:00"),
        (EXAMS, "2027-07-01 00:00", None),
        (EXAMS, "2027-09-01 13:59", "2027-09-01 14:00"),
        (QuietSettings(), "2027-09-01 13:59", None),
    ],
)
def test_a_period_is_in_force_from_its_begin_until_its_end(
    settings: QuietSettings, now: str, until: str | None
) -> None:
    assert settings.until(moment(now)) == (until and moment(until))


def test_periods_that_follow_each_other_end_together() -> None:
    settings = QuietSettings(
        hours=("mon 08:00-12:00", "mon 12:00-15:00"), dates=("2026-10-05 14:00-18:00",)
    )
    assert settings.until(moment("2026-10-05 09:00")) == moment("2026-10-05 18:00")


def test_the_moment_keeps_its_zone() -> None:
    until = SCHOOL_HOURS.until(moment("2026-10-06 09:00"))
    assert until is not None
    assert until.utcoffset() == timedelta(hours=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": ("mon-fri 8:00-15:00",)},
        {"hours": ("пн-пт 08:00-15:00",)},
        {"hours": ("mon 25:00-26:00",)},
        {"hours": ("mon 08:00-08:00",)},
        {"hours": ("mon-sun 00:00-24:00",)},
        {"dates": ("2027-02-30",)},
        {"dates": ("2027-06-30..2027-05-24",)},
        {"dates": ("24.05.2027",)},
    ],
)
def test_what_is_no_period_is_refused_at_the_start(wrong: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        QuietSettings(**wrong)
