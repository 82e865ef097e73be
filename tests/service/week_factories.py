"""Weeks of an invented city, ours and other platforms', for the tests of the weekly report."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from service.calendar.period import Period
from service.models import (
    KnownUser,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    RollAct,
    RollEvent,
    SchoolType,
)
from service.reports import REPORTS
from service.reports.report import Report
from tests.service.factories import add, add_school
from tests.service.report_questions import built

MOSCOW = ZoneInfo("Europe/Moscow")
WEEKLY = REPORTS["weekly"]
WEEK = Period(first=date(2026, 12, 26), last=date(2027, 1, 1))
"""From Saturday to Friday across the year's end."""
FRIDAY_17 = datetime(2027, 1, 1, 14, tzinfo=UTC)
FRIDAY_24 = datetime(2027, 1, 1, 21, tzinfo=UTC)
TUESDAY = datetime(2026, 12, 29, 9, tzinfo=UTC)
LATER = datetime(2027, 1, 5, 9, tzinfo=UTC)


def build(session: Session, **overrides: Any) -> Report:
    return built(session, "weekly", **{"period": WEEK, "now": LATER} | overrides)


def general(session: Session, code: str, **overrides: Any) -> None:
    add_school(session, code, **{"type": SchoolType.GENERAL} | overrides)


def platform_week(
    session: Session, *rows: tuple[str | None, dict[str, Any]], first_day: date = WEEK.first,
    name: str = "Сферум", version: int = 1,
) -> None:  # fmt: skip
    which = {"platform": name, "first_day": first_day, "version": version}
    week = add(session, PlatformWeek, imported_at=FRIDAY_17, **which)
    for number, (code, figures) in enumerate(rows):
        label = f"{code} {number}"
        if session.get(PlatformSchool, (name, label)) is None:
            add(session, PlatformSchool, platform=name, label=label, school_code=code)
        add(session, PlatformFigure, week_id=week.id, row=number, label=label, **figures)


def moved(session: Session, act: RollAct, person: KnownUser, school: str, at: datetime) -> None:
    who = {"person_id": person.person_id, "role": person.role}
    add(session, RollEvent, at=at, act=act, school_code=school, **who)
