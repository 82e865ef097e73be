"""Questions to reports about invented cities, and what has to hold for the answer of every one."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence
from auth.models import Method, Result
from service.access import Scope
from service.activity.figures import Activity
from service.activity.rolls import bring_up_to_date
from service.calendar.weeks import month_of, quarter_of, week_of
from service.models import MadeSlip, OperatorRole, RollAct, RollEvent, School, SchoolType
from service.reports import REPORTS
from service.reports.definition import Cell, make, usual_options
from service.reports.people import people_behind
from service.reports.question import Question
from service.reports.report import Report
from service.settings import ReportSettings
from tests.service.factories import (
    CITY,
    LOADED_AT,
    add,
    add_person,
    add_school,
    choose_own_password,
    put_on_roll,
    sign_in,
    take_off_roll,
)

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
OCTOBER = month_of(date(2026, 10, 1))
IN_OCTOBER = datetime(2026, 10, 15, 9, tzinfo=UTC)
FITTING = {
    "indicators": quarter_of(IN_OCTOBER.date()),
    "transition": week_of(IN_OCTOBER.date()),
    "weekly": week_of(IN_OCTOBER.date()),
}
"""Periods of the reports that do not take any."""
MAIN_ROLE_FIRST = ["teacher", "administrator", "student"]


def of_school(code: str) -> Scope:
    return Scope(actor="school", role=OperatorRole.SCHOOL, items=frozenset({code}))


def of_district(name: str) -> Scope:
    return Scope(actor="district", role=OperatorRole.DISTRICT, items=frozenset({name}))


def question(name: str, **overrides: Any) -> Question:
    """A question to a report with its usual options; ``options`` overrides some of these."""
    definition = REPORTS[name]
    options = usual_options(definition, overrides.get("settings", ReportSettings()))
    fields: dict[str, Any] = {
        "scope": CITY, "by": definition.default_level, "zone": MOSCOW, "now": NOW,
        "period": FITTING.get(name, OCTOBER),
    }  # fmt: skip
    return Question(**fields | overrides | {"options": options | overrides.get("options", {})})


def built(session: Session, name: str, **overrides: Any) -> Report:
    return make(session, REPORTS[name], question(name, **overrides))


def by_key(report: Report) -> dict[str, dict[str, Any]]:
    """Lines by their key, totals too; cells by the key of their column."""
    names = [column.key for column in report.columns]
    lines = zip((*report.keys, *report.total_keys), (*report.rows, *report.totals), strict=True)
    return {key: dict(zip(names, row, strict=True)) for key, row in lines}


def line(report: Report, key: str) -> dict[str, Any]:
    """The row or total of ``key``."""
    return by_key(report)[key]


def figures(report: Report, key: str, names: str) -> tuple[Any, ...]:
    """Some cells of the row or total of ``key``."""
    return tuple(line(report, key)[name] for name in names.split())


def shown(report: Report, key: str, name: str) -> str:
    """A cell as a reader sees it."""
    (column,) = [one for one in report.columns if one.key == name]
    return column.text(line(report, key)[name], report.zone)


def people(session: Session, name: str, row: str, column: str, **overrides: Any) -> list[str]:
    """The ids of the people behind a number."""
    cell = Cell(row=row, column=column)
    query = people_behind(session, REPORTS[name], question(name, **overrides), cell)
    return sorted(person.person_id for person in session.scalars(query))


def who(activity: Activity, found: Iterable[int]) -> set[str]:
    """The person ids of a set."""
    return set(activity.session.scalars(activity.ids(found)))


def check_people(session: Session, name: str, **overrides: Any) -> int:
    """As many people are behind each number as it says; how many numbers lead somewhere."""
    bring_up_to_date(session)
    report, seen = built(session, name, **overrides), 0
    for key, cells in by_key(report).items():
        for column in report.columns:
            value = cells[column.key]
            known = REPORTS[name].knows_people_of(key)
            if column.people and not column.nameless and isinstance(value, int) and known:
                found = people(session, name, key, column.key, **overrides)
                assert len(set(found)) == len(found) == value, (key, column.key)
                seen += bool(value)
    return seen


@contextmanager
def counted_queries(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def add_schools(session: Session, *codes: str, **fields: Any) -> None:
    for code in codes:
        add_school(session, code, **fields)


def add_people(
    session: Session, school: str, *names: str, signed_in: datetime | None = None, **fields: Any
) -> None:
    """On the roll of one school, which is made if it is new; they signed in once, or never."""
    if session.get(School, school) is None:
        add_school(session, school)
    for name in names:
        add_person(session, name, school, **fields)
        if signed_in:
            sign_in(session, name, signed_in)


def link(session: Session, person_id: str, at: datetime = LOADED_AT, school: str = "1") -> None:
    add_link(
        session, provider="esia", subject=person_id, person_id=person_id, school_code=school,
        evidence=Evidence.SNILS, now=at,
    )  # fmt: skip


def moved(
    session: Session, act: RollAct, person_id: str, school: str, at: datetime = IN_OCTOBER,
    role: str = "student",
) -> None:  # fmt: skip
    """As an applied load notes it."""
    add(session, RollEvent, at=at, act=act, school_code=school, person_id=person_id, role=role)


def make_city(session: Session, seed: int) -> None:
    """Four schools and sixty people who did this and that in autumn, or did not, by chance."""
    chance = random.Random(seed)
    kinds = (SchoolType.GENERAL, SchoolType.ADDITIONAL, SchoolType.GENERAL, None)
    for number, kind in enumerate(kinds):
        district = f"Район {number % 2}"
        add_school(session, str(number), district=district, type=kind, state_system=False)
        moved(session, RollAct.BEGUN, "", str(number), LOADED_AT - timedelta(days=60))
    codes = [str(number) for number in range(len(kinds))]
    for number in range(60):
        schools = chance.sample(codes, chance.choice([1, 1, 2, 3]))
        role = chance.choice(MAIN_ROLE_FIRST)
        person = add_person(
            session, f"p{number}", schools[0], role=role,
            moodle_id=chance.choice([None, number]), suspended=chance.random() < 0.1,
        )  # fmt: skip
        for school in schools[1:]:
            put_on_roll(session, person, school, role=chance.choice(MAIN_ROLE_FIRST))
        at = [LOADED_AT + timedelta(days=chance.uniform(-30, 60)) for _number in range(5)]
        for moment in at[: chance.choice([0, 1, 3])]:
            sign_in(
                session, person.person_id, moment, school_code=chance.choice([*codes, ""]),
                result=chance.choice([Result.ALLOWED, Result.REFUSED]),
                method=chance.choice([Method.PASSWORD, Method.ESIA]),
            )  # fmt: skip
        if chance.random() < 0.3:
            add(session, MadeSlip, person_id=person.person_id, first_at=at[2])
        if chance.random() < 0.3:
            choose_own_password(session, person.person_id, changed_at=at[3])
        if chance.random() < 0.3:
            link(session, person.person_id, at[4], schools[0])
        moved_at = LOADED_AT + timedelta(days=chance.uniform(-30, 40))
        if chance.random() < 0.2:
            take_off_roll(session, person, suspended=chance.random() < 0.5)
            moved(session, RollAct.LEFT, person.person_id, schools[0], moved_at, role)
        elif chance.random() < 0.2:
            moved(session, RollAct.JOINED, person.person_id, schools[0], moved_at, role)
