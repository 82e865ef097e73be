"""The annex of the letter of 2017, and a city in which each school has as many active users."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from auth.models import LoginEvent, Method, Result
from service.calendar.period import Period
from service.models import KnownUser, School, SchoolMembership

PERIOD = Period(first=date(2017, 4, 1), last=date(2017, 5, 18))
BEGIN = datetime(2017, 3, 31, 21, tzinfo=UTC)
LAST = datetime(2017, 5, 18, 20, 59, 59, 999_999, tzinfo=UTC)
NOW = datetime(2017, 5, 20, 12, tzinfo=UTC)
_MOMENT = timedelta(microseconds=1)
_FILE = Path(__file__).parents[1] / "data" / "annex2-2017.csv"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One organisation of the annex."""

    number: int
    district: str
    name: str
    active: int

    @property
    def code(self) -> str:
        """Of our own: the annex has none, and its numbers and names repeat."""
        return f"78-{self.number:04}"


def annex() -> list[Line]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        return [
            Line(
                number=int(row["n"]), district=row["district"], name=row["name"],
                active=int(row["active"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def make_annex_city(session: Session) -> None:
    """The schools with as many active people, and beside them people who must not count."""
    lines = annex()
    session.execute(insert(School), [
        {
            "code": line.code, "name": line.name, "short_name": line.name, "number": "",
            "district": line.district, "last_applied_at": NOW - timedelta(days=3),
        }
        for line in lines
    ])  # fmt: skip
    people, rolls, events = [], [], []
    for line in lines:
        for name, moments, suspended in _people(line):
            people.append(_person(name, line.code, suspended=suspended))
            if not suspended:
                rolls.append(
                    {"school_code": line.code, "person_id": name, "role": "student",
                     "class_id": "c-1", "class_title": "8А"}
                )  # fmt: skip
            events += [_event(name, line.code, at, result) for at, result in moments]
    for table, rows in ((KnownUser, people), (SchoolMembership, rolls), (LoginEvent, events)):
        session.execute(insert(table), rows)


def _people(line: Line) -> Iterator[tuple[str, list[tuple[datetime, Result]], bool]]:
    """Who, their sign-ins, and whether they are suspended."""
    allowed, refused = Result.ALLOWED, Result.REFUSED
    for number in range(line.active):
        some_time = BEGIN + (LAST - BEGIN) * (number / 100)
        moments = [BEGIN, LAST, some_time][number % 3 :][:1] * (1 + number % 3)
        yield f"{line.code}-{number}", [(at, allowed) for at in moments], False
    outside = [(BEGIN - _MOMENT, allowed), (LAST + _MOMENT, allowed)]
    yield f"{line.code}-outside", outside, False
    yield f"{line.code}-refused", [(BEGIN + timedelta(days=7), refused)], False
    yield f"{line.code}-suspended", [(BEGIN + timedelta(days=8), allowed)], True
    yield f"{line.code}-never", [], False


def _person(name: str, school: str, *, suspended: bool) -> dict[str, Any]:
    return {
        "person_id": name, "moodle_id": 1, "username": name, "firstname": "Пример",
        "lastname": "Примеров", "email": f"{name}@school.invalid", "auth": "oauth2",
        "family_name": "Примеров", "given_name": "Пример", "role": "student", "class_id": "c-1",
        "class_title": "8А", "school_code": school, "suspended": suspended,
        "in_roll": not suspended, "created_at": BEGIN, "updated_at": BEGIN,
    }  # fmt: skip


def _event(name: str, school: str, at: datetime, result: Result) -> dict[str, Any]:
    return {
        "at": at, "person_id": name, "client_id": "moodle", "method": Method.PASSWORD,
        "result": result, "reason": "" if result is Result.ALLOWED else "suspended",
        "school_code": school, "role": "student", "class_title": "8А",
    }  # fmt: skip
